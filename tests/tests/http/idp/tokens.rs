//! ID tokens that must not sign anybody in.

use super::World;
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use authgent_tests::browser::Browser;
use authgent_tests::html::text;
use authgent_tests::upstream::Provider;
use serde_json::json;

#[tokio::test]
async fn a_token_that_breaks_a_rule_signs_nobody_in() {
    let world = World::new().await;
    let now = SystemClock.now().0;
    for change in [
        json!({"iss": "https://evil.example"}),
        json!({"aud": "another-client"}),
        json!({"aud": ["authgent", "another-client"]}),
        json!({"azp": "another-client"}),
        json!({"exp": now - 120}),
        json!({"exp": null}),
        json!({"iat": now + 3600}),
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "x".repeat(300)}),
        json!({"sub": "a\u{0}b"}),
        json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
    ] {
        let world = &world;
        let honest = world.provider.behaviour().claims.clone();
        world.provider.claims(&change);
        if change.get("sub").is_some_and(serde_json::Value::is_null) {
            world.provider.behaviour().claims.as_object_mut().unwrap().remove("sub");
        }
        let page = world.account(&Browser::new().unwrap()).await;
        assert_eq!(page.status, 502, "{change}: {}", text(&page.body));
        assert!(text(&page.body).contains("We could not check this sign-in"));
        world.provider.behaviour().claims = honest;
    }
    assert!(world.user("ada@example.com").await.is_none(), "nothing was written");
    assert_eq!(world.account(&Browser::new().unwrap()).await.status, 200, "and the honest one is let in");
}

#[tokio::test]
async fn what_nobody_has_signed_signs_nobody_in() {
    let world = World::new().await;
    for alg in ["none", "HS256"] {
        world.provider.behaviour().alg = alg;
        assert_eq!(world.account(&Browser::new().unwrap()).await.status, 502, "{alg}");
    }
    world.provider.behaviour().alg = "ES256";
    let huge = format!("e30.{}.e30", "A".repeat(2 << 20));
    for id_token in ["", "e30.e30.e30", "not a token", &huge] {
        world.provider.behaviour().id_token = Some(id_token.to_owned());
        let page = world.account(&Browser::new().unwrap()).await;
        assert!(page.status.is_server_error(), "{:.20}: {}", id_token, page.status);
    }
    assert!(world.user("ada@example.com").await.is_none());
}

#[tokio::test]
async fn metadata_of_somebody_else_are_not_used() {
    let provider = Provider::start().unwrap();
    provider.behaviour().metadata = json!({"issuer": "https://evil.example"});
    let world = World::of(provider, &[]).await;
    let page = world.to_provider(&Browser::new().unwrap(), &world.server.url("/account")).await;
    assert_eq!(page.status, 502, "{}", text(&page.body));
}
