//! What honest people and honest providers see.

use super::World;
use authgent_core::time::Clock as _;
use authgent_server::domain::{Amr, EventKind};
use authgent_server::store::WriteTransaction;
use authgent_tests::browser::{Browser, query};
use authgent_tests::flow::payload;
use authgent_tests::html::{Form, text};
use authgent_tests::server::TestServer;
use authgent_tests::upstream::{CLIENT_ID, CLIENT_SECRET, Provider};
use serde_json::json;

#[tokio::test]
async fn a_person_signs_in_at_the_provider_and_is_still_asked_for_consent() {
    let world = World::new().await;
    let flow = world.flow().await;
    let page = world.arrive(&flow.browser, &flow.authorize_url()).await;
    assert_eq!(page.url.path(), "/consent", "a confused deputy gets nothing: {}", text(&page.body));
    let asked = world.provider.behaviour().asked.clone();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", &*world.server.url("/idp/callback")),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value);
    }
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && asked["code_challenge"].len() == 43);
    assert!(!asked.contains_key("max_age") && !asked.contains_key("prompt"));

    let tokens = world.tokens(&world.flow().await).await;
    let claims = payload(tokens["access_token"].as_str().unwrap()).unwrap();
    let ada = world.user("ada@example.com").await.unwrap();
    assert_eq!(claims["sub"], ada.id.to_string(), "our own name for her, not the provider's");
    assert_eq!((ada.name.as_deref(), ada.email_verified, ada.password_hash), (Some("Ada Lovelace"), true, None));
    let identity = world.server.store.identities_of_user(ada.id).await.unwrap().remove(0);
    assert_eq!((&*identity.issuer, &*identity.subject), (&*world.provider.issuer, "ada-at-work"));
    assert_eq!(identity.groups, ["engineering"]);
    let kinds: Vec<_> = world.server.store.events_of_user(ada.id, None, 10).await.unwrap();
    let kinds: Vec<_> = kinds.iter().rev().map(|event| event.kind).take(2).collect();
    assert_eq!(kinds, [EventKind::AccountCreated, EventKind::SignedIn]);
    let session =
        world.server.store.sessions_of_user(ada.id, authgent_core::time::Timestamp(0)).await.unwrap().remove(0);
    assert_eq!(session.amr, [Amr::Federated]);
    assert_eq!(session.upstream.unwrap().sid.as_deref(), Some("session-1"));
}

#[tokio::test]
async fn the_same_person_keeps_their_account_under_another_name_and_address() {
    let world = World::new().await;
    let first = payload(world.tokens(&world.flow().await).await["access_token"].as_str().unwrap()).unwrap();
    world
        .provider
        .claims(&json!({"name": "Ada King", "email": "countess@example.com", "amr": ["pwd", "mfa"], "groups": []}));
    let second = payload(world.tokens(&world.flow().await).await["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(first["sub"], second["sub"]);
    assert!(world.user("ada@example.com").await.is_none());
    let ada = world.user("countess@example.com").await.unwrap();
    assert_eq!((ada.name.as_deref(), &second["sub"]), (Some("Ada King"), &json!(ada.id.to_string())));
    assert!(world.server.store.identities_of_user(ada.id).await.unwrap()[0].groups.is_empty());
    let sessions = world.server.store.sessions_of_user(ada.id, authgent_core::time::Timestamp(0)).await.unwrap();
    assert!(sessions.iter().any(|session| session.amr == [Amr::Federated, Amr::MultiFactor]));
}

#[tokio::test]
async fn what_the_token_lacks_is_asked_for_at_the_userinfo_endpoint() {
    let provider = Provider::start().unwrap();
    provider.claims(&json!({"email": null, "email_verified": null, "name": null, "groups": null}));
    let userinfo = json!({"sub": "ada-at-work", "email": "ada@example.com", "email_verified": true, "name": "Ada"});
    provider.behaviour().userinfo = Some(userinfo);
    let world = World::of(provider, &[]).await;
    assert_eq!(world.account(&Browser::new().unwrap()).await.url.path(), "/account");
    assert_eq!(world.user("ada@example.com").await.unwrap().name.as_deref(), Some("Ada"));
    // Of somebody else, it is worth nothing.
    world.provider.claims(&json!({"sub": "grace-at-work"}));
    let page = world.account(&Browser::new().unwrap()).await;
    assert_eq!(page.status, 502, "{}", text(&page.body));
}

#[tokio::test]
async fn keys_change_and_the_provider_goes_down_and_comes_back() {
    let world = World::new().await;
    let browser = || Browser::new().unwrap();
    assert_eq!(world.account(&browser()).await.status, 200);
    assert_eq!(world.account(&browser()).await.status, 200);
    assert_eq!(world.provider.behaviour().key_fetches, 1, "kept in memory");
    world.server.clock.advance(31);
    world.provider.rotate().unwrap();
    assert_eq!(world.account(&browser()).await.status, 200, "a key that is not known is looked for once more");
    // At once, not again: whoever makes tokens up must not make us ask.
    world.provider.rotate().unwrap();
    assert_eq!(world.account(&browser()).await.status, 502);
    world.server.clock.advance(31);
    assert_eq!(world.account(&browser()).await.status, 200);

    // It is down: the person reads what to do, and those who are signed in stay so.
    let (there, here) = (browser(), browser());
    world.account(&here).await;
    let back = world.way_back(&there, &world.server.url("/account")).await;
    world.provider.behaviour().down = true;
    let page = there.get(back).await.unwrap();
    assert_eq!(page.status, 503);
    assert!(text(&page.body).contains("Your sign-in service does not answer"), "{}", text(&page.body));
    assert!(page.headers.contains_key("retry-after") && page.body.contains("href=\"/login?return_to="));
    assert_eq!(here.get(world.server.url("/account")).await.unwrap().status, 200);
    world.provider.behaviour().down = false;
    assert_eq!(world.account(&there).await.status, 200);
}

#[tokio::test]
async fn a_provider_that_never_answered_is_asked_again_soon() {
    let provider = Provider::start().unwrap();
    provider.behaviour().down = true;
    let world = World::of(provider, &[]).await;
    let browser = Browser::new().unwrap();
    let page = world.to_provider(&browser, &world.server.url("/account")).await;
    assert_eq!((page.status.as_u16(), page.url.path()), (503, "/login"), "{}", text(&page.body));
    world.provider.behaviour().down = false;
    world.server.clock.advance(6);
    assert_eq!(world.account(&browser).await.status, 200);
}

#[tokio::test]
async fn where_there_are_local_accounts_too_the_person_chooses() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on"), ("AUTHGENT_IDP_NAME", "Example Corp")]).await;
    let flow = world.flow().await;
    let page = world.to_provider(&flow.browser, &flow.authorize_url()).await;
    assert_eq!(page.url.path(), "/login");
    assert!(text(&page.body).contains("Continue with Example Corp") && Form::find(&page.body, "password").is_some());
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("form-action"), "the button leads to the provider: {policy}");
    let form = page.form("return_to").unwrap();
    assert_eq!(form.action, "/idp/idp");
    let forged = flow.browser.submit(&page, &form.clone().with("csrf_token", "forged")).await.unwrap();
    assert_eq!(forged.status, 403);
    let there = flow.browser.submit(&page, &form).await.unwrap();
    let back = world.provider.through(&flow.browser, &there).await.unwrap();
    let consent = flow.browser.follow(flow.browser.get(back).await.unwrap()).await.unwrap();
    assert_eq!(consent.url.path(), "/consent");
}

#[tokio::test]
async fn what_the_client_asks_of_the_sign_in_reaches_the_provider() {
    let world = World::new().await;
    let flow = world.flow().await.with("login_hint", "ada@example.com").with("max_age", "300").with("ui_locales", "de");
    world.way_back(&flow.browser, &flow.authorize_url()).await;
    let asked = world.provider.behaviour().asked.clone();
    assert_eq!((&*asked["login_hint"], &*asked["max_age"], &*asked["ui_locales"]), ("ada@example.com", "300", "de"));

    for (prompt, max_age) in [("login", Some("0")), ("select_account", None), ("consent", None)] {
        let flow = world.flow().await.with("prompt", prompt);
        world.way_back(&flow.browser, &flow.authorize_url()).await;
        let asked = world.provider.behaviour().asked.clone();
        let expected = (prompt != "consent").then_some(prompt);
        assert_eq!(asked.get("prompt").map(String::as_str), expected);
        assert_eq!(asked.get("max_age").map(String::as_str), max_age, "{prompt}");
    }
}

#[tokio::test]
async fn another_account_can_be_chosen_after_the_first() {
    let world = World::new().await;
    let flow = world.flow().await;
    let consent = world.arrive(&flow.browser, &flow.authorize_url()).await;
    let switch = consent.form("return_to").unwrap();
    let login = flow.browser.submit(&consent, &switch).await.unwrap();
    world.way_back(&flow.browser, login.location().unwrap().as_str()).await;
    assert_eq!(world.provider.behaviour().asked["prompt"], "select_account");
}

#[tokio::test]
async fn a_dangerous_change_needs_a_fresh_sign_in_at_the_provider() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    let page = world.account(&browser).await;
    assert_eq!(page.status, 200);
    world.server.clock.advance(3600);
    let data = browser.get(world.server.url("/account/data")).await.unwrap();
    let policy = data.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("form-action"), "browsers hold it against the redirects of a form: {policy}");
    let form = data.form("confirm").unwrap().with("confirm", "ada@example.com");
    let barrier = browser.submit(&data, &form).await.unwrap();
    let there = world.to_provider(&browser, barrier.location().unwrap().as_str()).await;
    let asked = there.location().unwrap();
    assert_eq!((query(&asked, "prompt").as_deref(), query(&asked, "max_age").as_deref()), (Some("login"), Some("0")));
    // A provider that lets an old session through is noticed.
    world.provider.claims(&json!({"auth_time": 1_000_000_000}));
    let back = world.provider.through(&browser, &there).await.unwrap();
    assert_eq!(browser.get(back).await.unwrap().status, 502);
}

#[tokio::test]
async fn without_local_accounts_nothing_of_them_is_there() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    for path in ["/forgot", "/invitation/x", "/reset/x", "/account/password", "/account/totp", "/login/second-factor"] {
        assert_eq!(browser.get(world.server.url(path)).await.unwrap().status, 404, "{path}");
    }
    let (status, _) = world.server.post("/login", &[("email", "ada@example.com"), ("password", "x")]).await.unwrap();
    assert_eq!(status, 405);
    let (status, _) = world.server.post("/login/passkey/options", &[]).await.unwrap();
    assert_eq!(status, 404);
    let security = browser.get(world.server.url("/account/security")).await.unwrap();
    assert!(!text(&security.body).contains("Passkeys") && text(&security.body).contains("Sign-in services"));
}

#[tokio::test]
async fn after_signing_out_nobody_is_signed_in_again_by_themselves() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    let ask = browser.get(world.server.url("/logout")).await.unwrap();
    let done = browser.submit(&ask, &ask.form("csrf_token").unwrap()).await.unwrap();
    let page = browser.get(done.location().unwrap()).await.unwrap();
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/logout"), "no loop through the provider");
    assert!(page.body.contains("/login?prompt=select_account"));
}

#[tokio::test]
async fn the_server_proves_to_the_provider_who_it_is() {
    for method in ["client_secret_post", "private_key_jwt", "none"] {
        let provider = Provider::start().unwrap();
        let mut setup = TestServer::setup()
            .with("AUTHGENT_IDP_ISSUER", &provider.issuer)
            .with("AUTHGENT_IDP_CLIENT_ID", CLIENT_ID)
            .with("AUTHGENT_IDP_CLIENT_AUTHENTICATION", method);
        if method == "client_secret_post" {
            setup = setup.with("AUTHGENT_IDP_CLIENT_SECRET", CLIENT_SECRET);
        }
        let server = setup.start().await.unwrap();
        let keys = server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
        provider.behaviour().client_authentication = (method, keys.json().await.unwrap());
        let world = World { provider, server };
        assert_eq!(world.account(&Browser::new().unwrap()).await.status, 200, "{method}");
        world.provider.behaviour().client_authentication = ("client_secret_basic", json!({}));
        assert_eq!(world.account(&Browser::new().unwrap()).await.status, 502, "{method}: invalid_client");
    }
}

#[tokio::test]
async fn several_providers_have_a_button_each_below_the_path_of_the_issuer() {
    let (work, school) = (Provider::start().unwrap(), Provider::start().unwrap());
    school.claims(&json!({"sub": "ada-at-school", "email": "ada@school.example"}));
    let entry = |id: &str, provider: &Provider| json!({"id": id, "name": id.to_uppercase(), "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
    let list = json!([entry("work", &work), entry("school", &school)]);
    let setup = TestServer::setup().path("/tenant").with("AUTHGENT_IDENTITY_PROVIDERS", list);
    let server = setup.start().await.unwrap();
    let browser = Browser::new().unwrap();
    let page = browser.get(server.url("/login")).await.unwrap();
    let words = text(&page.body);
    assert!(
        words.contains("Continue with WORK") && words.contains("Continue with SCHOOL") && !words.contains("Password")
    );
    let mut form = page.form("return_to").unwrap();
    form.action = "/tenant/idp/school".into();
    let there = browser.submit(&page, &form).await.unwrap();
    let back = school.through(&browser, &there).await.unwrap();
    assert_eq!(back.path(), "/tenant/idp/callback");
    assert_eq!(browser.get(back).await.unwrap().location().unwrap().path(), "/tenant/");
    assert!(server.store.identity(&school.issuer, "ada-at-school").await.unwrap().is_some());
}

#[tokio::test]
async fn who_signs_out_and_in_again_by_the_providers_session_has_no_fresh_sign_in() {
    let world = World::new().await;
    let export = async |browser: &Browser| {
        let page = browser.get(world.server.url("/account/data")).await.unwrap();
        let mut form = page.form("csrf_token").unwrap();
        form.action = "/account/data/export".into();
        browser.submit(&page, &form).await.unwrap()
    };
    // The provider says when they proved who they are: an hour ago.
    let an_hour_ago = world.server.clock.now().0 - 3600;
    for auth_time in [json!(an_hour_ago), json!(null)] {
        world.provider.claims(&json!({"auth_time": auth_time}));
        if auth_time.is_null() {
            // Or it says nothing, as large ones do.
            world.provider.behaviour().says_auth_time = false;
            world.provider.behaviour().claims.as_object_mut().unwrap().remove("auth_time");
        }
        let browser = Browser::new().unwrap();
        world.account(&browser).await;
        assert_eq!(export(&browser).await.location().unwrap().path(), "/login", "{auth_time}");
    }
    // Asked for a fresh one, it is believed.
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    let barrier = export(&browser).await;
    world.arrive(&browser, barrier.location().unwrap().as_str()).await;
    assert_eq!(world.provider.behaviour().asked["prompt"], "login");
    assert_eq!(export(&browser).await.status, 200);
}

#[tokio::test]
async fn two_tabs_make_one_account() {
    let world = World::new().await;
    let (one, other) = (Browser::new().unwrap(), Browser::new().unwrap());
    let first = world.way_back(&one, &world.server.url("/account")).await;
    let second = world.way_back(&other, &world.server.url("/account")).await;
    let (first, second) = tokio::join!(one.get(first), other.get(second));
    assert_eq!((first.unwrap().status.as_u16(), second.unwrap().status.as_u16()), (303, 303));
    assert_eq!(world.server.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_is_disabled_at_this_moment_gets_no_session() {
    for world in World::on_each_database().await {
        world.account(&Browser::new().unwrap()).await;
        let ada = world.user("ada@example.com").await.unwrap();
        let browser = Browser::new().unwrap();
        let back = world.way_back(&browser, &world.server.url("/account")).await;
        let disable = async |tx: &WriteTransaction| {
            tx.set_user_enabled(ada.id, false).await?;
            tx.delete_sessions_of_user(ada.id).await.map(drop)
        };
        let answer = world.server.meanwhile(disable, browser.get(back)).await.unwrap().unwrap();
        assert_eq!(answer.status, 403);
        let now = world.server.clock.now();
        assert_eq!(world.server.store.sessions_of_user(ada.id, now).await.unwrap(), []);
    }
}
