//! Opening a database: what is wrong is one clear sentence, and the schema is brought up to date once.

use super::{on_a_strict_database, on_every_database, on_every_store, postgres};
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::SecretString;

async fn refusal(dsn: &str) -> String {
    let message = match Store::connect(&dsn.into()).await {
        Ok(store) => store.migrate().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(!message.contains("hunter2") && !message.contains('\n'), "{message}");
    message
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display();
    let expected = format!(
        "the database cannot be made because the directory {root}/missing/deeper does not exist: create it or change AUTHGENT_DB_DSN"
    );
    assert_eq!(refusal(&format!("sqlite://{root}/missing/deeper/a.db")).await, expected);
    assert!(!directory.path().join("missing").exists());

    std::fs::write(directory.path().join("text.db"), "not a database\n".repeat(100)).unwrap();
    let message = refusal(&format!("sqlite://{root}/text.db")).await;
    assert_eq!(message, format!("the database file {root}/text.db is not an SQLite database"));
    let left = std::fs::read_to_string(directory.path().join("text.db")).unwrap();
    assert_eq!(left, "not a database\n".repeat(100), "nothing is overwritten");

    let message = refusal(&format!("sqlite://{root}")).await;
    assert_eq!(message, format!("the database file {root} is a directory"));
    #[cfg(unix)]
    assert_eq!(refusal("sqlite:///dev/null").await, "the database file /dev/null is no regular file");
}

/// Who closes a file lets go of all the locks that the process has on it, and opening a store closes the file that it looked at. A
/// connection that is still there then has no lock, and SQLite gives none to those that come: another process would take the log away.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_store_that_follows_one_that_was_closed_has_its_locks() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authgent.db");
    let dsn: SecretString = format!("sqlite://{}", file.display()).into();
    for _ in 0..3 {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        let place = format!(":{} ", file.metadata().unwrap().ino());
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let process = format!(" {} ", std::process::id());
        let held =
            locks.lines().any(|line| line.contains(&place) && line.contains(&process) && line.contains(" READ "));
        assert!(held, "{locks}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let message = refusal("postgres://me:hunter2@127.0.0.1:1/authgent?sslmode=disable").await;
    assert!(message.contains("no connection to PostgreSQL at 127.0.0.1:1: "), "{message}");
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_said_not_to_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let message = refusal(&format!("postgres://me:hunter2@{}/authgent", silent.local_addr().unwrap())).await;
    assert!(message.ends_with(": it does not answer"), "{message}");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_without_a_line_of_postgresql() {
    let Some(server) = postgres::shared() else { return };
    let database = server.database().unwrap();
    let role = format!("person_{}", uuid::Uuid::new_v4().simple());
    server.psql(&database, &format!("CREATE ROLE {role} LOGIN")).unwrap();
    let message = refusal(&database.dsn().replacen("authgent@", &format!("{role}@"), 1)).await;
    let expected = "permission denied for schema public: the role of AUTHGENT_DB_DSN has to own Authgent's tables, or their schema";
    assert!(message.ends_with(expected), "{message}");
    // Somebody else's tables, as in a dump that was restored by another role.
    Store::connect(&database.dsn().into()).await.unwrap().migrate().await.unwrap();
    let message = refusal(&database.dsn().replacen("authgent@", &format!("{role}@"), 1)).await;
    assert!(
        message.ends_with("the role of AUTHGENT_DB_DSN has to own Authgent's tables, or their schema"),
        "{message}"
    );
    server.psql(&database, &format!("DROP ROLE {role}")).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::connect(&format!("sqlite://{}/a.db", directory.path().display()).into()).await.unwrap();
    store.migrate().await.unwrap();
    for name in ["a.db", "a.db-wal", "a.db-shm"] {
        let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn memory_is_a_database_of_its_own_that_goes_with_the_store() {
    let dsn = "sqlite::memory:".into();
    let (first, second) = (Store::connect(&dsn).await.unwrap(), Store::connect(&dsn).await.unwrap());
    first.migrate().await.unwrap();
    first.ping().await.unwrap();
    let write = first.begin().await.unwrap();
    write.insert_user(&super::fixtures::user(1)).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(first.clone().users().await.unwrap().len(), 1);
    assert_eq!(second.pending_migrations().await.unwrap().len(), 7);
    let path = first._temporary.as_ref().unwrap().path().to_owned();
    assert!(path.exists());
    drop(first);
    assert!(!path.exists());
}

/// That it takes `fdatasync` it does not tell, but both are told in one place.
#[tokio::test]
async fn sqlite_is_compiled_as_the_configuration_of_cargo_wants_it() {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    let options = Statement::from_string(DbBackend::Sqlite, "PRAGMA compile_options");
    let options = store.read.here().query_all_raw(options).await.unwrap();
    let options: Vec<String> = options.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    let wanted = "DEFAULT_MEMSTATUS=0";
    assert!(options.iter().any(|option| option == wanted), "not from the root of the checkout? {wanted}: {options:?}");
}

#[tokio::test]
async fn a_read_connection_of_sqlite_cannot_write() {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    store.migrate().await.unwrap();
    store.read.here().execute_unprepared("DELETE FROM users").await.unwrap_err();
    let write = store.begin().await.unwrap();
    let pragma = async |name: &str| {
        let row = write.inner.query_one_raw(Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}")));
        let row = row.await.unwrap().unwrap();
        row.try_get_by_index::<String>(0).or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string())).unwrap()
    };
    assert_eq!(pragma("journal_mode").await, "wal");
    assert_eq!(pragma("synchronous").await, "2", "FULL");
    assert_eq!(pragma("foreign_keys").await, "1");
    assert_eq!(pragma("busy_timeout").await, "5000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_start_on_an_empty_database_at_once() {
    let start = async |dsn: SecretString| {
        let starts = (0..8).map(|_| {
            let dsn = dsn.clone();
            tokio::spawn(async move {
                let store = Store::connect(&dsn).await?;
                store.migrate().await?;
                store.pending_migrations().await
            })
        });
        for start in join_all(starts).await {
            assert_eq!(start.unwrap().unwrap(), Vec::<String>::new());
        }
    };
    on_every_database(start).await;
    on_a_strict_database(start).await;
}

#[tokio::test]
async fn pending_migrations_are_named_and_nothing_is_written_by_asking() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        for _ in 0..2 {
            assert_eq!(
                store.pending_migrations().await.unwrap(),
                [
                    "0001_initial",
                    "0002_clients",
                    "0003_people",
                    "0004_replicas",
                    "0005_redemption",
                    "0006_many",
                    "0007_deployment"
                ]
            );
        }
        assert!(matches!(store.users().await, Err(StoreError::Unavailable { .. })));
        store.migrate().await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), Vec::<String>::new());
        store.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_later_schema_is_left_alone() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        let later = "INSERT INTO authgent_migrations (version, applied_at) VALUES ('0099_later', 1)";
        store.execute(later).await;
        // Something that this version would have to do, and a table of which it knows nothing.
        store.execute("DELETE FROM authgent_migrations WHERE version = '0005_redemption'").await;
        store.execute("CREATE TABLE later (id BIGINT)").await;
        let before = schema(&store).await;
        let expected = "the database was made by a later version of Authgent (it has 0099_later): use that version or another database";
        assert_eq!(store.migrate().await.unwrap_err().to_string(), expected);
        assert_eq!(store.pending_migrations().await.unwrap_err().to_string(), expected);
        // As a server that starts there does.
        let again = Store::connect(&dsn).await.unwrap();
        assert_eq!(again.migrate().await.unwrap_err().to_string(), expected);
        assert_eq!(schema(&store).await, before);
        assert!(before.iter().any(|line| line == "0099_later 1") && before.iter().any(|line| line == "later id"));
    })
    .await;
}

/// Tables with their columns and indexes, what is noted of migrations, and how often the lock was taken.
async fn schema(store: &Store) -> Vec<String> {
    let connection = store.read.here();
    let backend = connection.get_database_backend();
    let mut statements = vec!["SELECT version || ' ' || CAST(applied_at AS TEXT) FROM authgent_migrations ORDER BY 1"];
    match backend {
        DbBackend::Postgres => statements.extend([
            "SELECT table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
            "SELECT CAST(times AS TEXT) FROM authgent_migration_lock",
        ]),
        _ => statements.extend([
            "SELECT m.name || ' ' || c.name FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1",
            "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY 1",
        ]),
    }
    let mut lines = Vec::new();
    for statement in statements {
        let rows = connection.query_all_raw(Statement::from_string(backend, statement)).await.unwrap();
        lines.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()));
    }
    lines
}

#[tokio::test]
async fn the_tables_of_another_program_are_left_alone() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.execute("CREATE TABLE grants (id BIGINT)").await;
        store.execute("CREATE TABLE invoices (id BIGINT)").await;
        let expected = "the database is another program's, and has tables that Authgent would make itself (grants): let AUTHGENT_DB_DSN name a database of its own";
        assert_eq!(store.migrate().await.unwrap_err().to_string(), expected);
        assert_eq!(store.pending_migrations().await.unwrap().len(), 7, "all or nothing");
        store.execute("DROP TABLE grants").await;
        store.migrate().await.unwrap();
        store.execute("DELETE FROM invoices").await;
    })
    .await;
}

#[tokio::test]
async fn tables_that_are_missing_are_found_at_the_start() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        store.execute("DROP TABLE used_assertions").await;
        store.execute("DROP TABLE totp").await;
        let before = schema(&store).await;
        let again = Store::connect(&dsn).await.unwrap();
        let expected = "the database lacks tables that it had once (totp, used_assertions): restore it from a backup";
        assert_eq!(again.migrate().await.unwrap_err().to_string(), expected);
        assert_eq!(again.pending_migrations().await.unwrap_err().to_string(), expected);
        assert_eq!(schema(&store).await, before);
    })
    .await;
}

#[tokio::test]
async fn the_file_of_another_program_keeps_every_byte() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs.db");
    let dsn = format!("sqlite://{}", path.display());
    let theirs = Store::connect(&dsn.as_str().into()).await.unwrap();
    theirs.execute("CREATE TABLE users (name TEXT)").await;
    // Another program may not use a write-ahead log.
    theirs.close().await;
    let options = sea_orm::sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let options = options.journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Delete);
    crate::store::connect::sqlite_pool(options, 1).await.unwrap().close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let message = refusal(&dsn).await;
    assert!(message.contains("another program's") && message.contains("(users)"), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "and nothing beside it");
}

#[tokio::test]
async fn health_is_the_truth_about_writing() {
    on_every_store(async |store| {
        store.check_health().await.unwrap();
        let generation = store.cache_generation().await.unwrap();
        store.check_health().await.unwrap();
        assert_eq!(store.cache_generation().await.unwrap(), generation, "no cache is emptied by a probe");
    })
    .await;
}
