//! Two servers that share a PostgreSQL. Without PostgreSQL these tests do nothing, which is said once.

use anyhow::{Context as _, Result, ensure};
use authgent_core::resource::ResourceUri;
use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::domain::Email;
use authgent_server::store::{StoreError, WriteTransaction};
use authgent_tests::browser::query;
use authgent_tests::flow::{EMAIL, Flow, REDIRECT_URI, payload};
use authgent_tests::postgres::{Durability, Postgres, binaries};
use authgent_tests::server::{PASSWORD, RESOURCE, Setup, TestServer};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Two replicas: one issuer, one key, one database, clocks of their own. `None` without PostgreSQL.
async fn two() -> Option<[TestServer; 2]> {
    Some(both(TestServer::setup().postgres().unwrap()?).await)
}

/// The same on a database that cannot put everything in order, and says so.
async fn two_strict() -> Option<[TestServer; 2]> {
    Some(both(TestServer::setup().strict_postgres().unwrap()?).await)
}

async fn both(setup: Setup) -> [TestServer; 2] {
    let setup = setup.with("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256));
    let first = setup.clone().start().await.unwrap();
    let second = setup.with("AUTHGENT_ISSUER", &first.issuer).start().await.unwrap();
    at_the_same_time([first, second])
}

/// Their clocks stand where they were when each was started, which may be a second apart or not.
fn at_the_same_time(replicas: [TestServer; 2]) -> [TestServer; 2] {
    let [first, second] = &replicas;
    first.clock.advance(second.clock.now().0 - first.clock.now().0);
    replicas
}

fn token(body: &Value) -> &str {
    body["refresh_token"].as_str().unwrap()
}

async fn refresh(at: &TestServer, flow: &Flow<'_>, refresh_token: &str) -> (u16, Value) {
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", flow.client_id.as_str())];
    at.post("/oauth/token", &form).await.unwrap()
}

#[tokio::test]
async fn any_request_may_go_to_any_of_them() {
    let Some([first, second]) = two().await else { return };
    let flow = Flow::new(&first).await.unwrap().with("scope", "mcp:read mcp:write");
    // The code of one is redeemed at the other, and so on around.
    let code = flow.code().await.unwrap();
    let (status, tokens) = second.post("/oauth/token", &flow.exchange_form(&code)).await.unwrap();
    assert_eq!(status, 200, "{tokens}");
    let claims = payload(tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!((&claims["iss"], &claims["scope"]), (&json!(first.issuer), &json!("mcp:read mcp:write")));
    let (_, tokens) = refresh(&first, &flow, token(&tokens)).await;
    let (_, tokens) = refresh(&second, &flow, token(&tokens)).await;
    // Revoked at one, refused at the other from the next request on.
    let form = [("token", token(&tokens)), ("client_id", flow.client_id.as_str())];
    assert_eq!(first.post("/oauth/revoke", &form).await.unwrap().0, 200);
    let (status, body) = refresh(&second, &flow, token(&tokens)).await;
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
}

/// A client that speaks for itself, for the one resource that it knows.
async fn service(at: &TestServer) -> (String, String) {
    let (client_id, secret) = at.add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
    (client_id, secret.unwrap())
}

async fn speaks(at: &TestServer, (client_id, secret): (&str, &str)) -> (u16, Value) {
    let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    at.post_as("/oauth/token", &form, Some((client_id, secret))).await.unwrap()
}

/// What somebody is told right after an operator's change at `first`. Until it is made `second` is busy, so that what
/// it remembers is as new as can be.
async fn right_after<T>(
    [first, second]: [&TestServer; 2],
    change: impl AsyncFnOnce(&WriteTransaction) -> Result<bool, StoreError>,
    request: impl Future<Output = T>,
) -> T {
    let (other, made) = (service(first).await, AtomicBool::new(false));
    let busy = async {
        while !made.load(Ordering::SeqCst) {
            assert_eq!(speaks(second, (&other.0, &other.1)).await.0, 200);
        }
    };
    let change = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let tx = first.store.begin().await.unwrap();
        assert!(change(&tx).await.unwrap());
        tx.commit().await.unwrap();
        made.store(true, Ordering::SeqCst);
        request.await
    };
    tokio::join!(change, busy).0
}

/// A client that speaks for itself, and tokens of a person with the flow that they came from: both replicas have served either just now.
async fn served_by_both<'a>(first: &'a TestServer, second: &TestServer) -> ((String, String), Flow<'a>, Value) {
    let (id, secret) = service(first).await;
    let flow = Flow::new(first).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let (status, tokens) = refresh(second, &flow, token(&tokens)).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(speaks(second, (&id, &secret)).await.0, 200);
    ((id, secret), flow, tokens)
}

fn error((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_client_that_is_disabled_is_refused_by_the_other_one() {
    let Some([first, second]) = two().await else { return };
    let ((id, secret), flow, tokens) = served_by_both(&first, &second).await;
    let both = [&first, &second];
    let set = |client_id: String, enabled| {
        async move |tx: &WriteTransaction| tx.set_client_enabled(&client_id, enabled).await
    };
    let answer = right_after(both, set(id.clone(), false), speaks(&second, (&id, &secret))).await;
    assert_eq!(error(&answer), (401, "invalid_client"));
    let answer = right_after(both, set(id.clone(), true), speaks(&second, (&id, &secret))).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    // One without a secret, whose grants are not revoked yet.
    let refreshes = refresh(&second, &flow, token(&tokens));
    let answer = right_after(both, set(flow.client_id.clone(), false), refreshes).await;
    assert_eq!(error(&answer), (401, "invalid_client"));
}

#[tokio::test]
async fn a_person_who_is_disabled_gets_no_tokens_at_the_other_one() {
    let Some([first, second]) = two().await else { return };
    let flow = Flow::new(&first).await.unwrap();
    let code = flow.code().await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let (status, tokens) = refresh(&second, &flow, token(&tokens)).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(flow.browser.get(second.url("/account")).await.unwrap().status, 200);
    let person = first.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().unwrap();
    // Their grants are not revoked yet.
    let disable = async |tx: &WriteTransaction| tx.set_user_enabled(person.id, false).await;
    let answer = right_after([&first, &second], disable, refresh(&second, &flow, token(&tokens))).await;
    assert_eq!(error(&answer), (400, "invalid_grant"));
    let answer = second.post("/oauth/token", &flow.exchange_form(&code)).await.unwrap();
    assert_eq!(error(&answer), (400, "invalid_grant"));
    let account = flow.browser.get(second.url("/account")).await.unwrap();
    assert!(account.location().is_some_and(|place| place.path() == "/login"), "{account:?}");
}

#[tokio::test]
async fn no_token_is_issued_by_the_other_one_for_a_resource_that_is_removed() {
    let Some([first, second]) = two().await else { return };
    let ((id, secret), flow, tokens) = served_by_both(&first, &second).await;
    let uri = ResourceUri::parse(RESOURCE).unwrap();
    // Not by the helper: who is busy there asks for the same resource.
    let tx = first.store.begin().await.unwrap();
    assert!(tx.delete_resource(&uri).await.unwrap());
    tx.commit().await.unwrap();
    let answer = speaks(&second, (&id, &secret)).await;
    assert_eq!(error(&answer), (400, "invalid_target"));
    let answer = refresh(&second, &flow, token(&tokens)).await;
    assert_eq!(error(&answer), (400, "invalid_target"));
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_refused_by_the_other_one() {
    let Some([first, second]) = two().await else { return };
    let (id, former) = service(&first).await;
    assert_eq!(speaks(&second, (&id, &former)).await.0, 200);
    let hash = token_hash("another secret");
    let replace = async |tx: &WriteTransaction| tx.update_client_secret(&id, &hash).await;
    let answer = right_after([&first, &second], replace, speaks(&second, (&id, &former))).await;
    assert_eq!(error(&answer), (401, "invalid_client"));
    let answer = speaks(&second, (&id, "another secret")).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
}

/// Two of which each has a file of its own for `AUTHGENT_SIGNING_KEY`, as while it is changed everywhere.
async fn with_keys_of_their_own() -> Option<[TestServer; 2]> {
    let setup = TestServer::setup().postgres().unwrap()?;
    let setup = setup.with("AUTHGENT_ENCRYPTION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let setup = setup.with("AUTHGENT_KEY_ROTATION_DAYS", 0);
    let key = |setup: Setup| setup.with("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256));
    let first = key(setup.clone()).start().await.unwrap();
    let second = key(setup).with("AUTHGENT_ISSUER", &first.issuer).start().await.unwrap();
    Some(at_the_same_time([first, second]))
}

async fn published(at: &TestServer) -> Vec<String> {
    let set: Value = at.http.get(at.url("/.well-known/jwks.json")).send().await.unwrap().json().await.unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key that the next token is signed with.
async fn signs(at: &TestServer, flow: &Flow<'_>, refresh_token: &mut String) -> String {
    let (status, tokens) = refresh(at, flow, refresh_token).await;
    assert_eq!(status, 200, "{tokens}");
    token(&tokens).clone_into(refresh_token);
    let header = tokens["access_token"].as_str().unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whose_key_is_withdrawn_goes_on_with_one_that_all_have() {
    for seconds_apart in [0, 2] {
        let Some(replicas) = with_keys_of_their_own().await else { return };
        replicas[1].clock.advance(seconds_apart);
        one_that_all_have(replicas).await;
    }
}

async fn one_that_all_have([first, second]: [TestServer; 2]) {
    let flow = Flow::new(&first).await.unwrap();
    let mut newest = token(&flow.tokens().await.unwrap()).to_owned();
    let (old, leaked) = (signs(&first, &flow, &mut newest).await, signs(&second, &flow, &mut newest).await);
    assert_ne!(old, leaked);
    [&first, &second].into_iter().for_each(|replica| replica.clock.advance(5));
    // By a command that has the file of the first.
    let tx = first.store.begin().await.unwrap();
    assert!(tx.withdraw_signing_key(&leaked, first.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    let mut seen = HashSet::new();
    for replica in [&second, &first, &second] {
        seen.insert(signs(replica, &flow, &mut newest).await);
        assert_eq!(replica.http.get(replica.url("/health/ready")).send().await.unwrap().status(), 200);
    }
    for replica in [&first, &second] {
        let published = published(replica).await;
        assert!(!published.contains(&leaked) && seen.iter().all(|kid| published.contains(kid)), "{published:?}");
    }
    // Where the new one begins is a matter of each one's clock.
    [&first, &second].into_iter().for_each(|replica| replica.clock.advance(2));
    let (one, other) = (signs(&first, &flow, &mut newest).await, signs(&second, &flow, &mut newest).await);
    assert!(one == other && one != old && seen.contains(&one), "{one} {other} {seen:?}");
}

#[tokio::test]
async fn nobody_signs_with_a_key_that_others_publish_no_more() {
    let Some([first, second]) = with_keys_of_their_own().await else { return };
    let flow = Flow::new(&first).await.unwrap();
    let mut newest = token(&flow.tokens().await.unwrap()).to_owned();
    let old = signs(&first, &flow, &mut newest).await;
    assert!(published(&second).await.contains(&old), "what the first one signs is good meanwhile");
    [&first, &second].into_iter().for_each(|replica| replica.clock.advance(8_000));
    // Somebody forgot to start the first one again.
    let kid = signs(&first, &flow, &mut newest).await;
    let known = published(&second).await;
    assert!(kid == old || known.contains(&kid), "{kid} {known:?}");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let kid = signs(&first, &flow, &mut newest).await;
    assert!(kid != old && published(&second).await.contains(&kid));
    assert_eq!(signs(&second, &flow, &mut newest).await, kid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_refreshes_at_once_have_one_successor() {
    for replicas in [two().await, two_strict().await].into_iter().flatten() {
        one_successor(replicas).await;
    }
}

async fn one_successor(replicas: [TestServer; 2]) {
    // Within what is tolerated.
    replicas[1].clock.advance(2);
    let flow = Flow::new(&replicas[0]).await.unwrap();
    let mut newest = token(&flow.tokens().await.unwrap()).to_owned();
    for round in 0..4 {
        let answers = join_all((0..32).map(|n| refresh(&replicas[n % 2], &flow, &newest))).await;
        let successors: HashSet<String> = answers
            .iter()
            .map(|(status, body)| {
                assert_eq!(*status, 200, "round {round}: {body}");
                token(body).to_owned()
            })
            .collect();
        assert_eq!(successors.len(), 1, "one successor");
        newest = successors.into_iter().next().unwrap();
        replicas.iter().for_each(|replica| replica.clock.advance(300));
    }
    assert_eq!(refresh(&replicas[0], &flow, &newest).await.0, 200, "nobody was logged out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_comes_to_both_is_redeemed_once() {
    for replicas in [two().await, two_strict().await].into_iter().flatten() {
        redeemed_once(replicas).await;
    }
}

async fn redeemed_once(replicas: [TestServer; 2]) {
    let flow = Flow::new(&replicas[0]).await.unwrap();
    let code = flow.code().await.unwrap();
    let form = flow.exchange_form(&code);
    let answers = join_all((0..16).map(|n| replicas[n % 2].post("/oauth/token", &form))).await;
    let answers: Vec<(u16, Value)> = answers.into_iter().map(Result::unwrap).collect();
    let won: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"), "{answers:?}");
    // Whoever presented it again may be the thief, or whoever came first: what it gave has ended.
    let (status, body) = refresh(&replicas[1], &flow, token(won[0])).await;
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"));
}

/// Nobody is turned away because others come at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connect_and_leave_at_once() {
    for replicas in [two().await, two_strict().await].into_iter().flatten() {
        let outcomes = join_all((0..16).map(|n| connect_and_leave(&replicas[n % 2], n))).await;
        let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
    }
}

async fn connect_and_leave(server: &TestServer, number: usize) -> Result<()> {
    let metadata = json!({
        "client_name": format!("Client {number}"),
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none",
    });
    let (status, client) = server.register(&metadata).await?;
    ensure!(status == 201, "registration: {status} {client}");
    let flow = Flow::of_client(server, client["client_id"].as_str().unwrap())?;
    let person = format!("person-{number}@example.com");
    server.add_user(&person).await?;
    let location = flow.browser.authorize(flow.authorize_url(), &person, PASSWORD).await?;
    let code = query(&location, "code").with_context(|| format!("no code in {location}"))?;
    let (status, tokens) = flow.exchange(&code).await?;
    ensure!(status == 200, "exchange: {status} {tokens}");
    let (status, body) =
        server.post("/oauth/revoke", &[("token", token(&tokens)), ("client_id", &flow.client_id)]).await?;
    ensure!(status == 200, "revocation: {status} {body}");
    Ok(())
}

#[tokio::test]
async fn theft_is_noticed_by_the_other_one() {
    let Some([first, second]) = two().await else { return };
    let flow = Flow::new(&first).await.unwrap();
    let stolen = token(&flow.tokens().await.unwrap()).to_owned();
    let (_, victim) = refresh(&first, &flow, &stolen).await;
    second.clock.advance(60);
    let (status, _) = refresh(&second, &flow, &stolen).await;
    assert_eq!(status, 400);
    assert_eq!(refresh(&first, &flow, token(&victim)).await.0, 400, "the whole grant has ended");
}

/// What a test process leaves behind when it is killed; run by the test below.
#[test]
#[ignore = "it is killed"]
fn a_server_in_a_process_that_ends() {
    let server = Postgres::start(Durability::None).unwrap();
    println!("{}", server.data().display());
    std::process::abort();
}

#[test]
fn the_server_of_tests_survives_a_crash_and_not_its_process() {
    if binaries().is_err() {
        return;
    }
    let server = Postgres::start(Durability::Full).unwrap();
    let database = server.database().unwrap();
    assert_eq!(server.psql(&database, "SHOW fsync").unwrap().trim(), "on");
    server.psql(&database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").unwrap();
    server.kill().unwrap();
    server.start_again().unwrap();
    assert_eq!(server.psql(&database, "SELECT n FROM kept").unwrap().trim(), "7");
    let data = server.data();
    drop(database);
    drop(server);
    assert!(!data.exists(), "nothing is left");

    let this = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "--nocapture", "replicas::a_server_in_a_process_that_ends"];
    let output = Command::new(this).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success(), "it was killed");
    let said = String::from_utf8_lossy(&output.stdout);
    let data = said.split_whitespace().find(|word| word.ends_with("/data")).unwrap();
    let begin = Instant::now();
    while std::path::Path::new(data).parent().unwrap().exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{data} is left");
        std::thread::sleep(Duration::from_millis(50));
    }
}
