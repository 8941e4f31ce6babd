//! Linking the account at a provider to the one here, and unlinking it.

use super::World;
use authgent_server::domain::EventKind;
use authgent_tests::browser::Browser;
use authgent_tests::flow::EMAIL;
use authgent_tests::html::{Form, text};
use authgent_tests::server::PASSWORD;
use serde_json::json;

async fn signed_in(world: &World, email: &str) -> Browser {
    let browser = Browser::new().unwrap();
    let page = browser.get(world.server.url("/login?return_to=%2Faccount%2Fsecurity")).await.unwrap();
    let form = page.form("password").unwrap().with("email", email).with("password", PASSWORD);
    let page = browser.follow(browser.submit(&page, &form).await.unwrap()).await.unwrap();
    assert_eq!(page.url.path(), "/account/security");
    browser
}

/// The form of the security page whose address ends so.
fn form(body: &str, end: &str) -> Option<Form> {
    let start = body.find(&format!("{end}\""))?;
    Form::find(&body[body[..start].rfind("<form")?..], "csrf_token")
}

#[tokio::test]
async fn a_person_links_an_account_and_signs_in_with_it() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on")]).await;
    let ada = world.server.add_user(EMAIL).await.unwrap();
    let browser = signed_in(&world, EMAIL).await;
    let page = browser.get(world.server.url("/account/security")).await.unwrap();
    let link = form(&page.body, "/providers/idp/link").unwrap();
    let forged = browser.submit(&page, &link.clone().with("csrf_token", "x")).await.unwrap();
    assert_eq!(forged.status, 403);
    let there = browser.submit(&page, &link).await.unwrap();
    let back = world.provider.through(&browser, &there).await.unwrap();
    // Another person sits there now: nothing is linked to anybody.
    let done = browser.follow(browser.get(back).await.unwrap()).await.unwrap();
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/account/security"));
    assert!(text(&done.body).contains("Unlink") && form(&done.body, "/providers/idp/link").is_none());
    let kinds: Vec<_> = world.server.store.events_of_user(ada, None, 9).await.unwrap();
    assert!(kinds.iter().any(|event| event.kind == EventKind::IdentityLinked));

    // She has a password, so that she can unlink it. The provider then knows nobody here.
    let unlinked = browser.submit(&done, &form(&done.body, "/providers/unlink").unwrap()).await.unwrap();
    assert_eq!(unlinked.status, 303);
    assert!(world.server.store.identities_of_user(ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    let page = browser.get(world.server.url("/account/security")).await.unwrap();
    let answer = browser.submit(&page, &form(&page.body, "/providers/unlink").unwrap()).await.unwrap();
    assert_eq!(answer.status, 409);
    assert!(text(&answer.body).contains("your last way to sign in"));
}

#[tokio::test]
async fn nobody_links_what_is_somebody_elses_or_for_somebody_else() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on")]).await;
    world.server.add_user(EMAIL).await.unwrap();
    world.server.add_user("grace@example.com").await.unwrap();
    world.provider.claims(&json!({"email": "work@example.com"}));
    let begin = async |browser: &Browser| {
        let page = browser.get(world.server.url("/account/security")).await.unwrap();
        let there = browser.submit(&page, &form(&page.body, "/providers/idp/link").unwrap()).await.unwrap();
        world.provider.through(browser, &there).await.unwrap()
    };
    let ada = signed_in(&world, EMAIL).await;
    // She begins to link, signs out, and Grace signs in at the same browser.
    let back = begin(&ada).await;
    let ask = ada.get(world.server.url("/logout")).await.unwrap();
    ada.submit(&ask, &ask.form("csrf_token").unwrap()).await.unwrap();
    assert_eq!(ada.get(back).await.unwrap().status, 400);
    // Ada links it; Grace cannot.
    let ada = signed_in(&world, EMAIL).await;
    let back = begin(&ada).await;
    assert_eq!(ada.get(back).await.unwrap().status, 303);
    let grace = signed_in(&world, "grace@example.com").await;
    let back = begin(&grace).await;
    let page = grace.get(back).await.unwrap();
    assert_eq!(page.status, 409, "{}", text(&page.body));
}

#[tokio::test]
async fn linking_needs_a_fresh_sign_in() {
    let world = World::with(&[("AUTHGENT_LOCAL_ACCOUNTS", "on")]).await;
    world.server.add_user(EMAIL).await.unwrap();
    let browser = signed_in(&world, EMAIL).await;
    let page = browser.get(world.server.url("/account/security")).await.unwrap();
    world.server.clock.advance(3600);
    let barrier = browser.submit(&page, &form(&page.body, "/providers/idp/link").unwrap()).await.unwrap();
    assert_eq!(barrier.location().unwrap().path(), "/login");
}
