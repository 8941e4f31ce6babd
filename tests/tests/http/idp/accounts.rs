//! Whose account it is, and who gets none.

use super::World;
use authgent_tests::browser::{Browser, Page};
use authgent_tests::html::text;
use serde_json::json;

async fn refused(world: &World) -> Page {
    let page = world.account(&Browser::new().unwrap()).await;
    assert_eq!(page.status, 403, "{}", text(&page.body));
    let words = text(&page.body);
    assert!(words.contains("This account has no access here") && words.contains("not_allowed"), "{words}");
    page
}

#[tokio::test]
async fn an_address_finds_an_account_only_where_both_sides_vouch_and_the_operator_wants_it() {
    let settings = [("AUTHGENT_LOCAL_ACCOUNTS", "on")];
    // Not wanted: whoever has the address at the provider does not get the account here.
    let world = World::with(&settings).await;
    world.server.add_user("ada@example.com").await.unwrap();
    let words = text(&refused_by_button(&world).await.body);
    assert!(!words.contains("ada@example.com") && !words.contains("exists"), "{words}");

    let world = World::with(&[settings[0], ("AUTHGENT_IDP_LINK_BY_EMAIL", "on")]).await;
    let ada = world.server.add_user("Ada@Example.com").await.unwrap();
    // The provider does not vouch.
    for verified in [json!(false), json!(null), json!("false")] {
        world.provider.claims(&json!({"email_verified": verified}));
        refused_by_button(&world).await;
    }
    // Nobody has shown that the account here belongs to the address.
    world.provider.claims(&json!({"email_verified": true}));
    set_verified(&world, false).await;
    refused_by_button(&world).await;
    set_verified(&world, true).await;
    let page = by_button(&world).await;
    assert_eq!(page.url.path(), "/", "{}", text(&page.body));
    assert_eq!(world.server.store.identities_of_user(ada).await.unwrap().len(), 1);
}

async fn set_verified(world: &World, email_verified: bool) {
    let mut user = world.user("ada@example.com").await.unwrap();
    user.email_verified = email_verified;
    let tx = world.server.store.begin().await.unwrap();
    tx.update_profile(&user).await.unwrap();
    tx.commit().await.unwrap();
}

async fn by_button(world: &World) -> Page {
    let browser = Browser::new().unwrap();
    let page = browser.get(world.server.url("/login")).await.unwrap();
    let there = browser.submit(&page, &page.form("return_to").unwrap()).await.unwrap();
    let back = world.provider.through(&browser, &there).await.unwrap();
    browser.follow(browser.get(back).await.unwrap()).await.unwrap()
}

async fn refused_by_button(world: &World) -> Page {
    let page = by_button(world).await;
    assert_eq!(page.status, 403, "{}", text(&page.body));
    page
}

#[tokio::test]
async fn a_new_address_that_belongs_to_somebody_else_is_not_taken_over() {
    let world = World::new().await;
    world.account(&Browser::new().unwrap()).await;
    let ada = world.user("ada@example.com").await.unwrap();
    world.provider.claims(&json!({"sub": "grace-at-work", "email": "grace@example.com", "name": "Grace Hopper"}));
    world.account(&Browser::new().unwrap()).await;
    // Grace's address is now Ada's, says the provider.
    world.provider.claims(&json!({"email": "ada@example.com"}));
    assert_eq!(world.account(&Browser::new().unwrap()).await.status, 200, "she signs in as who she is");
    assert_eq!(world.user("ada@example.com").await.unwrap().id, ada.id);
    let grace = world.user("grace@example.com").await.unwrap();
    assert_eq!(
        world.server.store.identities_of_user(grace.id).await.unwrap()[0].email.as_deref(),
        Some("ada@example.com")
    );
    // And somebody new with that address gets no account.
    world.provider.claims(&json!({"sub": "mallory"}));
    refused(&world).await;
}

#[tokio::test]
async fn the_operators_rules_hold_at_each_sign_in() {
    let world = World::with(&[
        ("AUTHGENT_IDP_ALLOWED_DOMAINS", "example.com"),
        ("AUTHGENT_IDP_REQUIRED_CLAIMS", "hd=example.com"),
        ("AUTHGENT_IDP_REQUIRED_GROUPS", "engineering"),
    ])
    .await;
    world.provider.claims(&json!({"hd": "example.com"}));
    assert_eq!(world.account(&Browser::new().unwrap()).await.status, 200);
    let honest = world.provider.behaviour().claims.clone();
    for change in [
        json!({"email": "ada@evil.example"}),
        json!({"email_verified": false}),
        json!({"hd": "evil.example"}),
        json!({"groups": ["sales"]}),
        json!({"groups": "engineering-contractors"}),
    ] {
        world.provider.claims(&change);
        refused(&world).await;
        world.provider.behaviour().claims = honest.clone();
    }
}

#[tokio::test]
async fn who_has_no_account_gets_one_only_where_the_operator_wants_it_and_with_an_address() {
    let world = World::with(&[("AUTHGENT_IDP_CREATE_ACCOUNTS", "off")]).await;
    refused(&world).await;
    let world = World::new().await;
    world.provider.claims(&json!({"email": null}));
    world.provider.behaviour().claims.as_object_mut().unwrap().remove("email");
    refused(&world).await;
    world.provider.claims(&json!({"preferred_username": "ada"}));
    refused(&world).await;
    world.provider.claims(&json!({"preferred_username": "ada@example.com"}));
    assert_eq!(world.account(&Browser::new().unwrap()).await.status, 200);
    assert!(!world.user("ada@example.com").await.unwrap().email_verified);
}

#[tokio::test]
async fn a_disabled_person_stays_out() {
    let world = World::new().await;
    world.account(&Browser::new().unwrap()).await;
    let ada = world.user("ada@example.com").await.unwrap();
    let tx = world.server.store.begin().await.unwrap();
    tx.set_user_enabled(ada.id, false).await.unwrap();
    tx.commit().await.unwrap();
    refused(&world).await;
}

#[tokio::test]
async fn groups_limit_what_a_person_may_grant() {
    let limits = r#"[{"resource": "http://localhost:8000/mcp", "group": "engineering", "scope": "mcp:read"}]"#;
    let world = World::with(&[("AUTHGENT_GROUP_SCOPES", limits)]).await;
    let flow = world.flow().await.with("scope", "mcp:read mcp:write");
    let page = world.arrive(&flow.browser, &flow.authorize_url()).await;
    assert_eq!(page.url.path(), "/consent", "{}", text(&page.body));
    assert!(page.body.contains("mcp:read") && !page.body.contains("mcp:write"));
}
