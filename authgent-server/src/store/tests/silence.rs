//! A PostgreSQL that says nothing any more, not even that it is gone.

use super::fixtures::*;
use super::rotation::rotation;
use super::{on_every_database, postgres};
use crate::store::connections::Connections;
use crate::store::dsn::{self, Target};
use crate::store::{Store, StoreError};
use crate::telemetry::tests::Buffer;
use futures_util::future::join_all;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use secrecy::SecretString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// After what time a statement is given up here.
const LONGEST: Duration = Duration::from_millis(600);
/// How long one waits for a connection here.
const PATIENCE: Duration = Duration::from_millis(200);

/// The way to the database. It can be cut so that nobody notices: what is sent is taken, and nothing comes back.
struct Way {
    /// How often it was cut. Connections that were opened before lead nowhere.
    cut: watch::Sender<u32>,
    directory: tempfile::TempDir,
}

impl Way {
    fn to(database: &PgConnectOptions) -> Self {
        let name = format!(".s.PGSQL.{}", database.get_port());
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(&name)).unwrap();
        let target: PathBuf = database.get_socket().unwrap().join(name);
        let (cut, _) = watch::channel(0);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut cut, target) = (cuts.subscribe(), target.clone());
                tokio::spawn(async move {
                    let mut far = UnixStream::connect(target).await.unwrap();
                    tokio::select! {
                        biased;
                        _ = cut.changed() => std::future::pending().await,
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Self { cut, directory }
    }

    /// Cuts it when every connection is back in its pool, so that the next statement takes one of them.
    async fn cut(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.cut.send_modify(|times| *times += 1);
    }
}

/// Runs `test` with a migrated store and the way to its database, where there is a PostgreSQL.
async fn on_the_way(test: impl AsyncFn(Store, Way)) {
    let Some(server) = postgres::shared() else { return };
    let database = server.database().unwrap();
    Store::connect(&database.dsn().into()).await.unwrap().migrate().await.unwrap();
    let Target::Postgres(options) = dsn::parse(database.dsn()).unwrap() else { panic!("a DSN of PostgreSQL") };
    let way = Way::to(&options);
    let options = options.socket(way.directory.path());
    test(on(options, &database.dsn().into()), way).await;
}

fn on(options: PgConnectOptions, dsn: &SecretString) -> Store {
    let lateness = Arc::default();
    Store {
        read: Connections::postgres((options, dsn.clone()), PATIENCE, LONGEST, Arc::clone(&lateness)),
        writer: None,
        health: Arc::default(),
        batches: Arc::default(),
        lateness,
        _temporary: None,
    }
}

/// Until it answers, which is to be soon.
async fn until_it_answers(store: &Store) {
    let began = Instant::now();
    while let Err(error) = store.ping().await {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(began.elapsed() < LONGEST * 5, "{error}");
    }
}

#[tokio::test]
async fn a_statement_without_an_answer_is_given_up_and_the_next_goes_another_way() {
    on_the_way(async |store, way| {
        store.ping().await.unwrap();
        way.cut().await;
        let began = Instant::now();
        let error = store.ping().await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        assert!(began.elapsed() < LONGEST * 2, "after {:?}", began.elapsed());
        store.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_exchange_without_an_answer_is_given_up_as_are_those_that_wait_for_it() {
    on_the_way(async |store, way| {
        with_grant(&store).await;
        let wanted = rotation(&store, 2, 3).await;
        way.cut().await;
        let began = Instant::now();
        let exchanges = join_all((0..8).map(|_| store.rotate_refresh_token(wanted.clone()))).await;
        assert!(exchanges.iter().any(Result::is_err), "{exchanges:?}");
        assert!(began.elapsed() < LONGEST * 3, "after {:?}", began.elapsed());
        until_it_answers(&store).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_given_up_is_late_until_the_database_answers_again() {
    on_the_way(async |store, way| {
        store.ping().await.unwrap();
        way.cut().await;
        let wait = Duration::from_millis(1500);
        store.ping().await.unwrap_err();
        tokio::time::sleep(wait).await;
        until_it_answers(&store).await;
        assert!(store.lateness(Duration::from_secs(10)) >= wait, "a retry of what was given up is no theft");
    })
    .await;
}

/// A caller who goes leaves the connection to the pool, which asks it whether it is well, and waits.
#[tokio::test]
async fn callers_who_go_leave_no_pool_that_answers_nobody() {
    on_the_way(async |store, way| {
        store.ping().await.unwrap();
        way.cut().await;
        for _ in 0..40 {
            drop(tokio::time::timeout(Duration::from_millis(5), store.ping()).await);
            drop(tokio::time::timeout(Duration::from_millis(5), store.begin()).await);
        }
        until_it_answers(&store).await;
        store.begin().await.unwrap().commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_an_operator_does_to_very_many_rows_takes_its_time() {
    on_the_way(async |store, _way| {
        let longer = format!("SELECT pg_sleep({})", (LONGEST * 2).as_secs_f64());
        let write = store.begin().await.unwrap();
        write.inner.execute_unprepared(&longer).await.unwrap_err();
        drop(write);
        let write = store.begin().await.unwrap();
        write.inner.take_your_time().await.unwrap();
        write.inner.execute_unprepared(&longer).await.unwrap();
        write.commit().await.unwrap();
    })
    .await;
}

/// sqlx knows of a transaction only when the database has answered its `BEGIN`.
#[tokio::test]
async fn callers_who_go_while_a_transaction_begins_leave_none_that_is_open() {
    on_every_database(async |dsn| {
        let (store, watch) = (Store::connect(&dsn).await.unwrap(), Store::connect(&dsn).await.unwrap());
        if store.writer.is_some() {
            return;
        }
        for microseconds in (0..1200).step_by(10) {
            // Its connection is back when it begins.
            tokio::time::sleep(Duration::from_millis(2)).await;
            drop(tokio::time::timeout(Duration::from_micros(microseconds), store.begin()).await);
            let began = Instant::now();
            while open_transactions(&watch).await > 0 {
                assert!(began.elapsed() < Duration::from_secs(3), "a transaction is open that nobody knows of");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    })
    .await;
}

async fn open_transactions(store: &Store) -> i64 {
    let count = "SELECT count(*) AS open FROM pg_stat_activity \
                 WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let count = Statement::from_string(DbBackend::Postgres, count);
    store.read.here().query_one_raw(count).await.unwrap().unwrap().try_get("", "open").unwrap()
}

#[tokio::test]
async fn why_there_is_no_connection_is_logged_once_for_all_who_wait() {
    let log = Buffer::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let dsn = "postgres://me:hunter2@127.0.0.1:1/authgent?sslmode=disable";
    let Target::Postgres(options) = dsn::parse(dsn).unwrap() else { panic!("a DSN of PostgreSQL") };
    let began = Instant::now();
    let store = on(*options, &dsn.into());
    while !log.text().contains("no connection to PostgreSQL") {
        assert!(began.elapsed() < LONGEST * 10, "{}", log.text());
        assert!(join_all((0..4).map(|_| store.ping())).await.iter().all(Result::is_err));
    }
    assert!(began.elapsed() > LONGEST * 2, "a start says it itself");
    let (lines, reason) = (log.text(), "a request got no connection to PostgreSQL");
    let reasons: Vec<&str> = lines.lines().filter(|line| line.contains(reason)).collect();
    assert!(matches!(&*reasons, [line] if line.contains("refused")) && !lines.contains("hunter2"), "{lines}");
}
