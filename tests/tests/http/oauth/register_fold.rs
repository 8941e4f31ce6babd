//! `POST /oauth/register` by programs that register again and again, and what becomes of clients that nobody uses

use authgent_core::time::Clock as _;
use authgent_server::domain::RevocationReason;
use authgent_server::store::{RETENTION_SECONDS, Swept};
use authgent_tests::flow::Flow;
use authgent_tests::server::TestServer;
use futures_util::future::join_all;
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const UNUSED: i64 = 90 * DAY;

/// What Claude Code sends, with the port of the moment.
fn program(uri: &str) -> Value {
    json!({"client_name": "Claude Code", "redirect_uris": [uri], "token_endpoint_auth_method": "none"})
}

async fn register(server: &TestServer, metadata: &Value) -> Value {
    let (status, body) = server.register(metadata).await.unwrap();
    assert_eq!(status, 201, "{body}");
    body
}

async fn clients(server: &TestServer) -> usize {
    server.store.clients().await.unwrap().len()
}

/// Cleans up as the server does every few minutes.
async fn clean(server: &TestServer) -> Swept {
    server.write_uses().await.unwrap();
    let now = server.clock.now();
    let tx = server.store.begin().await.unwrap();
    while tx.delete_expired(now, 500).await.unwrap() > 0 {}
    let swept = tx.sweep_clients(now, 500, 86_400, 90 * 86_400).await.unwrap();
    tx.commit().await.unwrap();
    swept
}

#[tokio::test]
async fn a_program_that_registers_again_with_another_port_is_the_same_client() {
    let server = TestServer::start().await.unwrap();
    let first = register(&server, &program("http://localhost:54545/callback")).await;
    server.clock.advance(100);
    let mut again = program("http://localhost:60001/callback");
    again["scope"] = json!("mcp:read mcp:write");
    let second = register(&server, &again).await;
    assert_eq!(second["client_id"], first["client_id"]);
    assert_eq!(second["client_id_issued_at"], first["client_id_issued_at"]);
    assert_eq!(second["redirect_uris"], again["redirect_uris"], "as this one sent it");
    assert_eq!(second["scope"], again["scope"]);
    for body in [&first, &second] {
        assert!(body.get("registration_access_token").is_none() && body.get("registration_client_uri").is_none());
    }
    assert_eq!(clients(&server).await, 1);
}

#[tokio::test]
async fn what_differs_in_more_than_the_port_is_another_client() {
    let server = TestServer::start().await.unwrap();
    let mut another_name = program("http://localhost:1/callback");
    another_name["client_name"] = json!("Claude Code 2");
    let mut with_secret = program("http://localhost:1/callback");
    with_secret["token_endpoint_auth_method"] = json!("client_secret_post");
    let all = [
        program("http://localhost:1/callback"),
        program("http://127.0.0.1:1/callback"),
        program("http://localhost:1/other"),
        another_name,
        with_secret.clone(),
        with_secret,
        // Nobody's computer: whoever has this host has it for himself.
        program("https://x.example/callback"),
        program("https://x.example/callback"),
        program("cursor://x/callback"),
        program("cursor://x/callback"),
    ];
    for metadata in &all {
        register(&server, metadata).await;
    }
    assert_eq!(clients(&server).await, all.len());
}

#[tokio::test]
async fn each_installation_of_a_folded_client_signs_in_with_its_own_port() {
    let server = TestServer::start().await.unwrap();
    server.add_user("ada@example.com").await.unwrap();
    let id = register(&server, &program("http://127.0.0.1:1/callback")).await["client_id"].clone();
    let same = register(&server, &program("http://127.0.0.1:49152/callback")).await["client_id"].clone();
    assert_eq!(id, same);
    // It presents the port 49152.
    let tokens = Flow::of_client(&server, id.as_str().unwrap()).unwrap().tokens().await.unwrap();
    assert!(tokens["access_token"].is_string());
}

#[tokio::test]
async fn two_that_register_at_once_are_one() {
    let server = TestServer::setup().with("AUTHGENT_REGISTRATION_RATE", 0).start().await.unwrap();
    let bodies: Vec<Value> = (1..=40).map(|port| program(&format!("http://localhost:{port}/callback"))).collect();
    let answers = join_all(bodies.iter().map(|body| register(&server, body))).await;
    assert!(answers.iter().all(|answer| answer["client_id"] == answers[0]["client_id"]));
    assert_eq!(clients(&server).await, 1);
}

#[tokio::test]
async fn a_disabled_client_does_not_come_back_by_registering_again() {
    let server = TestServer::start().await.unwrap();
    let first = register(&server, &program("http://localhost:1/callback")).await;
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(first["client_id"].as_str().unwrap(), false).await.unwrap();
    tx.commit().await.unwrap();
    for elapsed in [0, 10 * DAY] {
        server.clock.advance(elapsed);
        clean(&server).await;
        let (status, body) = server.register(&program("http://localhost:2/callback")).await.unwrap();
        assert_eq!((status, body["error"].as_str()), (403, Some("access_denied")), "{body}");
        assert!(body["error_description"].as_str().unwrap().starts_with("the operator disabled this client"));
    }
    assert_eq!(clients(&server).await, 1);
}

#[tokio::test]
async fn a_client_that_never_finished_a_sign_in_goes_after_a_day() {
    let server = TestServer::start().await.unwrap();
    register(&server, &program("http://localhost:1/callback")).await;
    register(&server, &program("https://x.example/callback")).await;
    let (operators, _) = server.add_client(program("http://localhost:1/callback")).await.unwrap();
    server.clock.advance(DAY - 1);
    assert_eq!(clean(&server).await, Swept::default());
    // The first one is registered again, at another port: its person has another day.
    register(&server, &program("http://localhost:2/callback")).await;
    server.clock.advance(1);
    assert_eq!(clean(&server).await.removed, 1);
    assert_eq!(clients(&server).await, 2);
    server.clock.advance(DAY - 1);
    assert_eq!(clean(&server).await.removed, 1);
    let left = server.store.clients().await.unwrap();
    assert_eq!(left.iter().map(|client| &client.id).collect::<Vec<_>>(), [&operators]);
    server.clock.advance(1000 * DAY);
    assert_eq!(clean(&server).await, Swept::default(), "the operator's stays");
}

#[tokio::test]
async fn a_client_goes_when_it_was_not_used_for_90_days_and_never_with_a_live_grant() {
    let server = TestServer::start().await.unwrap();
    let mut flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let grant = authgent_tests::flow::payload(tokens["access_token"].as_str().unwrap()).unwrap();
    let grant = grant["jti"].as_str().unwrap().split('.').next().unwrap().parse().unwrap();
    server.clock.advance(DAY);
    assert_eq!(clean(&server).await, Swept { removed: 0, put_off: 1 });
    // Its refresh token ends, and the grant goes; without a grant it is still kept for its 90 days.
    for _ in 1..90 {
        assert_eq!(clients(&server).await, 1);
        server.clock.advance(DAY);
        clean(&server).await;
    }
    assert!(server.store.grant(grant).await.unwrap().is_none());
    assert_eq!(clients(&server).await, 0, "90 days after its last use");

    // A client that is told to register again does so, and its person is still known.
    let (status, body) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
    let again = server.public_client("http://127.0.0.1/callback").await.unwrap();
    flow = Flow::of_client(&server, &again).unwrap();
    let tokens = flow.tokens().await.unwrap();

    // In use for longer than that: never.
    let mut refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        server.clock.advance(DAY - 1);
        clean(&server).await;
        let (status, body) = flow.refresh(&refresh_token).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body["refresh_token"].as_str().unwrap().clone_into(&mut refresh_token);
    }
    assert_eq!(clients(&server).await, 1);
}

#[tokio::test]
async fn a_grant_that_holds_keeps_its_client_and_a_revoked_one_does_not() {
    // Refresh tokens that outlive the 90 days.
    let server = TestServer::setup().with("AUTHGENT_REFRESH_TTL", 200 * DAY).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    server.clock.advance(UNUSED + DAY);
    assert_eq!(clean(&server).await, Swept { removed: 0, put_off: 1 });
    let tx = server.store.begin().await.unwrap();
    let reason = RevocationReason::RevokedByUser;
    tx.revoke_grants_of_client(&flow.client_id, server.clock.now(), reason).await.unwrap();
    tx.commit().await.unwrap();
    // A dead refresh token of a client that is there, then of one that is not.
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let (status, body) = flow.refresh(refresh_token).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")));
    server.clock.advance(RETENTION_SECONDS);
    assert_eq!(clean(&server).await.removed, 1);
    let (status, body) = flow.refresh(refresh_token).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
}
