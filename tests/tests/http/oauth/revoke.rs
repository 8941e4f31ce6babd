//! `POST /oauth/revoke`

use authgent_tests::flow::{Flow, REDIRECT_URI};
use authgent_tests::server::TestServer;

#[tokio::test]
async fn revoking_either_token_ends_the_grant() {
    let server = TestServer::start().await.unwrap();
    for name in ["refresh_token", "access_token"] {
        let flow = Flow::new(&server).await.unwrap();
        let tokens = flow.tokens().await.unwrap();
        let form = [("token", tokens[name].as_str().unwrap()), ("client_id", &flow.client_id)];
        assert_eq!(server.post("/oauth/revoke", &form).await.unwrap().0, 200);
        let (status, body) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
        assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"), "{name}");
    }
}

#[tokio::test]
async fn unknown_tokens_and_those_of_others_are_no_error_and_stay() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let stranger = server.public_client(REDIRECT_URI).await.unwrap();
    for form in [
        [("token", "unknown"), ("client_id", flow.client_id.as_str()), ("token_type_hint", "magic")],
        [("token", refresh_token), ("client_id", stranger.as_str()), ("token_type_hint", "refresh_token")],
    ] {
        assert_eq!(server.post("/oauth/revoke", &form).await.unwrap().0, 200);
    }
    assert_eq!(flow.refresh(refresh_token).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_token_that_cannot_be_revoked_is_not_said_to_be() {
    let server = TestServer::start().await.unwrap();
    let (id, secret) = server.add_client(serde_json::json!({"grant_types": ["client_credentials"]})).await.unwrap();
    let basic = Some((id.as_str(), secret.as_deref().unwrap()));
    let form = [("grant_type", "client_credentials"), ("resource", authgent_tests::server::RESOURCE)];
    let (_, tokens) = server.post_as("/oauth/token", &form, basic).await.unwrap();
    let form = [("token", tokens["access_token"].as_str().unwrap())];
    let (status, body) = server.post_as("/oauth/revoke", &form, basic).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "unsupported_token_type"));
}

#[tokio::test]
async fn the_client_must_say_who_it_is() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let (status, body) = server.post("/oauth/revoke", &[("token", "x")]).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (401, "invalid_client"));
    let (status, body) = server.post("/oauth/revoke", &[("client_id", flow.client_id.as_str())]).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_request"));
}
