//! `GET /account`, `POST /account/disconnect`, `POST /account/disconnect-all`

use super::{forged, signed_in};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::text;
use authgent_tests::server::TestServer;
use serde_json::json;

async fn is_active(server: &TestServer, token: &str) -> bool {
    let (id, secret) = server.add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
    let secret = secret.unwrap();
    let (_, body) = server.post_as("/oauth/introspect", &[("token", token)], Some((&id, &secret))).await.unwrap();
    body["active"] == true
}

#[tokio::test]
async fn a_person_unticks_a_scope_sees_it_and_disconnects_the_agent() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write");
    let browser = signed_in(&server, EMAIL).await;
    let page = browser.follow(browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    let form = page.form("interaction").unwrap().with("decision", "allow").without("scope", "mcp:write");
    let location = browser.submit(&page, &form).await.unwrap().location().unwrap();
    let code = authgent_tests::browser::query(&location, "code").unwrap();
    let (_, tokens) = flow.exchange(&code).await.unwrap();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());

    let page = browser.get(server.url("/account")).await.unwrap();
    let shown = text(&page.body);
    for expected in ["Test client", "Demo projects", "See your projects", "in one place", "within 5 minutes"] {
        assert!(shown.contains(expected), "{expected} is missing: {shown}");
    }
    assert!(!shown.contains("Create projects"), "{shown}");
    assert!(is_active(&server, access).await);

    server.add_user("mallory@example.com").await.unwrap();
    let mallory = signed_in(&server, "mallory@example.com").await;
    let theirs = mallory.get(server.url("/account/data")).await.unwrap();
    let attack = forged(&theirs, &server, "/account/disconnect", "client_id", &flow.client_id);
    mallory.submit(&theirs, &attack).await.unwrap();
    assert!(is_active(&server, access).await, "another person's application is out of reach");

    assert_eq!(browser.submit(&page, &page.form("client_id").unwrap()).await.unwrap().status, 303);
    assert!(!is_active(&server, access).await, "introspection says so at once");
    let (status, body) = flow.refresh(refresh).await.unwrap();
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    let after = text(&browser.get(server.url("/account")).await.unwrap().body);
    assert!(after.contains("No application is connected"), "{after}");
    let history = text(&browser.get(server.url("/account/history")).await.unwrap().body);
    assert!(history.contains("You disconnected Test client"), "{history}");
    assert!(history.contains("You allowed Test client to use Demo projects"), "{history}");
}

#[tokio::test]
async fn all_are_disconnected_at_once() {
    let server = TestServer::start().await.unwrap();
    let first = Flow::new(&server).await.unwrap();
    let tokens = [first.tokens().await.unwrap(), Flow::new(&server).await.unwrap().tokens().await.unwrap()];
    let page = first.browser.get(server.url("/account")).await.unwrap();
    first.browser.submit(&page, &forged(&page, &server, "/account/disconnect-all", "x", "")).await.unwrap();
    for tokens in tokens {
        assert!(!is_active(&server, tokens["access_token"].as_str().unwrap()).await);
    }
}
