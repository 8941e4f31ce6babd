//! Backups of an SQLite database, and putting one back.
//!
//! A backup is what one read transaction sees (`VACUUM INTO`): whole, without the write-ahead log, and no writer waits for it. It has
//! its name only when it is checked and on the disk. A restore is one rename: whatever happens, the configured name leads to the old
//! database or to the checked new one, and never to one of them with the write-ahead log of the other.

mod files;

use super::connect::{check_log, problem_of, sqlite_pool};
use super::dsn::{self, Target};
use super::{Store, StoreError, migration, wal};
use files::{COMPANIONS, check_source, check_target, directory_of, sync_directory, with_suffix};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a backup waits for a lock, which it needs for moments only.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a restore waits for a process that is just ending.
const ENDING: Duration = Duration::from_secs(2);

/// What `restore --end-grants` empties: what codes, tokens, sessions and links are looked up in. Codes and refresh tokens
/// go with their grants, waiting consent pages with their sessions.
const LIVE: [&str; 4] = ["grants", "sessions", "challenges", "one_time_links"];

/// Why there is no backup, or nothing was restored. Each reads as one sentence, and nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database, its address or the backup cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is on a PostgreSQL server.
    #[error(
        "AUTHGENT_DB_DSN names a PostgreSQL database, which has tools of its own for this: use pg_dump and pg_restore, or pg_basebackup with WAL archiving (docs/guides/backup.md)"
    )]
    Postgres,
    /// The database ends with the process.
    #[error("AUTHGENT_DB_DSN names a database that ends with the process: there is nothing to back up or to restore")]
    Temporary,
    /// A file or directory is not as it should be.
    #[error("{} {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// How large it is, in bytes.
    pub bytes: u64,
    /// The migrations of this release that its tables lack: it was made of the database of an earlier one.
    pub pending: Vec<String>,
}

/// How to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// Put the backup in the place of a database that is there.
    pub replace: bool,
    /// Do not keep that database.
    pub discard: bool,
    /// End what the backup holds of grants, sessions and links.
    pub end_grants: bool,
}

/// A backup that is in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The database's file.
    pub database: PathBuf,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// Where the database is kept that was there.
    pub kept: Option<PathBuf>,
    /// How many grants were ended; `None` where they were left as they are.
    pub grants_ended: Option<u64>,
    /// The migrations that its tables lack. The next start applies them.
    pub pending: Vec<String>,
}

impl Store {
    /// Writes a copy of the SQLite database that `dsn` names to `file`, while others write to it: all that was acknowledged
    /// before the call, and nothing of a transaction that was not complete. The copy is checked, readable by its owner
    /// only, and on the disk when this returns.
    ///
    /// # Errors
    /// [`BackupError`], also where `file` exists and `overwrite` is not set. Then there is no new file.
    pub async fn back_up(dsn: &SecretString, file: &Path, overwrite: bool) -> Result<BackedUp, BackupError> {
        let database = path_of(dsn)?;
        if !database.is_file() {
            return Err(wrong(&database, "is not there: AUTHGENT_DB_DSN names no database yet"));
        }
        check_target(&database, file, overwrite)?;
        check_log(&database).await?;
        // A link stays a link, and what it leads to is replaced.
        let resolved = std::fs::canonicalize(file);
        let file = resolved.as_deref().unwrap_or(file);
        let copy = Unfinished::beside(file)?;
        let Some(name) = copy.0.to_str() else {
            return Err(wrong(file, "has a name that is not Unicode, which SQLite cannot write"));
        };
        let unreadable = |error: sqlx::Error| unusable(&database, error);
        let mut connection = options(&database).connect().await.map_err(unreadable)?;
        let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut connection).await;
        close(connection).await;
        // What is wrong with the disk is so where it is written.
        copied.map_err(
            |error| if is_damage(&error) || is_busy(&error) { unreadable(error) } else { unusable(file, error) },
        )?;
        let pending = copy.check(file).await?;
        let bytes = copy.sync()?;
        if overwrite {
            // What is there may be a database as well, which somebody uses, or used and left with its log.
            replace(file, copy, None).await?;
        } else {
            copy.name(file, false)?;
        }
        Ok(BackedUp { bytes, pending })
    }

    /// Puts the backup `file` in the place of the SQLite database that `dsn` names. `file` itself stays as it is.
    ///
    /// # Errors
    /// [`BackupError`], also where a process has the database open. Then the database is as it was.
    pub async fn restore(dsn: &SecretString, file: &Path, how: RestoreOptions) -> Result<Restored, BackupError> {
        let database = path_of(dsn)?;
        check_source(&database, file)?;
        let occupied = std::fs::metadata(&database).is_ok_and(|metadata| metadata.len() > 0);
        if occupied && !how.replace {
            return Err(wrong(&database, "is there already: stop the server, and repeat with --force"));
        }
        // A link stays a link, and what it leads to is replaced.
        let database = std::fs::canonicalize(&database).unwrap_or(database);
        let kept = with_suffix(&database, ".before-restore");
        if occupied && !how.discard && kept.symlink_metadata().is_ok() {
            return Err(wrong(
                &kept,
                "is kept from an earlier restore: move or remove it first, or repeat with --discard",
            ));
        }
        let copy = Unfinished::beside(&database)?;
        copy.fill(file)?;
        let pending = copy.check(file).await?;
        let grants_ended = if how.end_grants { Some(copy.end_grants().await?) } else { None };
        copy.give_to_owner_of(&database)?;
        let bytes = copy.sync()?;
        let kept = (occupied && !how.discard).then_some(kept);
        replace(&database, copy, kept.as_deref()).await?;
        Ok(Restored { database, bytes, kept, grants_ended, pending })
    }
}

/// A file that is not what it is to be yet. Dropped, it is removed.
struct Unfinished(PathBuf);

impl Unfinished {
    /// An empty file in the directory of `target`, so that a rename takes it there.
    fn beside(target: &Path) -> Result<Self, BackupError> {
        let name = target.file_name().ok_or_else(|| wrong(target, "names no file"))?;
        let mut unfinished = OsString::from(".");
        unfinished.push(name);
        unfinished.push(format!(".{}.unfinished", uuid::Uuid::new_v4()));
        // SQLite takes a name that begins with `file:` for a URI: an absolute one never does.
        let directory = std::path::absolute(directory_of(target)).map_err(|error| wrong(target, error.to_string()))?;
        let path = directory.join(unfinished);
        let mut open = OpenOptions::new();
        open.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        open.open(&path).map_err(|error| wrong(&directory, format!("takes no new file: {error}")))?;
        Ok(Self(path))
    }

    /// Copies `source` into it.
    fn fill(&self, source: &Path) -> Result<(), BackupError> {
        let copied = File::open(source).and_then(|mut source| {
            let mut copy = OpenOptions::new().write(true).open(&self.0)?;
            io::copy(&mut source, &mut copy)
        });
        copied.map_err(|error| wrong(source, format!("cannot be copied: {error}")))?;
        Ok(())
    }

    /// Reads all of it. Gives the migrations that it lacks. Errors call it `name`.
    async fn check(&self, name: &Path) -> Result<Vec<String>, BackupError> {
        let pool = self.open(name).await?;
        let outcome = check(&pool, name).await;
        let closed = pool.close().await.map_err(StoreError::from);
        let pending = outcome?;
        closed?;
        Ok(pending)
    }

    /// Ends what it holds of grants, sessions and links. Gives how many grants.
    async fn end_grants(&self) -> Result<u64, BackupError> {
        let mut connection = options(&self.0).connect().await.map_err(|error| unusable(&self.0, error))?;
        let mut ended = 0;
        for table in LIVE {
            let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
            let deleted = sqlx::query(delete).execute(&mut connection).await;
            let deleted = deleted.map_err(|error| unusable(&self.0, error))?.rows_affected();
            if table == "grants" {
                ended = deleted;
            }
        }
        close(connection).await;
        Ok(ended)
    }

    async fn open(&self, name: &Path) -> Result<DatabaseConnection, BackupError> {
        // Nobody else knows of the file: without a write-ahead log nothing is left beside it.
        let options = options(&self.0).journal_mode(SqliteJournalMode::Delete);
        sqlite_pool(options, 1).await.map_err(|error| wrong(name, problem_of(&error)))
    }

    /// Whoever restores as root leaves the server a file that it can open.
    fn give_to_owner_of(&self, database: &Path) -> Result<(), BackupError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let model = std::fs::metadata(database).or_else(|_| std::fs::metadata(directory_of(database)));
            let given = model.and_then(|model| {
                let own = std::fs::metadata(&self.0)?;
                if (own.uid(), own.gid()) == (model.uid(), model.gid()) {
                    return Ok(());
                }
                std::os::unix::fs::chown(&self.0, Some(model.uid()), Some(model.gid()))
            });
            match given {
                // Not root: the file is the caller's, as any that they make there.
                Err(error) if error.kind() != ErrorKind::PermissionDenied => {
                    return Err(wrong(&self.0, format!("cannot be given to the database's owner: {error}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings it to the disk. Gives its length.
    fn sync(&self) -> Result<u64, BackupError> {
        let synced = File::open(&self.0).and_then(|file| {
            file.sync_all()?;
            Ok(file.metadata()?.len())
        });
        synced.map_err(|error| wrong(&self.0, format!("cannot be brought to the disk: {error}")))
    }

    /// Gives it the name `target`, where there must be no file unless it may be overwritten.
    fn name(self, target: &Path, overwrite: bool) -> Result<(), BackupError> {
        let named = if overwrite {
            std::fs::rename(&self.0, target)
        } else {
            // Other than a rename, a link never takes the place of a file that somebody made meanwhile.
            match std::fs::hard_link(&self.0, target) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists && !target.exists() => {
                    std::fs::rename(&self.0, target)
                }
                outcome => outcome,
            }
        };
        named.map_err(|error| wrong(target, format!("cannot be written: {error}")))?;
        drop(self);
        sync_directory(target)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is nothing left, and of a failure nothing can be done.
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(with_suffix(&self.0, suffix));
        }
    }
}

/// Reads every page, and looks at the tables.
async fn check(pool: &DatabaseConnection, name: &Path) -> Result<Vec<String>, BackupError> {
    let backend = pool.get_database_backend();
    let integrity = sea_orm::Statement::from_string(backend, "PRAGMA integrity_check(1)");
    let found = pool.query_one_raw(integrity).await.map_err(|error| wrong(name, problem_of(&error)))?;
    let found: String = match found {
        Some(row) => row.try_get_by_index(0).map_err(StoreError::from)?,
        None => "no answer".to_owned(),
    };
    if found != "ok" {
        return Err(wrong(name, format!("is damaged: {}", found.replace('\n', " "))));
    }
    let orphans = sea_orm::Statement::from_string(backend, "PRAGMA foreign_key_check");
    if pool.query_one_raw(orphans).await.map_err(StoreError::from)?.is_some() {
        return Err(wrong(name, "is damaged: it has rows whose owner is missing"));
    }
    let pending = migration::pending(pool).await?;
    if pending.len() == migration::count() {
        return Err(wrong(name, "is an SQLite database, but none of Authgent"));
    }
    Ok(pending)
}

/// Puts `copy` in the place of `database`, which is kept as `kept` where that is given.
async fn replace(database: &Path, copy: Unfinished, kept: Option<&Path>) -> Result<(), BackupError> {
    // Held until the new file is in its place, so that no server begins to use the old one meanwhile.
    let lock = lock(database, kept).await?;
    // What is left now belongs to a damaged database, unless it is locked and needs nothing more: SQLite would apply it to the new one.
    for suffix in COMPANIONS {
        let companion = with_suffix(database, suffix);
        let moved = match kept {
            Some(kept) if suffix != "-shm" && lock.is_none() => std::fs::rename(&companion, with_suffix(kept, suffix)),
            _ => std::fs::remove_file(&companion),
        };
        match moved {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(wrong(&companion, format!("cannot be moved away: {error}")));
            }
            _ => {}
        }
    }
    sync_directory(database)?;
    if let Some(kept) = kept {
        // A second name first, so that at no moment the database is missing: a server would make an empty one.
        std::fs::hard_link(database, kept)
            .or_else(|_| std::fs::rename(database, kept))
            .map_err(|error| wrong(kept, format!("cannot be written: {error}")))?;
    }
    copy.name(database, true)?;
    if let Some(lock) = lock {
        close(lock).await;
    }
    Ok(())
}

/// Makes sure that nobody has the database open, and folds its write-ahead log into it. `None` where there is no database, or
/// one so damaged that SQLite does not open it.
///
/// Of a log that is damaged SQLite takes what is before the damage, and removes it: what is behind stays beside `kept`, where that is given.
async fn lock(database: &Path, kept: Option<&Path>) -> Result<Option<SqliteConnection>, BackupError> {
    if !std::fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(None);
    }
    // In this locking mode the whole file is locked when the write-ahead log is opened, and every connection of a server holds
    // a lock that is at odds with it. That comes before SQLite looks at the content.
    let options = options(database).busy_timeout(ENDING).locking_mode(SqliteLockingMode::Exclusive);
    let locked = async {
        let mut connection = options.connect().await?;
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await?;
        sqlx::query("COMMIT").execute(&mut connection).await?;
        if let Some(kept) = kept.filter(|_| wal::is_damaged(database).unwrap_or(true)) {
            keep(&with_suffix(database, "-wal"), &with_suffix(kept, "-wal")).map_err(sqlx::Error::Io)?;
        }
        sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut connection).await?;
        Ok::<_, sqlx::Error>(connection)
    };
    match locked.await {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) if is_busy(&error) => {
            Err(wrong(database, "is in use: stop the server and whatever else has it open"))
        }
        Err(error) => Err(unusable(database, error)),
    }
}

/// Copies a file, and brings the copy to the disk.
fn keep(file: &Path, copy: &Path) -> io::Result<()> {
    std::fs::copy(file, copy)?;
    File::open(copy)?.sync_all()
}

fn path_of(dsn: &SecretString) -> Result<PathBuf, BackupError> {
    match dsn::parse(dsn.expose_secret())? {
        Target::Sqlite(path) => Ok(path),
        Target::Temporary => Err(BackupError::Temporary),
        Target::Postgres(_) => Err(BackupError::Postgres),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).foreign_keys(true);
    options.busy_timeout(PATIENCE).disable_statement_logging()
}

fn wrong(path: &Path, problem: impl Into<String>) -> BackupError {
    BackupError::File { path: path.to_owned(), problem: problem.into() }
}

fn unusable(path: &Path, error: sqlx::Error) -> BackupError {
    let problem = problem_of(&sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(error.into())));
    StoreError::File { path: path.to_owned(), problem }.into()
}

/// The primary result code of SQLite.
fn code(error: &sqlx::Error) -> Option<i64> {
    let code: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(11 | 26))
}

/// `SQLITE_BUSY`, `SQLITE_LOCKED`.
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(5 | 6))
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(error = %error, "a database connection did not close in order");
    }
}
