//! `GET /account/sessions`, `POST /account/sessions/end`, `POST /account/sessions/end-others`

use super::{forged, signed_in};
use authgent_tests::html::text;
use authgent_tests::server::TestServer;

#[tokio::test]
async fn one_session_ends_another_and_never_somebody_elses() {
    let server = TestServer::start().await.unwrap();
    server.add_user("ada@example.com").await.unwrap();
    server.add_user("mallory@example.com").await.unwrap();
    let (phone, desk) = (signed_in(&server, "ada@example.com").await, signed_in(&server, "ada@example.com").await);
    let mallory = signed_in(&server, "mallory@example.com").await;

    let page = desk.get(server.url("/account/sessions")).await.unwrap();
    assert_eq!(page.body.matches("This browser").count(), 1);
    let form = page.form("session").unwrap();
    let theirs = mallory.get(server.url("/account/data")).await.unwrap();
    let attack = forged(&theirs, &server, "/account/sessions/end", "session", form.get("session").unwrap());
    mallory.submit(&theirs, &attack).await.unwrap();
    assert_eq!(phone.get(server.url("/account")).await.unwrap().status, 200, "another person's handle is nothing");

    desk.submit(&page, &form).await.unwrap();
    assert_eq!(phone.get(server.url("/account")).await.unwrap().status, 303, "signed out there");
    let history = text(&desk.get(server.url("/account/history")).await.unwrap().body);
    assert!(history.contains("A session was ended"), "{history}");
}

#[tokio::test]
async fn all_others_end_at_once_and_this_one_stays() {
    let server = TestServer::start().await.unwrap();
    server.add_user("ada@example.com").await.unwrap();
    let (phone, desk) = (signed_in(&server, "ada@example.com").await, signed_in(&server, "ada@example.com").await);
    let page = desk.get(server.url("/account/sessions")).await.unwrap();
    desk.submit(&page, &forged(&page, &server, "/account/sessions/end-others", "x", "")).await.unwrap();
    assert_eq!(phone.get(server.url("/account")).await.unwrap().status, 303);
    assert_eq!(desk.get(server.url("/account")).await.unwrap().status, 200);
}
