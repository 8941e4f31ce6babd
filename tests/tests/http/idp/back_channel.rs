//! The provider signs people out: OpenID Connect Back-Channel Logout 1.0.

use super::World;
use authgent_core::time::Clock as _;
use authgent_server::domain::{Grant, GrantState};
use authgent_server::store::WriteTransaction;
use authgent_tests::browser::Browser;
use serde_json::json;
use uuid::Uuid;

async fn logout(world: &World, token: &str) -> u16 {
    let (status, _) = world.server.post("/idp/idp/backchannel-logout", &[("logout_token", token)]).await.unwrap();
    status
}

/// Whether the browser is signed in.
async fn is_in(world: &World, browser: &Browser) -> bool {
    browser.get(world.server.url("/account")).await.unwrap().status == 200
}

#[tokio::test]
async fn a_session_that_ends_there_ends_here_with_what_was_allowed_in_it() {
    let world = World::new().await;
    let flow = world.flow().await;
    let tokens = world.tokens(&flow).await;
    world.provider.claims(&json!({"sid": "session-2"}));
    let elsewhere = Browser::new().unwrap();
    world.account(&elsewhere).await;
    let other_flow = world.flow().await;
    let other = world.tokens(&other_flow).await;

    let token = world.provider.logout_token(&json!({"sub": "ada-at-work", "sid": "session-1"})).unwrap();
    assert_eq!(logout(&world, &token).await, 200);
    assert!(!is_in(&world, &flow.browser).await && is_in(&world, &elsewhere).await);
    let (status, answer) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "{answer}");
    assert_eq!(other_flow.refresh(other["refresh_token"].as_str().unwrap()).await.unwrap().0, 200);
    assert_eq!(logout(&world, &token).await, 400, "used before");

    // Without a session, everything of the person.
    let everything = world.provider.logout_token(&json!({"sub": "ada-at-work"})).unwrap();
    assert_eq!(logout(&world, &everything).await, 200);
    assert!(!is_in(&world, &elsewhere).await && !is_in(&world, &other_flow.browser).await);
}

#[tokio::test]
async fn what_is_allowed_at_this_moment_ends_with_the_session() {
    for world in World::on_each_database().await {
        let flow = world.flow().await;
        let tokens = world.tokens(&flow).await;
        let token = tokens["refresh_token"].as_str().unwrap();
        let (_, grant) = world.server.refresh_token(token).await.unwrap().unwrap();
        let grant = Grant { id: Uuid::now_v7(), ..grant };
        let (session, now) = (grant.session_hash.unwrap(), world.server.clock.now());
        // As an authorization request does.
        let issue = async |tx: &WriteTransaction| {
            assert!(tx.holds_session(&session, now).await?);
            tx.insert_grant(&grant).await
        };
        let token = world.provider.logout_token(&json!({"sub": "ada-at-work", "sid": "session-1"})).unwrap();
        assert_eq!(world.server.meanwhile(issue, logout(&world, &token)).await.unwrap(), 200);
        let grant = world.server.store.grant(grant.id).await.unwrap().unwrap();
        assert_ne!(grant.state, GrantState::Live);
    }
}

#[tokio::test]
async fn somebody_unknown_is_nobody_to_sign_out() {
    let world = World::new().await;
    for claims in [json!({"sub": "nobody"}), json!({"sid": "none"})] {
        assert_eq!(logout(&world, &world.provider.logout_token(&claims).unwrap()).await, 200);
    }
}

#[tokio::test]
async fn a_logout_token_that_breaks_a_rule_signs_nobody_out() {
    let world = World::new().await;
    let browser = Browser::new().unwrap();
    world.account(&browser).await;
    for change in [
        json!({"nonce": "n"}),
        json!({"events": null}),
        json!({"events": {}}),
        json!({"aud": "another-client"}),
        json!({"iss": "https://evil.example"}),
        json!({"iat": 1_000_000_000}),
        json!({"exp": 1_000_000_000}),
        json!({"jti": null}),
        json!({"sub": null}),
    ] {
        let mut claims = json!({"sub": "ada-at-work"});
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(logout(&world, &world.provider.logout_token(&claims).unwrap()).await, 400, "{change}");
    }
    for alg in ["none", "HS256"] {
        world.provider.behaviour().alg = alg;
        assert_eq!(logout(&world, &world.provider.logout_token(&json!({"sub": "ada-at-work"})).unwrap()).await, 400);
    }
    assert_eq!(logout(&world, "nonsense").await, 400);
    let (status, answer) = world.server.post("/idp/idp/backchannel-logout", &[]).await.unwrap();
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
    let (status, _) = world.server.post("/idp/other/backchannel-logout", &[("logout_token", "x")]).await.unwrap();
    assert_eq!(status, 404);
    assert!(is_in(&world, &browser).await);
}
