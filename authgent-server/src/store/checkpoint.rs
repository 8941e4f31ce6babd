//! Copying the write-ahead log of SQLite into the file, beside the one who writes.
//!
//! SQLite has whoever commits copy the log, once it has a thousand pages: everybody who waits for the writer then waits for all of them to be
//! written, in all the places of a large file, and for the disk. Here another connection copies while the writer goes on. What came meanwhile
//! is copied in a second round, and what came during that in a third, each shorter than the one before, until so little is left that the
//! writer copies it between two commits. Only when everything is copied, and nobody reads, does the log begin anew.
//!
//! Where that is never reached, as with a disk that copies no faster than commits come, the writer copies the log as SQLite
//! would have it, but seldom ([`FALLBACK`]).

use super::StoreError;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// From how many pages on the log is copied: 32 MiB. Where refreshes are all over a large file, a page is written several times until then and copied
/// once, and fewer of those who wait see the end of it.
const PAGES: i64 = 8192;
/// How many pages the writer may be left with.
const FEW: i64 = 100;
/// How often what came meanwhile is copied.
const ROUNDS: u32 = 6;
/// How often it is looked whether there are so many, where anything is written.
const LOOK: Duration = Duration::from_millis(50);
/// From how many pages on the writer copies all of them itself, after each commit: 128 MiB.
pub(super) const FALLBACK: u32 = 32_768;

/// What the writer and whoever copies beside tell each other.
#[derive(Default)]
pub(super) struct Checkpoints {
    written: Notify,
    last: AtomicBool,
    over: AtomicBool,
}

impl Checkpoints {
    /// Something was written.
    pub(super) fn note(&self) {
        self.written.notify_one();
    }

    /// Nothing will be written any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.written.notify_one();
    }

    /// Whether the writer is to copy what is left. True once.
    pub(super) fn is_last(&self) -> bool {
        self.last.load(Ordering::Relaxed) && self.last.swap(false, Ordering::SeqCst)
    }

    /// Copies beside the writer until there is none.
    pub(super) async fn run(self: Arc<Self>, connections: DatabaseConnection) {
        let mut failing = false;
        loop {
            self.written.notified().await;
            // Whatever is written in this time is looked at with it.
            tokio::time::sleep(LOOK).await;
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let failed = self.copy(&connections).await.err();
            if let Some(error) = failed.as_ref().filter(|_| !failing) {
                tracing::warn!(error = %error, "the write-ahead log could not be copied into the database file: it grows");
            }
            failing = failed.is_some();
        }
    }

    async fn copy(&self, connections: &DatabaseConnection) -> Result<(), StoreError> {
        let Log { pages, copied } = Log::look(connections).await?;
        if pages < PAGES {
            return Ok(());
        }
        let mut before = copied;
        for _ in 0..ROUNDS {
            let log = Log::copy(connections).await?;
            if log.pages - before < FEW {
                break;
            }
            before = log.copied;
        }
        self.last.store(true, Ordering::SeqCst);
        // Where nobody writes any more, nobody waits for the writer either: the next one to come begins with it.
        Ok(())
    }
}

/// The write-ahead log.
struct Log {
    pages: i64,
    /// How many of them are in the file.
    copied: i64,
}

impl Log {
    /// What there is.
    async fn look(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        Self::read(connection, "PRAGMA wal_checkpoint(NOOP)").await
    }

    /// Copies what there is at this moment, and that nobody who reads has yet to find in the log. Waits for nobody.
    async fn copy(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        Self::read(connection, "PRAGMA wal_checkpoint(PASSIVE)").await
    }

    async fn read(connection: &DatabaseConnection, sql: &str) -> Result<Self, DbErr> {
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
        Ok(Self { pages: row.try_get_by_index(1)?, copied: row.try_get_by_index(2)? })
    }
}

/// Copies what is left, on the connection that writes.
pub(super) async fn finish(connection: &DatabaseConnection) -> Result<(), DbErr> {
    Log::copy(connection).await.map(drop)
}
