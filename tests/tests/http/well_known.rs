//! `/.well-known/…`

use authgent_tests::server::{RESOURCE, TestServer};
use serde_json::{Value, json};

async fn get(server: &TestServer, url: &str) -> Value {
    let response = server.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn metadata_says_what_mcp_clients_look_for() {
    let server = TestServer::start().await.unwrap();
    let metadata = get(&server, &server.url("/.well-known/oauth-authorization-server")).await;
    assert_eq!(metadata, get(&server, &server.url("/.well-known/openid-configuration")).await, "one document");
    assert_eq!(metadata["issuer"], server.issuer);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["request_uri_parameter_supported"], false, "absent would mean yes");
    for (endpoint, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/oauth/token"),
        ("registration_endpoint", "/oauth/register"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(metadata[endpoint], server.url(path));
    }
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("none")), "claude.ai wants it");
    let scopes = metadata["scopes_supported"].as_array().unwrap();
    assert!(
        ["mcp:read", "admin", "other:use", "offline_access", "openid"]
            .iter()
            .all(|scope| scopes.contains(&json!(scope)))
    );
    assert!(metadata["protected_resources"].as_array().unwrap().contains(&json!(RESOURCE)));
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_in_every_place() {
    let server = TestServer::setup().path("/tenant").start().await.unwrap();
    let origin = server.issuer.strip_suffix("/tenant").unwrap();
    for path in [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
        "/tenant/.well-known/oauth-authorization-server",
    ] {
        assert_eq!(get(&server, &format!("{origin}{path}")).await["issuer"], server.issuer, "{path}");
    }
    for path in
        ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource", "/.well-known/nonsense"]
    {
        let response = server.http.get(format!("{origin}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert!(response.json::<Value>().await.is_ok(), "no HTML for programs");
    }
}

#[tokio::test]
async fn the_key_set_is_public_cached_and_holds_no_secret() {
    let server = TestServer::start().await.unwrap();
    let url = server.url("/.well-known/jwks.json");
    let response = server.http.get(&url).send().await.unwrap();
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("max-age=300"));
    let etag = response.headers()["etag"].clone();
    let keys: Value = response.json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig"))
    );
    assert!(key.get("d").is_none() && key["kid"].is_string());
    let again = server.http.get(&url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
}

#[tokio::test]
async fn browsers_of_any_origin_may_read_what_is_public_and_nothing_else() {
    let server = TestServer::start().await.unwrap();
    for (path, method) in [
        ("/.well-known/oauth-authorization-server", "GET"),
        ("/.well-known/openid-configuration", "GET"),
        ("/.well-known/jwks.json", "GET"),
        ("/oauth/register", "POST"),
        ("/oauth/token", "POST"),
        ("/oauth/revoke", "POST"),
    ] {
        let preflight = server
            .http
            .request(reqwest::Method::OPTIONS, server.url(path))
            .header("origin", "http://localhost:6274")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type,mcp-protocol-version")
            .send()
            .await
            .unwrap();
        assert!(preflight.status().is_success(), "{path}");
        assert_eq!(preflight.headers()["access-control-allow-origin"], "*", "{path}");
        let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
        assert!(allowed.contains("mcp-protocol-version") && allowed.contains("authorization"), "{allowed}");
    }
    for path in ["/oauth/authorize", "/login", "/consent", "/oauth/introspect"] {
        let response = server.http.get(server.url(path)).header("origin", "https://evil.example").send().await.unwrap();
        assert!(response.headers().get("access-control-allow-origin").is_none(), "{path}");
    }
}
