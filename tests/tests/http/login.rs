//! `GET,POST /login`, `/logout`

use authgent_core::time::Clock as _;
use authgent_server::domain::{Amr, Email, EventKind};
use authgent_tests::browser::{Browser, Page};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::server::{PASSWORD, TestServer};

async fn login_page(flow: &Flow<'_>) -> Page {
    flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_read_the_same() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let mut pages = Vec::new();
    for (email, password) in [(EMAIL, "wrong"), ("nobody@example.com", "wrong"), ("not an address", "wrong")] {
        let page = login_page(&flow).await;
        let form = page.form("password").unwrap().with("email", email).with("password", password);
        let answer = flow.browser.submit(&page, &form).await.unwrap();
        assert_eq!(answer.status, 401);
        assert!(!answer.headers.contains_key("set-cookie"));
        pages.push(authgent_tests::html::text(&answer.body));
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]), "{pages:?}");
}

#[tokio::test]
async fn a_form_that_another_site_wrote_is_refused() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = login_page(&flow).await;
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    // Without the cookie, with another browser's cookie, with a tampered field.
    let stranger = Browser::new().unwrap();
    assert_eq!(stranger.submit(&page, &form).await.unwrap().status, 403);
    stranger.get(server.url("/login")).await.unwrap();
    assert_eq!(stranger.submit(&page, &form).await.unwrap().status, 403);
    assert_eq!(flow.browser.submit(&page, &form.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(flow.browser.submit(&page, &form).await.unwrap().status, 303);
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    for return_to in [
        "https://evil.example",
        "//evil.example",
        "/oauth/authorize/../../x",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
    ] {
        let page = flow.browser.get(server.url("/login")).await.unwrap();
        let form =
            page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD).with("return_to", return_to);
        let answer = flow.browser.submit(&page, &form).await.unwrap();
        assert_eq!(answer.location().unwrap().as_str(), server.url("/"), "{return_to}");
    }
}

#[tokio::test]
async fn the_session_cookie_is_http_only_and_new_at_each_sign_in() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let page = flow.browser.get(server.url("/login")).await.unwrap();
        let form = page.form("password").unwrap().with("email", &EMAIL.to_uppercase()).with("password", PASSWORD);
        let answer = flow.browser.submit(&page, &form).await.unwrap();
        let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
        assert!(
            cookie.starts_with("authgent_session_")
                && cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
                && cookie.contains("Path=/")
        );
        cookies.push(cookie.split(';').next().unwrap().to_owned());
    }
    assert_ne!(cookies[0], cookies[1]);
    let home =
        server.http.get(server.url("/")).header("cookie", &cookies[0]).send().await.unwrap().text().await.unwrap();
    assert!(!home.contains(EMAIL), "the first session ended with the second sign-in of the same browser");
}

#[tokio::test]
async fn over_https_the_cookies_belong_to_this_host_alone() {
    let server = TestServer::setup().with("AUTHGENT_ISSUER", "https://auth.example.com").start().await.unwrap();
    let address = server.issuer.clone();
    let response = server.http.get(format!("{address}/login")).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-authgent_csrf=")
            && cookie.contains("Secure")
            && cookie.contains("Path=/")
            && !cookie.contains("Domain"),
        "{cookie}"
    );
}

#[tokio::test]
async fn a_session_ends_by_signing_out_and_by_itself() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    flow.code().await.unwrap();
    let page = flow.browser.get(server.url("/logout")).await.unwrap();
    let form = page.form("csrf_token").unwrap();
    assert_eq!(flow.browser.submit(&page, &form.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(flow.browser.submit(&page, &form).await.unwrap().status, 303);
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap().path(), "/login");

    flow.code().await.unwrap();
    server.clock.advance(60 * 60 * 24 * 60);
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap().path(), "/login");
}

#[tokio::test]
async fn a_session_knows_how_when_and_from_where_and_its_grants_know_it() {
    let server = TestServer::setup().with("AUTHGENT_TRUSTED_PROXIES", "127.0.0.1 ::1").start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    flow.tokens().await.unwrap();
    let user = server.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().unwrap();
    let session = server.store.sessions_of_user(user.id, server.clock.now()).await.unwrap().remove(0);
    assert_eq!(session.amr, [Amr::Password]);
    assert_eq!(session.last_seen_at, session.auth_time);
    assert!(session.device.address.is_some(), "{session:?}");
    let events = server.store.events_of_user(user.id, None, 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::ConsentGiven, EventKind::SignedIn], "the latest first");
    assert_eq!(events[1].device, session.device);

    // Used again: written down, but not at each request.
    for (later, expected) in [(299, 0), (1, 300), (10, 300)] {
        server.clock.advance(later);
        flow.browser.get(server.url("/")).await.unwrap();
        let sessions = server.store.sessions_of_user(user.id, server.clock.now()).await.unwrap();
        assert_eq!(sessions[0].last_seen_at.since(session.auth_time), expected);
    }

    let page = flow.browser.get(server.url("/logout")).await.unwrap();
    flow.browser.submit(&page, &page.form("csrf_token").unwrap()).await.unwrap();
    assert_eq!(server.store.sessions_of_user(user.id, server.clock.now()).await.unwrap(), []);
    assert_eq!(server.store.events_of_user(user.id, None, 1).await.unwrap()[0].kind, EventKind::SignedOut);
}
