//! A clock that jumps by a day and is put right: nothing that was acknowledged is lost by that.

use authgent_tests::flow::Flow;
use authgent_tests::server::TestServer;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn token(body: &Value) -> &str {
    body["refresh_token"].as_str().unwrap()
}

/// Lets the clock run `seconds` ahead, or behind, while clean-up runs, and puts it right again.
async fn jump(server: &TestServer, seconds: i64) {
    server.clock.advance(seconds);
    server.clean_up().await.unwrap();
    server.clock.advance(-seconds);
}

#[tokio::test]
async fn tokens_codes_and_sessions_outlive_a_clock_that_ran_a_day_ahead() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let code = flow.code().await.unwrap();
    jump(&server, DAY).await;
    jump(&server, -DAY).await;

    let (status, redeemed) = flow.exchange(&code).await.unwrap();
    assert_eq!(status, 200, "{redeemed}");
    let (status, refreshed) = flow.refresh(token(&tokens)).await.unwrap();
    assert_eq!(status, 200, "{refreshed}");
    // Still signed in: the next page is the one that asks for consent.
    let page = flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    assert_eq!((page.status.as_u16(), page.url.path()), (200, "/consent"));
    // And a second redemption is still noticed.
    jump(&server, DAY).await;
    assert_eq!(flow.exchange(&code).await.unwrap().0, 400);
    assert_eq!(flow.refresh(token(&redeemed)).await.unwrap().0, 400);
}

#[tokio::test]
async fn a_refresh_while_the_clock_is_wrong_is_good_when_it_is_right_again() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let mut last = flow.tokens().await.unwrap();
    // A refresh token lives for a day.
    for wrong in [DAY - 60, 60 - DAY] {
        server.clock.advance(wrong);
        let (status, next) = flow.refresh(token(&last)).await.unwrap();
        assert_eq!(status, 200, "{next}");
        server.clock.advance(-wrong);
        if wrong > 0 {
            // The token was used in what is now the future: the server says that it does not know, and revokes nothing.
            let (status, again) = flow.refresh(token(&last)).await.unwrap();
            assert_eq!((status, &again["error"]), (503, &json!("temporarily_unavailable")));
        }
        let (status, after) = flow.refresh(token(&next)).await.unwrap();
        assert_eq!(status, 200, "{after}");
        last = after;
    }
}

#[tokio::test]
async fn what_expired_while_the_clock_ran_ahead_is_refused_honestly_and_holds_afterwards() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tokens = flow.tokens().await.unwrap();
    let (id, secret) = server.add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
    let secret = secret.unwrap();
    let introspect = async || {
        let form = [("token", tokens["access_token"].as_str().unwrap())];
        server.post_as("/oauth/introspect", &form, Some((&id, &secret))).await.unwrap().1["active"].clone()
    };
    assert_eq!(introspect().await, true);
    server.clock.advance(DAY);
    server.clean_up().await.unwrap();
    assert_eq!(introspect().await, false);
    server.clock.advance(-DAY);
    assert_eq!(introspect().await, true);
}
