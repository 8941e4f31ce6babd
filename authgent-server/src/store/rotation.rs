//! Exchanging a refresh token for its successor, the statement that is run most.
//!
//! Everything that it depends on is looked at in the statement that does it: the token, its grant, the person and the client.
//! PostgreSQL does it in one round trip, which commits by itself; SQLite does all that wait in three statements
//! ([`super::writer`]). Where anything is not as usual nothing is changed, and the caller finds out slowly what it is.

use super::entity::{grants, users};
use super::{Store, StoreError};
use crate::domain::{Grant, TokenHash, User};
use authgent_core::time::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult,
    Statement, Value,
};
use serde::Serialize;
use std::collections::HashMap;
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
        match &self.writer {
            Some(writer) => writer.rotate(rotation).await,
            None => in_one_round_trip(&self.read.here(), &rotation).await,
        }
    }
}

/// The columns of a table, each with the prefix under which it is read again.
fn columns<E: EntityTrait>(table: &str) -> String {
    let column = |column: E::Column| format!("{table}.{0} AS {table}_{0}", column.as_str());
    E::Column::iter().map(column).collect::<Vec<_>>().join(", ")
}

fn grant_and_user(row: &QueryResult) -> Result<(Grant, User), StoreError> {
    let grant = grants::Model::from_query_result(row, "g_")?;
    let user = users::Model::from_query_result(row, "u_")?;
    Ok((grant.try_into()?, user.try_into()?))
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

async fn in_one_round_trip(db: &impl ConnectionTrait, rotation: &Rotation) -> Result<Rotated, StoreError> {
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
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, ONE_ROUND_TRIP.as_str(), values);
    match db.query_one_raw(statement).await? {
        Some(row) => Ok(Rotated::Done(Box::new(grant_and_user(&row)?))),
        None => Ok(Rotated::Unusual),
    }
}

/// One text for any number of tokens, so that it is prepared once. `CROSS JOIN` keeps SQLite from beginning elsewhere.
static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT t.token_hash AS token_hash, t.expires_at AS expires_at, c.enabled AS client_enabled, \
           (SELECT generation FROM cache_generation WHERE id = 1) AS generation, {}, {} \
         FROM json_each(?1) AS wanted \
         CROSS JOIN refresh_tokens AS t ON t.token_hash = unhex(wanted.value) \
         CROSS JOIN grants AS g ON g.id = t.grant_id \
         CROSS JOIN users AS u ON u.id = g.user_id \
         CROSS JOIN clients AS c ON c.id = g.client_id \
         WHERE t.consumed_at IS NULL AND g.revoked_at IS NULL",
        columns::<grants::Entity>("g"),
        columns::<users::Entity>("u"),
    )
});

const CONSUME: &str = "UPDATE refresh_tokens \
     SET consumed_at = wanted.value ->> 'at', successor_nonce = unhex(wanted.value ->> 'nonce') \
     FROM json_each(?1) AS wanted WHERE refresh_tokens.token_hash = unhex(wanted.value ->> 'token')";

const ISSUE: &str = "INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
     SELECT unhex(value ->> 'successor'), unhex(value ->> 'grant'), value ->> 'at', value ->> 'expires_at' FROM json_each(?1)";

/// What [`CONSUME`] and [`ISSUE`] are told of one rotation; bytes in hexadecimal.
#[derive(Serialize)]
struct Written {
    token: String,
    nonce: String,
    successor: String,
    grant: String,
    at: i64,
    expires_at: i64,
}

/// Rotates all that can be, in the order in which they came, within a transaction that nobody else writes beside.
pub(super) async fn all_at_once(
    transaction: &DatabaseTransaction,
    rotations: &[Rotation],
) -> Result<Vec<Result<Rotated, StoreError>>, StoreError> {
    let wanted: Vec<String> = rotations.iter().map(|rotation| hex(&rotation.token.0)).collect();
    let mut live = HashMap::with_capacity(rotations.len());
    for row in transaction.query_all_raw(sqlite(&FIND, &wanted)?).await? {
        live.insert(row.try_get::<Vec<u8>>("", "token_hash")?, row);
    }
    let mut outcomes = Vec::with_capacity(rotations.len());
    let mut written = Vec::with_capacity(rotations.len());
    for rotation in rotations {
        // Taken out: who comes a second time with the same token finds it used.
        let row = live.remove(&rotation.token.0[..]);
        let outcome = row.map_or(Ok(Rotated::Unusual), |row| decide(rotation, &row));
        if let Ok(Rotated::Done(of)) = &outcome {
            written.push(Written {
                token: hex(&rotation.token.0),
                nonce: hex(&rotation.successor_nonce),
                successor: hex(&rotation.successor.0),
                grant: of.0.id.simple().to_string(),
                at: rotation.at.0,
                expires_at: rotation.expires_at.0,
            });
        }
        outcomes.push(outcome);
    }
    if !written.is_empty() {
        transaction.execute_raw(sqlite(CONSUME, &written)?).await?;
        transaction.execute_raw(sqlite(ISSUE, &written)?).await?;
    }
    Ok(outcomes)
}

/// The conditions of [`ONE_ROUND_TRIP`] that [`FIND`] leaves open.
fn decide(rotation: &Rotation, row: &QueryResult) -> Result<Rotated, StoreError> {
    let (grant, user) = grant_and_user(row)?;
    let expires_at: i64 = row.try_get("", "expires_at")?;
    let client_enabled: bool = row.try_get("", "client_enabled")?;
    let generation: i64 = row.try_get("", "generation")?;
    let usual = expires_at > rotation.at.0
        && grant.client_id == rotation.client_id
        && rotation.resources.iter().any(|uri| uri == grant.resource.as_str())
        && user.enabled
        && client_enabled
        && generation == rotation.cache_generation;
    Ok(if usual { Rotated::Done(Box::new((grant, user))) } else { Rotated::Unusual })
}

fn sqlite(sql: &str, rows: &impl Serialize) -> Result<Statement, StoreError> {
    let rows = serde_json::to_string(rows)
        .map_err(|error| StoreError::Unavailable { problem: format!("the statement cannot be written: {error}") })?;
    Ok(Statement::from_sql_and_values(DbBackend::Sqlite, sql, [rows.into()]))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
