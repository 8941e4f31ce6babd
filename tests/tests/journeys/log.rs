//! What the log holds after a journey: what happened, and none of the secrets that passed.

use authgent_core::token::client_assertion::CLIENT_ASSERTION_TYPE;
use authgent_tests::browser::query;
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::server::{PASSWORD, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A JWT whose signature nobody made.
fn assertion_of(client_id: &str) -> String {
    let header = json!({"alg": "ES256", "typ": "JWT"});
    let claims = json!({"iss": client_id, "sub": client_id, "jti": "the-jti-of-the-assertion"});
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([7; 64]))
}

#[tokio::test]
async fn no_secret_and_no_query_string_is_logged() {
    let log = Log::default();
    // Everything of the server and what it is made of; not the browser of the test, which is in this process too.
    let filter = "debug,html5ever=off,selectors=off,cookie_store=off,reqwest=off,hyper_util=off";
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(log.clone());
    subscriber.init();
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("state", "the-state-of-the-client").with("nonce", "the-nonce");
    let location = flow.redirected().await.unwrap();
    let code = query(&location, "code").unwrap();
    let (_, tokens) = flow.exchange(&code).await.unwrap();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (_, refreshed) = flow.refresh(&token("refresh_token")).await.unwrap();
    // Refusals talk the most: a used code, a wrong password, a redirect URI with a secret in it.
    flow.exchange(&code).await.unwrap();
    let wrong = flow.browser.authorize(server.url("/login"), EMAIL, "the-wrong-password").await;
    assert!(wrong.is_err());
    let stray =
        Flow::of_client(&server, &flow.client_id).unwrap().with("redirect_uri", "https://x.example/?t=stray-secret");
    server.http.get(stray.authorize_url()).send().await.unwrap();
    // A registration, its management, and refusals of both.
    let (_, client) = server.register(&json!({"redirect_uris": ["https://x.example/cb"]})).await.unwrap();
    let given = |name: &str| client[name].as_str().unwrap().to_owned();
    for bearer in [given("registration_access_token"), "the-wrong-token".to_owned()] {
        let body = json!({"client_id": client["client_id"], "redirect_uris": ["https://u:stray-secret@x.example/cb"],
            "client_secret": client["client_secret"]});
        let refused = server.http.put(given("registration_client_uri")).bearer_auth(&bearer).json(&body).send().await;
        assert!(refused.unwrap().status().is_client_error());
    }
    let bad = server.http.post(server.url("/oauth/register")).bearer_auth("the-wrong-token").body("{}").send().await;
    assert_eq!(bad.unwrap().status(), 401);

    // An assertion of a client that has no keys, whose identifier is right.
    let assertion = assertion_of(&flow.client_id);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    assert_eq!(server.post("/oauth/token", &form).await.unwrap().0, 401);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "client registered",
        "registration refused",
        "the initial access token is unknown",
        "client authentication refused",
        "consent given",
        "/oauth/token",
        "an authorization code was used twice",
        "http.status",
    ] {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
    let next = refreshed["refresh_token"].as_str().unwrap().to_owned();
    let secrets = [
        ("code", code),
        ("access token", token("access_token")),
        ("refresh token", token("refresh_token")),
        ("next refresh token", next),
        ("code_verifier", flow.verifier.as_str().to_owned()),
        ("password", PASSWORD.to_owned()),
        ("wrong password", "the-wrong-password".to_owned()),
        ("state", "the-state-of-the-client".to_owned()),
        ("nonce", "the-nonce".to_owned()),
        ("redirect_uri", "stray-secret".to_owned()),
        ("query string", "code_challenge=".to_owned()),
        ("client_secret", given("client_secret")),
        ("registration access token", given("registration_access_token")),
        ("wrong token", "the-wrong-token".to_owned()),
        ("client_assertion", assertion.rsplit_once('.').unwrap().0.to_owned()),
        ("jti", "the-jti-of-the-assertion".to_owned()),
    ];
    for (name, secret) in secrets {
        let lines: Vec<_> = text.lines().filter(|line| line.contains(&secret)).collect();
        assert!(lines.is_empty(), "the log holds the {name}: {lines:#?}");
    }
}
