//! Exchanging an authorization code for tokens ([`super::at_once`]).

use super::at_once::{Kind, Written, columns, grant_and_user, hex};
use super::entity::{grants, users};
use super::{Store, StoreError};
use crate::domain::{Grant, TokenHash, User};
use authgent_core::pkce::CodeChallenge;
use authgent_core::time::Timestamp;
use sea_orm::{DbBackend, Statement, Value};
use serde::Serialize;
use std::sync::{Arc, LazyLock};

/// What is wanted.
#[derive(Clone)]
pub struct Redemption {
    /// The code that was presented.
    pub code: TokenHash,
    /// Who presented it.
    pub client_id: String,
    /// Where it was sent, as the client says.
    pub redirect_uri: String,
    /// What the verifier that the client presented is the answer to.
    pub code_challenge: CodeChallenge,
    /// The resources that its grant may be for, by canonical URI.
    pub resources: Arc<[String]>,
    /// The generation of what the caller remembers ([`Store::cache_generation`]).
    pub cache_generation: i64,
    /// The present time.
    pub at: Timestamp,
    /// 32 random bytes, by which the one who redeemed the code is known.
    pub nonce: [u8; 32],
    /// The first refresh token of the grant and its end, where one is due.
    pub refresh_token: Option<(TokenHash, Timestamp)>,
}

impl std::fmt::Debug for Redemption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redemption").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// What came of a [`Redemption`].
#[derive(Debug)]
pub enum Redeemed {
    /// The code is used up, the refresh token is there, and both are durable. This is what they belong to, and the `nonce` of the
    /// authorization request.
    Done(Box<(Grant, User, Option<String>)>),
    /// Nothing was changed: the code is unknown, expired or used, something that was presented does not match, its grant does not
    /// hold or is for another resource, the person or the client is disabled, or the generation is over.
    Unusual,
}

impl Store {
    /// Exchanges a code, where nothing speaks against it. Of any number of callers one is told [`Redeemed::Done`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was done is not known. [`StoreError::Corrupt`].
    pub async fn redeem_code(&self, redemption: Redemption) -> Result<Redeemed, StoreError> {
        let row = match &self.writer {
            Some(writer) => writer.at_once(Written::new(Kind::Redemption, &Wanted::from(&redemption))?).await?,
            None => self.one_round_trip(statement(&redemption), redemption.nonce[0]).await?,
        };
        let Some(row) = row else { return Ok(Redeemed::Unusual) };
        let (grant, user) = grant_and_user(&row)?;
        Ok(Redeemed::Done(Box::new((grant, user, row.try_get("", "nonce")?))))
    }
}

/// The row of the code is locked by the update, and its condition looked at again after a wait, as with a rotation.
static ONE_ROUND_TRIP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH consumed AS (\
           UPDATE authorization_codes AS t SET consumed_at = $2, redemption = $3 \
           FROM grants AS g, users AS u, clients AS c \
           WHERE t.code_hash = $1 AND t.consumed_at IS NULL AND t.expires_at > $2 \
             AND t.client_id = $4 AND t.redirect_uri = $5 AND t.code_challenge = $6 \
             AND g.id = t.grant_id AND g.revoked_at IS NULL AND g.client_id = $4 \
             AND g.resource = ANY(string_to_array($7, ' ')) \
             AND u.id = g.user_id AND u.enabled AND c.id = g.client_id AND c.enabled \
             AND (SELECT generation FROM cache_generation WHERE id = 1) = $8 \
           RETURNING t.nonce AS nonce, {}, {}\
         ), issued AS (\
           INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
           SELECT $9, g_id, $2, $10 FROM consumed WHERE $9 IS NOT NULL\
         ) SELECT * FROM consumed",
        columns::<grants::Entity>("g"),
        columns::<users::Entity>("u"),
    )
});

fn statement(redemption: &Redemption) -> Statement {
    let refresh_token = redemption.refresh_token;
    let values: [Value; 10] = [
        redemption.code.0.to_vec().into(),
        redemption.at.0.into(),
        redemption.nonce.to_vec().into(),
        redemption.client_id.as_str().into(),
        redemption.redirect_uri.as_str().into(),
        redemption.code_challenge.to_string().into(),
        redemption.resources.join(" ").into(),
        redemption.cache_generation.into(),
        refresh_token.map(|(hash, _)| hash.0.to_vec()).into(),
        refresh_token.map(|(_, end)| end.0).into(),
    ];
    Statement::from_sql_and_values(DbBackend::Postgres, ONE_ROUND_TRIP.as_str(), values)
}

/// As that of rotations: whoever finds their nonce in the row has won.
pub(super) static BATCH: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE authorization_codes SET consumed_at = w.value ->> 'at', redemption = unhex(w.value ->> 'nonce') \
         FROM json_each(?1, '$.redemptions') AS w \
         WHERE code_hash = unhex(w.value ->> 'code') AND consumed_at IS NULL AND expires_at > w.value ->> 'at' \
           AND client_id = w.value ->> 'client' AND redirect_uri = w.value ->> 'redirect_uri' \
           AND code_challenge = w.value ->> 'code_challenge' \
           AND (SELECT generation FROM cache_generation WHERE id = 1) = w.value ->> 'generation' \
           AND EXISTS (\
             SELECT 1 FROM grants AS g CROSS JOIN users AS u ON u.id = g.user_id CROSS JOIN clients AS c ON c.id = g.client_id \
             WHERE g.id = authorization_codes.grant_id AND g.revoked_at IS NULL AND g.client_id = w.value ->> 'client' \
               AND g.resource IN (SELECT value FROM json_each(w.value -> 'resources')) AND u.enabled AND c.enabled\
           );\
         INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
         SELECT unhex(w.value ->> 'refresh_token'), t.grant_id, w.value ->> 'at', w.value ->> 'expires_at' \
         FROM json_each(?1, '$.redemptions') AS w CROSS JOIN authorization_codes AS t ON t.code_hash = unhex(w.value ->> 'code') \
         WHERE t.redemption = unhex(w.value ->> 'nonce') AND w.value ->> 'refresh_token' IS NOT NULL;\
         SELECT 'redemption' AS kind, w.key AS number, t.nonce AS nonce, {}, {} \
         FROM json_each(?1, '$.redemptions') AS w CROSS JOIN authorization_codes AS t ON t.code_hash = unhex(w.value ->> 'code') \
         CROSS JOIN grants AS g ON g.id = t.grant_id CROSS JOIN users AS u ON u.id = g.user_id \
         WHERE t.redemption = unhex(w.value ->> 'nonce')",
        columns::<grants::Entity>("g"),
        columns::<users::Entity>("u"),
    )
});

/// A [`Redemption`] as SQLite is told of it; bytes in hexadecimal.
#[derive(Serialize)]
struct Wanted<'a> {
    code: String,
    client: &'a str,
    redirect_uri: &'a str,
    code_challenge: String,
    resources: &'a [String],
    generation: i64,
    at: i64,
    nonce: String,
    refresh_token: Option<String>,
    expires_at: Option<i64>,
}

impl<'a> From<&'a Redemption> for Wanted<'a> {
    fn from(redemption: &'a Redemption) -> Self {
        Self {
            code: hex(&redemption.code.0),
            client: &redemption.client_id,
            redirect_uri: &redemption.redirect_uri,
            code_challenge: redemption.code_challenge.to_string(),
            resources: &redemption.resources,
            generation: redemption.cache_generation,
            at: redemption.at.0,
            nonce: hex(&redemption.nonce),
            refresh_token: redemption.refresh_token.map(|(hash, _)| hex(&hash.0)),
            expires_at: redemption.refresh_token.map(|(_, end)| end.0),
        }
    }
}
