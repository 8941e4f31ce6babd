//! `POST /oauth/register`

use authgent_tests::server::TestServer;
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
