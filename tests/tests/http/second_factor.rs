//! `GET,POST /login/second-factor`, `/account/totp`, `/account/recovery-codes`

use authgent_core::time::Clock as _;
use authgent_server::domain::{Amr, EventKind};
use authgent_tests::browser::{Browser, Page};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::{Form, text};
use authgent_tests::server::{PASSWORD, TestServer};
use authgent_tests::smtp::MailServer;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use uuid::Uuid;

/// An authenticator app (RFC 6238, RFC 4226 section 5.3).
struct App(Vec<u8>);

impl App {
    /// Reads the secret off the page, as a person does.
    fn scan(page: &Page) -> Self {
        let secret = page.body.split("<code class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
        let bits: String = secret
            .chars()
            .filter(|c| *c != ' ')
            .map(|c| format!("{:05b}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap()))
            .collect();
        let bytes = bits.as_bytes().chunks_exact(8);
        Self(bytes.map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()).collect())
    }

    fn code(&self, server: &TestServer) -> String {
        self.code_at(server.clock.now().0)
    }

    fn code_at(&self, time: i64) -> String {
        let key = PKey::hmac(&self.0).unwrap();
        let mac =
            Signer::new(MessageDigest::sha1(), &key).unwrap().sign_oneshot_to_vec(&(time / 30).to_be_bytes()).unwrap();
        let offset = usize::from(mac[19] & 0xf);
        let number = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is none of the present.
    fn wrong(&self, server: &TestServer) -> String {
        let now = server.clock.now().0;
        let near: Vec<String> = (-3..=3).map(|step| self.code_at(now + 30 * step)).collect();
        (0..10).map(|digit| format!("{digit}").repeat(6)).find(|code| !near.contains(code)).unwrap()
    }
}

/// Types the password. Gives the answer.
async fn type_password(server: &TestServer, browser: &Browser) -> Page {
    let page = browser.get(server.url("/login?return_to=/account/security")).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    browser.submit(&page, &form).await.unwrap()
}

/// Types the password, and gives the page that asks for the second factor.
async fn asked(server: &TestServer, browser: &Browser) -> Page {
    let page = browser.follow(type_password(server, browser).await).await.unwrap();
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/login/second-factor"));
    page
}

async fn answer(browser: &Browser, page: &Page, field: &str, code: &str) -> Page {
    browser.submit(page, &page.form(field).unwrap().with(field, code)).await.unwrap()
}

async fn is_signed_in(server: &TestServer, browser: &Browser) -> bool {
    browser.get(server.url("/account/security")).await.unwrap().status == 200
}

fn codes(page: &Page) -> Vec<String> {
    let items = page.body.split("<li><code>").skip(1);
    items.map(|item| item.split('<').next().unwrap().to_owned()).collect()
}

/// Sends the form of the security page that is posted to this path.
async fn press(server: &TestServer, browser: &Browser, path: &str) -> Page {
    let page = browser.get(server.url("/account/security")).await.unwrap();
    assert!(page.body.contains(&format!("action=\"{path}\"")), "{path}: {}", text(&page.body));
    let token = page.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned();
    let form = Form { action: path.to_owned(), fields: vec![("csrf_token".to_owned(), token)] };
    browser.submit(&page, &form).await.unwrap()
}

/// A server, Ada, the browser in which she is signed in, her app, and her recovery codes. Time has gone on, so that the code
/// that turned the app on is no longer the present one.
async fn ada() -> (TestServer, Uuid, Browser, App, Vec<String>) {
    let server = TestServer::start().await.unwrap();
    let id = server.add_user(EMAIL).await.unwrap();
    let browser = Browser::new().unwrap();
    assert_eq!(type_password(&server, &browser).await.status, 303);
    let begun = press(&server, &browser, "/account/totp").await;
    let page = browser.get(begun.location().unwrap()).await.unwrap();
    let app = App::scan(&page);
    assert_eq!(app.0.len(), 20);
    let wrong = answer(&browser, &page, "code", &app.wrong(&server)).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(App::scan(&wrong).0, app.0, "the secret stays while it is typed");
    // Until a code proves that the app has it, the secret does not count.
    assert_eq!(type_password(&server, &Browser::new().unwrap()).await.location().unwrap().path(), "/account/security");
    let done = answer(&browser, &page, "code", &app.code(&server)).await;
    let codes = codes(&done);
    assert_eq!((done.status.as_u16(), codes.len()), (200, 10), "{}", text(&done.body));
    assert_eq!(done.headers["cache-control"], "no-store");
    server.clock.advance(60);
    (server, id, browser, app, codes)
}

#[tokio::test]
async fn a_password_alone_is_not_enough_any_more() {
    let (server, id, _, app, _) = ada().await;
    let browser = Browser::new().unwrap();
    let answered = type_password(&server, &browser).await;
    assert!(!answered.headers.contains_key("set-cookie"), "no session yet");
    let page = browser.follow(answered).await.unwrap();
    assert!(!is_signed_in(&server, &browser).await);
    let wrong = answer(&browser, &page, "code", &app.wrong(&server)).await;
    assert_eq!(wrong.status, 401);
    let right = answer(&browser, &wrong, "code", &app.code(&server)).await;
    assert_eq!(right.location().unwrap().path(), "/account/security");
    assert!(is_signed_in(&server, &browser).await);

    let events = server.store.events_of_user(id, None, 20).await.unwrap();
    let latest = events.iter().find(|event| event.kind == EventKind::SignedIn).unwrap();
    assert_eq!(latest.detail["amr"], Amr::list(&[Amr::Password, Amr::OneTimeCode, Amr::MultiFactor]));
    for kind in [EventKind::TotpEnabled, EventKind::RecoveryCodesMade] {
        assert!(events.iter().any(|event| event.kind == kind), "{kind:?}");
    }
    let kept = server.store.totp(id).await.unwrap().unwrap().sealed_secret;
    assert!(!kept.windows(20).any(|window| window == app.0), "the secret is sealed");
}

#[tokio::test]
async fn the_client_that_waits_is_reached() {
    let (server, _, _, app, _) = ada().await;
    let flow = Flow::new(&server).await.unwrap();
    let page = flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    let page = flow.browser.follow(flow.browser.submit(&page, &form).await.unwrap()).await.unwrap();
    assert_eq!(page.url.path(), "/login/second-factor");
    let answered = answer(&flow.browser, &page, "code", &app.code(&server)).await;
    assert_eq!(answered.location().unwrap().path(), "/oauth/authorize");
    let consent = flow.browser.follow(answered).await.unwrap();
    assert!(Form::find(&consent.body, "interaction").is_some(), "{}", text(&consent.body));
}

#[tokio::test]
async fn a_code_is_taken_once() {
    let (server, _, _, app, _) = ada().await;
    let code = app.code(&server);
    let (first, second) = (Browser::new().unwrap(), Browser::new().unwrap());
    let page = asked(&server, &first).await;
    let watched = asked(&server, &second).await;
    assert_eq!(answer(&first, &page, "code", &code).await.status, 303);
    // Somebody who looked over the shoulder, with the password and the same code; also the code of the step before.
    assert_eq!(answer(&second, &watched, "code", &code).await.status, 401);
    let before = app.code_at(server.clock.now().0 - 30);
    assert_eq!(answer(&second, &watched, "code", &before).await.status, 401);
    assert!(!is_signed_in(&server, &second).await);
    server.clock.advance(30);
    assert_eq!(answer(&second, &watched, "code", &app.code(&server)).await.status, 303);
    // And the ticket is used up.
    let again = answer(&first, &page, "code", &app.code_at(server.clock.now().0 + 30)).await;
    assert_eq!(again.status, 401);
    assert!(Form::find(&again.body, "password").is_some(), "from the beginning");
}

#[tokio::test]
async fn the_code_that_turned_the_app_on_signs_nobody_in() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let browser = Browser::new().unwrap();
    type_password(&server, &browser).await;
    let begun = press(&server, &browser, "/account/totp").await;
    let page = browser.get(begun.location().unwrap()).await.unwrap();
    let app = App::scan(&page);
    let code = app.code(&server);
    assert_eq!(answer(&browser, &page, "code", &code).await.status, 200);
    let thief = Browser::new().unwrap();
    let page = asked(&server, &thief).await;
    assert_eq!(answer(&thief, &page, "code", &code).await.status, 401);
}

#[tokio::test]
async fn guessing_ends_after_five_tries_and_is_put_off_after_ten() {
    let (server, id, _, app, recovery) = ada().await;
    let thief = Browser::new().unwrap();
    for _ in 0..2 {
        let page = asked(&server, &thief).await;
        for _ in 0..4 {
            assert_eq!(answer(&thief, &page, "code", &app.wrong(&server)).await.status, 401);
        }
        let last = answer(&thief, &page, "code", &app.wrong(&server)).await;
        assert!(Form::find(&last.body, "password").is_some(), "{}", text(&last.body));
        // Too late, even with the right one.
        let late = answer(&thief, &page, "code", &app.code(&server)).await;
        assert!(Form::find(&late.body, "password").is_some());
    }
    let page = asked(&server, &thief).await;
    assert_eq!(answer(&thief, &page, "code", &app.code(&server)).await.status, 429);
    assert!(!is_signed_in(&server, &thief).await);
    let failed = server.store.events_of_user(id, None, 20).await.unwrap();
    assert_eq!(failed.iter().filter(|event| event.kind == EventKind::SecondFactorFailed).count(), 2);

    // The owner has a recovery code, or waits.
    let owner = Browser::new().unwrap();
    let page = asked(&server, &owner).await;
    assert_eq!(answer(&owner, &page, "recovery_code", &recovery[0]).await.status, 303);
    let page = asked(&server, &thief).await;
    assert_eq!(answer(&thief, &page, "code", &app.wrong(&server)).await.status, 401, "forgotten with the success");
}

#[tokio::test]
async fn codes_are_listened_to_again_after_a_while() {
    let (server, _, _, app, _) = ada().await;
    let browser = Browser::new().unwrap();
    for _ in 0..2 {
        let page = asked(&server, &browser).await;
        for _ in 0..5 {
            answer(&browser, &page, "code", &app.wrong(&server)).await;
        }
    }
    let page = asked(&server, &browser).await;
    server.clock.advance(29);
    let early = answer(&browser, &page, "code", &app.code(&server)).await;
    assert_eq!((early.status.as_u16(), early.headers["retry-after"].to_str().unwrap()), (429, "1"));
    server.clock.advance(1);
    assert_eq!(answer(&browser, &page, "code", &app.code(&server)).await.status, 303);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_each_counted() {
    let (server, id, _, app, _) = ada().await;
    let thief = Browser::new().unwrap();
    let page = asked(&server, &thief).await;
    let wrong = app.wrong(&server);
    let guesses = (0..20).map(|_| answer(&thief, &page, "code", &wrong));
    let answers = futures_util::future::join_all(guesses).await;
    assert!(answers.iter().all(|answer| answer.status == 401));
    let heard = answers.iter().filter(|answer| Form::find(&answer.body, "code").is_some()).count();
    assert!(heard < 5, "{heard} guesses left others");
    let kinds = server.store.events_of_user(id, None, 50).await.unwrap();
    assert_eq!(
        kinds.iter().filter(|event| event.kind == EventKind::SecondFactorFailed).count(),
        1,
        "five, and no more"
    );
}

#[tokio::test]
async fn recovery_codes_work_once_and_new_ones_replace_the_old() {
    let (server, id, browser, _, recovery) = ada().await;
    for (code, works) in [(&recovery[0], true), (&recovery[0], false), (&recovery[1].to_lowercase(), true)] {
        let other = Browser::new().unwrap();
        let page = asked(&server, &other).await;
        let answered = answer(&other, &page, "recovery_code", code).await;
        assert_eq!(answered.status == 303, works, "{}", text(&answered.body));
        assert_eq!(is_signed_in(&server, &other).await, works);
    }
    let page = browser.get(server.url("/account/security")).await.unwrap();
    assert!(text(&page.body).contains("You have 8 left"), "{}", text(&page.body));
    let events = server.store.events_of_user(id, None, 20).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::RecoveryCodeUsed).count(), 2);

    let made = press(&server, &browser, "/account/recovery-codes").await;
    let new = codes(&made);
    assert_eq!(new.len(), 10);
    assert!(new.iter().all(|code| !recovery.contains(code)));
    for (code, works) in [(&recovery[2], false), (&new[2], true)] {
        let other = Browser::new().unwrap();
        let page = asked(&server, &other).await;
        assert_eq!(answer(&other, &page, "recovery_code", code).await.status == 303, works);
    }
    // Somebody else's code is none.
    let page = asked(&server, &Browser::new().unwrap()).await;
    assert_eq!(answer(&Browser::new().unwrap(), &page, "recovery_code", &new[3]).await.status, 403);
}

#[tokio::test]
async fn the_question_belongs_to_the_browser_that_typed_the_password() {
    let (server, _, _, app, recovery) = ada().await;
    let (owner, thief) = (Browser::new().unwrap(), Browser::new().unwrap());
    let page = asked(&server, &owner).await;
    // The address leaked; or a code was planted: both browsers have their own secret.
    let seen = thief.get(&page.url).await.unwrap();
    assert_eq!(seen.location().unwrap().path(), "/login");
    let own = thief.get(server.url("/login")).await.unwrap();
    let token = own.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned();
    for (field, code) in [("code", app.code(&server)), ("recovery_code", recovery[0].clone())] {
        let form = page.form(field).unwrap().with(field, &code).with("csrf_token", &token);
        let answered = thief.submit(&page, &form).await.unwrap();
        assert_eq!(answered.status, 401);
        assert!(Form::find(&answered.body, "password").is_some());
    }
    assert!(!is_signed_in(&server, &thief).await);
    let form = page.form("code").unwrap().with("code", &app.code(&server));
    assert_eq!(owner.submit(&page, &form.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(owner.submit(&page, &form).await.unwrap().status, 303, "nobody used it up");
}

#[tokio::test]
async fn the_question_waits_for_five_minutes() {
    let (server, _, _, app, _) = ada().await;
    let browser = Browser::new().unwrap();
    let page = asked(&server, &browser).await;
    server.clock.advance(300);
    let late = answer(&browser, &page, "code", &app.code(&server)).await;
    assert_eq!(late.status, 401);
    assert!(Form::find(&late.body, "password").is_some());
    assert_eq!(browser.get(&page.url).await.unwrap().location().unwrap().path(), "/login");
}

#[tokio::test]
async fn wrong_passwords_do_not_tell_who_has_an_app() {
    let (server, _, _, _, _) = ada().await;
    let mut pages = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let browser = Browser::new().unwrap();
        let page = browser.get(server.url("/login")).await.unwrap();
        let form = page.form("password").unwrap().with("email", email).with("password", "wrong");
        let answered = browser.submit(&page, &form).await.unwrap();
        assert_eq!(answered.status, 401);
        pages.push(text(&answered.body));
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn turning_it_off_needs_a_fresh_sign_in_and_takes_the_codes_along() {
    let (server, id, browser, app, recovery) = ada().await;
    server.clock.advance(700);
    for path in ["/account/totp/remove", "/account/recovery-codes"] {
        assert_eq!(press(&server, &browser, path).await.location().unwrap().path(), "/login", "{path}");
    }
    assert!(server.store.totp(id).await.unwrap().is_some());
    let page = asked(&server, &browser).await;
    assert_eq!(answer(&browser, &page, "code", &app.code(&server)).await.status, 303);
    assert_eq!(press(&server, &browser, "/account/totp/remove").await.status, 303);
    assert!(server.store.totp(id).await.unwrap().is_none());
    assert_eq!(server.store.recovery_codes_left(id).await.unwrap(), 0);
    assert_eq!(type_password(&server, &Browser::new().unwrap()).await.location().unwrap().path(), "/account/security");
    let events = server.store.events_of_user(id, None, 20).await.unwrap();
    assert!(events.iter().any(|event| event.kind == EventKind::TotpDisabled));
    assert!(recovery.len() == 10);
}

#[tokio::test]
async fn an_app_that_is_on_is_not_replaced_by_a_second_tab() {
    let (server, id, browser, _, _) = ada().await;
    let before = server.store.totp(id).await.unwrap();
    let page = browser.get(server.url("/account/security")).await.unwrap();
    let token = page.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned();
    for (action, status) in [("/account/totp", 409), ("/account/totp/confirm", 409)] {
        let fields = vec![("csrf_token".to_owned(), token.clone()), ("code".to_owned(), "000000".to_owned())];
        let form = Form { action: action.to_owned(), fields };
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, status, "{action}");
    }
    assert_eq!(browser.get(server.url("/account/totp")).await.unwrap().location().unwrap().path(), "/account/security");
    assert_eq!(server.store.totp(id).await.unwrap(), before);
    for path in ["/account/totp", "/account/totp/confirm", "/account/totp/remove", "/account/recovery-codes"] {
        let form = Form { action: path.to_owned(), fields: vec![("csrf_token".to_owned(), "x".to_owned())] };
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, 403, "{path}");
    }
}

#[tokio::test]
async fn whoever_did_not_change_it_hears_of_it_by_mail() {
    let mail = MailServer::start().await.unwrap();
    let setup =
        TestServer::setup().with("AUTHGENT_SMTP_URL", mail.url()).with("AUTHGENT_MAIL_FROM", "auth@example.com");
    let server = setup.start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let browser = Browser::new().unwrap();
    type_password(&server, &browser).await;
    let heard = async |words: &str| {
        let received = mail.next().await.unwrap();
        assert!(received.to == [EMAIL] && received.text.contains(words), "{}", received.text);
    };
    let begun = press(&server, &browser, "/account/totp").await;
    let page = browser.get(begun.location().unwrap()).await.unwrap();
    let app = App::scan(&page);
    answer(&browser, &page, "code", &app.code(&server)).await;
    heard("An authenticator app was added").await;
    press(&server, &browser, "/account/recovery-codes").await;
    heard("New recovery codes were made").await;
    press(&server, &browser, "/account/totp/remove").await;
    heard("The authenticator app was removed").await;
    assert!(mail.is_quiet().await);
}

/// Whoever typed the password before has to type it again.
#[tokio::test]
async fn a_right_password_waits_no_longer_when_the_sessions_end() {
    const NEW: &str = "lichtscheue quallen am kai";
    let (server, id, browser, app, _) = ada().await;
    let others = browser.get(server.url("/account/sessions")).await.unwrap();
    let mut end_others = others.form("csrf_token").unwrap();
    end_others.action = server.url("/account/sessions/end-others");
    let password = browser.get(server.url("/account/password")).await.unwrap();
    let change = password.form("repeat").unwrap().with("password", NEW).with("repeat", NEW);

    let mallory = Browser::new().unwrap();
    for (page, form) in [(others, end_others), (password, change)] {
        let waiting = asked(&server, &mallory).await;
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, 303);
        let late = answer(&mallory, &waiting, "code", &app.code(&server)).await;
        assert!(late.status == 401 && late.form("password").is_ok(), "{}", text(&late.body));
        assert!(!is_signed_in(&server, &mallory).await);
    }

    let page = mallory.get(server.url("/login")).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", NEW);
    let waiting = mallory.follow(mallory.submit(&page, &form).await.unwrap()).await.unwrap();
    // As a reset does, and disabling somebody, and `authgent user end-sessions`.
    let tx = server.store.begin().await.unwrap();
    tx.delete_sessions_of_user(id).await.unwrap();
    tx.commit().await.unwrap();
    let late = answer(&mallory, &waiting, "code", &app.code(&server)).await;
    assert!(late.status == 401 && late.form("password").is_ok(), "{}", text(&late.body));
    assert!(!is_signed_in(&server, &mallory).await);
}
