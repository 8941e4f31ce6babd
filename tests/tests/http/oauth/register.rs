//! `POST /oauth/register`

use authgent_tests::server::TestServer;
use futures_util::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn a_public_client_gets_an_identifier_and_no_secret() {
    let server = TestServer::start().await.unwrap();
    // What Claude Code sends: no scope.
    let (status, body) = server
        .register(&json!({"client_name": "Claude Code", "redirect_uris": ["http://localhost:54545/callback"], "grant_types": ["authorization_code", "refresh_token"],
                          "response_types": ["code"], "token_endpoint_auth_method": "none"}))
        .await
        .unwrap();
    assert_eq!(status, 201);
    assert!(body.get("client_secret").is_none() && body.get("scope").is_none());
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert!(body["client_id_issued_at"].is_i64());
}

#[tokio::test]
async fn a_client_that_names_no_method_is_confidential() {
    let server = TestServer::start().await.unwrap();
    let (status, body) =
        server.register(&json!({"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"]})).await.unwrap();
    assert_eq!(status, 201);
    assert_eq!((body["client_secret"].as_str().unwrap().len(), &body["client_secret_expires_at"]), (43, &json!(0)));
    assert_eq!(body["token_endpoint_auth_method"], "client_secret_basic");
}

#[tokio::test]
async fn cursor_registers_all_three_of_its_redirect_uris() {
    let server = TestServer::start().await.unwrap();
    let uris = [
        "http://localhost:8787/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
    ];
    let (status, body) = server
        .register(&json!({"client_name": "Cursor", "redirect_uris": uris, "application_type": "web", "token_endpoint_auth_method": "none"}))
        .await
        .unwrap();
    assert_eq!((status, &body["redirect_uris"], &body["application_type"]), (201, &json!(uris), &json!("native")));
}

#[tokio::test]
async fn bad_redirect_uris_are_refused_by_name() {
    let server = TestServer::start().await.unwrap();
    let many: Vec<String> = (0..100).map(|n| format!("https://x.example/{n}")).collect();
    for uris in [
        json!(["https://x.example/cb#fragment"]),
        json!(["http://x.example/cb"]),
        json!(["javascript:alert(1)"]),
        json!(["data:text/html,x"]),
        json!(["https://good.example/cb", "http://x.example/cb"]),
        json!(["callback"]),
        json!([7]),
        json!("https://x.example/cb"),
        json!([]),
        json!(many),
    ] {
        let (status, body) =
            server.register(&json!({"redirect_uris": uris, "token_endpoint_auth_method": "none"})).await.unwrap();
        assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_redirect_uri"), "{uris}");
        assert!(body["error_description"].as_str().unwrap().starts_with("redirect_uris: "));
    }
    assert_eq!(server.store.clients().await.unwrap().len(), 0, "nothing is kept");
}

#[tokio::test]
async fn what_is_not_a_small_json_object_is_refused_as_json() {
    let server = TestServer::start().await.unwrap();
    let huge = format!("{{\"client_name\":\"{}\"}}", "x".repeat(10_000_000));
    let uris: Vec<String> = (0..10_000).map(|n| format!("https://x.example/{n}")).collect();
    let many = json!({"redirect_uris": uris}).to_string();
    for (body, status, error) in [
        ("not json".to_owned(), 400, "invalid_client_metadata"),
        ("[]".to_owned(), 400, "invalid_client_metadata"),
        (String::new(), 400, "invalid_client_metadata"),
        ("[".repeat(10_000), 400, "invalid_client_metadata"),
        (huge, 413, "invalid_request"),
        (many, 413, "invalid_request"),
    ] {
        let response = server
            .http
            .post(server.url("/oauth/register"))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        let small = status == 400;
        // The server may close the connection while ten megabytes are still being sent: that is a refusal too.
        let Ok(response) = response else {
            assert!(!small, "a small body is always answered");
            continue;
        };
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.json::<Value>().await.unwrap()["error"], error);
    }
    assert_eq!(server.store.clients().await.unwrap().len(), 0, "nothing is kept");
}

#[tokio::test]
async fn other_methods_are_answered_as_json() {
    let server = TestServer::start().await.unwrap();
    let response = server.http.get(server.url("/oauth/register")).header("accept", "text/html").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["allow"].to_str().unwrap()), (405, "POST"));
    assert!(response.json::<Value>().await.is_ok());
}

#[tokio::test]
async fn a_flood_from_one_address_is_held_up_and_fills_nothing() {
    let server = TestServer::start().await.unwrap();
    let flood = |server: &TestServer, folds: bool| {
        let (http, url) = (server.http.clone(), server.url("/oauth/register"));
        let uri =
            move |n: u32| if folds { format!("http://127.0.0.1:{n}/cb") } else { format!("https://x.example/{n}") };
        join_all((1..=1000).map(move |n| {
            let body = json!({"redirect_uris": [uri(n)], "token_endpoint_auth_method": "none"});
            // Whoever floods may say that he is somebody else each time: no proxy is trusted here.
            let request = http.post(&url).header("x-forwarded-for", format!("203.0.113.{}", n % 250)).json(&body);
            async move {
                let response = request.send().await.unwrap();
                let status = response.status().as_u16();
                if status == 429 {
                    assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
                    assert_eq!(response.json::<Value>().await.unwrap()["error"], "temporarily_unavailable");
                }
                status
            }
        }))
    };
    let begin = std::time::Instant::now();
    let statuses = flood(&server, false).await;
    // One comes back each second.
    let most = 60 + usize::try_from(begin.elapsed().as_secs()).unwrap() + 1;
    let registered = statuses.iter().filter(|status| **status == 201).count();
    assert!((60..=most).contains(&registered), "{registered} of {most}");
    assert!(statuses.iter().all(|status| [201, 429].contains(status)));
    assert_eq!(server.store.clients().await.unwrap().len(), registered);

    let unlimited = TestServer::setup().with("AUTHGENT_REGISTRATION_RATE", 0).start().await.unwrap();
    assert!(flood(&unlimited, true).await.iter().all(|status| *status == 201));
    assert_eq!(unlimited.store.clients().await.unwrap().len(), 1, "one program, a thousand ports");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_caller_has_a_share_of_its_own() {
    let setup = TestServer::setup().with("AUTHGENT_REGISTRATION_RATE", 2);
    let server = setup.with("AUTHGENT_TRUSTED_PROXIES", "127.0.0.1 ::1").start().await.unwrap();
    let register = async |forwarded: &str| {
        let body = json!({"redirect_uris": ["https://x.example/cb"]});
        let request = server.http.post(server.url("/oauth/register")).header("x-forwarded-for", forwarded);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!((register("203.0.113.1").await, register("203.0.113.1").await), (201, 201));
    assert_eq!(register("203.0.113.1").await, 429);
    assert_eq!(register("203.0.113.2").await, 201);
    // What a caller writes stands to the left of what the proxy adds.
    assert_eq!(register("198.51.100.7, 203.0.113.1").await, 429);
}

#[tokio::test]
async fn changing_a_registration_counts_as_registering() {
    let server = TestServer::setup().with("AUTHGENT_REGISTRATION_RATE", 2).start().await.unwrap();
    let (_, client) = server.register(&json!({"redirect_uris": ["https://x.example/cb"]})).await.unwrap();
    let url = client["registration_client_uri"].as_str().unwrap();
    let token = client["registration_access_token"].as_str().unwrap();
    let send = async |method: reqwest::Method| {
        server.http.request(method, url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(reqwest::Method::PUT).await, 400, "without a body");
    assert_eq!((send(reqwest::Method::PUT).await, send(reqwest::Method::DELETE).await), (429, 429));
    assert_eq!(send(reqwest::Method::GET).await, 200, "reading does not");
}
