//! `GET /account/data`, `POST /account/data/export`, `POST /account/data/delete`

use super::{forged, signed_in};
use authgent_server::domain::Email;
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::text;
use authgent_tests::server::TestServer;
use serde_json::Value;

#[tokio::test]
async fn the_export_has_what_is_kept_and_no_secret() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    flow.tokens().await.unwrap();
    let page = flow.browser.get(server.url("/account/data")).await.unwrap();
    let export = flow.browser.submit(&page, &forged(&page, &server, "/account/data/export", "x", "")).await.unwrap();
    assert_eq!(export.headers["content-type"], "application/json");
    let data: Value = serde_json::from_str(&export.body).unwrap();
    assert_eq!((&data["account"]["email"], &data["consents"][0]["scope"]), (&EMAIL.into(), &"mcp:read".into()));
    assert_eq!(
        (&data["sessions"].as_array().unwrap().len(), &data["events"][0]["kind"]),
        (&1, &"data_exported".into())
    );
    for secret in ["argon2", "hash", "secret"] {
        assert!(!export.body.contains(secret), "{secret}: {}", export.body);
    }
}

#[tokio::test]
async fn a_session_that_somebody_left_open_carries_nothing_away() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let browser = signed_in(&server, EMAIL).await;
    let page = browser.get(server.url("/account/data")).await.unwrap();
    server.clock.advance(601);
    let stale = browser.submit(&page, &forged(&page, &server, "/account/data/export", "x", "")).await.unwrap();
    assert_eq!(stale.location().unwrap().path(), "/login");
    assert!(!stale.body.contains(EMAIL));
}

#[tokio::test]
async fn an_account_is_deleted_with_everything_after_a_fresh_sign_in_and_the_right_words() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let page = flow.browser.get(server.url("/account/data")).await.unwrap();
    let form = |typed: &str| page.form("confirm").unwrap().with("confirm", typed);
    let wrong = flow.browser.submit(&page, &form("mallory@example.com")).await.unwrap();
    assert_eq!(wrong.status, 400);
    assert!(text(&wrong.body).contains("Nothing was deleted"));

    server.clock.advance(601);
    let stale = flow.browser.submit(&page, &form(EMAIL)).await.unwrap();
    assert_eq!(stale.location().unwrap().path(), "/login", "a session that somebody left open deletes nothing");

    let fresh = signed_in(&server, EMAIL).await;
    let page = fresh.get(server.url("/account/data")).await.unwrap();
    let form = page.form("confirm").unwrap().with("confirm", "ADA@example.com");
    let done = fresh.submit(&page, &form).await.unwrap();
    assert!(text(&done.body).contains("Your account is deleted"));
    assert!(server.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().is_none());
    let (status, _) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(status, 400, "the agent's next refresh fails");
    assert_eq!(fresh.get(server.url("/account")).await.unwrap().status, 303);
}

#[tokio::test]
async fn the_operator_can_keep_people_from_deleting_their_accounts() {
    let server = TestServer::setup().with("AUTHGENT_ACCOUNT_DELETION", "off").start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let browser = signed_in(&server, EMAIL).await;
    let page = browser.get(server.url("/account/data")).await.unwrap();
    assert!(page.form("confirm").is_err());
    let forged = forged(&page, &server, "/account/data/delete", "confirm", EMAIL);
    assert_eq!(browser.submit(&page, &forged).await.unwrap().status, 404);
    assert!(server.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().is_some());
}
