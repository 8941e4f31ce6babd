//! What can go wrong in storage.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use std::borrow::Cow;
use std::path::PathBuf;

/// Why storage did not do what it was asked. Every message is one sentence, and none holds a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is locked for too long, or refused a statement. Asking again may help.
    #[error("the database is not available: {problem}")]
    Unavailable {
        /// What the database or the driver said.
        problem: String,
    },
    /// What it read and what others wrote at the same time cannot be put in any order, or each waits for the other. Nothing of it
    /// was kept, and the same again will do.
    #[error("others changed the same at the same time: {problem}")]
    SerializationFailure {
        /// What the database said.
        problem: String,
    },
    /// Something that must be unique is there already, or what the new row belongs to is gone.
    #[error("{what}")]
    Conflict {
        /// A sentence that names it.
        what: String,
    },
    /// A row that cannot mean anything. It was written by hand, by a bug, or by a later version.
    #[error("the database is corrupt: in table {table}, column {column} of row {id} {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The primary key; of a hash, its first four bytes in hexadecimal.
        id: String,
        /// What is wrong, continuing "column … of row …".
        problem: String,
    },
    /// The database found its own file damaged. Asking again does not help.
    #[error("the database is damaged, and must be restored from a backup: {problem}")]
    Damaged {
        /// What the database said.
        problem: String,
    },
    /// The database is another program's, which has tables with the names of ours. Nothing was changed.
    #[error(
        "the database is another program's, and has tables that Authgent would make itself ({tables}): let AUTHGENT_DB_DSN name a database of its own"
    )]
    ForeignTables {
        /// The tables, with commas between.
        tables: String,
    },
    /// Somebody dropped tables, or restored only some of them. Nothing was changed.
    #[error("the database lacks tables that it had once ({tables}): restore it from a backup")]
    MissingTables {
        /// The tables, with commas between.
        tables: String,
    },
    /// The database is older than anything that Authgent was tried on. Nothing was changed.
    #[error(
        "the database is {version}, but Authgent needs PostgreSQL 15 or newer: upgrade it, or change AUTHGENT_DB_DSN"
    )]
    OldPostgres {
        /// The first words of what it says that it is, such as `PostgreSQL 14.9`.
        version: String,
    },
    /// The directory in which the database file should be made is missing.
    #[error(
        "the database cannot be made because the directory {} does not exist: create it or change AUTHGENT_DB_DSN",
        path.display()
    )]
    MissingDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The database file cannot be opened, read or written, or is no database.
    #[error("the database file {} {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, continuing "the database file …".
        problem: String,
    },
    /// The database's address is wrong.
    #[error(
        "AUTHGENT_DB_DSN {problem}: it should read like sqlite:///var/lib/authgent/authgent.db or postgres://user:password@host:5432/authgent"
    )]
    BadDsn {
        /// What is wrong, continuing "AUTHGENT_DB_DSN …".
        problem: String,
    },
    /// A migration failed; the schema is as it was before.
    #[error("the database's tables could not be brought up to date and were left as they were: {problem}")]
    Migration {
        /// What the database said.
        problem: String,
    },
    /// The database was migrated by a later version of Authgent. Nothing was changed.
    #[error(
        "the database was made by a later version of Authgent (it has {migrations}): use that version or another database"
    )]
    NewerSchema {
        /// The migrations that this version does not know, with commas between.
        migrations: String,
    },
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(constraint)) => {
                Self::Conflict { what: format!("it is there already ({constraint})") }
            }
            Some(SqlErr::ForeignKeyConstraintViolation(constraint)) => {
                Self::Conflict { what: format!("what it belongs to is gone ({constraint})") }
            }
            _ if is_serialization_failure(&error) => Self::SerializationFailure { problem: said(&error) },
            _ if is_damage(&error) => Self::Damaged { problem: said(&error) },
            _ => Self::Unavailable { problem: said(&error) },
        }
    }
}

/// `serialization_failure` and `deadlock_detected`: PostgreSQL at the level `SERIALIZABLE`, and whatever speaks its protocol at
/// that level only, such as CockroachDB.
fn is_serialization_failure(error: &DbErr) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01"))
}

/// `feature_not_supported`.
pub(super) fn is_unsupported(error: &DbErr) -> bool {
    matches!(code(error).as_deref(), Some("0A000"))
}

/// `SQLITE_BUSY`.
pub(super) fn is_locked(error: &DbErr) -> bool {
    code(error).is_some_and(|code| code.len() < 5 && code.parse().is_ok_and(|code: u32| code & 0xff == 5))
}

/// `read_only_sql_transaction`: the connection leads to a standby, or to a server that has become one.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    matches!(code(error).as_deref(), Some("25006"))
}

/// What PostgreSQL says to the second of two that make one table at once although it is told `IF NOT EXISTS`: `duplicate_table`,
/// `duplicate_object` of its type, or `unique_violation` in a table of the system.
pub(super) fn is_there_already(error: &DbErr) -> bool {
    matches!(code(error).as_deref(), Some("42P07" | "42710" | "23505"))
}

/// Whether the database has answered, with an error. Otherwise the way to it broke, and what it did is not known.
pub(super) fn is_answer(error: &DbErr) -> bool {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else { return true };
    matches!(error, RuntimeErr::SqlxError(error) if error.as_database_error().is_some())
}

/// The error of the database itself, where it has answered with one.
fn answer(error: &DbErr) -> Option<&dyn DatabaseError> {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else { return None };
    let RuntimeErr::SqlxError(error) = error else { return None };
    error.as_database_error()
}

/// What the database said. By itself the error of PostgreSQL names a line of its source.
fn said(error: &DbErr) -> String {
    let Some(answer) = answer(error) else { return error.to_string() };
    let hint = match answer.code().as_deref() {
        // insufficient_privilege
        Some("42501") => ": the role of AUTHGENT_DB_DSN has to own Authgent's tables, or their schema",
        _ => "",
    };
    format!("{}{hint}", answer.message())
}

/// What the database calls the error: PostgreSQL in five characters, SQLite by a number.
fn code(error: &DbErr) -> Option<Cow<'_, str>> {
    answer(error)?.code()
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB` of SQLite; `data_corrupted` and `index_corrupted` of PostgreSQL.
fn is_damage(error: &DbErr) -> bool {
    let Some(code) = code(error) else { return false };
    // The numbers of SQLite say more in their upper bits; the codes of PostgreSQL have five characters.
    let sqlite = code.len() < 5 && code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 11 | 26));
    sqlite || matches!(&*code, "XX001" | "XX002")
}

impl StoreError {
    /// What is wrong, for the `problem` of another [`Unavailable`](Self::Unavailable), which begins the sentence itself.
    #[must_use]
    pub fn problem(&self) -> String {
        match self {
            Self::Unavailable { problem } => problem.clone(),
            error => error.to_string(),
        }
    }

    /// Whether asking again may help: the answer to a client is then `temporarily_unavailable` and not `server_error`.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::SerializationFailure { .. })
    }

    /// As [`From`], but a row that is there already is described by `what`.
    pub(super) fn named(error: DbErr, what: impl FnOnce() -> String) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::Conflict { what: what() },
            _ => error.into(),
        }
    }
}

/// Names a row while its columns are read, so that a corrupt one can be reported.
pub(super) struct Row {
    table: &'static str,
    id: String,
}

impl Row {
    pub(super) fn new(table: &'static str, id: impl Into<String>) -> Self {
        Self { table, id: id.into() }
    }

    /// A row that is found by the hash of a secret.
    pub(super) fn hashed(table: &'static str, hash: &[u8]) -> Self {
        let id = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>();
        Self::new(table, format!("{id}.."))
    }

    /// The error that `column` of this row deserves.
    pub(super) fn corrupt(&self, column: &'static str, problem: impl Into<String>) -> StoreError {
        StoreError::Corrupt { table: self.table, column, id: self.id.clone(), problem: problem.into() }
    }

    /// The value of `column`, or the error that it deserves.
    pub(super) fn read<T, E: std::fmt::Display>(
        &self,
        column: &'static str,
        value: Result<T, E>,
    ) -> Result<T, StoreError> {
        value.map_err(|error| self.corrupt(column, format!("cannot be read: {error}")))
    }

    /// The value of `column`, which is one of a few names, or the error that it deserves.
    pub(super) fn known<T>(
        &self,
        column: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(text).ok_or_else(|| self.corrupt(column, format!("holds the unknown value {text:?}")))
    }

    /// The 32 bytes of `column`, or the error that it deserves.
    pub(super) fn bytes32(&self, column: &'static str, bytes: &[u8]) -> Result<[u8; 32], StoreError> {
        bytes.try_into().map_err(|_| self.corrupt(column, format!("has {} bytes instead of 32", bytes.len())))
    }
}
