//! PostgreSQL fails under a server that runs. Without PostgreSQL these tests do nothing, which is said once.

use super::{assert_honest, every_write_is_refused_honestly, readiness, until_ready};
use authgent_tests::flow::Flow;
use authgent_tests::postgres::{Database, Durability, Postgres, installed};
use authgent_tests::server::TestServer;
use futures_util::future::join_all;
use serde_json::Value;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// After what time Authgent gives up a statement that PostgreSQL does not answer (docs/guides/replicas.md), and what a busy machine
/// takes beside.
const GIVEN_UP: Duration = Duration::from_secs(11 + 2);

/// For how long a server that answers nobody is asked by a probe, and what a busy machine takes beside.
const PROBED: Duration = Duration::from_secs(4);

/// A server that fails alone, and a database on it. It is durable where it is to be killed.
fn of_its_own(durability: Durability) -> Option<(Postgres, Database)> {
    installed().then(|| {
        let postgres = Postgres::start(durability).unwrap();
        let database = postgres.database().unwrap();
        (postgres, database)
    })
}

async fn on(database: &Database) -> TestServer {
    TestServer::setup().with("AUTHGENT_DB_DSN", database.dsn()).start().await.unwrap()
}

fn refresh_token(body: &Value) -> String {
    body["refresh_token"].as_str().unwrap().to_owned()
}

/// Those who ask do not wait for long, and would otherwise not be told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_is_answered_soon_while_postgresql_is_gone() {
    let Some((postgres, database)) = of_its_own(Durability::Full) else { return };
    let server = on(&database).await;
    assert_eq!(readiness(&server).await, 200);
    postgres.kill().unwrap();
    // What it had under way notices a moment later, and the first probes then find connections that are broken.
    until_ready(&server, 503).await;
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(readiness(&server).await, 503);
        assert!(began.elapsed() < PROBED, "{:?}", began.elapsed());
    }
    postgres.start_again().unwrap();
    until_ready(&server, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_stopped_for_some_seconds() {
    let Some((postgres, database)) = of_its_own(Durability::Full) else { return };
    let server = on(&database).await;
    let flow = Flow::new(&server).await.unwrap();
    let token = refresh_token(&flow.tokens().await.unwrap());
    let code = flow.code().await.unwrap();
    for _ in 0..2 {
        assert_eq!(readiness(&server).await, 200);
        postgres.stop().unwrap();
        for _ in 0..3 {
            every_write_is_refused_honestly(&flow, &token, &code).await;
            assert_eq!(readiness(&server).await, 503);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        postgres.start_again().unwrap();
        until_ready(&server, 200).await;
    }
    assert_eq!(flow.refresh(&token).await.unwrap().0, 200, "the token was not used up");
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nor was the code");
}

/// As where a disk is full and whoever manages the server lets nobody write any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_becomes_read_only() {
    let Some((postgres, database)) = of_its_own(Durability::None) else { return };
    // It acts on every connection that there is.
    let set = |value: &str| {
        postgres.psql(&database, &format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).unwrap();
        postgres.psql(&database, "SELECT pg_reload_conf()").unwrap();
    };
    is_read_only_meanwhile(&database, || set("on"), || set("off")).await;
}

/// As after a failover to where nothing is written yet: connections end, and the new ones lead there; then the same once more, to where
/// it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_lead_to_where_nothing_is_written_for_a_while() {
    let Some((postgres, database)) = of_its_own(Durability::None) else { return };
    let elsewhere = postgres.database().unwrap();
    let set = |value: &str| {
        new_connections_are_read_only(&postgres, &elsewhere, &database, value);
        end_connections(&postgres, &elsewhere, &database);
    };
    is_read_only_meanwhile(&database, || set("on"), || set("off")).await;
}

/// The same, but nobody ends the connections that were opened meanwhile: they are read-only for as long as they live.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_where_nothing_is_written_do_not_stay() {
    let Some((postgres, database)) = of_its_own(Durability::None) else { return };
    let elsewhere = postgres.database().unwrap();
    let set = |value: &str| new_connections_are_read_only(&postgres, &elsewhere, &database, value);
    let lead_there = || {
        set("on");
        end_connections(&postgres, &elsewhere, &database);
    };
    is_read_only_meanwhile(&database, lead_there, || set("off")).await;
}

fn name_of(database: &Database) -> &str {
    database.dsn().split(['/', '?']).nth(3).unwrap()
}

fn new_connections_are_read_only(postgres: &Postgres, elsewhere: &Database, database: &Database, value: &str) {
    let alter = format!("ALTER DATABASE {} SET default_transaction_read_only = {value}", name_of(database));
    postgres.psql(elsewhere, &alter).unwrap();
}

fn end_connections(postgres: &Postgres, elsewhere: &Database, database: &Database) {
    let name = name_of(database);
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    postgres.psql(elsewhere, &end).unwrap();
}

async fn is_read_only_meanwhile(database: &Database, begin: impl Fn(), end: impl Fn()) {
    let server = on(database).await;
    let flow = Flow::new(&server).await.unwrap();
    let token = refresh_token(&flow.tokens().await.unwrap());
    let code = flow.code().await.unwrap();
    for _ in 0..2 {
        assert_eq!(readiness(&server).await, 200);
        begin();
        // That it wrote is believed for five seconds, whatever else fails meanwhile.
        tokio::time::sleep(Duration::from_secs(6)).await;
        for _ in 0..3 {
            every_write_is_refused_honestly(&flow, &token, &code).await;
            assert_eq!(readiness(&server).await, 503);
        }
        let metadata = server.http.get(server.url("/.well-known/oauth-authorization-server")).send().await.unwrap();
        assert_eq!(metadata.status(), 200, "whatever only reads goes on");
        end();
        until_ready(&server, 200).await;
        // A connection that was ended is noticed by whoever uses it next, who has to come again.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    // Each thread finds out by itself, by one who has to come again.
    let mut refused = 0;
    let mut is_answered = |status: u16| {
        refused += usize::from(status == 503);
        assert!(matches!(status, 200 | 503) && refused <= 3, "{status}, {refused} refused");
        status == 200
    };
    while !is_answered(flow.refresh(&token).await.unwrap().0) {}
    while !is_answered(flow.exchange(&code).await.unwrap().0) {}
    while !is_answered(flow.tokens().await.map_or(503, |_| 200)) {}
}

/// Shorter than what Authgent gives up after: what was sent is done when PostgreSQL goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_hangs_for_eight_seconds() {
    hangs_for(Duration::from_secs(8)).await;
}

/// Longer than that: nobody knows what was done, and it may be done later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_hangs_for_longer_than_it_is_waited_for() {
    hangs_for(Duration::from_secs(14)).await;
}

/// Nobody is logged out who asks again until there is an answer, although the grace is over long before: half of the clients wait for
/// two seconds and half for as long as it takes.
async fn hangs_for(time: Duration) {
    let Some((postgres, database)) = of_its_own(Durability::None) else { return };
    let setup = TestServer::setup().with("AUTHGENT_DB_DSN", database.dsn()).with("AUTHGENT_REFRESH_GRACE", 1);
    let server = setup.start().await.unwrap();
    let clock = server.clock.clone();
    let time_passes = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(1);
        }
    });
    let flow = Flow::new(&server).await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(refresh_token(&flow.tokens().await.unwrap()));
    }
    let goes_on = AtomicBool::new(false);
    let clients = tokens.into_iter().enumerate().map(|(number, token)| {
        let patience = Duration::from_secs(if number % 2 == 0 { 2 } else { 60 });
        go_on(&flow, token, patience, &goes_on)
    });
    let hang = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let frozen = Frozen::new(&postgres);
        let began = Instant::now();
        while began.elapsed() + PROBED < time {
            let asked = Instant::now();
            assert_eq!(readiness(&server).await, 503);
            assert!(asked.elapsed() < PROBED, "{:?}", asked.elapsed());
        }
        tokio::time::sleep_until((began + time).into()).await;
        drop(frozen);
        goes_on.store(true, Ordering::SeqCst);
        until_ready(&server, 200).await;
        began.elapsed()
    };
    let (longest, ready) = tokio::join!(join_all(clients), hang);
    println!("ready after {ready:?}, the longest answers took {longest:?}");
    assert!(ready < time + Duration::from_secs(6), "{ready:?}");
    time_passes.abort();
}

/// A client that refreshes all the time, and asks again with the same token when it gets no answer, or is told to. It ends when it
/// was answered some times after PostgreSQL `goes_on`. Gives how long the longest answer took.
async fn go_on(flow: &Flow<'_>, mut token: String, patience: Duration, goes_on: &AtomicBool) -> Duration {
    let server = flow.server;
    let (mut answered, mut longest) = (0, Duration::ZERO);
    let mut thawed = None;
    while answered < 5 {
        if goes_on.load(Ordering::SeqCst) && thawed.is_none() {
            thawed = Some(Instant::now());
        }
        let form = [("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", &flow.client_id)];
        let asked = Instant::now();
        let response = server.http.post(server.url("/oauth/token")).form(&form).timeout(patience).send().await;
        longest = longest.max(asked.elapsed());
        assert!(asked.elapsed() < GIVEN_UP, "{:?}", asked.elapsed());
        match response {
            Ok(response) if response.status() == 200 => {
                token = refresh_token(&response.json().await.unwrap());
                answered += u32::from(thawed.is_some());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(response) => {
                assert_honest(response).await;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
        assert!(thawed.is_none_or(|thawed| thawed.elapsed() < Duration::from_secs(20)), "it does not go on");
    }
    longest
}

/// Stops every process of PostgreSQL without ending one, as where its machine hangs, until it is dropped.
struct Frozen(Vec<String>);

impl Frozen {
    fn new(postgres: &Postgres) -> Self {
        let pid_file = std::fs::read_to_string(postgres.data().join("postmaster.pid")).unwrap();
        let postmaster = pid_file.lines().next().unwrap().to_owned();
        let mut frozen = Self(vec![postmaster.clone()]);
        // First, so that it makes no more.
        frozen.signal("-STOP");
        let is_child = |stat: &str| {
            // After the name, which may have anything in it: state and parent.
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            parent == Some(postmaster.as_str())
        };
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            if std::fs::read_to_string(process.path().join("stat")).is_ok_and(|stat| is_child(&stat)) {
                frozen.0.push(process.file_name().into_string().unwrap());
            }
        }
        assert!(frozen.0.len() > 5, "{:?}", frozen.0);
        frozen.signal("-STOP");
        frozen
    }

    fn signal(&self, signal: &str) {
        // Of many, one may have ended meanwhile.
        drop(Command::new("kill").arg(signal).args(&self.0).output().unwrap());
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}
