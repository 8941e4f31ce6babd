//! A protected actix-web server over real HTTP: every bad input of the resource side, CORS, metadata, event streams.

#![expect(clippy::unwrap_used, reason = "tests")]

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use authgent_core::challenge::Challenge;
use futures_util::stream;
use mcp_resource::actix::{McpAuth, metadata_routes};
use mcp_resource::testing::TestIssuer;
use mcp_resource::{Authenticator, Config, ConfigBuilder, VerifiedToken};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

const RESOURCE: &str = "http://localhost:8000/mcp";
const METADATA: &str = "http://localhost:8000/.well-known/oauth-protected-resource/mcp";

/// A protected server, its issuer, and what reached the code behind the middleware.
struct Server {
    url: String,
    issuer: TestIssuer,
    client: Client,
    reached: Arc<AtomicUsize>,
    events: mpsc::Sender<&'static str>,
}

async fn start() -> Server {
    start_with(|config| config).await
}

async fn start_with(change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Server {
    let issuer = TestIssuer::start().await.unwrap();
    let config = Config::builder(issuer.url(), RESOURCE).required_scope("mcp:read").tool("create_project", "mcp:write");
    let authenticator = Authenticator::new(change(config).build().unwrap()).unwrap();
    let reached = Arc::new(AtomicUsize::new(0));
    let (events, receiver) = mpsc::channel::<&'static str>(8);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let count = Arc::clone(&reached);
    let server = HttpServer::new(move || {
        let (count, receiver) = (Arc::clone(&count), Arc::clone(&receiver));
        let echo = move |token: VerifiedToken, body: Bytes| {
            count.fetch_add(1, Ordering::SeqCst);
            let body = String::from_utf8_lossy(&body).into_owned();
            std::future::ready(HttpResponse::Ok().json(json!({ "sub": token.sub, "body": body })))
        };
        let sse = move |_: VerifiedToken| {
            let receiver = Arc::clone(&receiver);
            async move {
                let receiver = receiver.lock().await.take();
                let chunks = stream::unfold(receiver, |receiver| async move {
                    let mut receiver = receiver?;
                    let text = receiver.recv().await?;
                    Some((Ok::<_, actix_web::Error>(Bytes::from_static(text.as_bytes())), Some(receiver)))
                });
                HttpResponse::Ok().content_type("text/event-stream").streaming(Box::pin(chunks))
            }
        };
        App::new().configure(metadata_routes(&authenticator)).service(
            web::scope("/mcp")
                .wrap(McpAuth::new(authenticator.clone()))
                .route("", web::post().to(echo.clone()))
                .route("", web::delete().to(echo))
                .route("/sse", web::get().to(sse)),
        )
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    tokio::spawn(server.run());
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    Server { url, issuer, client, reached, events }
}

impl Server {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    fn post(&self, token: &str) -> RequestBuilder {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        self.request(Method::POST, "/mcp").bearer_auth(token).json(&list)
    }

    fn call(&self, token: &str, tool: &str) -> RequestBuilder {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } });
        self.request(Method::POST, "/mcp").bearer_auth(token).json(&call)
    }

    fn token(&self, scope: &str) -> String {
        self.issuer.token(RESOURCE, scope).unwrap()
    }

    fn claims(&self) -> Value {
        self.issuer.claims(RESOURCE, "mcp:read")
    }

    fn now(&self) -> i64 {
        self.claims()["iat"].as_i64().unwrap()
    }

    /// The claims of a good token with one of them changed, or removed where `value` is null.
    fn with(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims();
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(claim),
            value => claims.as_object_mut().unwrap().insert(claim.into(), value),
        };
        self.issuer.sign(&claims).unwrap()
    }

    /// Sends the token and expects 401 `invalid_token` with this text in the header; returns the text of the body.
    async fn refuses(&self, token: &str, description: &str) -> String {
        let before = self.reached.load(Ordering::SeqCst);
        let response = self.post(token).send().await.unwrap();
        assert_eq!(response.status(), 401, "{description}");
        let challenge = challenge(&response);
        assert_eq!(challenge.get("error"), Some("invalid_token"));
        assert_eq!(challenge.get("error_description"), Some(description));
        assert_eq!(challenge.get("scope"), Some("mcp:read"));
        assert_eq!(challenge.get("resource_metadata"), Some(METADATA));
        assert_eq!(self.reached.load(Ordering::SeqCst), before, "the server was reached");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"], "invalid_token");
        body["error_description"].as_str().unwrap().to_owned()
    }
}

fn challenge(response: &Response) -> Challenge {
    let header = response.headers().get("www-authenticate").expect("a challenge").to_str().unwrap();
    Challenge::parse(header).unwrap().remove(0)
}

#[actix_web::test]
async fn a_good_token_reaches_the_server_with_its_body() {
    let server = start().await;
    let response = server.call(&server.token("mcp:read"), "whoami").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["sub"], server.claims()["sub"]);
    assert!(answer["body"].as_str().unwrap().contains("\"whoami\""), "the body was handed on");
    let delete = server.request(Method::DELETE, "/mcp").bearer_auth(server.token("mcp:read"));
    assert_eq!(delete.send().await.unwrap().status(), 200);
}

#[actix_web::test]
async fn without_a_token_there_is_a_challenge_without_an_error() {
    let server = start().await;
    for request in
        [server.request(Method::POST, "/mcp"), server.request(Method::POST, "/mcp").basic_auth("a", Some("b"))]
    {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let challenge = challenge(&response);
        assert_eq!(challenge.get("error"), None);
        assert_eq!(challenge.get("scope"), Some("mcp:read"));
        assert_eq!(challenge.get("resource_metadata"), Some(METADATA));
    }
    assert_eq!(server.issuer.jwks_requests(), 0);
}

#[actix_web::test]
async fn expired_and_future() {
    let server = start().await;
    let now = server.now();
    let expired = "token_expired: JWT exp claim is in the past";
    let body = server.refuses(&server.with("exp", json!(now - 31)), expired).await;
    assert_eq!(body, "token_expired \u{2014} JWT exp claim is in the past");
    assert_eq!(server.post(&server.with("exp", json!(now - 5))).send().await.unwrap().status(), 200, "leeway");
    server.refuses(&server.with("iat", json!(now + 90)), "token_not_yet_valid: JWT iat claim is in the future").await;
    server.refuses(&server.with("nbf", json!(now + 90)), "token_not_yet_valid: JWT nbf claim is in the future").await;
}

#[actix_web::test]
async fn another_issuer_or_audience() {
    let server = start().await;
    let issuer = format!("invalid_issuer: expected {}", server.issuer.url());
    server.refuses(&server.with("iss", json!("https://evil.example.com")), &issuer).await;
    server.refuses(&server.with("iss", json!(format!("{}/", server.issuer.url()))), &issuer).await;
    let audience = format!("invalid_audience: expected {RESOURCE}");
    for other in [json!("https://other.example.com"), json!(format!("{RESOURCE}/")), json!(["a", "b"]), json!([])] {
        let body = server.refuses(&server.with("aud", other), &audience).await;
        assert_eq!(body, format!("invalid_audience \u{2014} expected \"{RESOURCE}\""));
    }
}

#[actix_web::test]
async fn an_alias_is_another_audience() {
    let server = start_with(|config| config.audience_alias("http://localhost:8000")).await;
    assert_eq!(server.post(&server.with("aud", json!("http://localhost:8000"))).send().await.unwrap().status(), 200);
}

#[actix_web::test]
async fn forged_tokens() {
    let server = start().await;
    let claims = server.claims();
    let algorithm = "invalid_algorithm: the algorithm of the access token is not allowed";
    let signature = "invalid_signature: the signature of the access token is wrong";
    let unknown = "unknown_key: the access token is not signed with a key of the issuer";
    server.refuses(&server.issuer.sign_with_other_key(&claims).unwrap(), signature).await;
    server.refuses(&server.issuer.unsigned(&claims), algorithm).await;
    server.refuses(&server.issuer.signed_with_public_key(&claims).unwrap(), algorithm).await;
    let header = |name: &str, value: Value| {
        let mut header = server.issuer.header();
        header[name] = value;
        server.issuer.sign_with_header(&header, &claims).unwrap()
    };
    server.refuses(&header("alg", json!("RS256")), algorithm).await;
    server.refuses(&header("kid", json!("other")), unknown).await;
    server.refuses(&header("typ", json!("JWT")), "wrong_type: expected typ at+jwt, found JWT").await;
    let critical = "unsupported_header: the access token has critical extensions";
    server.refuses(&header("crit", json!(["b64"])), critical).await;
    let malformed = "malformed: the access token is not a signed JWT";
    server.refuses("not-a-jwt", malformed).await;
    let twice = format!(r#"{{"typ":"at+jwt","alg":"ES256","alg":"ES256","kid":"{}"}}"#, server.issuer.key().kid());
    server.refuses(&server.issuer.sign_text(&twice, &claims.to_string()).unwrap(), malformed).await;
    // A good token whose claims were exchanged for others.
    let good = server.token("mcp:read");
    let other = server.token("mcp:read mcp:write");
    let (parts, others): (Vec<_>, Vec<_>) = (good.split('.').collect(), other.split('.').collect());
    server.refuses(&format!("{}.{}.{}", parts[0], others[1], parts[2]), signature).await;
}

#[actix_web::test]
async fn claims_that_are_missing_or_absurd() {
    let server = start_with(|config| config.required_claim("email")).await;
    for claim in ["exp", "iat", "sub", "aud", "iss", "jti", "client_id", "email"] {
        server.refuses(&server.with(claim, Value::Null), &format!("missing_claim: {claim}")).await;
    }
    for exp in [json!(1e300), json!(-1e300), json!("tomorrow"), json!([1]), json!(true)] {
        let problem = "malformed_claim: exp must be a number of seconds since 1970";
        server.refuses(&server.with("exp", exp), problem).await;
    }
    server.refuses(&server.issuer.sign(&json!([1])).unwrap(), "malformed: the claims are not a JSON object").await;
    let twice = r#"{"sub":"a","sub":"b"}"#;
    let token = server.issuer.sign_text(&server.issuer.header().to_string(), twice).unwrap();
    server.refuses(&token, "malformed: the claims are not a JSON object").await;
}

#[actix_web::test]
async fn malformed_credentials() {
    let server = start().await;
    let token = server.token("mcp:read");
    let requests = [
        server.request(Method::POST, &format!("/mcp?access_token={token}")),
        server.post(&token).query(&[("access_token", token.as_str())]),
        server.post(&token).header("authorization", format!("Bearer {token}")),
        server.request(Method::POST, "/mcp").header("authorization", "Bearer"),
        server.request(Method::POST, "/mcp").header("authorization", format!("Bearer {token} {token}")),
        server.request(Method::POST, "/mcp").header("authorization", format!("Bearer {}", "a".repeat(100_000))),
    ];
    for request in requests {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(challenge(&response).get("error"), Some("invalid_request"));
        assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_request");
    }
    assert_eq!(server.reached.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn a_tool_without_its_scope_is_refused_before_it_runs() {
    let server = start().await;
    let response = server.call(&server.token("mcp:read"), "create_project").send().await.unwrap();
    assert_eq!(response.status(), 403);
    let header = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(
        header,
        format!(
            r#"Bearer error="insufficient_scope", scope="mcp:read mcp:write", error_description="required scope mcp:write not present", resource_metadata="{METADATA}""#
        )
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error_description"], "insufficient_scope \u{2014} required scope \"mcp:write\" not present");
    assert_eq!(server.reached.load(Ordering::SeqCst), 0);
    let granted = server.call(&server.token("mcp:read mcp:write"), "create_project").send().await.unwrap();
    assert_eq!(granted.status(), 200);
    // The scope of the tool does not stand in for the one that every request needs.
    let response = server.call(&server.token("mcp:write"), "create_project").send().await.unwrap();
    assert_eq!(challenge(&response).get("scope"), Some("mcp:read mcp:write"));
}

#[actix_web::test]
async fn no_way_around_the_scope_of_a_tool() {
    let server = start().await;
    let token = server.token("mcp:read");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_project"}}"#;
    let twice = r#"{"method":"tools/call","params":{"name":"whoami","name":"create_project"}}"#;
    let cases: [(u16, &str, String); 6] = [
        (403, "application/json", call.to_owned()),
        (403, "text/plain", call.to_owned()),
        (403, "application/json", format!("[{{\"id\":1,\"method\":\"ping\"}},{call}]")),
        (400, "application/json", twice.to_owned()),
        (400, "application/json", "{".to_owned()),
        (400, "application/json", format!("\u{feff}{call}")),
    ];
    for (status, media_type, body) in cases {
        let request = server.request(Method::POST, "/mcp").bearer_auth(&token).header("content-type", media_type);
        assert_eq!(request.body(body.clone()).send().await.unwrap().status(), status, "{body}");
    }
    let delete = server.request(Method::DELETE, "/mcp").bearer_auth(&token).body(call);
    assert_eq!(delete.send().await.unwrap().status(), 403);
    let compressed = server.post(&token).header("content-encoding", "gzip");
    assert_eq!(compressed.send().await.unwrap().status(), 415);
    assert_eq!(server.reached.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn headers_must_say_what_the_body_says() {
    let server = start().await;
    let token = server.token("mcp:read mcp:write");
    let good =
        server.call(&token, "create_project").header("mcp-method", "tools/call").header("mcp-name", "create_project");
    assert_eq!(good.send().await.unwrap().status(), 200);
    for (method, name) in [("tools/list", "create_project"), ("tools/call", "whoami")] {
        let request = server.call(&token, "create_project").header("mcp-method", method).header("mcp-name", name);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], -32020);
    }
}

#[actix_web::test]
async fn unlisted_tools_can_be_denied() {
    let server = start_with(|config| config.deny_unlisted_tools(true).tool("whoami", "")).await;
    let token = server.token("mcp:read mcp:write");
    assert_eq!(server.call(&token, "whoami").send().await.unwrap().status(), 200);
    assert_eq!(server.call(&token, "rm").send().await.unwrap().status(), 403);
}

#[actix_web::test]
async fn large_bodies() {
    let server = start_with(|config| config.max_body_bytes(1000)).await;
    let token = server.token("mcp:read");
    let body = json!({ "method": "x", "params": { "text": "a".repeat(1000) } }).to_string();
    let announced = server.request(Method::POST, "/mcp").bearer_auth(&token).body(body);
    assert_eq!(announced.send().await.unwrap().status(), 413);
}

#[actix_web::test]
async fn pages_of_other_origins() {
    let server = start().await;
    let token = server.token("mcp:read");
    let foreign = server.post(&token).header("origin", "https://evil.example.com").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    let inspector = "http://localhost:6274";
    let response = server.post(&token).header("origin", inspector).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-origin"], inspector);
    let response = server.request(Method::POST, "/mcp").header("origin", inspector).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("WWW-Authenticate") && exposed.contains("Mcp-Session-Id"));
    let preflight = server
        .request(Method::OPTIONS, "/mcp")
        .header("origin", inspector)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, mcp-param-region");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 204);
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap();
    for name in ["Authorization", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Last-Event-ID", "mcp-param-region"]
    {
        assert!(allowed.contains(name), "{name}");
    }
}

#[actix_web::test]
async fn metadata_is_open_at_both_places() {
    let server = start().await;
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let response =
            server.request(Method::GET, path).header("origin", "https://any.example.com").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let document: Value = response.json().await.unwrap();
        assert_eq!(document["resource"], RESOURCE);
        assert_eq!(document["authorization_servers"], json!([server.issuer.url()]));
        let preflight = server.request(Method::OPTIONS, path).send().await.unwrap();
        assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("MCP-Protocol-Version"));
    }
}

#[actix_web::test]
async fn an_event_stream_stays_open_and_arrives_piece_by_piece() {
    let server = start().await;
    assert_eq!(server.request(Method::GET, "/mcp/sse").send().await.unwrap().status(), 401);
    let request = server.request(Method::GET, "/mcp/sse").bearer_auth(server.token("mcp:read"));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    for event in ["event: endpoint\n\n", "data: 1\n\n", "data: 2\n\n"] {
        server.events.send(event).await.unwrap();
        let chunk = tokio::time::timeout(Duration::from_secs(5), response.chunk()).await.unwrap().unwrap().unwrap();
        assert_eq!(chunk, event.as_bytes());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn an_event_stream_ends_with_its_token() {
    let server = start().await;
    let mut claims = server.issuer.claims(RESOURCE, "mcp:read");
    // Two seconds are left of the leeway.
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 28);
    claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 300);
    let token = server.issuer.sign(&claims).unwrap();
    let mut response = server.request(Method::GET, "/mcp/sse").bearer_auth(&token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    server.events.send("data: 1\n\n").await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    let end = tokio::time::timeout(Duration::from_secs(6), response.chunk()).await;
    assert_eq!(end.unwrap().unwrap(), None, "the stream is over");
    assert_eq!(server.request(Method::GET, "/mcp/sse").bearer_auth(&token).send().await.unwrap().status(), 401);
}

#[actix_web::test]
async fn keys_that_cannot_be_had() {
    let server = start().await;
    server.issuer.set_online(false);
    let response = server.post(&server.token("mcp:read")).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap();
    let text = body["error_description"].as_str().unwrap();
    assert!(text.starts_with("ConnectionError \u{2014} Cannot connect to authorization_server_url"), "{text}");
    assert!(text.contains(server.issuer.url()), "{text}");
}
