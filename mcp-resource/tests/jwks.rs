//! How keys are fetched, kept and replaced, with a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "tests")]

use authgent_core::time::{Clock, Timestamp};
use mcp_resource::clock::SystemClock;
use mcp_resource::testing::TestIssuer;
use mcp_resource::{Authenticator, Config, ConfigBuilder, Rejection, TokenError};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const RESOURCE: &str = "https://mcp.example.com/mcp";

struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct Side {
    issuer: TestIssuer,
    authenticator: Authenticator,
    clock: Arc<MovedClock>,
}

async fn side() -> Side {
    let issuer = TestIssuer::start().await.unwrap();
    let config = Config::builder(issuer.url(), RESOURCE);
    side_with(issuer, config)
}

fn side_with(issuer: TestIssuer, config: ConfigBuilder) -> Side {
    let clock = Arc::new(MovedClock(AtomicI64::new(SystemClock.now().0)));
    let authenticator =
        Authenticator::with_clock(config.build().unwrap(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    Side { issuer, authenticator, clock }
}

impl Side {
    /// A token that lives an hour, told apart by `jti`.
    fn token(&self, jti: &str) -> String {
        let mut claims: Value = self.issuer.claims(RESOURCE, "mcp:read");
        claims["jti"] = json!(jti);
        claims["exp"] = json!(self.clock.now().0 + 3600);
        self.issuer.sign(&claims).unwrap()
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn accepts(&self, token: &str) -> bool {
        self.authenticator.verify(token).await.is_ok()
    }

    /// Waits until background work has asked for the keys `count` times.
    async fn asked(&self, count: u64) {
        for _ in 0..200 {
            if self.issuer.jwks_requests() >= count {
                tokio::time::sleep(Duration::from_millis(50)).await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.issuer.jwks_requests(), count);
    }
}

#[tokio::test]
async fn fifty_first_requests_cause_one_fetch() {
    let side = side().await;
    side.issuer.set_delay(Duration::from_millis(100));
    let verifications = (0..50).map(|number| {
        let (authenticator, token) = (side.authenticator.clone(), side.token(&number.to_string()));
        tokio::spawn(async move { authenticator.verify(&token).await.is_ok() })
    });
    for verification in verifications.collect::<Vec<_>>() {
        assert!(verification.await.unwrap());
    }
    assert_eq!((side.issuer.metadata_requests(), side.issuer.jwks_requests()), (1, 1));
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_the_fetch_along() {
    let side = side().await;
    side.issuer.set_delay(Duration::from_millis(100));
    let token = side.token("a");
    let given_up = tokio::time::timeout(Duration::from_millis(20), side.authenticator.verify(&token)).await;
    assert!(given_up.is_err());
    assert!(side.accepts(&token).await);
    assert_eq!(side.issuer.jwks_requests(), 1);
}

#[tokio::test]
async fn an_outage_leaves_the_last_copy() {
    let side = side().await;
    assert!(side.accepts(&side.token("a")).await);
    side.issuer.set_online(false);
    for hours in 0..3 {
        side.pass(3600);
        assert!(side.accepts(&side.token(&hours.to_string())).await, "a new token after {hours} hours");
    }
}

#[tokio::test]
async fn unknown_keys_cause_few_fetches() {
    let side = side().await;
    assert!(side.accepts(&side.token("a")).await);
    let made_up = |number: usize| {
        let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": format!("made-up-{number}") });
        side.issuer.sign_with_header(&header, &side.issuer.claims(RESOURCE, "")).unwrap()
    };
    for number in 0..50 {
        let refused = side.authenticator.verify(&made_up(number)).await;
        assert!(matches!(refused, Err(Rejection::Token(TokenError::UnknownKey))));
    }
    assert_eq!(side.issuer.jwks_requests(), 1, "the first fetch was just now");
    side.pass(11);
    for number in 0..50 {
        assert!(side.authenticator.verify(&made_up(number)).await.is_err());
    }
    assert_eq!(side.issuer.jwks_requests(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_is_forgotten() {
    let side = side().await;
    let old = side.token("old");
    assert!(side.accepts(&old).await);
    side.issuer.rotate().unwrap();
    side.pass(11);
    let new = side.token("new");
    assert!(side.accepts(&new).await, "an unknown key is looked up");
    assert!(!side.accepts(&old).await, "a remembered token dies with its key");
}

#[tokio::test]
async fn a_stale_set_is_used_while_a_new_one_is_fetched() {
    let side = side().await;
    let token = side.token("a");
    assert!(side.accepts(&token).await);
    side.issuer.rotate().unwrap();
    side.issuer.set_delay(Duration::from_millis(100));
    side.pass(301);
    assert!(side.accepts(&token).await, "not kept waiting");
    side.asked(2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!side.accepts(&token).await);
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let side = side().await;
    let token = side.token("a");
    assert!(side.accepts(&token).await);
    side.pass(3629);
    assert!(side.accepts(&token).await, "leeway");
    side.pass(1);
    assert!(!side.accepts(&token).await);
}

#[tokio::test]
async fn keys_come_from_the_internal_address() {
    let (issuer, address) = TestIssuer::start_as("https://auth.example.com/tenant").await.unwrap();
    let config = Config::builder(issuer.url(), RESOURCE).internal_url(address);
    let side = side_with(issuer, config);
    assert!(side.accepts(&side.token("a")).await);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let side = side().await;
    let wrong =
        json!({ "issuer": format!("{}/", side.issuer.url()), "jwks_uri": format!("{}/jwks.json", side.issuer.url()) });
    side.issuer.set_metadata(wrong);
    assert!(matches!(side.authenticator.verify(&side.token("a")).await, Err(Rejection::KeysUnavailable(_))));
    assert_eq!(side.issuer.jwks_requests(), 0);
}

#[tokio::test]
async fn a_configured_place_needs_no_metadata() {
    let issuer = TestIssuer::start().await.unwrap();
    let place = format!("{}/keys/jwks.json", issuer.url());
    let config = Config::builder(issuer.url(), RESOURCE).jwks_uri(place);
    let side = side_with(issuer, config);
    assert!(side.accepts(&side.token("a")).await);
    assert_eq!((side.issuer.metadata_requests(), side.issuer.jwks_requests()), (0, 1));
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_asked_for_once_a_second() {
    let side = side().await;
    side.issuer.set_online(false);
    for number in 0..20 {
        let refused = side.authenticator.verify(&side.token(&number.to_string())).await;
        assert!(matches!(refused, Err(Rejection::KeysUnavailable(_))));
    }
    assert_eq!(side.issuer.metadata_requests(), 1);
    side.issuer.set_online(true);
    side.pass(1);
    assert!(side.accepts(&side.token("b")).await);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Any JSON as header and claims, well signed, and the good ones with one member replaced by any JSON.
    #[test]
    fn no_signed_json_makes_it_panic() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let side = runtime.block_on(side());
        proptest!(ProptestConfig::with_cases(200), |(header in json_value(), claims in json_value(), value in json_value(),
            member in prop::sample::select(vec!["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "auth_time"]))| {
            let token = side.issuer.sign_with_header(&header, &claims).unwrap();
            prop_assert!(!runtime.block_on(side.accepts(&token)));
            let token = side.issuer.sign(&claims).unwrap();
            prop_assert!(!runtime.block_on(side.accepts(&token)));
            let mut good = side.issuer.claims(RESOURCE, "mcp:read");
            good[member] = value;
            let token = side.issuer.sign(&good).unwrap();
            let _ = runtime.block_on(side.authenticator.verify(&token));
        });
    }
}

#[tokio::test]
async fn an_issuer_that_withdraws_its_last_key_is_believed() {
    let side = side().await;
    let token = side.token("1");
    assert!(side.accepts(&token).await);
    side.issuer.set_jwks(json!({"keys": []}));
    side.pass(301);
    for _ in 0..50 {
        // The first request after the time to live is still answered with the old set, while a new one is fetched.
        if !side.accepts(&token).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!side.accepts(&token).await && !side.accepts(&side.token("2")).await);
}
