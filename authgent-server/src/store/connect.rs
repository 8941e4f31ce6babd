//! Opening the two pools.

use super::checkpoint::{Checkpoints, FALLBACK, LARGEST_FILE};
use super::connections::{Connections, LONGEST};
use super::dsn::{self, Target};
use super::lateness::Lateness;
use super::writer::{TURNS, Writer};
use super::{Store, StoreError, migration, wal};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};
use secrecy::{ExposeSecret, SecretString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a caller waits for a free connection or, on SQLite, for the lock of another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is looked why there is no connection.
const CAUSE: Duration = Duration::from_secs(2);

/// A directory that is removed with everything in it.
#[derive(Debug)]
pub(super) struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn create() -> Result<Self, StoreError> {
        let path = std::env::temp_dir().join(format!("authgent-{}", uuid::Uuid::new_v4()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(StoreError::File { path, problem: format!("cannot be made: {error}") }),
        }
    }
}

impl TemporaryDirectory {
    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and the system clears its temporary directory itself.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What becomes of an SQLite file that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Refuse,
}

pub(super) async fn connect(dsn: &SecretString, missing: Missing) -> Result<Store, StoreError> {
    match dsn::parse(dsn.expose_secret())? {
        Target::Postgres(options) => {
            let lateness = Arc::default();
            Ok(Store {
                read: postgres(*options, dsn, Arc::clone(&lateness)).await?,
                writer: None,
                health: Arc::default(),
                batches: Arc::default(),
                lateness,
                _temporary: None,
            })
        }
        Target::Sqlite(path) => sqlite(&path, missing, None).await,
        Target::Temporary => {
            let directory = TemporaryDirectory::create()?;
            sqlite(&directory.0.join("authgent.db"), Missing::Make, Some(Arc::new(directory))).await
        }
    }
}

async fn postgres(
    options: PgConnectOptions,
    dsn: &SecretString,
    lateness: Arc<Lateness>,
) -> Result<Connections, StoreError> {
    let name = options.get_application_name().unwrap_or("authgent").to_owned();
    let options = options.application_name(&name).disable_statement_logging();
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let connections = Connections::postgres((options.clone(), dsn.clone()), PATIENCE, LONGEST, lateness);
    // None is made before it is needed: here, so that a wrong address or password stops the start.
    let version = match version(&connections.here()).await {
        Ok(version) => version,
        Err(error) => {
            let problem = match error {
                DbErr::ConnectionAcquire(_) => why_not(&options, dsn, PATIENCE).await,
                error => dsn::problem(dsn.expose_secret(), &error),
            };
            return Err(StoreError::Unavailable {
                problem: format!("no connection to PostgreSQL at {place}: {problem}"),
            });
        }
    };
    match version {
        Some((name, number)) if is_too_old(&name, number) => {
            Err(StoreError::OldPostgres { version: name.split(' ').take(2).collect::<Vec<_>>().join(" ") })
        }
        _ => Ok(connections),
    }
}

/// Why the pool got no connection. It tries again and again, and says in the end only that it took too long.
pub(super) async fn why_not(options: &PgConnectOptions, dsn: &SecretString, patience: Duration) -> String {
    let connection = async {
        let connection = options.connect().await?;
        connection.close().await
    };
    match timeout(CAUSE, connection).await {
        Err(_) => "it does not answer".to_owned(),
        Ok(Err(error)) => dsn::problem(dsn.expose_secret(), &DbErr::Conn(RuntimeErr::SqlxError(error.into()))),
        Ok(Ok(())) => {
            let waited = patience.as_secs();
            format!("it takes new ones, but none of those that this process may have was free within {waited} seconds")
        }
    }
}

/// What PostgreSQL says that it is, such as `PostgreSQL 15.18 on x86_64…`, and the number of its version, such as 150018. `None` where
/// what speaks PostgreSQL's protocol says that it is something else.
async fn version(db: &impl ConnectionTrait) -> Result<Option<(String, u32)>, DbErr> {
    let ask = async |what: &str| {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("SELECT {what}"))).await?;
        row.map(|row| row.try_get_by_index::<String>(0)).transpose()
    };
    let Some(name) = ask("version()").await?.filter(|name| name.starts_with("PostgreSQL")) else { return Ok(None) };
    let number = ask("current_setting('server_version_num')").await?;
    Ok(number.and_then(|number| number.parse().ok()).map(|number| (name, number)))
}

/// Older than PostgreSQL 15, by the number of the version. What only speaks its protocol has numbers of its own, and mostly another
/// name; YugabyteDB calls itself `PostgreSQL 11.2-YB-2.20.0.0-b0`.
fn is_too_old(name: &str, number: u32) -> bool {
    number < 150_000 && name.starts_with("PostgreSQL ") && !name.contains("-YB-")
}

async fn sqlite(
    path: &Path,
    missing: Missing,
    temporary: Option<Arc<TemporaryDirectory>>,
) -> Result<Store, StoreError> {
    prepare_file(path, missing)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .disable_statement_logging();
    let unreadable = |error: DbErr| StoreError::File { path: path.to_owned(), problem: problem_of(&error) };
    check_log(path).await?;
    let readers = std::thread::available_parallelism().map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(8));
    let reading = options.clone().pragma("query_only", "ON");
    // One of them copies the write-ahead log. Each is opened when it is needed.
    let read = sqlite_pool(reading, readers.clamp(2, 8) + 1).await.map_err(unreadable)?;
    // Before anything is written: the next step would already change another program's file.
    let foreign = migration::foreign_tables(&read).await.map_err(unreadable)?;
    if !foreign.is_empty() {
        return Err(StoreError::ForeignTables { tables: foreign.join(", ") });
    }
    // The journal mode is a property of the file: this connection sets it, the others find it.
    // What undoes a single statement goes to memory instead of a file: it has nothing to survive. The answer to a group of
    // rotations never waits for the one who reads it.
    let writing =
        options.journal_mode(SqliteJournalMode::Wal).pragma("temp_store", "MEMORY").row_buffer_size(2 * TURNS);
    let writing = writing.pragma("wal_autocheckpoint", FALLBACK.to_string());
    let writing = writing.pragma("journal_size_limit", LARGEST_FILE.to_string());
    let lateness = Arc::default();
    let checkpoints = Arc::new(Checkpoints::new(path.to_owned()));
    let writer = Writer::start(writing, PATIENCE, Arc::clone(&lateness), Arc::clone(&checkpoints));
    let writer = writer.await.map_err(unreadable)?;
    tokio::spawn(checkpoints.run(read.clone()));
    Ok(Store {
        read: Connections::Sqlite(read),
        writer: Some(writer),
        health: Arc::default(),
        batches: Arc::default(),
        lateness,
        _temporary: temporary,
    })
}

/// Finds a damaged write-ahead log before SQLite leaves out, and then overwrites, what is behind the damage; and a file that was cut
/// off.
pub(super) async fn check_log(path: &Path) -> Result<(), StoreError> {
    const LOG: &str = "has a damaged write-ahead log (the file that ends in -wal), behind whose damage is what was acknowledged: restore a backup, or give that up with sqlite3 and PRAGMA wal_checkpoint(TRUNCATE)";
    const CUT_OFF: &str = "is damaged, because its end is missing: restore it from a backup";
    let file = |problem: String| StoreError::File { path: path.to_owned(), problem };
    let look = || {
        let log = wal::is_damaged(path)?.then_some(LOG);
        Ok::<_, std::io::Error>(log.or(wal::is_cut_off(path)?.then_some(CUT_OFF)))
    };
    let mut attempts = 0;
    loop {
        let found = look().map_err(|error| file(format!("cannot be read: {error}")))?;
        attempts += 1;
        match found {
            None => return Ok(()),
            // Where others write, it may look damaged for a moment.
            Some(_) if attempts < 3 => tokio::time::sleep(Duration::from_millis(50)).await,
            Some(problem) => return Err(file(problem.to_owned())),
        }
    }
}

pub(super) async fn sqlite_pool(options: SqliteConnectOptions, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut pool = ConnectOptions::new("sqlite://authgent.db");
    pool.map_sqlx_sqlite_opts(move |_| options.clone())
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .record_stmt_in_spans(false)
        .sqlx_logging(false);
    Database::connect(pool).await
}

/// Makes the file where it is missing and may be made, readable by its owner only (SQLite gives its journal files the same mode), and
/// finds out what is wrong with it in words that SQLite does not have.
fn prepare_file(path: &Path, missing: Missing) -> Result<(), StoreError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(StoreError::MissingDirectory { path: directory.to_owned() });
    }
    let file = |problem: String| StoreError::File { path: path.to_owned(), problem };
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(file("is a directory".into())),
        // Opening a pipe waits for somebody at its other end.
        Ok(found) if !found.is_file() => return Err(file("is no regular file".into())),
        Err(error) if error.kind() == ErrorKind::NotFound && missing == Missing::Refuse => {
            return Err(file("is not there: run `authgent migrate` first, or change AUTHGENT_DB_DSN".into()));
        }
        _ => {}
    }
    let mut open = std::fs::OpenOptions::new();
    open.read(true).append(true).create(missing == Missing::Make);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    open.open(path).map_err(|error| file(format!("cannot be opened for reading and writing: {error}")))?;
    Ok(())
}

pub(super) fn problem_of(error: &DbErr) -> String {
    let message = error.to_string();
    if message.contains("file is not a database") {
        "is not an SQLite database".into()
    } else if message.contains("malformed") {
        "is damaged: restore it from a backup".into()
    } else {
        format!("cannot be used: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postgresql_before_15_is_too_old_and_what_only_speaks_its_protocol_is_not() {
        for (name, number, expected) in [
            ("PostgreSQL 14.13 (Debian 14.13-1.pgdg120+1) on x86_64-pc-linux-gnu, compiled by gcc", 140_013, true),
            ("PostgreSQL 9.6.24 on x86_64-pc-linux-gnu", 90_624, true),
            ("PostgreSQL 15.0 on aarch64-unknown-linux-musl", 150_000, false),
            ("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu", 150_018, false),
            ("PostgreSQL 18beta1 on x86_64-pc-linux-gnu", 180_000, false),
            ("CockroachDB CCL v23.2.5 (x86_64-pc-linux-gnu)", 130_000, false),
            ("PostgreSQL 11.2-YB-2.20.0.0-b0 on x86_64-pc-linux-gnu", 110_002, false),
            ("PostgreSQL 15.12-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu", 150_012, false),
        ] {
            assert_eq!(is_too_old(name, number), expected, "{name}");
        }
    }
}
