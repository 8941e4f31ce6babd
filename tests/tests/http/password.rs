//! `GET,POST /account/password`, and how passwords are kept.

use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::{Email, LinkPurpose, OneTimeLink};
use authgent_tests::browser::{Browser, Page};
use authgent_tests::flow::EMAIL;
use authgent_tests::server::{PASSWORD, TestServer};

const NEW: &str = "lichtscheue quallen am kai";

async fn sign_in(server: &TestServer, password: &str) -> (Browser, Page) {
    let browser = Browser::new().unwrap();
    let page = browser.get(server.url("/login")).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", password);
    let answer = browser.submit(&page, &form).await.unwrap();
    (browser, answer)
}

#[tokio::test]
async fn whoever_signed_in_a_moment_ago_changes_it_and_is_signed_out_elsewhere() {
    let server = TestServer::start().await.unwrap();
    let ada = server.add_user(EMAIL).await.unwrap();
    let reset = token_hash("of a mail from before");
    let tx = server.store.begin().await.unwrap();
    tx.insert_link(&OneTimeLink::new(reset, ada, LinkPurpose::PasswordReset, true, server.clock.now())).await.unwrap();
    tx.commit().await.unwrap();
    let (elsewhere, _) = sign_in(&server, PASSWORD).await;
    let (browser, _) = sign_in(&server, PASSWORD).await;
    let page = browser.get(server.url("/account/password")).await.unwrap();
    assert_eq!(page.status, 200);
    let form = page.form("repeat").unwrap();
    assert!(form.get("present").is_none());
    let differ = browser.submit(&page, &form.clone().with("password", NEW).with("repeat", "x")).await.unwrap();
    assert_eq!(differ.status, 422);
    let common = browser.submit(&page, &form.clone().with("password", "password1").with("repeat", "password1")).await;
    assert_eq!(common.unwrap().status, 422);
    let mine = browser.submit(&page, &form.clone().with("password", EMAIL).with("repeat", EMAIL)).await.unwrap();
    assert_eq!(mine.status, 422);
    let done = browser.submit(&page, &form.with("password", NEW).with("repeat", NEW)).await.unwrap();
    assert_eq!(done.location().unwrap().path(), "/account/password");
    assert_eq!(browser.get(done.location().unwrap()).await.unwrap().status, 200);
    let other = elsewhere.get(server.url("/account/password")).await.unwrap();
    assert_eq!(other.location().unwrap().path(), "/login", "the other session ended");
    assert_eq!(sign_in(&server, PASSWORD).await.1.status, 401);
    assert_eq!(sign_in(&server, NEW).await.1.status, 303);
    assert!(
        server.store.link(&reset).await.unwrap().is_none(),
        "a link that was asked for before would undo the change"
    );
}

#[tokio::test]
async fn an_open_browser_is_not_enough_and_guesses_slowly() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let (browser, _) = sign_in(&server, PASSWORD).await;
    server.clock.advance(3600);
    let page = browser.get(server.url("/account/password")).await.unwrap();
    let form = page.form("present").unwrap().with("password", NEW).with("repeat", NEW);
    let mut statuses = Vec::new();
    for n in 0..7 {
        let answer = browser.submit(&page, &form.clone().with("present", &format!("wrong {n}"))).await.unwrap();
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    server.clock.advance(3600);
    let done = browser.submit(&page, &form.with("present", PASSWORD)).await.unwrap();
    assert_eq!(done.status, 303);
    assert_eq!(sign_in(&server, NEW).await.1.status, 303);
}

#[tokio::test]
async fn neither_strangers_nor_other_sites_change_it() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let stranger = Browser::new().unwrap();
    let away = stranger.get(server.url("/account/password")).await.unwrap();
    assert_eq!(away.location().unwrap().path(), "/login");
    let (browser, _) = sign_in(&server, PASSWORD).await;
    let page = browser.get(server.url("/account/password")).await.unwrap();
    let form = page.form("repeat").unwrap().with("password", NEW).with("repeat", NEW);
    let forged = browser.submit(&page, &form.clone().with("csrf_token", "x")).await.unwrap();
    assert_eq!(forged.status, 403);
    assert_eq!(stranger.submit(&page, &form).await.unwrap().location().unwrap().path(), "/login");
    assert_eq!(sign_in(&server, PASSWORD).await.1.status, 303);
}

#[tokio::test]
async fn a_hash_of_older_parameters_is_replaced_when_its_person_signs_in() {
    let server = TestServer::start().await.unwrap();
    let id = server.add_user(EMAIL).await.unwrap();
    let old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let tx = server.store.begin().await.unwrap();
    tx.set_password(id, old).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sign_in(&server, "wrong").await.1.status, 401);
    let stored = || async {
        server.store.user_by_email(&Email::parse(EMAIL).unwrap()).await.unwrap().unwrap().password_hash.unwrap()
    };
    assert_eq!(stored().await, old);
    // At once: whoever finds that the hash is another one looks at that.
    let (first, second) = tokio::join!(sign_in(&server, "password"), sign_in(&server, "password"));
    assert_eq!((first.1.status.as_u16(), second.1.status.as_u16()), (303, 303));
    assert!(stored().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(sign_in(&server, "password").await.1.status, 303);
}
