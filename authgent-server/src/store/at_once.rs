//! What is done most, each in one statement that looks at everything that it depends on: exchanging refresh tokens
//! ([`super::rotation`]) and codes ([`super::redemption`]).
//!
//! PostgreSQL does it in one round trip, which commits by itself; SQLite does all that wait at once ([`super::writer`]).
//! Where anything is not as usual nothing is changed, and the caller finds out slowly what it is.

use super::entity::{grants, users};
use super::error::is_unsupported;
use super::{Attempts, Store, StoreError, redemption, rotation};
use crate::domain::{Grant, User};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, IdenStatic,
    Iterable, QueryResult, Statement,
};
use serde::Serialize;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

impl Store {
    /// Nothing was kept of an attempt that could not be put in order with others, as when two come with one token.
    ///
    /// CockroachDB does not change one table twice in a statement unless `sql.multiple_modifications_of_table.enabled` says so. A
    /// database that refuses is not asked again: nothing is usual there, and everything is done in a transaction.
    pub(super) async fn one_round_trip(
        &self,
        statement: Statement,
        random: u8,
    ) -> Result<Option<QueryResult>, StoreError> {
        let mut attempts = Attempts::default();
        while !self.refuses_one_statement.load(Ordering::Relaxed) {
            match self.read.here().query_one_raw(statement.clone()).await {
                Err(error) if is_unsupported(&error) => {
                    tracing::info!(error = %error, "the database refuses to exchange tokens in one statement: it takes several");
                    self.refuses_one_statement.store(true, Ordering::Relaxed);
                }
                Err(error) => {
                    let error = error.into();
                    if !attempts.again(&error, random).await {
                        return Err(error);
                    }
                }
                Ok(row) => return Ok(row),
            }
        }
        Ok(None)
    }
}

/// The columns of a table, each with the prefix under which it is read again.
pub(super) fn columns<E: EntityTrait>(table: &str) -> String {
    let column = |column: E::Column| format!("{table}.{0} AS {table}_{0}", column.as_str());
    E::Column::iter().map(column).collect::<Vec<_>>().join(", ")
}

pub(super) fn grant_and_user(row: &QueryResult) -> Result<(Grant, User), StoreError> {
    let grant = grants::Model::from_query_result(row, "g_")?;
    let user = users::Model::from_query_result(row, "u_")?;
    Ok((grant.try_into()?, user.try_into()?))
}

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rotation,
    Redemption,
}

/// What is wanted, as SQLite is told of it, and what came of it in its row. Both are written and read by those who wait, side by
/// side: the writer, of whom there is one, hands them on.
pub(super) struct Written {
    kind: Kind,
    object: String,
}

impl Written {
    pub(super) fn new(kind: Kind, wanted: &impl Serialize) -> Result<Self, StoreError> {
        let object = serde_json::to_string(wanted).map_err(|error| StoreError::Unavailable {
            problem: format!("the statement cannot be written: {error}"),
        })?;
        Ok(Self { kind, object })
    }
}

/// What came of each of them: a row for those that were done.
type Rows = Vec<Option<QueryResult>>;

/// The statements of both kinds, of which each does nothing where nobody wants it.
static BATCH: LazyLock<String> = LazyLock::new(|| format!("{};{}", *rotation::BATCH, *redemption::BATCH));

/// A transaction of its own. Every statement that is sent by itself costs two changes of thread, which is more than SQLite
/// takes for it. After an error the transaction is still open: the connection has to be closed.
static BATCH_ALONE: LazyLock<String> = LazyLock::new(|| format!("BEGIN IMMEDIATE;{};COMMIT", *BATCH));

/// Does all that can be done, within a transaction that nobody else writes beside.
pub(super) async fn within(transaction: &DatabaseTransaction, all: &[Written]) -> Result<Rows, StoreError> {
    all_at_once(transaction, &BATCH, all).await
}

/// Does all that can be done, in a transaction of their own, and returns when it is durable. After an error the connection is of no
/// more use.
pub(super) async fn alone(connection: &DatabaseConnection, all: &[Written]) -> Result<Rows, StoreError> {
    all_at_once(connection, &BATCH_ALONE, all).await
}

async fn all_at_once(db: &impl ConnectionTrait, sql: &str, all: &[Written]) -> Result<Rows, StoreError> {
    let of = |kind| all.iter().enumerate().filter(move |(_, written)| written.kind == kind);
    let list = |kind| of(kind).map(|(_, written)| &*written.object).collect::<Vec<_>>().join(",");
    // One parameter: sqlx binds others wrongly where a statement of several does not name them all.
    let wanted = format!(r#"{{"rotations":[{}],"redemptions":[{}]}}"#, list(Kind::Rotation), list(Kind::Redemption));
    let mut rows: Rows = all.iter().map(|_| None).collect();
    for row in db.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, [wanted.into()])).await? {
        let kind = if row.try_get::<String>("", "kind")? == "rotation" { Kind::Rotation } else { Kind::Redemption };
        let number: i64 = row.try_get("", "number")?;
        if let Some((place, _)) = usize::try_from(number).ok().and_then(|number| of(kind).nth(number)) {
            rows[place] = Some(row);
        }
    }
    Ok(rows)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
