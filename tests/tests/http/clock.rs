//! A clock that jumps by a day and is put right: nothing that was acknowledged is lost by that.

use authgent_core::time::{Clock as _, Timestamp};
use authgent_tests::clock::TestClock;
use authgent_tests::flow::{Flow, header};
use authgent_tests::server::{RESOURCE, Setup, TestServer};
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

/// A server with keys that follow each other every thirty days, and its client that speaks for itself.
struct Keys {
    server: TestServer,
    client: (String, String),
}

impl Keys {
    async fn start(setup: Setup) -> Self {
        let server =
            setup.with("AUTHGENT_KEY_ROTATION_DAYS", 30).with("AUTHGENT_KEY_PUBLISH_AHEAD", DAY).start().await.unwrap();
        let (id, secret) = server.add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
        Self { server, client: (id, secret.unwrap()) }
    }

    fn now(&self) -> Timestamp {
        self.server.clock.now()
    }

    async fn pass(&self, seconds: i64) {
        self.server.clock.advance(seconds);
        self.server.look_after_keys().await.unwrap();
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.server.post_as(path, form, Some((&self.client.0, &self.client.1))).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A token, and the key that signed it.
    async fn token(&self) -> (String, String) {
        let body = self.post("/oauth/token", &[("grant_type", "client_credentials"), ("resource", RESOURCE)]).await;
        let token = body["access_token"].as_str().unwrap().to_owned();
        let kid = header(&token).unwrap()["kid"].as_str().unwrap().to_owned();
        (token, kid)
    }

    async fn is_active(&self, token: &str) -> bool {
        self.post("/oauth/introspect", &[("token", token)]).await["active"] == true
    }

    async fn published(&self) -> Vec<String> {
        // Looks at the database at once, as the server does every second by itself.
        self.token().await;
        let set = self.server.http.get(self.server.url("/.well-known/jwks.json")).send().await.unwrap();
        let set: Value = set.json().await.unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    async fn has_private_half(&self, kid: &str) -> bool {
        let keys = self.server.store.signing_keys().await.unwrap();
        keys.iter().any(|key| key.kid == kid && key.sealed_private_key.is_some())
    }
}

/// Whoever keeps a copy of the keys has those that were published before, and no key that came just now.
#[tokio::test]
async fn the_key_that_signs_goes_on_after_a_clock_that_ran_a_day_ahead() {
    let setup = TestServer::setup();
    for setup in [Some(setup.clone()), setup.postgres().unwrap()].into_iter().flatten() {
        let keys = Keys::start(setup.clock(&TestClock::new())).await;
        // The second one signs, and the third one comes an hour from now: it signs in a day.
        for seconds in [29 * DAY, DAY, 29 * DAY - 3600] {
            keys.pass(seconds).await;
        }
        let copy = keys.published().await;
        let (before, second) = keys.token().await;
        assert_eq!(copy, std::slice::from_ref(&second));

        keys.pass(DAY).await;
        keys.pass(0).await;
        assert_eq!(keys.token().await.1, second, "the third one was made late, and is published for a day first");
        keys.pass(-DAY).await;
        assert_eq!(keys.published().await.len(), 2);
        assert_eq!(keys.token().await.1, second);

        // The third one was published half a day ago.
        keys.pass(DAY / 2).await;
        let third = keys.published().await.into_iter().find(|kid| *kid != second).unwrap();
        let turn =
            keys.server.store.signing_keys().await.unwrap().iter().find(|key| key.kid == third).unwrap().active_from;
        keys.pass(turn.since(keys.now()) - DAY / 2).await;
        assert!(!keys.is_active(&before).await, "it lives for ten minutes");
        let (before, by) = keys.token().await;
        assert_eq!(by, second);
        keys.pass(DAY).await;
        let (ahead, by) = keys.token().await;
        assert_eq!(by, third);
        keys.pass(0).await;
        keys.pass(-DAY).await;
        let (after, by) = keys.token().await;
        assert_eq!(by, second, "the schedule says so");
        assert!(keys.is_active(&before).await && keys.is_active(&after).await);
        let published = keys.published().await;
        assert!(published.contains(&second) && published.contains(&third));

        // When the moment really comes, the token of that moment is good, and the third one signs.
        keys.pass(DAY).await;
        assert!(keys.is_active(&ahead).await);
        assert_eq!(keys.token().await.1, third);
        // And a day after its turn nothing of the second one's private half is left.
        keys.pass(turn.plus(DAY).since(keys.now()) - 1).await;
        assert!(keys.has_private_half(&second).await);
        keys.pass(1).await;
        assert!(!keys.has_private_half(&second).await && keys.has_private_half(&third).await);
    }
}
