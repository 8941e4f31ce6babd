//! Exchanging a refresh token for its successor, the statement that is run most ([`super::at_once`]).

use super::at_once::{Kind, Written, columns, grant_and_user, hex};
use super::entity::{grants, users};
use super::{Store, StoreError};
use crate::domain::{Grant, TokenHash, User};
use authgent_core::time::Timestamp;
use sea_orm::{DbBackend, Statement, Value};
use serde::Serialize;
use std::sync::{Arc, LazyLock};

/// What is wanted.
#[derive(Clone)]
pub struct Rotation {
    /// The token that was presented.
    pub token: TokenHash,
    /// Who presented it.
    pub client_id: String,
    /// The resources that its grant may be for, by canonical URI.
    pub resources: Arc<[String]>,
    /// The generation of what the caller remembers ([`Store::cache_generation`]).
    pub cache_generation: i64,
    /// The present time.
    pub at: Timestamp,
    /// The token that follows.
    pub successor: TokenHash,
    /// The key from which it is derived.
    pub successor_nonce: [u8; 32],
    /// When it expires.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// What came of a [`Rotation`].
#[derive(Debug)]
pub enum Rotated {
    /// The token is used up, its successor is there, and both are durable. This is what they belong to.
    Done(Box<(Grant, User)>),
    /// Nothing was changed: the token is unknown, expired or used, its grant does not hold or is another client's or for another
    /// resource, the person or the client is disabled, or the generation is over.
    Unusual,
}

impl Store {
    /// Exchanges a refresh token that is live, where nothing speaks against it. Of any number of callers one is told
    /// [`Rotated::Done`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was done is not known. [`StoreError::Corrupt`].
    pub async fn rotate_refresh_token(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        let row = match &self.writer {
            Some(writer) => writer.at_once(Written::new(Kind::Rotation, &Wanted::from(&rotation))?).await?,
            None => self.one_round_trip(statement(&rotation), rotation.successor_nonce[0]).await?,
        };
        match row {
            Some(row) => Ok(Rotated::Done(Box::new(grant_and_user(&row)?))),
            None => Ok(Rotated::Unusual),
        }
    }
}

/// The row of the token is locked by the update, and its condition looked at again after a wait: of two that come at once, the
/// second finds `consumed_at` set. The statement is a transaction of its own.
static ONE_ROUND_TRIP: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH consumed AS (\
           UPDATE refresh_tokens AS t SET consumed_at = $2, successor_nonce = $3 \
           FROM grants AS g, users AS u, clients AS c \
           WHERE t.token_hash = $1 AND t.consumed_at IS NULL AND t.expires_at > $2 \
             AND g.id = t.grant_id AND g.revoked_at IS NULL AND g.client_id = $4 \
             AND g.resource = ANY(string_to_array($5, ' ')) \
             AND u.id = g.user_id AND u.enabled AND c.id = g.client_id AND c.enabled \
             AND (SELECT generation FROM cache_generation WHERE id = 1) = $6 \
           RETURNING {}, {}\
         ), issued AS (\
           INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
           SELECT $7, g_id, $2, $8 FROM consumed\
         ) SELECT * FROM consumed",
        columns::<grants::Entity>("g"),
        columns::<users::Entity>("u"),
    )
});

fn statement(rotation: &Rotation) -> Statement {
    let values: [Value; 8] = [
        rotation.token.0.to_vec().into(),
        rotation.at.0.into(),
        rotation.successor_nonce.to_vec().into(),
        rotation.client_id.as_str().into(),
        rotation.resources.join(" ").into(),
        rotation.cache_generation.into(),
        rotation.successor.0.to_vec().into(),
        rotation.expires_at.0.into(),
    ];
    Statement::from_sql_and_values(DbBackend::Postgres, ONE_ROUND_TRIP.as_str(), values)
}

/// What wants to be rotated is an array of [`Wanted`] within the one parameter, so that there is one text for any number.
///
/// What the three have in common is the nonce: it is drawn anew for each rotation, so whoever finds it in the row has won,
/// and of two that come with one token in one batch one does. `CROSS JOIN` keeps SQLite from beginning elsewhere.
pub(super) static BATCH: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE refresh_tokens SET consumed_at = w.value ->> 'at', successor_nonce = unhex(w.value ->> 'nonce') \
         FROM json_each(?1, '$.rotations') AS w \
         WHERE token_hash = unhex(w.value ->> 'token') AND consumed_at IS NULL AND expires_at > w.value ->> 'at' \
           AND (SELECT generation FROM cache_generation WHERE id = 1) = w.value ->> 'generation' \
           AND EXISTS (\
             SELECT 1 FROM grants AS g CROSS JOIN users AS u ON u.id = g.user_id CROSS JOIN clients AS c ON c.id = g.client_id \
             WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL AND g.client_id = w.value ->> 'client' \
               AND g.resource IN (SELECT value FROM json_each(w.value -> 'resources')) AND u.enabled AND c.enabled\
           );\
         INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
         SELECT unhex(w.value ->> 'successor'), t.grant_id, w.value ->> 'at', w.value ->> 'expires_at' \
         FROM json_each(?1, '$.rotations') AS w CROSS JOIN refresh_tokens AS t ON t.token_hash = unhex(w.value ->> 'token') \
         WHERE t.successor_nonce = unhex(w.value ->> 'nonce');\
         SELECT 'rotation' AS kind, w.key AS number, {}, {} \
         FROM json_each(?1, '$.rotations') AS w CROSS JOIN refresh_tokens AS t ON t.token_hash = unhex(w.value ->> 'token') \
         CROSS JOIN grants AS g ON g.id = t.grant_id CROSS JOIN users AS u ON u.id = g.user_id \
         WHERE t.successor_nonce = unhex(w.value ->> 'nonce')",
        columns::<grants::Entity>("g"),
        columns::<users::Entity>("u"),
    )
});

/// A [`Rotation`] as SQLite is told of it; bytes in hexadecimal.
#[derive(Serialize)]
struct Wanted<'a> {
    token: String,
    client: &'a str,
    resources: &'a [String],
    generation: i64,
    at: i64,
    successor: String,
    nonce: String,
    expires_at: i64,
}

impl<'a> From<&'a Rotation> for Wanted<'a> {
    fn from(rotation: &'a Rotation) -> Self {
        Self {
            token: hex(&rotation.token.0),
            client: &rotation.client_id,
            resources: &rotation.resources,
            generation: rotation.cache_generation,
            at: rotation.at.0,
            successor: hex(&rotation.successor.0),
            nonce: hex(&rotation.successor_nonce),
            expires_at: rotation.expires_at.0,
        }
    }
}
