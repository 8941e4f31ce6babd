//! `POST /oauth/token` with `grant_type=client_credentials`

use authgent_tests::flow::{REDIRECT_URI, payload};
use authgent_tests::server::{RESOURCE, TestServer};
use serde_json::json;
use std::time::Duration;

async fn service(server: &TestServer, scope: Option<&str>) -> (String, String) {
    let mut metadata = json!({"client_name": "Nightly job", "grant_types": ["client_credentials"]});
    if let Some(scope) = scope {
        metadata["scope"] = scope.into();
    }
    let (client_id, secret) = server.add_client(metadata).await.unwrap();
    (client_id, secret.unwrap())
}

#[tokio::test]
async fn the_client_speaks_for_itself_without_a_refresh_token() {
    let server = TestServer::start().await.unwrap();
    let (client_id, secret) = service(&server, None).await;
    let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    let (status, body) = server.post_as("/oauth/token", &form, Some((&client_id, &secret))).await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.get("refresh_token").is_none());
    let claims = payload(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["scope"]),
        (&json!(client_id), &json!(client_id), &json!("mcp:read"))
    );
    // It is written beside the requests.
    let used = async || server.store.client(&client_id).await.unwrap().unwrap().last_used_at.is_some();
    let written = async {
        while !used().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("that it was used is written");
    assert!(claims.get("auth_time").is_none() && claims.get("email").is_none());
}

#[tokio::test]
async fn the_operators_scope_is_the_limit() {
    let server = TestServer::start().await.unwrap();
    let (client_id, secret) = service(&server, Some("mcp:read mcp:write")).await;
    for (scope, expected) in [("mcp:write", 200), ("mcp:read mcp:write", 200), ("admin", 400), ("nonsense", 400)] {
        let form = [("grant_type", "client_credentials"), ("resource", RESOURCE), ("scope", scope)];
        let (status, body) = server.post_as("/oauth/token", &form, Some((&client_id, &secret))).await.unwrap();
        assert_eq!(status, expected, "{scope}: {body}");
        if expected == 400 {
            assert_eq!(body["error"], "invalid_scope");
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_register_for_it() {
    let server = TestServer::start().await.unwrap();
    let (status, body) = server.register(&json!({"grant_types": ["client_credentials"]})).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_client_metadata"));
    let (status, _) = server.register(&json!({"grant_types": ["client_credentials", "refresh_token"]})).await.unwrap();
    assert_eq!(status, 400);
    let both = json!({"grant_types": ["authorization_code", "client_credentials"], "redirect_uris": [REDIRECT_URI]});
    let (_, client) = server.register(&both).await.unwrap();
    assert_eq!(client["grant_types"], json!(["authorization_code", "refresh_token"]));
    let credentials = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let form = [("grant_type", "client_credentials"), ("resource", RESOURCE), ("scope", "admin")];
    let (status, body) = server.post_as("/oauth/token", &form, Some(credentials)).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "unauthorized_client"));
}
