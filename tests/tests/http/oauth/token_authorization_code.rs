//! `POST /oauth/token` with `grant_type=authorization_code`

use authgent_tests::flow::{Flow, PRESENTED_REDIRECT_URI, REDIRECT_URI, header, payload};
use authgent_tests::server::{OTHER_RESOURCE, RESOURCE, TestServer};
use serde_json::{Value, json};

fn error(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn an_access_token_says_what_rfc_9068_and_the_resource_ask() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let response = server
        .http
        .post(server.url("/oauth/token"))
        .form(&flow.exchange_form(&flow.code().await.unwrap()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(300), &json!("mcp:read"))
    );
    assert_eq!(body["refresh_token"].as_str().unwrap().len(), 44 + 43, "the family and the secret");
    assert!(body.get("id_token").is_none());

    let token = body["access_token"].as_str().unwrap();
    let (header, claims) = (header(token).unwrap(), payload(token).unwrap());
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert!(header["kid"].is_string());
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.issuer), &json!(RESOURCE)));
    assert_eq!((&claims["email"], &claims["name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!(flow.client_id), &json!("mcp:read")));
    for claim in ["exp", "iat", "auth_time"] {
        assert!(claims[claim].is_i64(), "{claim} is a whole number: {}", claims[claim]);
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    uuid::Uuid::parse_str(claims["sub"].as_str().unwrap()).unwrap();
}

#[tokio::test]
async fn openid_brings_an_id_token() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "openid email mcp:read").with("nonce", "n-1");
    let body = flow.tokens().await.unwrap();
    let claims = payload(body["id_token"].as_str().unwrap()).unwrap();
    assert_eq!((&claims["aud"], &claims["nonce"]), (&json!(flow.client_id), &json!("n-1")));
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims.get("name"), None, "profile was not asked for");
    assert_eq!(header(body["id_token"].as_str().unwrap()).unwrap()["typ"], "JWT");
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_issued() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    let (_, tokens) = flow.exchange(&code).await.unwrap();
    assert_eq!(error(&flow.exchange(&code).await.unwrap()), (400, "invalid_grant"));
    let refreshed = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(error(&refreshed), (400, "invalid_grant"), "the first grant's refresh token dies");
}

#[tokio::test]
async fn of_many_who_redeem_one_code_at_once_one_wins() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    let answers = futures_util::future::join_all((0..16).map(|_| flow.exchange(&code))).await;
    let won = answers.into_iter().filter(|answer| answer.as_ref().unwrap().0 == 200).count();
    assert_eq!(won, 1, "of 16");
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    server.clock.advance(599);
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200);
    let code = flow.code().await.unwrap();
    server.clock.advance(600);
    assert_eq!(error(&flow.exchange(&code).await.unwrap()), (400, "invalid_grant"));
}

#[tokio::test]
async fn each_wrong_parameter_is_refused_and_the_code_stays_good() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    let other = "b".repeat(43);
    let short = "b".repeat(42);
    for (name, value, expected) in [
        ("code_verifier", Some(other.as_str()), "invalid_grant"),
        ("code_verifier", Some(short.as_str()), "invalid_request"),
        ("code_verifier", None, "invalid_request"),
        ("redirect_uri", Some(REDIRECT_URI), "invalid_grant"),
        ("redirect_uri", None, "invalid_request"),
        ("code", Some("unknown"), "invalid_grant"),
        ("code", None, "invalid_request"),
        ("grant_type", Some("password"), "unsupported_grant_type"),
        ("grant_type", None, "invalid_request"),
        ("resource", Some(OTHER_RESOURCE), "invalid_target"),
        ("resource", Some("https://nowhere.example"), "invalid_target"),
    ] {
        let mut form: Vec<_> = flow.exchange_form(&code).into_iter().filter(|(known, _)| *known != name).collect();
        form.extend(value.map(|value| (name, value)));
        assert_eq!(error(&server.post("/oauth/token", &form).await.unwrap()), (400, expected), "{name}={value:?}");
    }
    let mut twice = flow.exchange_form(&code);
    twice.push(("code", "another"));
    assert_eq!(error(&server.post("/oauth/token", &twice).await.unwrap()), (400, "invalid_request"));
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "nothing was lost");
}

#[tokio::test]
async fn another_clients_code_is_refused_and_stays_good() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    let thief = server.public_client(REDIRECT_URI).await.unwrap();
    let mut form = flow.exchange_form(&code);
    form.retain(|(name, _)| *name != "client_id");
    form.push(("client_id", &thief));
    assert_eq!(error(&server.post("/oauth/token", &form).await.unwrap()), (400, "invalid_grant"));
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200);
}

#[tokio::test]
async fn json_instead_of_a_form_is_refused_as_json() {
    let server = TestServer::start().await.unwrap();
    let response = server
        .http
        .post(server.url("/oauth/token"))
        .json(&json!({"grant_type": "authorization_code"}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"], "invalid_request");
    assert!(body["error_description"].as_str().unwrap().contains("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn a_huge_form_is_refused_as_json() {
    let server = TestServer::start().await.unwrap();
    let (status, body) = server.post("/oauth/token", &[("grant_type", &"x".repeat(1_000_000))]).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (413, "invalid_request"));
}

/// A confidential client with a code.
async fn confidential(server: &TestServer) -> (String, String) {
    let metadata = json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "client_secret_basic"});
    let (status, body) = server.register(&metadata).await.unwrap();
    assert_eq!(status, 201, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("client_id"), text("client_secret"))
}

#[tokio::test]
async fn a_client_with_a_secret_must_send_it_in_either_place() {
    let server = TestServer::start().await.unwrap();
    Flow::new(&server).await.unwrap();
    let (client_id, secret) = confidential(&server).await;
    let flow = Flow::of_client(&server, &client_id).unwrap();
    let code = flow.code().await.unwrap();
    let form = flow.exchange_form(&code);
    let without_id: Vec<_> = form.iter().copied().filter(|(name, _)| *name != "client_id").collect();

    assert_eq!(error(&server.post("/oauth/token", &form).await.unwrap()), (401, "invalid_client"), "no secret");
    let wrong: Vec<_> = form.iter().copied().chain([("client_secret", "wrong")]).collect();
    assert_eq!(error(&server.post("/oauth/token", &wrong).await.unwrap()), (401, "invalid_client"));
    let response = server
        .http
        .post(server.url("/oauth/token"))
        .form(&without_id)
        .basic_auth(&client_id, Some("wrong"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "), "RFC 6749, section 5.2");
    let empty = server
        .http
        .post(server.url("/oauth/token"))
        .form(&without_id)
        .basic_auth(&client_id, Some(""))
        .send()
        .await
        .unwrap();
    assert!(empty.status() == 401 && empty.headers().contains_key("www-authenticate"), "no secret, but HTTP Basic");
    let both: Vec<_> = form.iter().copied().chain([("client_secret", secret.as_str())]).collect();
    let answer = server.post_as("/oauth/token", &both, Some((&client_id, &secret))).await.unwrap();
    assert_eq!(error(&answer), (400, "invalid_request"), "two methods at once");

    let answer = server.post_as("/oauth/token", &without_id, Some((&client_id, &secret))).await.unwrap();
    assert_eq!(answer.0, 200, "{}", answer.1);
    let refresh_token = answer.1["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", &client_id),
        ("client_secret", &secret),
    ];
    assert_eq!(server.post("/oauth/token", &form).await.unwrap().0, 200, "in the body");
}

#[tokio::test]
async fn basic_is_form_encoded_inside() {
    let server = TestServer::start().await.unwrap();
    Flow::new(&server).await.unwrap();
    let (client_id, secret) = confidential(&server).await;
    let flow = Flow::of_client(&server, &client_id).unwrap();
    let code = flow.code().await.unwrap();
    let form: Vec<_> = flow.exchange_form(&code).into_iter().filter(|(name, _)| *name != "client_id").collect();
    // RFC 6749, section 2.3.1: each part is form-encoded first. A client may encode more than it must.
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let answer = server.post_as("/oauth/token", &form, Some((&encode(&client_id), &encode(&secret)))).await.unwrap();
    assert_eq!(answer.0, 200, "{}", answer.1);
}

#[tokio::test]
async fn an_unknown_client_is_told_so_that_it_registers_again() {
    let server = TestServer::start().await.unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", "gone"),
        ("redirect_uri", PRESENTED_REDIRECT_URI),
    ];
    assert_eq!(error(&server.post("/oauth/token", &form).await.unwrap()), (401, "invalid_client"));
}

#[tokio::test]
async fn a_disabled_client_a_public_one_with_a_secret_and_a_malformed_header_are_refused() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let code = flow.code().await.unwrap();
    let form = flow.exchange_form(&code);
    let with_secret: Vec<_> = form.iter().copied().chain([("client_secret", "x")]).collect();
    assert_eq!(error(&server.post("/oauth/token", &with_secret).await.unwrap()), (401, "invalid_client"));
    for header in ["Bearer x", "Basic", "Basic !!!", "Basic bm9jb2xvbg=="] {
        let request = server.http.post(server.url("/oauth/token")).form(&form).header("authorization", header);
        assert_eq!(request.send().await.unwrap().status(), 401, "{header}");
    }
    let other = server.post_as("/oauth/token", &form, Some(("another", ""))).await.unwrap();
    assert_eq!(error(&other), (400, "invalid_request"), "two different identifiers");
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&flow.client_id, false).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(error(&flow.exchange(&code).await.unwrap()), (401, "invalid_client"));
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_at_every_endpoint() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let client_id = ("client_id", flow.client_id.as_str());
    for (path, form) in [
        ("/oauth/token", [("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b"), client_id]),
        ("/oauth/token", [("grant_type", "client_credentials"), ("scope", "a"), ("scope", "b"), client_id]),
        ("/oauth/revoke", [("token", "a"), ("token", "b"), ("token_type_hint", "x"), client_id]),
        ("/oauth/introspect", [("token", "a"), ("token", "b"), ("token_type_hint", "x"), client_id]),
    ] {
        assert_eq!(error(&server.post(path, &form).await.unwrap()), (400, "invalid_request"), "{path} {form:?}");
    }
}
