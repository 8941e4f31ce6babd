//! What is done most, each in one statement that looks at everything that it depends on: exchanging refresh tokens
//! ([`super::rotation`]) and codes ([`super::redemption`]). What they have in common, the statements among it, is here.
//!
//! All that wait at once are done together, on SQLite by its writer ([`super::writer`]), on PostgreSQL by each runtime
//! ([`super::batches`]). Where anything is not as usual nothing is changed, and the caller finds out slowly what it is.

use super::entity::{grants, users};
use super::writer::TURNS;
use super::{Store, StoreError};
use crate::domain::{Grant, User};
use authgent_core::time::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable,
    QueryResult, Statement, TryGetable,
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
    /// What has to agree.
    pub(super) agrees: &'static str,
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
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
        }
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

/// The array of all. Each has its number, by which its row is known, and its kind.
pub(super) fn list(all: &[Written]) -> String {
    let mut list = String::with_capacity(2 + all.iter().map(|written| written.object.len() + 32).sum::<usize>());
    list.push('[');
    for (number, written) in all.iter().enumerate() {
        if number > 0 {
            list.push(',');
        }
        list.push_str("{\"number\":");
        list.push_str(&number.to_string());
        list.push_str(",\"kind\":");
        list.push_str(&(written.kind as u8).to_string());
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
        let number: i64 = row.try_get_by_index(NUMBER)?;
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
        let mut columns = Columns { row: &row, next: REST };
        let (grant, user) = (columns.grant()?, columns.user()?);
        Ok(Some((grant.try_into()?, user.try_into()?, row.try_get_by_index(REQUEST_NONCE)?)))
    }
}

/// Where the columns of a row stand: those of the grant and of the user follow, as [`columns`] lists them.
const NUMBER: usize = 0;
const REQUEST_NONCE: usize = 1;
const REST: usize = 2;

/// Reads them one after the other, since looking for each by its name takes longer than reading it.
struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl Columns<'_> {
    fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1)
    }

    fn grant(&mut self) -> Result<grants::Model, DbErr> {
        Ok(grants::Model {
            id: self.next()?,
            user_id: self.next()?,
            client_id: self.next()?,
            resource: self.next()?,
            scope: self.next()?,
            auth_time: self.next()?,
            created_at: self.next()?,
            revoked_at: self.next()?,
            revocation_reason: self.next()?,
            sweep_at: self.next()?,
            amr: self.next()?,
            session_hash: self.next()?,
        })
    }

    fn user(&mut self) -> Result<users::Model, DbErr> {
        Ok(users::Model {
            id: self.next()?,
            email: self.next()?,
            email_canonical: self.next()?,
            name: self.next()?,
            password_hash: self.next()?,
            enabled: self.next()?,
            created_at: self.next()?,
            email_verified: self.next()?,
        })
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

/// The statement of PostgreSQL, for any number of one kind, of which `$1` is the array. How many there may be at most tells the
/// planner that they are few. `OFFSET 0` keeps it from beginning elsewhere, such as with everything that was granted to the client,
/// which it took to be cheaper as soon as it planned for any array and not for one.
///
/// The row is locked and its condition looked at again: of two that come at once, the second finds it used. A row that somebody
/// else has locked is not waited for, since all the others would wait as well, and two batches for each other.
pub(super) fn in_postgres(kind: Kind) -> String {
    let Exchanged { table, hash, nonce, agrees, request_nonce } = kind.exchanged();
    let (columns, names) = (columns(false), columns(true));
    format!(
        "WITH usual AS (\
           SELECT w.number, w.nonce, w.at, w.refresh_token, w.expires_at, t.hash, t.request_nonce, {columns} \
           FROM (SELECT * FROM json_to_recordset($1::json) AS w({WANTED}) LIMIT {TURNS}) AS w \
           CROSS JOIN LATERAL (\
             SELECT t.{hash} AS hash, t.grant_id, {request_nonce} AS request_nonce FROM {table} AS t \
             WHERE t.{hash} = decode(w.presented, 'hex') AND t.consumed_at IS NULL AND t.expires_at > w.at AND {agrees} \
             FOR UPDATE SKIP LOCKED\
           ) AS t \
           CROSS JOIN LATERAL (SELECT * FROM grants WHERE id = t.grant_id OFFSET 0) AS g \
           CROSS JOIN LATERAL (SELECT * FROM users WHERE id = g.user_id OFFSET 0) AS u \
           WHERE g.revoked_at IS NULL AND g.client_id = w.client_id AND g.resource = ANY(w.resources) AND u.enabled \
             AND (SELECT enabled FROM clients WHERE id = w.client_id) \
             AND (SELECT generation FROM cache_generation WHERE id = 1) = w.generation\
         ), consumed AS (\
           UPDATE {table} AS t SET consumed_at = usual.at, {nonce} = decode(usual.nonce, 'hex') \
           FROM usual WHERE t.{hash} = usual.hash AND t.consumed_at IS NULL RETURNING usual.*\
         ), issued AS (\
           INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
           SELECT decode(refresh_token, 'hex'), g_id, at, expires_at FROM consumed WHERE refresh_token IS NOT NULL\
         ) SELECT number, request_nonce, {names} FROM consumed"
    )
}

/// What is wanted of SQLite, in a table that is the writer's own and in memory: read out of JSON once, by the first of several
/// statements, and not by each.
pub(super) const WANTED_IN_SQLITE: &str = "CREATE TEMP TABLE IF NOT EXISTS wanted (\
     number INTEGER, kind INTEGER, presented BLOB, nonce BLOB, at INTEGER, generation INTEGER, client_id TEXT, resources TEXT, \
     refresh_token BLOB, expires_at INTEGER, grant_id BLOB, redirect_uri TEXT, code_challenge TEXT)";

/// `MATERIALIZED`, or each column would make its own text of the object.
const WRITE_WANTED: &str = "INSERT INTO temp.wanted \
     WITH one (v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
     SELECT v ->> 'number', v ->> 'kind', unhex(v ->> 'presented'), unhex(v ->> 'nonce'), v ->> 'at', v ->> 'generation', \
     v ->> 'client_id', v -> 'resources', unhex(v ->> 'refresh_token'), v ->> 'expires_at', unhex(v ->> 'grant_id'), \
     v ->> 'redirect_uri', v ->> 'code_challenge' FROM one";

/// The statements of SQLite for all of one kind, of which each does nothing where nobody wants it. `CROSS JOIN` keeps SQLite from
/// beginning elsewhere.
///
/// What the three have in common is the nonce: of two that come with one token in one batch, one finds its own.
fn in_sqlite(kind: Kind) -> String {
    let Exchanged { table, hash, nonce, agrees, request_nonce } = kind.exchanged();
    let (columns, number) = (columns(false), kind as u8);
    let done =
        format!("FROM temp.wanted AS w CROSS JOIN {table} AS t ON t.{hash} = w.presented AND t.{nonce} = w.nonce");
    format!(
        "UPDATE {table} AS t SET consumed_at = w.at, {nonce} = w.nonce FROM temp.wanted AS w \
         WHERE w.kind = {number} AND t.{hash} = w.presented AND t.consumed_at IS NULL AND t.expires_at > w.at \
           AND {agrees} AND (SELECT generation FROM cache_generation WHERE id = 1) = w.generation \
           AND EXISTS (\
             SELECT 1 FROM grants AS g CROSS JOIN users AS u ON u.id = g.user_id CROSS JOIN clients AS c ON c.id = g.client_id \
             WHERE g.id = t.grant_id AND g.revoked_at IS NULL AND g.client_id = w.client_id \
               AND g.resource IN (SELECT value FROM json_each(w.resources)) AND u.enabled AND c.enabled\
           );\
         INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at) \
         SELECT w.refresh_token, t.grant_id, w.at, w.expires_at {done} WHERE w.kind = {number} AND w.refresh_token IS NOT NULL;\
         SELECT w.number, {request_nonce} AS request_nonce, {columns} {done} \
         CROSS JOIN grants AS g ON g.id = t.grant_id CROSS JOIN users AS u ON u.id = g.user_id WHERE w.kind = {number}"
    )
}

static BATCH: LazyLock<String> =
    LazyLock::new(|| format!("{WRITE_WANTED};{};DELETE FROM temp.wanted", Kind::ALL.map(in_sqlite).join(";")));

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
    let wanted = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [list(all).into()]);
    let rows = db.query_all_raw(wanted).await?;
    by_number(rows, all.len())
}
