//! Random sequences of refreshes at two replicas that share a database, held against `domain::rotation::decide`.

use authgent_core::time::{Clock as _, Timestamp};
use authgent_server::domain::rotation::{Decision, decide, follow};
use authgent_server::domain::{Grant, GrantState, RefreshToken, RefreshTokenState, RevocationReason, TokenHash};
use authgent_tests::flow::Flow;
use authgent_tests::server::{Setup, TestServer};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

const GRACE: u32 = 10;
const LIFE: i64 = 60;

/// Something that happens to one grant.
#[derive(Debug, Clone)]
enum Event {
    /// A token is presented, so many times at once, alternating between the replicas: it is counted from the newest.
    Present { back: usize, times: usize, replica: usize },
    /// Time passes, or a clock is set back.
    Pass(i64),
    /// The clock of the second replica is set: so many seconds beside the first.
    Skew(i64),
    /// The person takes it back.
    Revoke,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0_usize..4, 1_usize..4, 0_usize..2).prop_map(|(back, times, replica)| Event::Present { back, times, replica }),
        6 => prop_oneof![Just(1), Just(9), Just(10), Just(12), Just(13), Just(30), Just(-5), 0_i64..70].prop_map(Event::Pass),
        2 => (-3_i64..4).prop_map(Event::Skew),
        1 => Just(Event::Revoke),
    ]
}

/// What the database should hold, and the texts of the tokens. The nonce of a used one is its successor's place.
struct Expected {
    grant: Grant,
    tokens: Vec<(String, RefreshToken)>,
}

impl Expected {
    fn issue(&mut self, text: &str, now: Timestamp) {
        let token = RefreshToken {
            token_hash: TokenHash([0; 32]),
            grant_id: self.grant.id,
            created_at: now,
            expires_at: now.plus(LIFE),
            state: RefreshTokenState::Live,
        };
        self.tokens.push((text.to_owned(), token));
    }

    /// Holds an answer against the rule, and learns from it.
    fn check(&mut self, place: usize, now: Timestamp, status: u16, body: &Value) -> Result<(), TestCaseError> {
        let decided = decide(&self.tokens[place].1, &self.grant, &self.grant.client_id, now, GRACE);
        let text = body["refresh_token"].as_str();
        match decided {
            Decision::Rotate => {
                prop_assert_eq!(status, 200, "{:?}: {}", decided, body);
                let text = text.unwrap_or_default();
                prop_assert!(self.tokens.iter().all(|(known, _)| known != text), "a new one");
                let successor_nonce = [u8::try_from(self.tokens.len()).unwrap(); 32];
                self.tokens[place].1.state = RefreshTokenState::Consumed { at: now, successor_nonce };
                self.issue(text, now);
            }
            Decision::SameSuccessor { nonce } => {
                let mut successor = usize::from(nonce[0]);
                while let Some(nonce) = follow(&self.tokens[successor].1) {
                    successor = usize::from(nonce[0]);
                }
                prop_assert_eq!((status, text), (200, Some(self.tokens[successor].0.as_str())));
            }
            Decision::ClockWrong => {
                prop_assert_eq!((status, body["error"].as_str()), (503, Some("temporarily_unavailable")));
            }
            Decision::Reused | Decision::GrantRevoked | Decision::Expired | Decision::OtherClient => {
                prop_assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{:?}", decided);
                if decided == Decision::Reused {
                    self.revoke(now, RevocationReason::RefreshTokenReused);
                }
            }
        }
        Ok(())
    }

    fn revoke(&mut self, at: Timestamp, reason: RevocationReason) {
        if self.grant.is_live() {
            self.grant.state = GrantState::Revoked { at, reason };
        }
    }
}

/// The grant that a fresh code gave, and its first token.
async fn begin(flow: &Flow<'_>) -> Expected {
    let tokens = flow.tokens().await.unwrap();
    let text = tokens["refresh_token"].as_str().unwrap();
    let (_, grant) = flow.server.refresh_token(text).await.unwrap().unwrap();
    let mut expected = Expected { grant, tokens: Vec::new() };
    expected.issue(text, flow.server.clock.now());
    expected
}

async fn run(replicas: &[&TestServer; 2], flow: &Flow<'_>, events: Vec<Event>) -> Result<(), TestCaseError> {
    // Whatever the last sequence did to the clocks: the browser's session has to hold, and access tokens be of today.
    let off = replicas.map(|replica| replica.clock.now());
    replicas[1].clock.advance(off[0].since(off[1]));
    let mut expected = begin(flow).await;
    for event in events {
        match event {
            Event::Pass(seconds) => replicas.iter().for_each(|replica| replica.clock.advance(seconds)),
            Event::Skew(seconds) => {
                let apart = replicas[1].clock.now().since(replicas[0].clock.now());
                replicas[1].clock.advance(seconds - apart);
            }
            Event::Revoke => {
                let tx = replicas[0].store.begin().await.unwrap();
                let now = replicas[0].clock.now();
                tx.revoke_grant(expected.grant.id, now, RevocationReason::RevokedByUser).await.unwrap();
                tx.commit().await.unwrap();
                expected.revoke(now, RevocationReason::RevokedByUser);
            }
            Event::Present { back, times, replica } => {
                let place = expected.tokens.len().saturating_sub(1 + back);
                let text = expected.tokens[place].0.clone();
                // More than one at once come at the same replica: which clock was first would be anybody's guess.
                let answers = join_all((0..times).map(|_| {
                    let form = [
                        ("grant_type", "refresh_token"),
                        ("refresh_token", text.as_str()),
                        ("client_id", flow.client_id.as_str()),
                    ];
                    async move { replicas[replica].post("/oauth/token", &form).await.unwrap() }
                }));
                for (status, body) in answers.await {
                    expected.check(place, replicas[replica].clock.now(), status, &body)?;
                }
            }
        }
    }
    // The rows are what the rule says that they are.
    for (text, token) in &expected.tokens {
        let (row, grant) = replicas[0].refresh_token(text).await.unwrap().unwrap();
        let used = |state| match state {
            RefreshTokenState::Live => None,
            RefreshTokenState::Consumed { at, .. } => Some(at),
        };
        prop_assert_eq!((row.created_at, row.expires_at), (token.created_at, token.expires_at));
        prop_assert_eq!(used(row.state), used(token.state));
        prop_assert_eq!(grant.state, expected.grant.state);
    }
    Ok(())
}

async fn sequences(setup: Setup, cases: u32) {
    let setup = setup.with("AUTHGENT_REFRESH_TTL", LIFE).with("AUTHGENT_REFRESH_GRACE", GRACE);
    let first = setup.clone().start().await.unwrap();
    let second = setup.with("AUTHGENT_DB_DSN", &first.dsn).start().await.unwrap();
    let flow = Flow::new(&first).await.unwrap();
    let handle = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        runner.run(&prop::collection::vec(event(), 1..24), |events| {
            handle.block_on(run(&[&first, &second], &flow, events))
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_presented_when_is_answered_by_the_rule() {
    sequences(TestServer::setup(), 32).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rule_is_the_same_on_postgresql() {
    if let Some(setup) = TestServer::setup().postgres().unwrap() {
        sequences(setup, 16).await;
    }
}
