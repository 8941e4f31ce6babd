//! `POST /login/passkey`, `/account/passkeys`, and the list on `/account/security`

use authgent_core::issuer::Issuer;
use authgent_server::crypto::passkey::RelyingParty;
use authgent_server::domain::{Amr, EventKind};
use authgent_tests::authenticator::Authenticator;
use authgent_tests::browser::Browser;
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::html::text;
use authgent_tests::server::{PASSWORD, TestServer};
use serde_json::{Value, json};
use uuid::Uuid;

/// A browser that has the sign-in page open: its CSRF token goes with it.
async fn open(server: &TestServer, browser: &Browser) -> String {
    let page = browser.get(server.url("/login")).await.unwrap();
    page.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned()
}

async fn sign_in_by_password(server: &TestServer, browser: &Browser, email: &str) {
    let page = browser.get(server.url("/login")).await.unwrap();
    let form = page.form("password").unwrap().with("email", email).with("password", PASSWORD);
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 303);
}

/// Adds the authenticator's key to the account that is signed in. Gives status and answer.
async fn add(server: &TestServer, browser: &Browser, key: &mut Authenticator, name: &str) -> (u16, Value) {
    let token = open(server, browser).await;
    let (status, started) = browser.call(server.url("/account/passkeys/options"), &token, &json!({})).await.unwrap();
    if status != 200 {
        return (status, started);
    }
    let credential = key.create(&started["options"]).unwrap();
    let answer = json!({ "ceremony": started["ceremony"], "credential": credential, "name": name });
    browser.call(server.url("/account/passkeys"), &token, &answer).await.unwrap()
}

/// What begins a sign-in, with the token of the page.
async fn begin(server: &TestServer, browser: &Browser) -> (String, Value) {
    let token = open(server, browser).await;
    let (status, started) = browser.call(server.url("/login/passkey/options"), &token, &json!({})).await.unwrap();
    assert_eq!(status, 200, "{started}");
    (token, started)
}

async fn finish(
    server: &TestServer,
    browser: &Browser,
    token: &str,
    started: &Value,
    credential: &Value,
) -> (u16, Value) {
    let answer = json!({ "ceremony": started["ceremony"], "credential": credential, "return_to": "/account/security" });
    browser.call(server.url("/login/passkey"), token, &answer).await.unwrap()
}

/// A whole sign-in. Gives status and answer.
async fn sign_in(server: &TestServer, browser: &Browser, key: &mut Authenticator) -> (u16, Value) {
    let (token, started) = begin(server, browser).await;
    let credential = key.get(&started["options"]).unwrap();
    finish(server, browser, &token, &started, &credential).await
}

async fn is_signed_in(server: &TestServer, browser: &Browser) -> bool {
    browser.get(server.url("/account/security")).await.unwrap().status == 200
}

/// A server, Ada's account, and her passkey.
async fn ada() -> (TestServer, Uuid, Authenticator) {
    let server = TestServer::start().await.unwrap();
    let id = server.add_user(EMAIL).await.unwrap();
    let browser = Browser::new().unwrap();
    sign_in_by_password(&server, &browser, EMAIL).await;
    let mut key = Authenticator::new(&server.issuer).unwrap();
    let (status, answer) = add(&server, &browser, &mut key, "My phone").await;
    assert_eq!((status, &answer["location"]), (201, &json!("/account/security")), "{answer}");
    (server, id, key)
}

#[tokio::test]
async fn a_passkey_signs_in_without_an_address_or_a_password() {
    let (server, id, mut key) = ada().await;
    let browser = Browser::new().unwrap();
    let (status, answer) = sign_in(&server, &browser, &mut key).await;
    assert_eq!((status, answer), (200, json!({ "location": "/account/security" })));
    let page = browser.get(server.url("/account/security")).await.unwrap();
    assert!(text(&page.body).contains("My phone"), "{}", text(&page.body));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");

    let events = server.store.events_of_user(id, None, 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&EventKind::PasskeyAdded), "{kinds:?}");
    let ways = events
        .iter()
        .filter(|event| event.kind == EventKind::SignedIn)
        .filter_map(|event| event.detail["amr"].as_str());
    assert!(ways.into_iter().any(|ways| ways == Amr::list(&[Amr::Key, Amr::UserPresence, Amr::MultiFactor])));
    assert!(server.store.passkeys_of_user(id).await.unwrap()[0].last_used_at.is_some());
}

#[tokio::test]
async fn a_passkey_goes_on_to_the_client_that_waits() {
    let (server, _, mut key) = ada().await;
    let flow = Flow::new(&server).await.unwrap();
    let waiting = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    let return_to = authgent_tests::browser::query(&waiting, "return_to").unwrap();
    let (token, started) = begin(&server, &flow.browser).await;
    let credential = key.get(&started["options"]).unwrap();
    let answer = json!({ "ceremony": started["ceremony"], "credential": credential, "return_to": return_to });
    let (status, answer) = flow.browser.call(server.url("/login/passkey"), &token, &answer).await.unwrap();
    assert_eq!(status, 200);
    assert!(answer["location"].as_str().unwrap().starts_with("/oauth/authorize?"), "{answer}");

    let (token, started) = begin(&server, &flow.browser).await;
    let credential = key.get(&started["options"]).unwrap();
    let answer =
        json!({ "ceremony": started["ceremony"], "credential": credential, "return_to": "https://evil.example/" });
    let (_, answer) = flow.browser.call(server.url("/login/passkey"), &token, &answer).await.unwrap();
    assert_eq!(answer, json!({ "location": "/" }));
}

#[tokio::test]
async fn options_say_nothing_about_anybody() {
    let (server, _, _) = ada().await;
    let (_, started) = begin(&server, &Browser::new().unwrap()).await;
    let options = &started["options"];
    assert_eq!(options["rpId"], "localhost");
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], json!([]));
}

#[tokio::test]
async fn new_keys_are_discoverable_and_their_holder_verified() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let browser = Browser::new().unwrap();
    sign_in_by_password(&server, &browser, EMAIL).await;
    let token = open(&server, &browser).await;
    let (_, started) = browser.call(server.url("/account/passkeys/options"), &token, &json!({})).await.unwrap();
    let selection = &started["options"]["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(started["options"]["attestation"], "none");

    let good = Authenticator::new(&server.issuer).unwrap();
    for mut bad in [
        Authenticator { user_verified: false, ..good.clone() },
        Authenticator { discoverable: false, ..good.clone() },
        Authenticator { origin: "https://evil.example".to_owned(), ..good.clone() },
        Authenticator { origin: format!("{}0", good.origin), ..good.clone() },
        Authenticator { rp_id: "evil.example".to_owned(), ..good.clone() },
    ] {
        let (status, answer) = add(&server, &browser, &mut bad, "").await;
        assert_eq!((status, &answer["error"]), (400, &json!("refused")), "{answer}");
    }
}

#[tokio::test]
async fn an_assertion_is_taken_once() {
    let (server, _, mut key) = ada().await;
    let browser = Browser::new().unwrap();
    let (token, started) = begin(&server, &browser).await;
    let credential = key.get(&started["options"]).unwrap();
    assert_eq!(finish(&server, &browser, &token, &started, &credential).await.0, 200);

    // Again, for the ceremony that it was made for, and for another one of the same browser and of a thief's.
    let (status, answer) = finish(&server, &browser, &token, &started, &credential).await;
    assert_eq!((status, &answer["error"]), (400, &json!("expired")));
    let thief = Browser::new().unwrap();
    let (thief_token, thief_started) = begin(&server, &thief).await;
    let (status, answer) = finish(&server, &thief, &thief_token, &thief_started, &credential).await;
    assert_eq!((status, &answer["error"]), (400, &json!("refused")));
    assert!(!is_signed_in(&server, &thief).await);
    // A ceremony that was answered wrongly is over too.
    let right = key.get(&thief_started["options"]).unwrap();
    let (_, answer) = finish(&server, &thief, &thief_token, &thief_started, &right).await;
    assert_eq!(answer["error"], "expired");
}

#[tokio::test]
async fn a_ceremony_belongs_to_the_browser_that_began_it() {
    let (server, _, mut key) = ada().await;
    let (browser, thief) = (Browser::new().unwrap(), Browser::new().unwrap());
    let (token, started) = begin(&server, &browser).await;
    let credential = key.get(&started["options"]).unwrap();
    let thief_token = open(&server, &thief).await;
    let (status, answer) = finish(&server, &thief, &thief_token, &started, &credential).await;
    assert_eq!((status, &answer["error"]), (400, &json!("expired")));
    assert_eq!(finish(&server, &thief, &token, &started, &credential).await.0, 403, "the token of another browser");
    assert_eq!(finish(&server, &browser, "", &started, &credential).await.0, 403, "without a token");
    assert!(!is_signed_in(&server, &thief).await);
    // The thief did not use it up.
    assert_eq!(finish(&server, &browser, &token, &started, &credential).await.0, 200);
}

#[tokio::test]
async fn assertions_that_were_not_made_for_us_are_refused() {
    let (server, _, good) = ada().await;
    let stranger = Authenticator::new(&server.issuer).unwrap();
    let mut answers = Vec::new();
    for mut bad in [
        Authenticator { origin: "https://evil.example".to_owned(), ..good.clone() },
        Authenticator { origin: "http://sub.localhost".to_owned(), ..good.clone() },
        Authenticator { rp_id: "evil.example".to_owned(), ..good.clone() },
        Authenticator { user_verified: false, ..good.clone() },
        // A counter that does not grow: a copy of the key.
        Authenticator { counter: 1, ..good.clone() },
        Authenticator { counter: 0, ..good.clone() },
        Authenticator { user_handle: Uuid::new_v4().as_bytes().to_vec(), ..good.clone() },
        Authenticator { user_handle: b"ada".to_vec(), ..good.clone() },
        // Somebody else's signature under the name of Ada's key, and a key that nobody knows.
        Authenticator {
            credential_id: good.credential_id.clone(),
            user_handle: good.user_handle.clone(),
            counter: 100,
            ..stranger.clone()
        },
        Authenticator { user_handle: good.user_handle.clone(), ..stranger.clone() },
    ] {
        let browser = Browser::new().unwrap();
        let answer = sign_in(&server, &browser, &mut bad).await;
        assert_eq!(answer.0, 400, "{answer:?}");
        assert!(!is_signed_in(&server, &browser).await);
        answers.push(answer.1);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "they read the same: {answers:?}");
    let mut good = good;
    assert_eq!(sign_in(&server, &Browser::new().unwrap(), &mut good).await.0, 200);
}

#[tokio::test]
async fn a_registration_belongs_to_the_person_who_began_it() {
    let (server, ada, _) = ada().await;
    let bob = server.add_user("bob@example.com").await.unwrap();
    let browser = Browser::new().unwrap();
    sign_in_by_password(&server, &browser, EMAIL).await;
    let token = open(&server, &browser).await;
    let (_, started) = browser.call(server.url("/account/passkeys/options"), &token, &json!({})).await.unwrap();
    // Bob signs in with the same browser, and answers what Ada began.
    sign_in_by_password(&server, &browser, "bob@example.com").await;
    let credential = Authenticator::new(&server.issuer).unwrap().create(&started["options"]).unwrap();
    let answer = json!({ "ceremony": started["ceremony"], "credential": credential });
    let (status, answer) = browser.call(server.url("/account/passkeys"), &token, &answer).await.unwrap();
    assert_eq!((status, &answer["error"]), (400, &json!("expired")));
    assert_eq!(server.store.passkeys_of_user(bob).await.unwrap().len(), 0);
    assert_eq!(server.store.passkeys_of_user(ada).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_has_one_owner() {
    let (server, _, mut key) = ada().await;
    let bob = server.add_user("bob@example.com").await.unwrap();
    let browser = Browser::new().unwrap();
    sign_in_by_password(&server, &browser, "bob@example.com").await;
    let (status, answer) = add(&server, &browser, &mut key.clone(), "stolen").await;
    assert_eq!((status, &answer["error"]), (409, &json!("known")), "{answer}");
    assert_eq!(server.store.passkeys_of_user(bob).await.unwrap().len(), 0);
    // Ada again, with an authenticator that does not look at what is excluded.
    let browser = Browser::new().unwrap();
    assert_eq!(sign_in(&server, &browser, &mut key).await.0, 200);
    let (status, answer) = add(&server, &browser, &mut key, "twice").await;
    assert_eq!((status, &answer["error"]), (409, &json!("known")), "{answer}");
}

#[tokio::test]
async fn ceremonies_end_after_ten_minutes() {
    let (server, _, mut key) = ada().await;
    let browser = Browser::new().unwrap();
    let (token, started) = begin(&server, &browser).await;
    let credential = key.get(&started["options"]).unwrap();
    server.clock.advance(600);
    let (status, answer) = finish(&server, &browser, &token, &started, &credential).await;
    assert_eq!((status, &answer["error"]), (400, &json!("expired")));
}

#[tokio::test]
async fn an_address_begins_only_so_many_sign_ins() {
    let server = TestServer::setup().with("AUTHGENT_SIGN_IN_RATE", 2).start().await.unwrap();
    let browser = Browser::new().unwrap();
    let token = open(&server, &browser).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(browser.call(server.url("/login/passkey/options"), &token, &json!({})).await.unwrap().0);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn what_is_dangerous_needs_a_fresh_sign_in() {
    let (server, id, mut key) = ada().await;
    let browser = Browser::new().unwrap();
    assert_eq!(sign_in(&server, &browser, &mut key).await.0, 200);
    server.clock.advance(601);
    let mut another = Authenticator::new(&server.issuer).unwrap();
    let (status, answer) = add(&server, &browser, &mut another, "").await;
    assert_eq!(status, 401, "{answer}");
    assert_eq!(answer["location"], "/login?return_to=%2Faccount%2Fsecurity");
    let page = browser.get(server.url("/account/security")).await.unwrap();
    let mut form = page.form("name").unwrap();
    form.action = form.action.replace("rename", "remove");
    let answer = browser.submit(&page, &form).await.unwrap();
    assert_eq!(answer.location().unwrap().path(), "/login");
    assert_eq!(server.store.passkeys_of_user(id).await.unwrap().len(), 1);
    // Nobody at all.
    let (status, _) = add(&server, &Browser::new().unwrap(), &mut another, "").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_person_who_is_disabled_has_no_passkey() {
    let (server, id, mut key) = ada().await;
    let tx = server.store.begin().await.unwrap();
    tx.set_user_enabled(id, false).await.unwrap();
    tx.commit().await.unwrap();
    let (status, answer) = sign_in(&server, &Browser::new().unwrap(), &mut key).await;
    assert_eq!((status, &answer["error"]), (400, &json!("refused")));
}

#[tokio::test]
async fn passkeys_are_renamed_and_removed_but_the_last_way_in_stays() {
    let (server, id, mut key) = ada().await;
    let tx = server.store.begin().await.unwrap();
    tx.delete_password(id).await.unwrap();
    tx.commit().await.unwrap();
    let browser = Browser::new().unwrap();
    assert_eq!(sign_in(&server, &browser, &mut key).await.0, 200);
    let page = browser.get(server.url("/account/security")).await.unwrap();
    let rename = page.form("name").unwrap().with("name", " My  <b>new</b>   phone ");
    let remove = authgent_tests::html::Form { action: rename.action.replace("rename", "remove"), ..rename.clone() };
    let answer = browser.submit(&page, &remove).await.unwrap();
    assert_eq!(answer.status, 409);
    assert!(text(&answer.body).contains("only way in which you can sign in"), "{}", text(&answer.body));

    assert_eq!(browser.submit(&page, &rename).await.unwrap().status, 303);
    assert_eq!(browser.submit(&page, &rename.clone().with("name", " ")).await.unwrap().status, 400);
    assert_eq!(browser.submit(&page, &rename.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(browser.submit(&page, &remove.clone().with("csrf_token", "x")).await.unwrap().status, 403);
    assert_eq!(server.store.passkeys_of_user(id).await.unwrap()[0].name, "My <b>new</b> phone");

    server.clock.advance(1); // So that the two have an order.
    let mut second = Authenticator::new(&server.issuer).unwrap();
    assert_eq!(add(&server, &browser, &mut second, "").await.0, 201);
    assert_eq!(server.store.passkeys_of_user(id).await.unwrap()[1].name, "Passkey 2");

    // Somebody else cannot touch them.
    server.add_user("bob@example.com").await.unwrap();
    let bob = Browser::new().unwrap();
    sign_in_by_password(&server, &bob, "bob@example.com").await;
    let bobs_page = bob.get(server.url("/account/security")).await.unwrap();
    let token = bobs_page.form("csrf_token").unwrap().get("csrf_token").unwrap().to_owned();
    for form in [&rename, &remove] {
        let form = form.clone().with("csrf_token", &token);
        assert_eq!(bob.submit(&bobs_page, &form).await.unwrap().status, 404);
    }

    assert_eq!(browser.submit(&page, &remove).await.unwrap().status, 303);
    assert_eq!(browser.submit(&page, &remove).await.unwrap().status, 404);
    assert_eq!(sign_in(&server, &Browser::new().unwrap(), &mut key).await.0, 400, "a removed key is of no use");
    assert_eq!(sign_in(&server, &Browser::new().unwrap(), &mut second).await.0, 200);
    let kinds: Vec<_> =
        server.store.events_of_user(id, None, 20).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&EventKind::PasskeyRemoved), "{kinds:?}");
}

#[tokio::test]
async fn bodies_that_are_no_credentials_are_refused() {
    let (server, _, mut key) = ada().await;
    let browser = Browser::new().unwrap();
    let token = open(&server, &browser).await;
    for body in
        [json!({}), json!([]), json!("x"), json!({ "ceremony": 1, "credential": {} }), json!({ "ceremony": "x" })]
    {
        let (status, answer) = browser.call(server.url("/login/passkey"), &token, &body).await.unwrap();
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{body}");
    }
    let whole = {
        let (_, started) = begin(&server, &browser).await;
        key.get(&started["options"]).unwrap()
    };
    for (pointer, value) in [
        ("/rawId", json!("***")),
        ("/response", json!(null)),
        ("/response/clientDataJSON", json!("bm8ganNvbg")),
        ("/response/authenticatorData", json!("AAAA")),
        ("/response/signature", json!("AAAA")),
        ("/response/userHandle", json!(null)),
    ] {
        let (_, started) = begin(&server, &browser).await;
        let mut credential = whole.clone();
        *credential.pointer_mut(pointer).unwrap() = value;
        let (status, answer) = finish(&server, &browser, &token, &started, &credential).await;
        assert_eq!((status, &answer["error"]), (400, &json!("refused")), "{pointer}");
    }
    assert_eq!(finish(&server, &browser, &token, &json!({ "ceremony": "x".repeat(40_000) }), &whole).await.0, 413);
}

#[test]
fn an_issuer_without_a_name_has_no_passkeys() {
    for (issuer, works) in [
        ("https://auth.example.com", true),
        ("https://auth.example.com/tenant", true),
        ("http://localhost:8080", true),
        ("http://127.0.0.1:8080", false),
        ("http://[::1]:8080", false),
    ] {
        assert_eq!(RelyingParty::new(&Issuer::parse(issuer).unwrap()).is_some(), works, "{issuer}");
    }
}
