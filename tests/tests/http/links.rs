//! `GET,POST /invitation/{token}`, `/reset/{token}`, `/forgot`: one-time links, and what one might try with them.

use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::{Email, EventKind, LinkPurpose, OneTimeLink, User};
use authgent_tests::authenticator::Authenticator;
use authgent_tests::browser::{Browser, Page};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::text;
use authgent_tests::server::{PASSWORD, TestServer};
use authgent_tests::smtp::MailServer;
use serde_json::{Value, json};
use uuid::Uuid;

const NEW: &str = "lichtscheue quallen am kai";

/// A person without a password, as `authgent user invite` adds them.
async fn invited(server: &TestServer, email: &str) -> Uuid {
    let id = server.add_user(email).await.unwrap();
    let tx = server.store.begin().await.unwrap();
    tx.delete_password(id).await.unwrap();
    tx.update_profile(&User { email_verified: false, ..user(server, email).await }).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn user(server: &TestServer, email: &str) -> User {
    server.store.user_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap()
}

async fn link(server: &TestServer, user: Uuid, purpose: LinkPurpose) -> String {
    let token = Uuid::new_v4().to_string();
    let tx = server.store.begin().await.unwrap();
    tx.insert_link(&OneTimeLink::new(token_hash(&token), user, purpose, true, server.clock.now())).await.unwrap();
    tx.commit().await.unwrap();
    format!("{}{}{token}", server.issuer, purpose.path())
}

async fn choose(browser: &Browser, url: &str, password: &str) -> Page {
    let page = browser.get(url).await.unwrap();
    assert_eq!(page.status, 200, "{}", text(&page.body));
    let form = page.form("repeat").unwrap().with("password", password).with("repeat", password);
    browser.submit(&page, &form).await.unwrap()
}

async fn sign_in(server: &TestServer, browser: &Browser, email: &str, password: &str) -> u16 {
    let page = browser.get(server.url("/login")).await.unwrap();
    let form = page.form("password").unwrap().with("email", email).with("password", password);
    browser.submit(&page, &form).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn an_invited_person_chooses_a_password_and_is_signed_in() {
    let server = TestServer::start().await.unwrap();
    let id = invited(&server, EMAIL).await;
    let url = link(&server, id, LinkPurpose::Invitation).await;
    let browser = Browser::new().unwrap();
    for _ in 0..3 {
        let page = browser.get(&url).await.unwrap();
        assert_eq!((page.status.as_u16(), &page.headers["referrer-policy"]), (200, &"no-referrer".parse().unwrap()));
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    assert_eq!(choose(&browser, &url, "12345678").await.status, 422, "a refused password does not use the link up");
    let done = choose(&browser, &url, NEW).await;
    assert_eq!(done.location().unwrap().path(), "/account/security");
    let home = browser.get(server.url("/")).await.unwrap();
    assert!(home.body.contains(EMAIL));
    assert!(user(&server, EMAIL).await.email_verified, "the link went to that address");
    assert_eq!(sign_in(&server, &Browser::new().unwrap(), EMAIL, NEW).await, 303);
    let again = Browser::new().unwrap().get(&url).await.unwrap();
    assert_eq!(again.status, 404);
    assert!(!again.body.contains(EMAIL));
}

#[tokio::test]
async fn links_that_are_used_old_made_up_or_of_another_kind_read_the_same() {
    let server = TestServer::start().await.unwrap();
    let ada = invited(&server, EMAIL).await;
    let bob = server.add_user("bob@example.com").await.unwrap();
    let browser = Browser::new().unwrap();
    let used = link(&server, bob, LinkPurpose::PasswordReset).await;
    let page = browser.get(&used).await.unwrap();
    let form = page.form("repeat").unwrap().with("password", NEW).with("repeat", NEW);
    let other = link(&server, bob, LinkPurpose::PasswordReset).await;
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 200);
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 404, "the form of a used link");
    let reset = link(&server, bob, LinkPurpose::PasswordReset).await;
    let invitation = link(&server, ada, LinkPurpose::Invitation).await;
    let for_somebody_with_a_password = link(&server, bob, LinkPurpose::Invitation).await;
    let mut texts = Vec::new();
    for url in [
        used,
        other,
        for_somebody_with_a_password,
        reset.replace("/reset/", "/invitation/"),
        invitation.replace("/invitation/", "/reset/"),
        server.url("/reset/nonsense"),
        server.url(&format!("/reset/{}", "x".repeat(3000))),
    ] {
        let page = browser.get(&url).await.unwrap();
        assert_eq!(page.status, 404, "{url}");
        texts.push(text(&page.body));
    }
    assert_eq!(browser.get(&reset).await.unwrap().status, 200);
    server.clock.advance(3600);
    texts.push(text(&browser.get(&reset).await.unwrap().body));
    assert_eq!(browser.get(&invitation).await.unwrap().status, 200);
    server.clock.advance(7 * 86_400);
    texts.push(text(&browser.get(&invitation).await.unwrap().body));
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
}

#[tokio::test]
async fn a_link_is_its_persons_whoever_is_signed_in() {
    let server = TestServer::start().await.unwrap();
    server.add_user("bob@example.com").await.unwrap();
    let ada = invited(&server, EMAIL).await;
    let browser = Browser::new().unwrap();
    assert_eq!(sign_in(&server, &browser, "bob@example.com", PASSWORD).await, 303);
    let url = link(&server, ada, LinkPurpose::Invitation).await;
    assert_eq!(choose(&browser, &url, NEW).await.status, 303);
    let home = browser.get(server.url("/")).await.unwrap().body;
    assert!(home.contains(EMAIL) && !home.contains("bob@example.com"));
    let bob = Browser::new().unwrap();
    assert_eq!(sign_in(&server, &bob, "bob@example.com", NEW).await, 401);
    assert_eq!(sign_in(&server, &bob, "bob@example.com", PASSWORD).await, 303);
}

#[tokio::test]
async fn of_two_who_hold_a_link_one_wins() {
    let server = TestServer::start().await.unwrap();
    let id = server.add_user(EMAIL).await.unwrap();
    let url = link(&server, id, LinkPurpose::PasswordReset).await;
    let (one, two) = (Browser::new().unwrap(), Browser::new().unwrap());
    let (first, second) = tokio::join!(choose(&one, &url, NEW), choose(&two, &url, "another quite good one"));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
}

#[tokio::test]
async fn a_form_that_another_site_wrote_uses_nothing_up() {
    let server = TestServer::start().await.unwrap();
    let id = server.add_user(EMAIL).await.unwrap();
    let url = link(&server, id, LinkPurpose::PasswordReset).await;
    let browser = Browser::new().unwrap();
    let page = browser.get(&url).await.unwrap();
    let form = page.form("repeat").unwrap().with("password", NEW).with("repeat", NEW);
    assert_eq!(Browser::new().unwrap().submit(&page, &form).await.unwrap().status, 403);
    assert_eq!(browser.submit(&page, &form.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_reset_ends_sessions_and_where_asked_grants() {
    let server = TestServer::start().await.unwrap();
    for (untick, alive) in [(false, false), (true, true)] {
        let flow = Flow::new(&server).await.unwrap();
        let tokens = flow.tokens().await.unwrap();
        let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let email = Email::parse(EMAIL).unwrap();
        let id = server.store.user_by_email(&email).await.unwrap().unwrap().id;
        let url = link(&server, id, LinkPurpose::PasswordReset).await;
        let browser = Browser::new().unwrap();
        let page = browser.get(&url).await.unwrap();
        let form = page.form("repeat").unwrap().with("password", PASSWORD).with("repeat", PASSWORD);
        assert_eq!(form.get("revoke"), Some("on"));
        let form = if untick { form.without("revoke", "on") } else { form };
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, 200);
        assert!(!browser.get(server.url("/")).await.unwrap().body.contains(EMAIL), "nobody is signed in by it");
        assert!(!flow.browser.get(server.url("/")).await.unwrap().body.contains(EMAIL), "the session ended");
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", &*refresh_token), ("client_id", &*flow.client_id)];
        let (status, body) = server.post("/oauth/token", &form).await.unwrap();
        assert_eq!(status == 200, alive, "{body}");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail_and_nobody_learns_who_exists() {
    let mail = MailServer::start().await.unwrap();
    let server = TestServer::setup()
        .with("AUTHGENT_SMTP_URL", mail.url())
        .with("AUTHGENT_MAIL_FROM", "Example <auth@example.com>")
        .start()
        .await
        .unwrap();
    server.add_user(EMAIL).await.unwrap();
    invited(&server, "unverified@example.com").await;
    let browser = Browser::new().unwrap();
    let mut texts = Vec::new();
    for email in ["nobody@example.com", "no address", "unverified@example.com", "ADA@example.com"] {
        let page = browser.get(server.url("/forgot")).await.unwrap();
        let form = page.form("email").unwrap().with("email", email);
        let answer = browser.submit(&page, &form).await.unwrap();
        texts.push((answer.status, text(&answer.body)));
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
    let received = mail.next().await.unwrap();
    assert_eq!(received.to, [EMAIL]);
    let url = received.link(&server.url("/reset/")).unwrap();
    assert!(mail.is_quiet().await, "no mail to anybody else");
    assert_eq!(choose(&browser, &url, NEW).await.status, 200);
    let notice = mail.next().await.unwrap();
    assert!(notice.text.contains("password of your account") && !notice.text.contains(NEW), "{}", notice.text);
    assert_eq!(sign_in(&server, &browser, EMAIL, NEW).await, 303);
}

#[tokio::test]
async fn the_host_header_has_no_say_in_a_link_and_nobodys_mailbox_is_filled() {
    let mail = MailServer::start().await.unwrap();
    let setup =
        TestServer::setup().with("AUTHGENT_SMTP_URL", mail.url()).with("AUTHGENT_MAIL_FROM", "auth@example.com");
    let server = setup.start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let page = server.http.get(server.url("/forgot")).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let form = authgent_tests::html::Form::find(&page.text().await.unwrap(), "email").unwrap();
    let csrf_token = form.get("csrf_token").unwrap();
    for _ in 0..5 {
        let request = server.http.post(server.url("/forgot")).header("cookie", &cookie).header("accept-language", "de");
        let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let answer = request.form(&[("csrf_token", csrf_token), ("email", EMAIL)]).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    for _ in 0..2 {
        let received = mail.next().await.unwrap();
        assert!(
            received.link(&server.url("/reset/")).is_some() && !received.text.contains("evil"),
            "{}",
            received.text
        );
        assert!(received.text.contains("Neues Passwort"), "in the language of the page");
    }
    assert!(mail.is_quiet().await, "two mails, and then no more for a while");
}

#[tokio::test]
async fn without_mail_the_page_says_whom_to_ask() {
    let server = TestServer::start().await.unwrap();
    let browser = Browser::new().unwrap();
    let page = browser.get(server.url("/forgot")).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.form("email").is_err() && text(&page.body).contains("The person who runs it can give you a link"));
}

/// The CSRF token of the page at `url`.
async fn token_of(browser: &Browser, url: &str) -> String {
    let page = browser.get(url).await.unwrap();
    page.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned()
}

/// Begins to give the invited person a passkey. Gives status and answer.
async fn begin_passkey(browser: &Browser, url: &str, token: &str) -> (u16, Value) {
    browser.call(format!("{url}/passkey/options"), token, &json!({})).await.unwrap()
}

async fn finish_passkey(
    browser: &Browser,
    url: &str,
    token: &str,
    started: &Value,
    key: &mut Authenticator,
) -> (u16, Value) {
    let credential = key.create(&started["options"]).unwrap();
    let answer = json!({ "ceremony": started["ceremony"], "credential": credential, "person": " Ada\u{7} King " });
    browser.call(format!("{url}/passkey"), token, &answer).await.unwrap()
}

#[tokio::test]
async fn an_invited_person_makes_a_passkey_and_needs_no_password() {
    let server = TestServer::start().await.unwrap();
    let id = invited(&server, EMAIL).await;
    let url = link(&server, id, LinkPurpose::Invitation).await;
    let browser = Browser::new().unwrap();
    let page = browser.get(&url).await.unwrap();
    assert!(page.body.contains("data-passkey=\"add\"") && text(&page.body).contains("Set up with a passkey"));
    let token = token_of(&browser, &url).await;
    let mut key = Authenticator::new(&server.issuer).unwrap();
    let (status, started) = begin_passkey(&browser, &url, &token).await;
    assert_eq!(status, 200, "{started}");
    let (status, answer) = finish_passkey(&browser, &url, &token, &started, &mut key).await;
    assert_eq!((status, &answer["location"]), (200, &json!("/account/security")), "{answer}");
    assert_eq!(browser.get(server.url("/account/security")).await.unwrap().status, 200, "signed in");
    let ada = user(&server, EMAIL).await;
    assert_eq!((ada.name.as_deref(), ada.password_hash, ada.email_verified), (Some("Ada King"), None, true));
    assert_eq!(server.store.passkeys_of_user(id).await.unwrap().len(), 1);
    let kinds: Vec<_> =
        server.store.events_of_user(id, None, 9).await.unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SignedIn, EventKind::PasskeyAdded, EventKind::InvitationAccepted]);
    // The link is used up, also in the browser that used it.
    assert_eq!(begin_passkey(&browser, &url, &token).await.0, 404);
    assert_eq!(browser.get(&url).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_passkey_goes_to_the_invited_person_once_in_their_own_browser() {
    let server = TestServer::start().await.unwrap();
    let (ada, grace) = (invited(&server, EMAIL).await, invited(&server, "grace@example.com").await);
    let url = link(&server, ada, LinkPurpose::Invitation).await;
    let of_grace = link(&server, grace, LinkPurpose::Invitation).await;
    let reset = link(&server, grace, LinkPurpose::PasswordReset).await;
    let (browser, mallory) = (Browser::new().unwrap(), Browser::new().unwrap());
    let token = token_of(&browser, &url).await;
    let foreign = token_of(&mallory, &of_grace).await;
    // Without the token of a page, and by other links.
    assert_eq!(begin_passkey(&browser, &url, "forged").await.0, 403);
    let as_invitation = reset.replace("/reset/", "/invitation/");
    assert_eq!(begin_passkey(&mallory, &as_invitation, &foreign).await.0, 404);
    assert_eq!(begin_passkey(&mallory, &server.url("/invitation/nothing"), &foreign).await.0, 404);
    // A ceremony is of no use in another browser, and not for another person.
    let mut key = Authenticator::new(&server.issuer).unwrap();
    let (_, started) = begin_passkey(&browser, &url, &token).await;
    assert_eq!(finish_passkey(&mallory, &url, &foreign, &started, &mut key).await.0, 400);
    assert_eq!(finish_passkey(&browser, &of_grace, &token, &started, &mut key).await.0, 400);
    // Of two tabs, one gets here: the other finds the link used.
    let (_, second) = begin_passkey(&browser, &url, &token).await;
    assert_eq!(finish_passkey(&browser, &url, &token, &started, &mut key).await.0, 200);
    let mut other = Authenticator::new(&server.issuer).unwrap();
    assert_eq!(finish_passkey(&browser, &url, &token, &second, &mut other).await.0, 404);
    assert_eq!(server.store.passkeys_of_user(ada).await.unwrap().len(), 1);
    assert!(server.store.passkeys_of_user(grace).await.unwrap().is_empty());
    // What was answered wrongly is not answered again, and the link is still good.
    let begun = token_of(&mallory, &of_grace).await;
    let (_, started) = begin_passkey(&mallory, &of_grace, &begun).await;
    let mut elsewhere =
        Authenticator { origin: "https://evil.example".into(), ..Authenticator::new(&server.issuer).unwrap() };
    assert_eq!(finish_passkey(&mallory, &of_grace, &begun, &started, &mut elsewhere).await.0, 400);
    let mut key = Authenticator::new(&server.issuer).unwrap();
    assert_eq!(finish_passkey(&mallory, &of_grace, &begun, &started, &mut key).await.0, 400);
    let (_, again) = begin_passkey(&mallory, &of_grace, &begun).await;
    server.clock.advance(60 * 60 * 24 * 8);
    assert_eq!(finish_passkey(&mallory, &of_grace, &begun, &again, &mut key).await.0, 404, "the link has expired");
}
