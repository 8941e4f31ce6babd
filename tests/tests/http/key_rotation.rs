//! Signing keys follow each other by themselves (`AUTHGENT_KEY_ROTATION_DAYS`), on one server and on two that share a PostgreSQL.

use authgent_core::time::{Clock as _, Timestamp};
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::domain::{KeyOrigin, StoredKey};
use authgent_tests::clock::TestClock;
use authgent_tests::flow::{header, payload};
use authgent_tests::server::{RESOURCE, Setup, TestServer};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DAY: i64 = 86_400;
/// `AUTHGENT_KEY_ROTATION_DAYS`, in seconds.
const PERIOD: i64 = 30 * DAY;
/// `AUTHGENT_KEY_PUBLISH_AHEAD`.
const AHEAD: i64 = 7_200;
/// `AUTHGENT_TOKEN_TTL`; no other token lives longer.
const LIFE: i64 = 600;
/// How much longer than its tokens a key is published.
const LEEWAY: i64 = 120;

/// Replicas with one clock, one key and one database.
struct Replicas {
    all: Vec<TestServer>,
    clock: TestClock,
    /// A client that speaks for itself.
    client: (String, String),
}

fn setup(clock: &TestClock) -> Setup {
    let setup =
        TestServer::setup().clock(clock).with("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256));
    let setup = setup.with("AUTHGENT_KEY_ROTATION_DAYS", PERIOD / DAY).with("AUTHGENT_KEY_PUBLISH_AHEAD", AHEAD);
    setup.with("AUTHGENT_TOKEN_TTL", LIFE).with("AUTHGENT_ID_TOKEN_TTL", 300)
}

impl Replicas {
    async fn start(setup: Setup, clock: TestClock, count: usize) -> Self {
        let mut all = vec![setup.clone().start().await.unwrap()];
        for _ in 1..count {
            all.push(setup.clone().with("AUTHGENT_ISSUER", &all[0].issuer).start().await.unwrap());
        }
        let (client_id, secret) = all[0].add_client(json!({"grant_types": ["client_credentials"]})).await.unwrap();
        Self { all, clock, client: (client_id, secret.unwrap()) }
    }

    fn at(&self, moment: Timestamp) {
        self.clock.advance(moment.since(self.clock.now()));
    }

    /// Every replica looks after the keys, several times and all at once.
    async fn look_after_keys(&self) {
        for outcome in join_all(self.all.iter().flat_map(|replica| [replica; 4]).map(TestServer::look_after_keys)).await
        {
            outcome.unwrap();
        }
    }

    /// The keys of the database, in the order in which they sign.
    async fn stored(&self) -> Vec<StoredKey> {
        let mut keys = self.all[0].store.signing_keys().await.unwrap();
        keys.sort_by_key(|key| key.active_from);
        keys
    }

    async fn post(&self, at: &TestServer, path: &str, form: &[(&str, &str)]) -> Value {
        let (client_id, secret) = &self.client;
        let (status, body) = at.post_as(path, form, Some((client_id, secret))).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Every replica publishes this, which it is told of within a second.
    async fn come_to_publish(&self, kids: &[&str]) {
        let begin = Instant::now();
        for replica in &self.all {
            while published(replica).await != kids {
                assert!(begin.elapsed() < Duration::from_secs(10), "{:?} and not {kids:?}", published(replica).await);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// What every replica publishes.
    async fn published(&self) -> Vec<String> {
        let sets = join_all(self.all.iter().map(published)).await;
        assert!(sets.iter().all(|set| *set == sets[0]), "all publish the same: {sets:?}");
        sets.into_iter().next().unwrap()
    }

    /// A token of every replica, and the key that signed all of them.
    async fn signed(&self) -> (Vec<String>, String) {
        let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
        let answers = join_all(self.all.iter().map(|replica| self.post(replica, "/oauth/token", &form))).await;
        let tokens = answers.iter().map(|body| body["access_token"].as_str().unwrap().to_owned());
        let tokens: Vec<String> = tokens.collect();
        let mut kids: Vec<String> = tokens.iter().map(|token| kid(token)).collect();
        kids.dedup();
        assert_eq!(kids.len(), 1, "all sign with the same key");
        (tokens, kids.remove(0))
    }

    /// Whether every replica believes each of these tokens.
    async fn believed(&self, tokens: &[String]) -> bool {
        let each = self.all.iter().flat_map(|replica| tokens.iter().map(move |token| (replica, token)));
        let answers = each.map(|(replica, token)| async move {
            self.post(replica, "/oauth/introspect", &[("token", token)]).await["active"] == true
        });
        let answers = join_all(answers).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "all believe the same");
        answers[0]
    }
}

async fn published(at: &TestServer) -> Vec<String> {
    let set: Value = at.http.get(at.url("/.well-known/jwks.json")).send().await.unwrap().json().await.unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    header(token).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn follows(replicas: Replicas) {
    let first = replicas.stored().await.remove(0);
    assert_eq!(first.origin, KeyOrigin::Configuration);
    let turn = first.active_from.plus(PERIOD);

    // A second before the next key is due there is none.
    replicas.at(turn.minus(AHEAD + 1));
    replicas.look_after_keys().await;
    assert_eq!(replicas.published().await, std::slice::from_ref(&first.kid));

    // It is made once, whoever looks, published by all, and does not sign.
    replicas.at(turn.minus(AHEAD));
    replicas.look_after_keys().await;
    let stored = replicas.stored().await;
    let [_, second] = &stored[..] else { panic!("{stored:?}") };
    assert_eq!((second.origin, second.active_from), (KeyOrigin::Generated, turn));
    replicas.come_to_publish(&[&first.kid, &second.kid]).await;
    assert_eq!(replicas.signed().await.1, first.kid);

    // Until its turn, which comes without another look.
    replicas.at(turn.minus(1));
    let (last, by) = replicas.signed().await;
    assert_eq!(by, first.kid);
    assert!(last.iter().all(|token| payload(token).unwrap()["exp"] == turn.0 - 1 + LIFE));
    replicas.at(turn);
    assert_eq!(replicas.signed().await.1, second.kid);
    replicas.look_after_keys().await;
    assert_eq!(replicas.published().await, [second.kid.clone(), first.kid.clone()]);

    // What the first one signed last is good until it expires.
    replicas.at(turn.plus(LIFE - 2));
    assert!(replicas.believed(&last).await);
    replicas.at(turn.plus(LIFE - 1));
    assert!(!replicas.believed(&last).await);
    replicas.at(turn.plus(LIFE + LEEWAY - 1));
    replicas.look_after_keys().await;
    assert_eq!(replicas.published().await, [second.kid.clone(), first.kid.clone()]);
    replicas.at(turn.plus(LIFE + LEEWAY));
    assert_eq!(replicas.published().await, std::slice::from_ref(&second.kid));
    assert_eq!(replicas.stored().await.len(), 2, "no further one was made");

    is_forgotten(&replicas, &first, second, turn.plus(PERIOD)).await;
}

/// A day after the third key's turn the second one's private half goes, and a month after its last token the rest of it.
async fn is_forgotten(replicas: &Replicas, first: &StoredKey, second: &StoredKey, turn: Timestamp) {
    replicas.at(turn.minus(AHEAD));
    replicas.look_after_keys().await;
    replicas.at(turn.minus(1));
    replicas.look_after_keys().await;
    let private_half = async || {
        let stored = replicas.stored().await;
        stored.into_iter().find(|key| key.kid == second.kid).map(|key| key.sealed_private_key.is_some())
    };
    assert_eq!(private_half().await, Some(true), "it signs");
    let (last, by) = replicas.signed().await;
    assert_eq!(by, second.kid);
    replicas.at(turn);
    replicas.look_after_keys().await;
    assert!(replicas.believed(&last).await && replicas.signed().await.1 != second.kid);
    // A clock that ran ahead may be put right.
    replicas.at(turn.plus(DAY - 1));
    replicas.look_after_keys().await;
    assert_eq!(private_half().await, Some(true));
    replicas.at(turn.plus(DAY));
    replicas.look_after_keys().await;
    assert_eq!(private_half().await, Some(false));
    let over = turn.plus(LIFE + LEEWAY);
    replicas.at(over.plus(30 * DAY - 1));
    replicas.look_after_keys().await;
    assert_eq!(private_half().await, Some(false), "it is still listed");
    replicas.at(over.plus(30 * DAY));
    replicas.look_after_keys().await;
    assert_eq!(private_half().await, None);
    let stored = replicas.stored().await;
    assert_eq!(
        (stored[0].kid.as_str(), stored.len()),
        (first.kid.as_str(), 3),
        "that of the settings is known for ever"
    );
}

#[tokio::test]
async fn one_key_follows_the_other() {
    let clock = TestClock::new();
    follows(Replicas::start(setup(&clock), clock, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_one_makes_the_next_key_and_both_use_it() {
    let clock = TestClock::new();
    let Some(setup) = setup(&clock).postgres().unwrap() else { return };
    follows(Replicas::start(setup, clock, 2).await).await;
}

/// Nobody calls anything here: the server is started when the next key is due.
#[tokio::test]
async fn a_server_looks_after_its_keys_by_itself() {
    let (now, then) = (TestClock::new(), TestClock::new());
    let setup = setup(&now);
    let first = setup.clone().start().await.unwrap();
    then.advance(PERIOD - AHEAD + 5);
    let second = setup.clock(&then).with("AUTHGENT_DB_DSN", &first.dsn).with("AUTHGENT_ISSUER", &first.issuer);
    let second = second.start().await.unwrap();
    let begin = Instant::now();
    for replica in [&first, &second] {
        while published(replica).await.len() < 2 {
            assert!(begin.elapsed() < Duration::from_secs(20), "no key was made, or it is not published");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn without_a_period_no_key_is_made() {
    let clock = TestClock::new();
    let setup = setup(&clock).with("AUTHGENT_KEY_ROTATION_DAYS", 0);
    let replicas = Replicas::start(setup, clock, 1).await;
    let (_, before) = replicas.signed().await;
    replicas.clock.advance(400 * DAY);
    replicas.look_after_keys().await;
    assert_eq!((replicas.signed().await.1, replicas.published().await.len()), (before, 1));
}
