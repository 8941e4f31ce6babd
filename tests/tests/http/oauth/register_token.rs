//! `POST /oauth/register` where not everybody may: initial access tokens, approved redirect URIs, none at all

use authgent_core::scope::Scope;
use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::registration::InitialAccessToken;
use authgent_tests::browser::query;
use authgent_tests::flow::{EMAIL, Flow, REDIRECT_URI};
use authgent_tests::server::TestServer;
use futures_util::future::join_all;
use reqwest::Response;
use serde_json::{Value, json};
use uuid::Uuid;

const WEB: &str = "https://app.example.com/callback";

async fn server(mode: &str) -> TestServer {
    let approved = "https://*.example.com http://127.0.0.1";
    let setup = TestServer::setup().with("AUTHGENT_REGISTRATION", mode);
    let setup = match mode {
        "approved-redirects" => setup.with("AUTHGENT_REGISTRATION_APPROVED_REDIRECTS", approved),
        _ => setup,
    };
    setup.start().await.unwrap()
}

/// An initial access token as the operator makes it, changed by `limit`.
async fn token(server: &TestServer, limit: impl FnOnce(&mut InitialAccessToken)) -> String {
    let secret = Uuid::new_v4().to_string();
    let mut token = InitialAccessToken {
        id: Uuid::new_v4(),
        token_hash: token_hash(&secret),
        name: None,
        scope_limit: None,
        uses: 0,
        max_uses: None,
        created_at: server.clock.now(),
        expires_at: None,
        revoked_at: None,
    };
    limit(&mut token);
    let tx = server.store.begin().await.unwrap();
    tx.insert_initial_access_token(&token).await.unwrap();
    tx.commit().await.unwrap();
    secret
}

async fn send(server: &TestServer, authorization: Option<&str>, uri: &str) -> Response {
    let body = json!({"client_name": "Agent", "redirect_uris": [uri], "token_endpoint_auth_method": "none"});
    let mut request = server.http.post(server.url("/oauth/register")).json(&body);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.send().await.unwrap()
}

async fn status_with(server: &TestServer, token: &str, uri: &str) -> u16 {
    send(server, Some(&format!("Bearer {token}")), uri).await.status().as_u16()
}

async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, response.json::<Value>().await.unwrap()["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn where_a_token_is_needed_nothing_else_will_do() {
    let server = server("token").await;
    let response = send(&server, None, WEB).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"authgent\"");
    assert_eq!(error(response).await, (401, "invalid_token".to_owned()));

    let used_up = token(&server, |token| (token.uses, token.max_uses) = (2, Some(2))).await;
    let expired = token(&server, |token| token.expires_at = Some(token.created_at)).await;
    let revoked = token(&server, |token| token.revoked_at = Some(token.created_at)).await;
    let good = token(&server, |token| token.expires_at = Some(token.created_at.plus(60))).await;
    let mut descriptions = Vec::new();
    for bad in ["unknown", &used_up, &expired, &revoked] {
        let response = send(&server, Some(&format!("Bearer {bad}")), WEB).await;
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        descriptions.push(challenge);
        assert_eq!(error(response).await, (401, "invalid_token".to_owned()), "{bad}");
    }
    descriptions.dedup();
    assert_eq!(descriptions.len(), 1, "nobody learns which of the reasons it is");
    for malformed in [format!("Basic {good}"), good.clone(), "Bearer".to_owned(), String::new()] {
        let response = send(&server, Some(&malformed), WEB).await;
        assert_eq!(error(response).await, (401, "invalid_token".to_owned()), "{malformed}");
    }
    assert_eq!(server.store.clients().await.unwrap().len(), 0, "nothing is kept");

    assert_eq!(status_with(&server, &good, WEB).await, 201);
    server.clock.advance(60);
    assert_eq!(status_with(&server, &good, WEB).await, 401, "its time is over");
}

#[tokio::test]
async fn so_many_uses_are_no_more_however_many_come_at_once() {
    let server = server("token").await;
    let good = token(&server, |token| token.max_uses = Some(5)).await;
    // A refused registration is not counted.
    assert_eq!(status_with(&server, &good, "http://x.example/cb").await, 400);
    let statuses = join_all((0..16).map(|_| status_with(&server, &good, WEB))).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(401)), (5, 11), "{statuses:?}");
    assert_eq!(server.store.clients().await.unwrap().len(), 5);
    assert_eq!(server.store.initial_access_tokens().await.unwrap()[0].uses, 5);

    // Those that fold are counted as well.
    let good = token(&server, |token| token.max_uses = Some(5)).await;
    let statuses = join_all((0..16).map(|_| status_with(&server, &good, REDIRECT_URI))).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 5);
    assert_eq!(server.store.clients().await.unwrap().len(), 6);
}

#[tokio::test]
async fn only_approved_redirect_uris_are_registered() {
    let server = server("approved-redirects").await;
    for approved in [WEB, "https://a.b.example.com/x", "http://127.0.0.1:4711/cb"] {
        assert_eq!(send(&server, None, approved).await.status(), 201, "{approved}");
    }
    let before = server.store.clients().await.unwrap().len();
    for foreign in [
        "https://evil.example/callback",
        "https://example.com/callback",
        "https://app.example.com.evil.example/",
        "http://localhost:4711/cb",
        "cursor://x/cb",
    ] {
        let response = send(&server, None, foreign).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!((status.as_u16(), body["error"].as_str()), (400, Some("invalid_redirect_uri")), "{foreign}");
        let description = body["error_description"].as_str().unwrap();
        assert!(description.contains(foreign) && description.contains("approves"), "{description}");
    }
    let (status, _) = server.register(&json!({"redirect_uris": [WEB, "https://evil.example/cb"]})).await.unwrap();
    assert_eq!(status, 400, "each has to be approved");
    assert_eq!(server.store.clients().await.unwrap().len(), before);

    let good = token(&server, |_| ()).await;
    assert_eq!(status_with(&server, &good, "https://partner.example/cb").await, 201, "the operator let this one in");
}

#[tokio::test]
async fn a_token_counts_where_none_is_needed_and_a_bad_one_is_not_ignored() {
    let server = server("open").await;
    let good = token(&server, |token| token.max_uses = Some(1)).await;
    assert_eq!(status_with(&server, &good, WEB).await, 201);
    assert_eq!(status_with(&server, &good, WEB).await, 401);
    assert_eq!(send(&server, None, WEB).await.status(), 201);
}

#[tokio::test]
async fn where_registration_is_off_it_says_so_and_is_not_advertised() {
    let server = server("off").await;
    let (status, body) = server.register(&json!({"redirect_uris": [WEB]})).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (403, Some("access_denied")));
    assert!(body["error_description"].as_str().unwrap().starts_with("registration is turned off"));
    let good = token(&server, |_| ()).await;
    assert_eq!(status_with(&server, &good, WEB).await, 403);
    let metadata = server.http.get(server.url("/.well-known/oauth-authorization-server")).send().await.unwrap();
    assert!(metadata.json::<Value>().await.unwrap().get("registration_endpoint").is_none());
}

#[tokio::test]
async fn a_scope_limit_holds_whatever_is_asked_for() {
    let server = server("token").await;
    server.add_user(EMAIL).await.unwrap();
    let limit = Some(Scope::parse("mcp:read").unwrap());
    let limited = token(&server, |token| token.scope_limit = limit).await;
    let response = send(&server, Some(&format!("Bearer {limited}")), REDIRECT_URI).await;
    let body: Value = response.json().await.unwrap();
    assert!(body["registration_access_token"].is_string(), "it is no other one's client");
    let id = body["client_id"].as_str().unwrap();

    let flow = Flow::of_client(&server, id).unwrap().with("scope", "mcp:read mcp:write admin offline_access");
    let tokens = flow.tokens().await.unwrap();
    assert_eq!(tokens["scope"], "mcp:read offline_access");
    let (status, refreshed) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!((status, refreshed["scope"].as_str()), (200, Some("mcp:read offline_access")));
    let default = Flow::of_client(&server, id).unwrap().without("scope").tokens().await.unwrap();
    assert_eq!(default["scope"], "mcp:read");
    let beyond = Flow::of_client(&server, id).unwrap().with("scope", "admin");
    let page = beyond.browser.get(beyond.authorize_url()).await.unwrap();
    let location = page.location().unwrap();
    assert_eq!(query(&location, "error").as_deref(), Some("invalid_scope"));

    // Another one with the same metadata, and no limit.
    let free = token(&server, |_| ()).await;
    let response = send(&server, Some(&format!("Bearer {free}")), REDIRECT_URI).await;
    assert_ne!(response.json::<Value>().await.unwrap()["client_id"], id);
}
