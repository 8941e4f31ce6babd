//! States, browsers, addresses: what an attacker has of a sign-in that is not theirs.

use super::World;
use authgent_tests::browser::{Browser, query};
use authgent_tests::html::text;
use authgent_tests::upstream::{Provider, of};

fn changed(url: &url::Url, name: &str, value: &str) -> String {
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
    url.into()
}

#[tokio::test]
async fn a_state_is_good_once_soon_and_in_its_own_browser() {
    let world = World::new().await;
    let (ada, mallory) = (Browser::new().unwrap(), Browser::new().unwrap());
    let back = world.way_back(&ada, &world.server.url("/account")).await;
    // Login CSRF, and the other way round: Mallory's browser has a sign-in of its own under way.
    let of_mallory = world.way_back(&mallory, &world.server.url("/account")).await;
    for (browser, url) in [(&mallory, &back), (&ada, &of_mallory), (&Browser::new().unwrap(), &back)] {
        let page = browser.get(url).await.unwrap();
        assert_eq!(page.status, 400);
        assert!(text(&page.body).contains("This sign-in is no longer valid") && !page.body.contains("ada@"));
        assert!(!page.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().contains("session")));
    }
    // None of that has spoiled it for its owner, and then it is used.
    assert_eq!(ada.get(&back).await.unwrap().status, 303);
    assert_eq!(ada.get(&back).await.unwrap().status, 400);

    let late = Browser::new().unwrap();
    let back = world.way_back(&late, &world.server.url("/account")).await;
    world.server.clock.advance(600);
    assert_eq!(late.get(back).await.unwrap().status, 400);
    for query in ["", "?state=", "?state=x&code=y", "?state=a&state=b&code=c", "?code=y", "?state=%00"] {
        let page = late.get(world.server.url(&format!("/idp/callback{query}"))).await.unwrap();
        assert_eq!(page.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_code_of_another_sign_in_is_of_no_use() {
    let world = World::new().await;
    let (ada, mallory) = (Browser::new().unwrap(), Browser::new().unwrap());
    let of_ada = world.way_back(&ada, &world.server.url("/account")).await;
    let of_mallory = world.way_back(&mallory, &world.server.url("/account")).await;
    // Ada's code with Mallory's state: another code_verifier belongs to it, and another nonce.
    let stolen = changed(&of_mallory, "code", &of(&of_ada, "code").unwrap());
    let page = mallory.get(stolen).await.unwrap();
    assert_eq!(page.status, 502, "{}", text(&page.body));
    assert!(world.user("ada@example.com").await.is_none());
}

#[tokio::test]
async fn two_tabs_can_sign_in_at_once() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    let first = world.way_back(&browser, &world.server.url("/account/sessions")).await;
    let second = world.way_back(&browser, &world.server.url("/account/history")).await;
    let arrived = async |url| browser.follow(browser.get(url).await.unwrap()).await.unwrap();
    assert_eq!(arrived(second).await.url.path(), "/account/history");
    assert_eq!(arrived(first).await.url.path(), "/account/sessions");
    let ada = world.user("ada@example.com").await.unwrap();
    let sessions = world.server.store.sessions_of_user(ada.id, authgent_core::time::Timestamp(0)).await.unwrap();
    assert_eq!(sessions.len(), 1, "the second sign-in ends the session of the first");
}

#[tokio::test]
async fn the_answer_of_another_provider_is_a_mix_up() {
    for promised in [true, false] {
        let provider = Provider::start().unwrap();
        provider.behaviour().metadata = serde_json::json!({"authorization_response_iss_parameter_supported": promised});
        let world = World::of(provider, &[]).await;
        let own = world.provider.issuer.clone();
        let without = if promised { 502 } else { 303 };
        for (iss, expected) in [(Some("https://evil.example"), 502), (None, without), (Some(own.as_str()), 303)] {
            world.provider.behaviour().iss = iss.map(str::to_owned);
            let browser = Browser::new().unwrap();
            let back = world.way_back(&browser, &world.server.url("/account")).await;
            let page = browser.get(back).await.unwrap();
            assert_eq!(page.status, expected, "{iss:?} {promised}: {}", text(&page.body));
        }
        // An error of another provider is not believed either.
        world.provider.behaviour().error = Some("access_denied");
        world.provider.behaviour().iss = Some("https://evil.example".into());
        let browser = Browser::new().unwrap();
        let back = world.way_back(&browser, &world.server.url("/account")).await;
        assert_eq!(browser.get(back).await.unwrap().status, 502);
    }
}

#[tokio::test]
async fn who_changes_their_mind_is_told_and_can_try_again() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.provider.behaviour().error = Some("access_denied");
    let page = browser.get(world.way_back(&browser, &world.server.url("/account")).await).await.unwrap();
    assert_eq!(page.status, 403);
    assert!(text(&page.body).contains("You are not signed in") && page.body.contains("/login?return_to=%2Faccount"));
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_afterwards() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on")]).await;
    for hostile in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/account/../../x", "javascript:alert(1)"]
    {
        let browser = Browser::new().unwrap();
        let page = browser.get(world.server.url("/login")).await.unwrap();
        let form = page.form("return_to").unwrap().with("return_to", hostile);
        let there = browser.submit(&page, &form).await.unwrap();
        let back = world.provider.through(&browser, &there).await.unwrap();
        // Nor by anything that is added on the way.
        let back = changed(&back, "return_to", hostile);
        let location = browser.get(back).await.unwrap().location().unwrap();
        assert_eq!(location.as_str(), world.server.url("/"), "{hostile}");
    }
}

#[tokio::test]
async fn a_planted_session_ends_where_somebody_signs_in() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    let ada = world.user("ada@example.com").await.unwrap();
    let session = async || {
        let sessions = world.server.store.sessions_of_user(ada.id, authgent_core::time::Timestamp(0)).await.unwrap();
        assert_eq!(sessions.len(), 1);
        sessions[0].id_hash
    };
    let before = session().await;
    world.arrive(&browser, &world.server.url("/login?return_to=%2Faccount")).await;
    assert_ne!(before, session().await);
}

#[tokio::test]
async fn unknown_providers_are_not_found_and_the_callback_takes_no_form() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on")]).await;
    let browser = Browser::new().unwrap();
    let page = browser.get(world.server.url("/login")).await.unwrap();
    let mut form = page.form("return_to").unwrap();
    form.action = "/idp/other".into();
    assert_eq!(browser.submit(&page, &form).await.unwrap().status, 404);
    form.action = "/idp/callback".into();
    assert_ne!(browser.submit(&page, &form).await.unwrap().status, 303);
    assert_eq!(query(&page.url, "state"), None);
}

#[tokio::test]
async fn an_address_goes_to_the_provider_only_so_often() {
    let world = World::with(&[("AUTHGENT_SIGN_IN_RATE", "3")]).await;
    let browser = Browser::new().unwrap();
    for _ in 0..3 {
        assert_eq!(browser.get(world.server.url("/login")).await.unwrap().status, 303);
    }
    let page = browser.get(world.server.url("/login")).await.unwrap();
    assert_eq!(page.status, 429);
    assert!(page.headers.contains_key("retry-after"), "{}", text(&page.body));
}
