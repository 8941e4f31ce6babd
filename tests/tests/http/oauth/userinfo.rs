//! `GET,POST /oauth/userinfo`

use super::openid::{plain, plain_tokens};
use authgent_core::time::Clock as _;
use authgent_server::domain::RevocationReason;
use authgent_server::service::token::grant_of_jti;
use authgent_tests::flow::{Flow, payload, without_signature};
use authgent_tests::server::{RESOURCE, TestServer};
use serde_json::{Value, json};

/// Status, challenge and body of the answer to a token in the header.
async fn ask(server: &TestServer, token: &str) -> (u16, String, Value) {
    answer(server.http.get(server.url("/oauth/userinfo")).bearer_auth(token)).await
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), challenge.unwrap_or_default(), response.json().await.unwrap())
}

/// That a token is refused as invalid.
async fn assert_refused(server: &TestServer, token: &str, why: &str) {
    let (status, challenge, body) = ask(server, token).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_token")), "{why}");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{why}: {challenge}");
}

fn text<'a>(tokens: &'a Value, member: &str) -> &'a str {
    tokens[member].as_str().unwrap()
}

#[tokio::test]
async fn it_tells_what_the_scopes_ask_for() {
    let server = TestServer::start().await.unwrap();
    for (scope, told) in [
        ("openid", json!({})),
        ("openid profile", json!({"name": "Ada Lovelace"})),
        ("openid email", json!({"email": "ada@example.com", "email_verified": true})),
        ("openid profile email", json!({"name": "Ada Lovelace", "email": "ada@example.com", "email_verified": true})),
    ] {
        let flow = plain(&server).await.with("scope", scope);
        let tokens = plain_tokens(&flow).await;
        let mut expected = told;
        expected["sub"] = payload(text(&tokens, "id_token")).unwrap()["sub"].clone();
        assert_eq!(ask(&server, text(&tokens, "access_token")).await, (200, String::new(), expected), "{scope}");
    }
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_in_a_form_and_never_in_the_address() {
    let server = TestServer::start().await.unwrap();
    let tokens = plain_tokens(&plain(&server).await).await;
    let token = text(&tokens, "access_token");
    let url = server.url("/oauth/userinfo");
    let http = &server.http;
    assert_eq!(answer(http.post(&url).bearer_auth(token)).await.0, 200);
    assert_eq!(answer(http.post(&url).bearer_auth(token).json(&json!({"access_token": "x"}))).await.0, 200);
    assert_eq!(answer(http.post(&url).form(&[("access_token", token)])).await.0, 200);
    for (request, why) in [
        (http.get(format!("{url}?access_token={token}")), "in the query"),
        (http.get(format!("{url}?access_token={token}")).bearer_auth(token), "in the query as well"),
        (http.post(&url).bearer_auth(token).form(&[("access_token", token)]), "twice"),
        (http.post(&url).form(&[("access_token", token), ("access_token", token)]), "twice in the form"),
        (http.get(&url).basic_auth("a", Some("b")), "no bearer token"),
    ] {
        let (status, challenge, body) = answer(request).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{why}");
        assert!(challenge.contains("error=\"invalid_request\""), "{why}: {challenge}");
    }
    for request in [http.get(&url), http.post(&url).json(&json!({"access_token": token}))] {
        let (status, challenge, _) = answer(request).await;
        assert_eq!((status, challenge.as_str()), (401, "Bearer realm=\"authgent\""), "no error where no token came");
    }
}

#[tokio::test]
async fn scripts_of_any_origin_may_ask() {
    let server = TestServer::start().await.unwrap();
    let url = server.url("/oauth/userinfo");
    let preflight = server
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    let refused = server.http.get(&url).header("origin", "https://app.example.com").send().await.unwrap();
    let exposed = refused.headers()["access-control-expose-headers"].to_str().unwrap().to_ascii_lowercase();
    assert!(exposed.contains("www-authenticate"), "{exposed}");
    assert!(refused.headers().get("access-control-allow-credentials").is_none(), "no cookie opens it");
}

/// The server of a resource gets the tokens that are for it, and could ask here with them.
#[tokio::test]
async fn a_token_for_a_server_tells_it_no_more_than_the_token_itself() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "openid profile email mcp:read");
    let tokens = flow.tokens().await.unwrap();
    let token = text(&tokens, "access_token");
    assert_eq!(payload(token).unwrap()["aud"], RESOURCE);
    let (status, _, told) = ask(&server, token).await;
    assert_eq!((status, &told["email"], &told["name"]), (200, &json!("ada@example.com"), &json!("Ada Lovelace")));

    // The operator keeps the address from this server.
    let mut resource =
        server.store.resources().await.unwrap().into_iter().find(|r| r.uri.as_str() == RESOURCE).unwrap();
    resource.profile_claims = vec!["name".to_owned()];
    let tx = server.store.begin().await.unwrap();
    tx.put_resource(&resource).await.unwrap();
    tx.commit().await.unwrap();
    let sub = payload(token).unwrap()["sub"].clone();
    assert_eq!(ask(&server, token).await.2, json!({"sub": sub, "name": "Ada Lovelace"}));

    let tx = server.store.begin().await.unwrap();
    tx.delete_resource(&resource.uri).await.unwrap();
    tx.commit().await.unwrap();
    assert_refused(&server, token, "for a resource that is gone").await;
}

#[tokio::test]
async fn a_token_without_openid_is_not_enough() {
    let server = TestServer::start().await.unwrap();
    let (client_id, secret) =
        server.add_client(json!({"client_name": "Job", "grant_types": ["client_credentials"]})).await.unwrap();
    let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    let (_, own) = server.post_as("/oauth/token", &form, Some((&client_id, secret.as_deref().unwrap()))).await.unwrap();
    let tokens = Flow::new(&server).await.unwrap().tokens().await.unwrap();
    for token in [text(&tokens, "access_token"), text(&own, "access_token")] {
        let (status, challenge, body) = ask(&server, token).await;
        assert_eq!((status, &body["error"]), (403, &json!("insufficient_scope")));
        assert!(challenge.contains("scope=\"openid\""), "{challenge}");
    }
    // A narrower refresh takes it away as well.
    let flow = Flow::new(&server).await.unwrap().with("scope", "openid mcp:read");
    let refresh_token = text(&flow.tokens().await.unwrap(), "refresh_token").to_owned();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
        ("client_id", flow.client_id.as_str()),
        ("scope", "mcp:read"),
    ];
    let (_, narrower) = server.post("/oauth/token", &form).await.unwrap();
    assert_eq!(narrower.get("id_token"), None);
    assert_eq!(ask(&server, text(&narrower, "access_token")).await.0, 403);
}

#[tokio::test]
async fn what_is_no_access_token_of_ours_is_refused() {
    let server = TestServer::start().await.unwrap();
    let elsewhere = TestServer::start().await.unwrap();
    let tokens = plain_tokens(&plain(&server).await.with("scope", "openid offline_access")).await;
    let token = text(&tokens, "access_token");
    assert_refused(&server, text(&tokens, "id_token"), "an ID token").await;
    assert_refused(&server, text(&tokens, "refresh_token"), "a refresh token").await;
    assert_refused(&server, &without_signature(token).unwrap(), "alg none").await;
    assert_refused(&server, &format!("{}AA", &token[..token.len() - 2]), "another signature").await;
    assert_refused(&server, "nonsense", "nonsense").await;
    let foreign = plain_tokens(&plain(&elsewhere).await).await;
    assert_refused(&server, text(&foreign, "access_token"), "another issuer's").await;
    assert_eq!(ask(&server, token).await.0, 200);
    server.clock.advance(300);
    assert_refused(&server, token, "expired").await;
}

#[tokio::test]
async fn a_token_ends_with_its_grant_its_client_and_its_person() {
    let server = TestServer::start().await.unwrap();
    let flow = plain(&server).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(text(&plain_tokens(&flow).await, "access_token").to_owned());
    }
    let claims = payload(&tokens[0]).unwrap();
    let grant = grant_of_jti(claims["jti"].as_str().unwrap()).unwrap();
    let tx = server.store.begin().await.unwrap();
    tx.revoke_grant(grant, server.clock.now(), RevocationReason::RevokedByUser).await.unwrap();
    tx.commit().await.unwrap();
    assert_refused(&server, &tokens[0], "the grant was revoked").await;
    assert_eq!(ask(&server, &tokens[1]).await.0, 200);

    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&flow.client_id, false).await.unwrap();
    tx.commit().await.unwrap();
    assert_refused(&server, &tokens[1], "the client was disabled").await;
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&flow.client_id, true).await.unwrap();
    tx.set_user_enabled(claims["sub"].as_str().unwrap().parse().unwrap(), false).await.unwrap();
    tx.commit().await.unwrap();
    assert_refused(&server, &tokens[2], "the person was disabled").await;
}
