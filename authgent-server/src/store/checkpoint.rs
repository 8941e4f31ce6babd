//! Copying the write-ahead log of SQLite into the file, beside the one who writes.
//!
//! SQLite has whoever commits copy the log, once it has a thousand pages: everybody who waits for the writer then waits for all of them to be
//! written, in all the places of a large file, and for the disk. Here another connection copies while the writer goes on, and has the disk
//! keep what it copied. What came meanwhile is copied in a second round, and what came during that in a third, each shorter than the one
//! before, until so little is left that the writer copies it between two commits. Only when everything is copied, and nobody reads, does the
//! log begin anew.
//!
//! Where that is never reached, as with a disk that copies no faster than commits come, the log grows until the writer copies it itself,
//! as SQLite has it ([`FALLBACK`]).

use super::StoreError;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

/// From how many pages on the log is copied: 32 MiB. Where refreshes are all over a large file, a page is written several times until then and copied
/// once, and fewer of those who wait see the end of it.
const PAGES: i64 = 8192;
/// How many pages the writer may be left with.
const FEW: i64 = 100;
/// How often it is looked whether there are so many, where anything is written.
const LOOK: Duration = Duration::from_millis(50);
/// From how many pages on the writer copies them itself, after each commit: 128 MiB.
pub(super) const FALLBACK: u32 = 32_768;
/// To what the file of a log that was larger is cut when it begins anew, in bytes.
pub(super) const LARGEST_FILE: u32 = 64 << 20;

/// What the writer and whoever copies beside tell each other.
pub(super) struct Checkpoints {
    path: PathBuf,
    written: Notify,
    ended: Notify,
    last: AtomicBool,
    over: AtomicBool,
    /// Held while anything is copied. The database file is there from the first time on, to sync it. It is never closed: who closes a file
    /// lets go of all the locks that the process has on it, and SQLite would not know that it has lost its own.
    copying: Mutex<Option<&'static File>>,
}

impl Checkpoints {
    pub(super) fn new(path: PathBuf) -> Self {
        let (written, ended, copying) = (Notify::new(), Notify::new(), Mutex::new(None));
        Self { path, written, ended, last: AtomicBool::new(false), over: AtomicBool::new(false), copying }
    }

    /// Something was written.
    pub(super) fn note(&self) {
        self.written.notify_one();
    }

    /// Ends the copying, and waits until nothing is copied any more.
    pub(super) async fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.written.notify_one();
        self.ended.notify_one();
        drop(self.copying.lock().await);
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
            tokio::select! {
                () = sleep(LOOK) => {}
                () = self.ended.notified() => {}
            }
            let mut file = self.copying.lock().await;
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let failed = self.copy(&connections, &mut file).await.err();
            if let Some(error) = failed.as_ref().filter(|_| !failing) {
                tracing::warn!(error = %error, "the write-ahead log could not be copied into the database file: it grows");
            }
            failing = failed.is_some();
        }
    }

    /// Copies the log where it is long enough, and leaves the end to the writer. Gives up where it does not become shorter, because
    /// somebody reads what was there before, or because more comes than is copied.
    async fn copy(&self, connections: &DatabaseConnection, file: &mut Option<&'static File>) -> Result<(), StoreError> {
        let mut log = Log::read(connections, LOOK_AT).await?;
        if log.pages < PAGES {
            return Ok(());
        }
        loop {
            let before = log.left();
            Log::read(connections, COPY).await?;
            self.sync(file).await?;
            log = Log::read(connections, LOOK_AT).await?;
            if log.left() < FEW {
                // Where nobody writes any more there is nothing to be done, and nobody who would wait for it.
                self.last.store(true, Ordering::SeqCst);
                return Ok(());
            }
            if log.left() >= before {
                return Ok(());
            }
        }
    }

    /// Has the disk keep what was copied. SQLite does that only with the end of the log, so all of it would be left to the writer.
    async fn sync(&self, file: &mut Option<&'static File>) -> Result<(), StoreError> {
        let problem = |error: &dyn std::fmt::Display| StoreError::Unavailable { problem: error.to_string() };
        let file = match file {
            Some(file) => *file,
            None => {
                let opened = File::open(&self.path).map_err(|error| problem(&error))?;
                *file.insert(Box::leak(Box::new(opened)))
            }
        };
        let synced = tokio::task::spawn_blocking(move || file.sync_data());
        synced.await.map_err(|error| problem(&error))?.map_err(|error| problem(&error))
    }
}

/// Copies nothing.
const LOOK_AT: &str = "PRAGMA wal_checkpoint(NOOP)";
/// Copies what there is at this moment, and that nobody who reads has yet to find in the log. Waits for nobody.
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The write-ahead log.
struct Log {
    pages: i64,
    /// How many of them are in the file.
    copied: i64,
}

impl Log {
    async fn read(connection: &DatabaseConnection, sql: &str) -> Result<Self, DbErr> {
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
        Ok(Self { pages: row.try_get_by_index(1)?, copied: row.try_get_by_index(2)? })
    }

    const fn left(&self) -> i64 {
        self.pages - self.copied
    }
}

/// Copies what is left, on the connection that writes.
pub(super) async fn finish(connection: &DatabaseConnection) -> Result<(), DbErr> {
    Log::read(connection, COPY).await.map(drop)
}
