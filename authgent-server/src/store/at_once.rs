//! What is done most, each in one statement that looks at everything that it depends on: exchanging refresh tokens
//! ([`super::rotation`]) and codes ([`super::redemption`]). What they have in common, the statements among it, is here.
//!
//! All that wait at once are done together, on SQLite by its writer ([`super::writer`]), on PostgreSQL by each runtime
//! ([`super::batches`]). Where anything is not as usual nothing is changed, and the caller finds out slowly what it is.

use super::entity::{grants, users};
use super::{Store, StoreError};
use crate::domain::{Grant, User};
use authgent_core::time::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, IdenStatic,
    Iterable, QueryResult, Statement,
};
use serde::{Serialize, Serializer};
use std::sync::LazyLock;
use tokio::time::Instant;

/// What is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Rotation,
    Redemption,
}

/// Where something that is exchanged once stands. The conditions are for `t`, its row, and `w`, what is wanted.
pub(super) struct Exchanged {
    pub(super) table: &'static str,
    pub(super) hash: &'static str,
    /// The column for a number that is drawn anew for each exchange: whoever finds it there has won.
    pub(super) nonce: &'static str,
    /// What has to agree, in PostgreSQL.
    pub(super) agrees: &'static str,
    /// The same in SQLite.
    pub(super) agrees_in_sqlite: &'static str,
    /// The `nonce` of the authorization request, where there is one.
    pub(super) request_nonce: &'static str,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Rotation, Self::Redemption];

    const fn exchanged(self) -> Exchanged {
        match self {
            Self::Rotation => super::rotation::EXCHANGED,
            Self::Redemption => super::redemption::EXCHANGED,
        }
    }
}

/// What a database is told of an exchange, as JSON; bytes in hexadecimal.
#[derive(Serialize)]
pub(super) struct Wanted<'a> {
    pub(super) presented: Hex<'a>,
    pub(super) nonce: Hex<'a>,
    pub(super) at: Timestamp,
    pub(super) generation: i64,
    pub(super) client_id: &'a str,
    pub(super) resources: &'a [String],
    pub(super) refresh_token: Option<Hex<'a>>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) grant_id: Option<Hex<'a>>,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) code_challenge: Option<String>,
}

/// The types of [`Wanted`] in PostgreSQL.
const WANTED: &str = "number bigint, presented text, nonce text, at bigint, generation bigint, client_id text, resources text[], \
     refresh_token text, expires_at bigint, grant_id uuid, redirect_uri text, code_challenge text";

/// Bytes.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let text = self.0.iter().fold(String::with_capacity(2 * self.0.len()), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        serializer.serialize_str(&text)
    }
}

/// What is wanted, and what came of it in its row. Both are written and read by those who wait, side by side: who has it done,
/// of whom there is one, hands them on.
pub(super) struct Written {
    pub(super) kind: Kind,
    object: String,
    /// A byte of the nonce.
    pub(super) random: u8,
    /// From when on it has been waiting.
    pub(super) since: Instant,
}

impl Written {
    pub(super) fn new(kind: Kind, wanted: &Wanted<'_>) -> Result<Self, StoreError> {
        let object = serde_json::to_string(wanted).map_err(|error| StoreError::Unavailable {
            problem: format!("the statement cannot be written: {error}"),
        })?;
        Ok(Self { kind, object, random: wanted.nonce.0[0], since: Instant::now() })
    }
}

/// The array of those of one kind. Each has its number among all, by which its row is known.
pub(super) fn list(kind: Kind, all: &[Written]) -> String {
    let mut list = String::from("[");
    for (number, written) in all.iter().enumerate().filter(|(_, written)| written.kind == kind) {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str("{\"number\":");
        list.push_str(&number.to_string());
        list.push(',');
        list.push_str(&written.object[1..]);
    }
    list.push(']');
    list
}

/// What came of each of them: a row for those that were done.
pub(super) type Rows = Vec<Option<QueryResult>>;

/// The row of each, by its number.
pub(super) fn by_number(found: Vec<QueryResult>, count: usize) -> Result<Rows, StoreError> {
    let mut rows: Rows = (0..count).map(|_| None).collect();
    for row in found {
        let number: i64 = row.try_get("", "number")?;
        if let Some(place) = usize::try_from(number).ok().and_then(|number| rows.get_mut(number)) {
            *place = Some(row);
        }
    }
    Ok(rows)
}

/// Whose what was exchanged is, and the `nonce` of the authorization request.
pub(super) type Of = (Grant, User, Option<String>);

impl Store {
    /// Has an exchange done, together with all others that wait. `None` where anything is not as usual: then nothing was changed.
    pub(super) async fn at_once(&self, wanted: Written) -> Result<Option<Of>, StoreError> {
        let row = match &self.writer {
            Some(writer) => writer.at_once(wanted).await?,
            None => self.in_a_batch(wanted).await?,
        };
        let Some(row) = row else { return Ok(None) };
        let grant = grants::Model::from_query_result(&row, "g_")?;
        let user = users::Model::from_query_result(&row, "u_")?;
        Ok(Some((grant.try_into()?, user.try_into()?, row.try_get("", "request_nonce")?)))
    }
}

/// The columns of grants and users, each with the prefix under which it is read again; as they are called there, or then.
fn columns(prefixed: bool) -> String {
    fn of<E: EntityTrait>(table: char, prefixed: bool) -> impl Iterator<Item = String> {
        E::Column::iter().map(move |column| match (column.as_str(), prefixed) {
            (name, false) => format!("{table}.{name} AS {table}_{name}"),
            (name, true) => format!("{table}_{name}"),
        })
    }
    of::<grants::Entity>('g', prefixed).chain(of::<users::Entity>('u', prefixed)).collect::<Vec<_>>().join(", ")
}

/// The statement of PostgreSQL, for any number of one kind: `$1` is the array, `$2` its length, from which the planner sees
/// that they are few.
///
/// The row is locked and its condition looked at again: of two that come at once, the second finds it used. A row that somebody
/// else has locked is not waited for, since all the others would wait as well, and two batches for each other.
pub(super) fn in_postgres(kind: Kind) -> String {
    let Exchanged { table, hash, nonce, agrees, request_nonce, .. } = kind.exchanged();
    let (columns, names) = (columns(false), columns(true));
    format!(
        "WITH usual AS (\
           SELECT w.number, w.nonce, w.at, w.refresh_token, w.expires_at, t.hash, t.request_nonce, {columns} \
           FROM (SELECT * FROM json_to_recordset($1::json) AS w({WANTED}) LIMIT $2) AS w \
           CROSS JOIN LATERAL (\
             SELECT t.{hash} AS hash, t.grant_id, {request_nonce} AS request_nonce FROM {table} AS t \
             WHERE t.{hash} = decode(w.presented, 'hex') AND t.consumed_at IS NULL AND t.expires_at > w.at AND {agrees} \
             FOR UPDATE SKIP LOCKED\
           ) AS t \
           JOIN grants AS g ON g.id = t.grant_id \
           JOIN users AS u ON u.id = g.user_id \
           JOIN clients AS c ON c.id = g.client_id \
           JOIN cache_generation AS v ON v.id = 1 \
           WHERE g.revoked_at IS NULL AND g.client_id = w.client_id AND g.resource = ANY(w.resources) \
             AND u.enabled AND c.enabled AND v.generation = w.generation\
         ), consumed AS (\
           UPDATE {table} AS t SET consumed_at = usual.at, {nonce} = decode(usual.nonce, 'hex') \
           FROM usual WHERE t.{hash} = usual.hash AND t.consumed_at IS NULL RETURNING usual.*\
         ), issued AS (\
           INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
           SELECT decode(refresh_token, 'hex'), g_id, at, expires_at FROM consumed WHERE refresh_token IS NOT NULL\
         ) SELECT number, request_nonce, {names} FROM consumed"
    )
}

/// The statements of SQLite, for any number of one kind, of which each does nothing where nobody wants it. `CROSS JOIN` keeps
/// SQLite from beginning elsewhere.
///
/// What the three have in common is the nonce: of two that come with one token in one batch, one finds its own.
fn in_sqlite(kind: Kind) -> String {
    let Exchanged { table, hash, nonce, agrees_in_sqlite: agrees, request_nonce, .. } = kind.exchanged();
    let columns = columns(false);
    let wanted = format!("json_each(?1, '$.{table}') AS w");
    let done = format!(
        "FROM {wanted} CROSS JOIN {table} AS t \
           ON t.{hash} = unhex(w.value ->> 'presented') AND t.{nonce} = unhex(w.value ->> 'nonce')"
    );
    format!(
        "UPDATE {table} AS t SET consumed_at = w.value ->> 'at', {nonce} = unhex(w.value ->> 'nonce') FROM {wanted} \
         WHERE t.{hash} = unhex(w.value ->> 'presented') AND t.consumed_at IS NULL AND t.expires_at > w.value ->> 'at' \
           AND {agrees} AND (SELECT generation FROM cache_generation WHERE id = 1) = w.value ->> 'generation' \
           AND EXISTS (\
             SELECT 1 FROM grants AS g CROSS JOIN users AS u ON u.id = g.user_id CROSS JOIN clients AS c ON c.id = g.client_id \
             WHERE g.id = t.grant_id AND g.revoked_at IS NULL AND g.client_id = w.value ->> 'client_id' \
               AND g.resource IN (SELECT value FROM json_each(w.value -> 'resources')) AND u.enabled AND c.enabled\
           );\
         INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
         SELECT unhex(w.value ->> 'refresh_token'), t.grant_id, w.value ->> 'at', w.value ->> 'expires_at' {done} \
         WHERE w.value ->> 'refresh_token' IS NOT NULL;\
         SELECT w.value ->> 'number' AS number, {request_nonce} AS request_nonce, {columns} {done} \
         CROSS JOIN grants AS g ON g.id = t.grant_id CROSS JOIN users AS u ON u.id = g.user_id"
    )
}

static BATCH: LazyLock<String> = LazyLock::new(|| Kind::ALL.map(in_sqlite).join(";"));

/// A transaction of its own. Every statement that is sent by itself costs two changes of thread, which is more than SQLite
/// takes for it. After an error the transaction is still open: the connection has to be closed.
static BATCH_ALONE: LazyLock<String> = LazyLock::new(|| format!("BEGIN IMMEDIATE;{};COMMIT", *BATCH));

/// Does all that can be done in SQLite, within a transaction that nobody else writes beside.
pub(super) async fn within(transaction: &DatabaseTransaction, all: &[Written]) -> Result<Rows, StoreError> {
    all_at_once(transaction, &BATCH, all).await
}

/// Does all that can be done in SQLite, in a transaction of their own, and returns when it is durable. After an error the
/// connection is of no more use.
pub(super) async fn alone(connection: &DatabaseConnection, all: &[Written]) -> Result<Rows, StoreError> {
    all_at_once(connection, &BATCH_ALONE, all).await
}

async fn all_at_once(db: &impl ConnectionTrait, sql: &str, all: &[Written]) -> Result<Rows, StoreError> {
    // One parameter: sqlx binds others wrongly where a statement of several does not name them all.
    let wanted = Kind::ALL.map(|kind| format!("\"{}\":{}", kind.exchanged().table, list(kind, all))).join(",");
    let wanted = [format!("{{{wanted}}}").into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, wanted)).await?;
    by_number(rows, all.len())
}
