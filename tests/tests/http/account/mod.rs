//! `/account`

mod applications;
mod data;
mod sessions;

use authgent_tests::browser::{Browser, Page};
use authgent_tests::html::Form;
use authgent_tests::server::{PASSWORD, TestServer};

/// A browser in which somebody is signed in.
async fn signed_in(server: &TestServer, email: &str) -> Browser {
    let browser = Browser::new().unwrap();
    let login = browser.get(server.url("/login")).await.unwrap();
    let form = login.form("password").unwrap().with("email", email).with("password", PASSWORD);
    assert_eq!(browser.submit(&login, &form).await.unwrap().status, 303);
    browser
}

/// A form of ours with a token that is good for `page`, to a path of the account.
fn forged(page: &Page, server: &TestServer, path: &str, field: &str, value: &str) -> Form {
    let mut form = page.form("csrf_token").unwrap();
    form.action = server.url(path);
    form.with(field, value)
}

#[tokio::test]
async fn every_page_and_every_form_needs_a_sign_in_and_every_form_its_token() {
    let server = TestServer::start().await.unwrap();
    server.add_user("ada@example.com").await.unwrap();
    let nobody = Browser::new().unwrap();
    let browser = signed_in(&server, "ada@example.com").await;
    for page in ["", "/sessions", "/history", "/profile", "/data"] {
        let turned_away = nobody.get(server.url(&format!("/account{page}"))).await.unwrap();
        assert_eq!(turned_away.location().unwrap().path(), "/login", "{page}");
        let shown = browser.get(server.url(&format!("/account{page}"))).await.unwrap();
        assert_eq!((shown.status.as_u16(), &shown.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    }
    let page = browser.get(server.url("/account/data")).await.unwrap();
    for path in [
        "/account/disconnect",
        "/account/disconnect-all",
        "/account/sessions/end",
        "/account/sessions/end-others",
        "/account/profile",
        "/account/data/export",
        "/account/data/delete",
    ] {
        let form = forged(&page, &server, path, "csrf_token", "forged");
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, 403, "{path}");
    }
}

#[tokio::test]
async fn pages_speak_the_language_of_the_browser_and_names_stay_text() {
    let server = TestServer::start().await.unwrap();
    server.add_user("ada@example.com").await.unwrap();
    let browser = signed_in(&server, "ada@example.com").await;
    let page = browser.get(server.url("/account/profile")).await.unwrap();
    let form = page.form("name").unwrap().with("name", "\"><script>alert(1)</script>");
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 303);
    let page = browser.get(server.url("/account/profile")).await.unwrap();
    assert!(!page.body.contains("<script") && page.body.contains("alert(1)"));
    let long = page.form("name").unwrap().with("name", &"x".repeat(101));
    assert_eq!(browser.submit(&page, &long).await.unwrap().status, 400);
    let history = browser.get(server.url("/account/history")).await.unwrap();
    let text = authgent_tests::html::text(&history.body);
    assert!(text.contains("Your profile changed") && text.contains("You signed in"), "{text}");
}
