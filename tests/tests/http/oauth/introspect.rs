//! `POST /oauth/introspect`

use authgent_tests::flow::{Flow, REDIRECT_URI};
use authgent_tests::server::{RESOURCE, TestServer};
use serde_json::{Value, json};

struct Caller(String, String);

/// A client that registered itself.
async fn stranger(server: &TestServer) -> Caller {
    let (_, body) = server.register(&json!({"redirect_uris": [REDIRECT_URI]})).await.unwrap();
    Caller(body["client_id"].as_str().unwrap().to_owned(), body["client_secret"].as_str().unwrap().to_owned())
}

/// A resource server, as the operator makes one.
async fn caller(server: &TestServer) -> Caller {
    let (client_id, secret) = server.add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
    Caller(client_id, secret.unwrap())
}

#[tokio::test]
async fn a_client_that_registered_itself_learns_nothing_of_others_tokens() {
    let server = TestServer::start().await.unwrap();
    let tokens = Flow::new(&server).await.unwrap().tokens().await.unwrap();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(introspect(&server, &stranger(&server).await, access_token).await, json!({"active": false}));
    assert_eq!(introspect(&server, &caller(&server).await, access_token).await["active"], true);
}

async fn introspect(server: &TestServer, caller: &Caller, token: &str) -> Value {
    let (status, body) =
        server.post_as("/oauth/introspect", &[("token", token)], Some((&caller.0, &caller.1))).await.unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn an_access_token_is_described_until_it_ends_or_its_grant_is_revoked() {
    let server = TestServer::start().await.unwrap();
    let caller = caller(&server).await;
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let access_token = tokens["access_token"].as_str().unwrap();
    let body = introspect(&server, &caller, access_token).await;
    assert_eq!((&body["active"], &body["aud"], &body["scope"]), (&json!(true), &json!(RESOURCE), &json!("mcp:read")));
    assert_eq!((&body["client_id"], &body["token_type"]), (&json!(flow.client_id), &json!("Bearer")));

    server.clock.advance(301);
    assert_eq!(introspect(&server, &caller, access_token).await, json!({"active": false}));

    let (_, fresh) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    let fresh = fresh["access_token"].as_str().unwrap();
    assert_eq!(introspect(&server, &caller, fresh).await["active"], true);
    server.post("/oauth/revoke", &[("token", fresh), ("client_id", &flow.client_id)]).await.unwrap();
    assert_eq!(introspect(&server, &caller, fresh).await, json!({"active": false}));
}

#[tokio::test]
async fn a_refresh_token_is_shown_to_its_own_client_alone() {
    let server = TestServer::start().await.unwrap();
    Flow::new(&server).await.unwrap();
    let own = stranger(&server).await;
    let flow = Flow::of_client(&server, &own.0).unwrap();
    let code = flow.code().await.unwrap();
    let form: Vec<_> = flow.exchange_form(&code).into_iter().filter(|(name, _)| *name != "client_id").collect();
    let (_, tokens) = server.post_as("/oauth/token", &form, Some((&own.0, &own.1))).await.unwrap();
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(introspect(&server, &own, refresh_token).await["active"], true);
    assert_eq!(introspect(&server, &caller(&server).await, refresh_token).await, json!({"active": false}));
    assert_eq!(introspect(&server, &own, "nonsense").await, json!({"active": false}));
}

#[tokio::test]
async fn only_callers_with_a_secret_are_answered() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let (status, body) =
        server.post("/oauth/introspect", &[("token", "x"), ("client_id", &flow.client_id)]).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (401, "invalid_client"));
    let (status, _) = server.post("/oauth/introspect", &[("token", "x")]).await.unwrap();
    assert_eq!(status, 401);
}
