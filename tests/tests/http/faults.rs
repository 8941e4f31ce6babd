//! The database fails under a server that runs: honest answers, and recovery without help.

mod postgres;

use authgent_tests::flow::Flow;
use authgent_tests::server::TestServer;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Where it is set, and not empty, a test that needs a namespace of its own fails without one instead of doing nothing.
const NAMESPACES_REQUIRED: &str = "AUTHGENT_TEST_REQUIRE_UNSHARE";

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_by_another_process_for_long() {
    let server = TestServer::start().await.unwrap();
    let (flow, token, code) = before_the_fault(&server).await;

    // The one who writes in another process.
    let other = authgent_server::store::Store::connect(&server.dsn.as_str().into()).await.unwrap();
    let lock = other.begin().await.unwrap();
    every_write_is_refused_honestly(&flow, &token, &code).await;
    until_ready(&server, 503).await;
    // Whatever only reads goes on.
    let metadata = server.http.get(server.url("/.well-known/oauth-authorization-server")).send().await.unwrap();
    assert_eq!(metadata.status(), 200);

    drop(lock);
    until_ready(&server, 200).await;
    assert_eq!(flow.refresh(&token).await.unwrap().0, 200, "the token was not used up");
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nor was the code");
}

/// Runs a test of this file as root of a user namespace, where it may mount what it likes. It is left out where the system does
/// not let users have that, which is said.
fn in_a_namespace(test: &str) {
    let tried = Command::new("unshare").args(["-rm", "true"]).output();
    let problem = match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(problem) = problem {
        let required = std::env::var_os(NAMESPACES_REQUIRED).is_some_and(|value| !value.is_empty());
        assert!(!required, "{NAMESPACES_REQUIRED} is set, but {problem}");
        // Past the capture of the test runner, which shows nothing of tests that pass.
        drop(writeln!(std::io::stderr(), "faults::{test} is skipped, for it needs a namespace of its own: {problem}"));
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

/// A refresh token and a code that nobody has used, of a server that is ready.
async fn before_the_fault(server: &TestServer) -> (Flow<'_>, String, String) {
    let flow = Flow::new(server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let code = flow.code().await.unwrap();
    assert_eq!(readiness(server).await, 200);
    (flow, tokens["refresh_token"].as_str().unwrap().to_owned(), code)
}

/// What was refused meanwhile can be done.
async fn after_the_fault(flow: &Flow<'_>, token: &str, code: &str) {
    assert_eq!(flow.refresh(token).await.unwrap().0, 200, "the token was not used up");
    assert_eq!(flow.exchange(code).await.unwrap().0, 200, "nor was the code");
    flow.tokens().await.unwrap();
}

#[test]
fn a_full_disk() {
    in_a_namespace("inside_a_full_disk");
}

#[test]
fn a_read_only_file_system() {
    in_a_namespace("inside_a_read_only_file_system");
}

#[test]
fn a_file_system_that_becomes_read_only() {
    in_a_namespace("inside_a_file_system_that_becomes_read_only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts: run by the test above, in a namespace of its own"]
async fn inside_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    mount(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"], directory.path());
    let dsn = format!("sqlite://{}/authgent.db", directory.path().display());
    let server = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.unwrap();
    let (flow, token, code) = before_the_fault(&server).await;

    for _ in 0..3 {
        fill_up(&server, &directory.path().join("ballast")).await;
        every_write_is_refused_honestly(&flow, &token, &code).await;
        until_ready(&server, 503).await;
        let page = flow.browser.get(server.url("/login")).await.unwrap();
        assert!(page.status == 200 || page.status == 503, "{}", page.status);

        std::fs::remove_file(directory.path().join("ballast")).unwrap();
        until_ready(&server, 200).await;
    }
    after_the_fault(&flow, &token, &code).await;
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

/// A file system on which files are open for writing is not made read-only by hand, and the kernel does it when the disk fails. Here
/// what was open stays as it was, and whatever is opened is read-only: the connection that writes is opened anew after a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts: run by the test above, in a namespace of its own"]
async fn inside_a_file_system_that_becomes_read_only() {
    let directory = tempfile::tempdir().unwrap();
    let [disk, behind] = ["disk", "behind"].map(|name| directory.path().join(name));
    for path in [&disk, &behind] {
        std::fs::create_dir(path).unwrap();
    }
    mount(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"], &disk);
    mount(&["--bind", disk.to_str().unwrap()], &behind);
    let dsn = format!("sqlite://{}/authgent.db", disk.display());
    let server = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.unwrap();
    let (flow, token, code) = before_the_fault(&server).await;

    for _ in 0..2 {
        // Another one each time: what was opened below the last one is open for writing.
        mount(&["--bind", disk.to_str().unwrap()], &disk);
        mount(&["-o", "remount,bind,ro"], &disk);
        let ballast = behind.join("ballast");
        fill_up(&server, &ballast).await;
        std::fs::remove_file(ballast).unwrap();
        let open = std::fs::OpenOptions::new().append(true).open(disk.join("authgent.db"));
        assert_eq!(open.unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        until_ready(&server, 503).await;
        for _ in 0..3 {
            every_write_is_refused_honestly(&flow, &token, &code).await;
            assert_eq!(readiness(&server).await, 503);
        }
        let metadata = server.http.get(server.url("/.well-known/oauth-authorization-server")).send().await.unwrap();
        assert_eq!(metadata.status(), 200, "whatever only reads goes on");

        mount(&["-o", "remount,bind,rw"], &disk);
        until_ready(&server, 200).await;
    }
    after_the_fault(&flow, &token, &code).await;
}

/// Fills the disk, and then what the server's write-ahead log has room for from before.
async fn fill_up(server: &TestServer, ballast: &Path) {
    fill(ballast);
    let began = Instant::now();
    loop {
        let metadata = json!({"client_name": "x".repeat(2000), "redirect_uris": ["https://agent.example.com/cb"],
            "software_id": uuid::Uuid::new_v4()});
        if server.register(&metadata).await.unwrap().0 != 201 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the disk is not full");
    }
}

/// Writes until nothing more fits.
fn fill(ballast: &Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
