//! `GET,POST /logout` for clients: OpenID Connect RP-Initiated Logout 1.0.

use super::openid::plain_tokens;
use authgent_tests::browser::{Browser, Page};
use authgent_tests::flow::{EMAIL, Flow, PRESENTED_REDIRECT_URI, without_signature};
use authgent_tests::server::{PASSWORD, TestServer};
use serde_json::{Value, json};
use uuid::Uuid;

const BYE: &str = "https://app.example.com/bye?from=authgent";

fn metadata(post_logout_redirect_uris: &Value) -> Value {
    json!({"client_name": "App", "redirect_uris": [PRESENTED_REDIRECT_URI], "token_endpoint_auth_method": "none",
        "software_id": Uuid::new_v4(), "post_logout_redirect_uris": post_logout_redirect_uris})
}

fn flow_of<'a>(server: &'a TestServer, client_id: &str) -> Flow<'a> {
    Flow::of_client(server, client_id).unwrap().with("scope", "openid").without("resource")
}

/// A client that registered itself with [`BYE`].
async fn registered(server: &TestServer) -> Flow<'_> {
    server.add_user(EMAIL).await.unwrap();
    let (status, client) = server.register(&metadata(&json!([BYE]))).await.unwrap();
    assert_eq!(status, 201, "{client}");
    flow_of(server, client["client_id"].as_str().unwrap())
}

async fn id_token(flow: &Flow<'_>) -> String {
    plain_tokens(flow).await["id_token"].as_str().unwrap().to_owned()
}

async fn logout(browser: &Browser, server: &TestServer, parameters: &[(&str, &str)]) -> Page {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    browser.get(format!("{}?{query}", server.url("/logout"))).await.unwrap()
}

/// Whether the browser is signed in.
async fn is_signed_in(flow: &Flow<'_>) -> bool {
    let page = flow.browser.get(flow.server.url("/")).await.unwrap();
    page.body.contains(EMAIL)
}

/// The person answers the question; gives where that leads.
async fn confirm(browser: &Browser, page: &Page) -> String {
    let form = page.form("csrf_token").unwrap();
    let answer = browser.submit(page, &form).await.unwrap();
    assert_eq!(answer.status, 303);
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// That the request was answered with the question, nothing happened yet, and a yes leads to no client.
async fn assert_asks_and_stays(flow: &Flow<'_>, parameters: &[(&str, &str)], why: &str) {
    let page = logout(&flow.browser, flow.server, parameters).await;
    assert_eq!((page.status.as_u16(), page.location()), (200, None), "{why}");
    assert!(is_signed_in(flow).await, "{why}: nobody is signed out by a link");
    assert!(!page.body.contains("evil.example"), "{why}: {}", page.body);
    assert_eq!(page.form("csrf_token").unwrap().get("return_to"), None, "{why}");
}

#[tokio::test]
async fn with_the_id_token_of_the_session_nobody_is_asked() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let hint = id_token(&flow).await;
    let parameters = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "a & b")];
    let page = logout(&flow.browser, &server, &parameters).await;
    assert_eq!(page.status, 303);
    assert_eq!(page.headers["location"], format!("{BYE}&state=a+%26+b"));
    assert!(!is_signed_in(&flow).await);
    // Without an address to go to, a page says that it is done.
    let hint = id_token(&flow).await;
    let page = logout(&flow.browser, &server, &[("id_token_hint", &hint), ("client_id", &flow.client_id)]).await;
    assert_eq!(page.headers["location"], "/logout");
    assert!(!is_signed_in(&flow).await);
}

#[tokio::test]
async fn an_expired_id_token_is_a_hint_all_the_same() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let hint = id_token(&flow).await;
    server.clock.advance(2 * 3600);
    assert!(is_signed_in(&flow).await);
    let page = logout(&flow.browser, &server, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(page.headers["location"], BYE);
    assert!(!is_signed_in(&flow).await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_first() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    flow.code().await.unwrap();
    let parameters = [("client_id", flow.client_id.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    let page = logout(&flow.browser, &server, &parameters).await;
    assert_eq!(page.status, 200);
    assert!(is_signed_in(&flow).await);
    // A browser holds form-action against redirects as well.
    assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("form-action 'self'"));
    let forged = page.form("csrf_token").unwrap().with("csrf_token", "x");
    assert_eq!(flow.browser.submit(&page, &forged).await.unwrap().status, 403);
    assert!(is_signed_in(&flow).await);
    assert_eq!(confirm(&flow.browser, &page).await, format!("{BYE}&state=s"));
    assert!(!is_signed_in(&flow).await);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered_letter_by_letter() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let (_, other) = server.register(&metadata(&json!(["https://evil.example/bye"]))).await.unwrap();
    let other = other["client_id"].as_str().unwrap();
    flow.code().await.unwrap();
    for uri in [
        "https://evil.example/bye",
        "https://app.example.com/bye",
        "https://app.example.com/bye?from=authgent&next=https://evil.example",
        "https://app.example.com/bye?from=authgent#https://evil.example",
        "https://app.example.com@evil.example/bye?from=authgent",
        "HTTPS://app.example.com/bye?from=authgent",
        "https://app.example.com/x/../bye?from=authgent",
        "//evil.example",
        "javascript:alert(1)",
        PRESENTED_REDIRECT_URI,
    ] {
        let parameters = [("client_id", flow.client_id.as_str()), ("post_logout_redirect_uri", uri)];
        assert_asks_and_stays(&flow, &parameters, uri).await;
    }
    // Another client's is not this one's, nor is one without a client.
    for parameters in [
        vec![("client_id", other), ("post_logout_redirect_uri", BYE)],
        vec![("client_id", "nobody"), ("post_logout_redirect_uri", BYE)],
        vec![("post_logout_redirect_uri", BYE)],
        vec![
            ("client_id", flow.client_id.as_str()),
            ("post_logout_redirect_uri", BYE),
            ("post_logout_redirect_uri", BYE),
        ],
    ] {
        assert_asks_and_stays(&flow, &parameters, &format!("{parameters:?}")).await;
    }
    // What comes back with the form is checked again.
    let page = logout(&flow.browser, &server, &[]).await;
    for return_to in [
        "https://evil.example/",
        "//evil.example/",
        &format!("/logout?client_id={}&post_logout_redirect_uri=https://evil.example/bye", flow.client_id),
        "/logout?post_logout_redirect_uri=https://evil.example/bye",
    ] {
        flow.code().await.unwrap();
        let form = page.form("csrf_token").unwrap().with("return_to", return_to);
        let answer = flow.browser.submit(&page, &form).await.unwrap();
        assert_eq!(answer.headers["location"], "/logout", "{return_to}");
    }
}

#[tokio::test]
async fn a_loopback_address_is_compared_with_its_port() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let (_, client) = server.register(&metadata(&json!(["http://127.0.0.1:7777/bye"]))).await.unwrap();
    let flow = flow_of(&server, client["client_id"].as_str().unwrap());
    let hint = id_token(&flow).await;
    let to = |uri| [("client_id", flow.client_id.as_str()), ("post_logout_redirect_uri", uri)];
    assert_asks_and_stays(&flow, &to("http://127.0.0.1:7778/bye"), "another port").await;
    let good = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "http://127.0.0.1:7777/bye")];
    assert_eq!(logout(&flow.browser, &server, &good).await.headers["location"], "http://127.0.0.1:7777/bye");
}

#[tokio::test]
async fn a_hint_that_is_none_counts_for_nothing() {
    let server = TestServer::start().await.unwrap();
    let elsewhere = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let tokens = plain_tokens(&flow).await;
    let good = tokens["id_token"].as_str().unwrap();
    let foreign = id_token(&registered(&elsewhere).await).await;
    for (hint, why) in [
        (without_signature(good).unwrap(), "alg none"),
        (format!("{}AA", &good[..good.len() - 2]), "another signature"),
        (tokens["access_token"].as_str().unwrap().to_owned(), "an access token"),
        (foreign, "another issuer"),
        ("nonsense".to_owned(), "nonsense"),
        ("x".repeat(5000), "long nonsense"),
    ] {
        let parameters = [
            ("id_token_hint", hint.as_str()),
            ("client_id", flow.client_id.as_str()),
            ("post_logout_redirect_uri", BYE),
        ];
        assert_asks_and_stays(&flow, &parameters, why).await;
    }
    let (_, other) = server.register(&metadata(&json!(["https://evil.example/bye"]))).await.unwrap();
    let parameters = [
        ("id_token_hint", good),
        ("client_id", other["client_id"].as_str().unwrap()),
        ("post_logout_redirect_uri", "https://evil.example/bye"),
    ];
    assert_asks_and_stays(&flow, &parameters, "a good hint, but another client").await;
}

/// An ID token that got about, of a session that is over, ends no session of today.
#[tokio::test]
async fn a_hint_of_an_earlier_session_or_another_person_asks() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let old = id_token(&flow).await;
    server.clock.advance(60);
    let page = logout(&flow.browser, &server, &[]).await;
    confirm(&flow.browser, &page).await;
    flow.code().await.unwrap();
    assert_eq!(logout(&flow.browser, &server, &[("id_token_hint", &old)]).await.status, 200, "an earlier session");
    assert!(is_signed_in(&flow).await);

    server.add_user("bob@example.com").await.unwrap();
    let bob = Browser::new().unwrap();
    bob.authorize(flow.authorize_url(), "bob@example.com", PASSWORD).await.unwrap();
    let of_ada = id_token(&flow).await;
    assert_eq!(logout(&bob, &server, &[("id_token_hint", &of_ada)]).await.status, 200, "another person");
    let home = bob.get(server.url("/")).await.unwrap();
    assert!(home.body.contains("bob@example.com"));
}

/// A link to the sign-in host must not lead people who trust it to whoever registered a client.
#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_to_clients_that_the_operator_vouches_for() {
    let server = TestServer::start().await.unwrap();
    let evil = registered(&server).await;
    let hint = id_token(&evil).await;
    let victim = Browser::new().unwrap();
    for parameters in [
        vec![("client_id", evil.client_id.as_str()), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)],
    ] {
        let page = logout(&victim, &server, &parameters).await;
        assert_eq!((page.status.as_u16(), page.location()), (200, None), "signed out, and nowhere else");
    }
    let (known, _) = server.add_client(metadata(&json!([BYE]))).await.unwrap();
    let page = logout(&victim, &server, &[("client_id", &known), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(page.headers["location"], BYE);
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&known, false).await.unwrap();
    tx.commit().await.unwrap();
    let page = logout(&victim, &server, &[("client_id", &known), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(page.status, 200, "a disabled client gets nobody");
}

/// A form of another site brings no cookie with it: it is answered with the same request as an address.
#[tokio::test]
async fn a_client_may_post_its_request() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await;
    let hint = id_token(&flow).await;
    let form = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s"), ("foo", "bar")];
    let answer = server.http.post(server.url("/logout")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("/logout?") && !location.contains("foo"), "{location}");
    assert!(is_signed_in(&flow).await, "the form alone did nothing");
    let page = flow.browser.get(format!("{}{location}", server.issuer)).await.unwrap();
    assert_eq!(page.headers["location"], format!("{BYE}&state=s"));
    assert!(!is_signed_in(&flow).await);
}

#[tokio::test]
async fn signing_out_leaves_what_was_granted() {
    let server = TestServer::start().await.unwrap();
    let flow = registered(&server).await.with("scope", "openid offline_access");
    let tokens = plain_tokens(&flow).await;
    logout(&flow.browser, &server, &[("id_token_hint", tokens["id_token"].as_str().unwrap())]).await;
    assert!(!is_signed_in(&flow).await);
    assert_eq!(flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap().0, 200, "offline_access");
}
