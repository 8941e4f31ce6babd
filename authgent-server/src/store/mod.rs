//! Storage: SQLite for one machine, PostgreSQL for several. The only place that knows sea-orm; domain types go in and
//! come out. What each table holds stands in `docs/STORAGE.md`.
//!
//! # What storage promises
//!
//! - **Atomic.** Writing happens in a [`WriteTransaction`] only: all of it or, where it is dropped, nothing.
//! - **Durable.** When [`WriteTransaction::commit`] has returned `Ok`, the change survives a crash of the server, of the
//!   database and of the machine (SQLite: WAL with `synchronous=FULL`; PostgreSQL: its default `synchronous_commit=on`).
//! - **Single winner.** What may happen once (redeeming a code, rotating a refresh token, answering an interaction,
//!   revoking a grant) is one conditional `UPDATE`; of any number of callers, on any number of replicas, one is told `true`.
//! - **Readable rows.** A row that cannot mean anything is [`StoreError::Corrupt`], naming table, column and row; it is
//!   never guessed at and never overwritten.
//!
//! Reads outside a transaction see what was committed when they began. No statement runs in a loop, and every
//! statement's cost depends on the rows that it returns, not on the size of the tables.

mod account_events;
mod again;
mod applications;
mod assertions;
mod at_once;
mod backup;
mod batches;
mod challenges;
mod checkpoint;
mod cleanup;
mod clients;
mod codes;
mod connect;
mod connections;
mod consents;
mod deployment;
mod dsn;
mod entity;
mod error;
mod generation;
mod grants;
mod health;
mod identities;
mod initial_access_tokens;
mod interactions;
mod lateness;
mod limited;
mod links;
mod migration;
mod only;
mod passkeys;
mod redemption;
mod refresh_tokens;
mod resources;
mod rotation;
mod second_factors;
mod sessions;
mod sign_in_failures;
mod signing_keys;
#[cfg(test)]
pub(crate) mod tests;
mod users;
mod wal;
mod writer;

pub use again::Attempts;
pub use applications::Usage;
pub use backup::{BackedUp, BackupError, RestoreOptions, Restored};
pub use cleanup::{RETENTION_SECONDS, Swept};
pub use clients::USES;
pub use connections::http_threads;
pub use error::StoreError;
pub use generation::LEASE;
pub use redemption::Redemption;
pub use rotation::Rotation;

use batches::Batches;
use connect::{Missing, TemporaryDirectory};
use connections::Connections;
use health::Health;
use lateness::Lateness;
use limited::Limited;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::time::Instant;
use writer::{GivenBack, Writer};

/// The database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    /// For statements that only read. On SQLite its connections refuse to write.
    read: Connections,
    /// The one who writes to SQLite, so that writers queue in order instead of polling the file's lock, and share commits. On
    /// PostgreSQL everybody writes, with the connections of `read`.
    writer: Option<Writer>,
    /// What the last probe found.
    health: Arc<Health>,
    /// What waits for PostgreSQL.
    batches: Arc<Batches>,
    lateness: Arc<Lateness>,
    /// Where `sqlite::memory:` really lives; removed with the last clone.
    _temporary: Option<Arc<TemporaryDirectory>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.read.here().get_database_backend()).finish()
    }
}

impl Store {
    /// Connects to the database that `dsn` names.
    ///
    /// - `sqlite:///var/lib/authgent.db` is the absolute path `/var/lib/authgent.db`, `sqlite://authgent.db` a path
    ///   relative to the working directory. The file is made (readable by its owner only) where it is missing, its directory is not.
    /// - `sqlite::memory:` is for tests: a file in a new temporary directory that goes with the last clone of the
    ///   `Store`, so that it behaves as a real database does.
    /// - `postgres://user:password@host:5432/database?sslmode=require`. Special characters in the password are
    ///   percent-encoded.
    ///
    /// Nothing is written and no table is looked at: call [`Store::migrate`] next.
    ///
    /// # Errors
    /// Each a sentence that can be shown, without the password: [`StoreError::BadDsn`], [`StoreError::MissingDirectory`],
    /// [`StoreError::File`], [`StoreError::OldPostgres`], [`StoreError::Unavailable`].
    pub async fn connect(dsn: &SecretString) -> Result<Self, StoreError> {
        connect::connect(dsn, Missing::Make).await
    }

    /// The same for a database that is there: an SQLite file that is missing is not made.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn connect_to_existing(dsn: &SecretString) -> Result<Self, StoreError> {
        connect::connect(dsn, Missing::Refuse).await
    }

    /// Closes every connection. Whoever still uses a clone finds the database unavailable.
    pub async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.end_checkpoints().await;
        }
        self.read.close().await;
        // Last: the connection that writes folds the write-ahead log into the file when no other is open.
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// Brings the schema up to date, as one transaction: afterwards all of it is new, or after an error all of it old.
    ///
    /// Safe while other processes do the same: on PostgreSQL the transaction begins by writing the one row of a table that is
    /// there for this, on SQLite it begins as a write transaction, so that the others wait and then find nothing left to do.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where the database was migrated by a later version; [`StoreError::MissingTables`],
    /// [`StoreError::Migration`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migration::run(self).await
    }

    /// The names of the migrations that [`Store::migrate`] would run, in order. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where the database was migrated by a later version; [`StoreError::MissingTables`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        migration::pending(self.read.here().inner()).await
    }

    /// Whether the database answers a statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read.here().execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Begins a transaction that may write. On SQLite it waits for its turn, in the order of arrival, and has the file's lock
    /// from the beginning (`BEGIN IMMEDIATE`): no later statement can fail for want of it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where no connection is free or the lock is not had within five seconds.
    pub async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        match &self.writer {
            Some(writer) => writer.begin().await,
            None => {
                let began = Instant::now();
                let transaction = self.read.here().begin().await?;
                let end = End::Own(Arc::clone(&self.lateness), began);
                Ok(WriteTransaction::new(Arc::new(transaction), end))
            }
        }
    }
}

/// A transaction that may write. Dropped without [`WriteTransaction::commit`], it leaves nothing behind.
///
/// Its methods are written beside what they are about: `store/clients.rs`, `store/codes.rs`, and so on.
#[must_use = "dropping a transaction undoes it"]
pub struct WriteTransaction {
    /// Shared with the writer of SQLite, who ends it: dropped before `end`, so that the writer then has it alone.
    inner: Arc<Limited<DatabaseTransaction>>,
    end: End,
    ends_cache_generation: AtomicBool,
}

/// How it is committed.
enum End {
    /// By the writer of SQLite, whose turn it is.
    GivenBack(GivenBack),
    /// By itself. It began then, and is late when it takes long.
    Own(Arc<Lateness>, Instant),
}

impl std::fmt::Debug for WriteTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WriteTransaction")
    }
}

impl WriteTransaction {
    fn new(inner: Arc<Limited<DatabaseTransaction>>, end: End) -> Self {
        Self { inner, end, ends_cache_generation: AtomicBool::new(false) }
    }

    /// Lifts the limits of PostgreSQL's transactions from this one: for what an operator, or clean-up, does to very many rows at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn take_your_time(&self) -> Result<(), StoreError> {
        Ok(self.inner.take_your_time().await?)
    }

    /// Makes everything that was done in the transaction visible and durable. After an error, or where the answer never
    /// came, the caller does not know which: what it did must be safe to ask for again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.raise_cache_generation().await?;
        let ends_lease = self.ends_lease();
        let Self { inner, end, .. } = self;
        match (end, Arc::into_inner(inner)) {
            (End::GivenBack(given_back), _) => given_back.committed().await?,
            (End::Own(lateness, began), Some(transaction)) => {
                let committed = transaction.commit().await;
                lateness.note(began);
                if committed.is_err() {
                    lateness.given_up(began);
                }
                committed?;
            }
            (End::Own(..), None) => {
                return Err(StoreError::Unavailable { problem: "the transaction is still in use".to_owned() });
            }
        }
        if ends_lease {
            tokio::time::sleep(LEASE).await;
        }
        Ok(())
    }
}
