//! The database fails under a server that runs: honest answers, and recovery without help.

use authgent_tests::flow::Flow;
use authgent_tests::postgres::{Durability, Postgres, binaries};
use authgent_tests::server::TestServer;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

async fn readiness(server: &TestServer) -> u16 {
    server.http.get(server.url("/health/ready")).send().await.unwrap().status().as_u16()
}

/// Waits until a probe says so, as an orchestrator does.
async fn until_ready(server: &TestServer, expected: u16) {
    let began = Instant::now();
    while readiness(server).await != expected {
        assert!(began.elapsed() < Duration::from_secs(60), "not {expected}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// 503 with what a client needs to know to come again.
async fn assert_honest(response: reqwest::Response) {
    assert_eq!(response.status(), 503, "{:?}", response.text().await);
    assert!(response.headers()[RETRY_AFTER].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"], "temporarily_unavailable");
    assert!(!body.to_string().contains("SQL") && !body.to_string().contains("database is"), "{body}");
}

/// One of each kind of request that writes; none may be answered with success or as the client's fault.
async fn every_write_is_refused_honestly(flow: &Flow<'_>, refresh_token: &str, code: &str) {
    let server = flow.server;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", &flow.client_id)];
    let refresh = server.http.post(server.url("/oauth/token")).form(&form).send();
    let exchange = server.http.post(server.url("/oauth/token")).form(&flow.exchange_form(code)).send();
    let metadata = json!({"client_name": "Another", "redirect_uris": ["https://agent.example.com/cb"]});
    let register = server.http.post(server.url("/oauth/register")).json(&metadata).send();
    let form = [("token", refresh_token), ("client_id", &flow.client_id)];
    let revoke = server.http.post(server.url("/oauth/revoke")).form(&form).send();
    let (refresh, exchange, register, revoke) = tokio::join!(refresh, exchange, register, revoke);
    for response in [refresh, exchange, register, revoke] {
        assert_honest(response.unwrap()).await;
    }
}

/// Those who ask do not wait for long, and would otherwise not be told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_is_answered_soon_while_postgresql_is_gone() {
    if binaries().is_err() {
        return;
    }
    // The tables have to survive the kill.
    let postgres = Postgres::start(Durability::Full).unwrap();
    let database = postgres.database().unwrap();
    let server = TestServer::setup().with("AUTHGENT_DB_DSN", database.dsn()).start().await.unwrap();
    assert_eq!(readiness(&server).await, 200);
    postgres.kill().unwrap();
    // What it had under way notices a moment later, and the first probes then find connections that are broken.
    until_ready(&server, 503).await;
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(readiness(&server).await, 503);
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
    postgres.start_again().unwrap();
    until_ready(&server, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_by_another_process_for_long() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let token = tokens["refresh_token"].as_str().unwrap();
    let code = flow.code().await.unwrap();
    assert_eq!(readiness(&server).await, 200);

    // The one who writes in another process.
    let other = authgent_server::store::Store::connect(&server.dsn.as_str().into()).await.unwrap();
    let lock = other.begin().await.unwrap();
    every_write_is_refused_honestly(&flow, token, &code).await;
    until_ready(&server, 503).await;
    // Whatever only reads goes on.
    let metadata = server.http.get(server.url("/.well-known/oauth-authorization-server")).send().await.unwrap();
    assert_eq!(metadata.status(), 200);

    drop(lock);
    until_ready(&server, 200).await;
    assert_eq!(flow.refresh(token).await.unwrap().0, 200, "the token was not used up");
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nor was the code");
}

/// Runs a test of this file as root of a user namespace, where it may mount what it likes. It is left out where the system does
/// not let users have that.
fn in_a_namespace(test: &str) {
    let may = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("left out: this system has no user namespaces");
        return;
    }
    let output = Command::new("unshare")
        .arg("-rm")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("faults::{test}"), "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn mount(arguments: &[&str], at: &Path) {
    let status = Command::new("mount").args(arguments).arg(at).status().unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

#[test]
fn a_full_disk() {
    in_a_namespace("inside_a_full_disk");
}

#[test]
fn a_read_only_file_system() {
    in_a_namespace("inside_a_read_only_file_system");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts: run by the test above, in a namespace of its own"]
async fn inside_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    mount(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"], directory.path());
    let dsn = format!("sqlite://{}/authgent.db", directory.path().display());
    let server = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let token = tokens["refresh_token"].as_str().unwrap();
    let code = flow.code().await.unwrap();
    assert_eq!(readiness(&server).await, 200);

    for _ in 0..3 {
        fill(&directory.path().join("ballast"));
        // Until the log, which has room from before, is full as well.
        let began = Instant::now();
        while server
            .register(&json!({"client_name": "x".repeat(2000), "redirect_uris": ["https://agent.example.com/cb"],
            "software_id": uuid::Uuid::new_v4()}))
            .await
            .unwrap()
            .0
            == 201
        {
            assert!(began.elapsed() < Duration::from_secs(30), "the disk is not full");
        }
        every_write_is_refused_honestly(&flow, token, &code).await;
        until_ready(&server, 503).await;
        let page = flow.browser.get(server.url("/login")).await.unwrap();
        assert!(page.status == 200 || page.status == 503, "{}", page.status);

        std::fs::remove_file(directory.path().join("ballast")).unwrap();
        until_ready(&server, 200).await;
    }
    assert_eq!(flow.refresh(token).await.unwrap().0, 200, "the token was not used up");
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nor was the code");
    flow.tokens().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts: run by the test above, in a namespace of its own"]
async fn inside_a_read_only_file_system() {
    let directory = tempfile::tempdir().unwrap();
    mount(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"], directory.path());
    let file = directory.path().join("authgent.db");
    let dsn = format!("sqlite://{}", file.display());
    let store = authgent_server::store::Store::connect(&dsn.as_str().into()).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let before = std::fs::read(&file).unwrap();
    mount(&["-o", "remount,ro"], directory.path());
    let refused = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.err().unwrap().to_string();
    assert!(
        refused.contains("authgent.db cannot be opened for reading and writing: Read-only file system"),
        "{refused}"
    );
    mount(&["-o", "remount,rw"], directory.path());
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let server = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.unwrap();
    assert_eq!(readiness(&server).await, 200);
}

/// Writes until nothing more fits.
fn fill(ballast: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(ballast).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
