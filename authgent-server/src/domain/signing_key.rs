//! The keys that sign tokens, and when each is published, used, retired and withdrawn.
//!
//! A key is published when it is made, long before it is used, so that whoever keeps a copy of the JWKS has it by then. It signs
//! from `active_from` on until the next one does; a replica that does not have that one, because it stands in a file that is changed
//! everywhere at this time, goes on with it for a while. It stays published until the last token that anybody signed with it
//! is dead. All of this follows from the rows and the time alone, so that every replica comes to the same.

use authgent_core::jwk::PublicJwk;
use authgent_core::time::Timestamp;

/// How much longer than its tokens a key is published, in seconds: for clocks that differ.
const LEEWAY: i64 = 120;

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// `AUTHGENT_SIGNING_KEY`: its private half stands in the settings and nowhere else.
    Configuration,
    /// Made here.
    Generated,
    /// The operator's, by `authgent key import`.
    Imported,
}

impl KeyOrigin {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Generated => "generated",
            Self::Imported => "imported",
        }
    }

    /// The origin of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Configuration, Self::Generated, Self::Imported].into_iter().find(|known| known.as_str() == text)
    }
}

/// A key, without its private half in the clear.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name: the thumbprint of its public half (RFC 7638).
    pub kid: String,
    /// What it signs with: `ES256`, `ES384` or `RS256`.
    pub alg: String,
    /// Where it comes from.
    pub origin: KeyOrigin,
    /// Its public half.
    pub public_jwk: PublicJwk,
    /// Its private half, sealed; `None` where it stands in the settings, or where it was forgotten because the key has not
    /// signed for a while, or is withdrawn.
    pub sealed_private_key: Option<Vec<u8>>,
    /// When it came.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub active_from: Timestamp,
    /// From when on the operator lets it sign no more, whatever comes after it.
    pub retired_at: Option<Timestamp>,
    /// When it was withdrawn: nothing that it signed is believed since. Only before its time is up.
    pub withdrawn_at: Option<Timestamp>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("kid", &self.kid)
            .field("active_from", &self.active_from)
            .finish_non_exhaustive()
    }
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, and signs later.
    Waiting,
    /// It signs.
    Active,
    /// It signs no more; what it signed may still be in use.
    Retired,
    /// Nothing that it signed is in use.
    Over,
    /// It was withdrawn: nothing that it signed is believed.
    Withdrawn,
}

impl KeyState {
    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Over => "over",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// When new keys are made. All are seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    /// The age at which a key is followed by the next one; 0 for never.
    pub period: i64,
    /// How long a key is published before it signs.
    pub publish_ahead: i64,
    /// The life of the longest token.
    pub token_life: i64,
}

/// All keys, and what follows from them.
#[derive(Debug, Clone)]
pub struct KeySchedule {
    /// In the order in which they sign.
    keys: Vec<StoredKey>,
    token_life: i64,
}

impl KeySchedule {
    /// The schedule of these keys.
    #[must_use]
    pub fn new(mut keys: Vec<StoredKey>, token_life: i64) -> Self {
        keys.sort_by(|a, b| (a.active_from, a.created_at, &a.kid).cmp(&(b.active_from, b.created_at, &b.kid)));
        Self { keys, token_life }
    }

    /// Every key, in the order in which they sign.
    #[must_use]
    pub fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    /// The key that signs at `now`: of those whose time has come the newest whose private half is at hand. Where the time of none
    /// has come, the first that is at hand, since something has to sign. Where the private half of the next one
    /// is not at hand it goes on for a while, but for no longer than those who have that one publish what it signs.
    pub fn active(&self, now: Timestamp, at_hand: impl Fn(&StoredKey) -> bool) -> Option<&StoredKey> {
        let may_sign = |key: &&StoredKey| {
            key.withdrawn_at.is_none()
                && key.retired_at.is_none_or(|retired| now < retired)
                && self.signs_until(key).is_none_or(|until| now < until)
                && at_hand(key)
        };
        let of_now = self.keys.iter().rev().filter(|key| key.active_from <= now).find(may_sign);
        of_now.or_else(|| self.keys.iter().find(may_sign))
    }

    /// What is published at `now`, in the order in which they sign.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &StoredKey> {
        self.keys
            .iter()
            .filter(move |key| key.withdrawn_at.is_none() && self.published_until(key).is_none_or(|until| now < until))
    }

    /// From when on a key signs no more: the next one does, or the operator said so.
    #[must_use]
    pub fn retired_from(&self, key: &StoredKey) -> Option<Timestamp> {
        let next = self.next(key).map(|next| next.active_from);
        next.into_iter().chain(key.retired_at).min()
    }

    /// The key that signs after this one.
    fn next(&self, key: &StoredKey) -> Option<&StoredKey> {
        let position = self.keys.iter().position(|other| other.kid == key.kid)?;
        let signs_at_all = |next: &&StoredKey| {
            next.withdrawn_at.is_none() && next.retired_at.is_none_or(|retired| next.active_from < retired)
        };
        self.keys[position + 1..].iter().find(signs_at_all)
    }

    /// From when on a key may not sign even where the next one is not at hand. Where that stands in a file there is time to
    /// start every replica with it.
    #[must_use]
    pub fn signs_until(&self, key: &StoredKey) -> Option<Timestamp> {
        let retired = self.retired_from(key)?;
        let in_a_file = self.next(key).is_some_and(|next| next.origin == KeyOrigin::Configuration);
        Some(if in_a_file { retired.plus(self.token_life + LEEWAY) } else { retired })
    }

    /// From when on nothing that a key signed is in use: its last token may have been signed just before it had to stop.
    #[must_use]
    pub fn published_until(&self, key: &StoredKey) -> Option<Timestamp> {
        self.signs_until(key).map(|until| until.plus(self.token_life + LEEWAY))
    }

    /// Whether a key signs before its time, since no other one can.
    #[must_use]
    pub fn signs_early(&self, key: &StoredKey, now: Timestamp) -> bool {
        now < key.active_from && self.active(now, |_| true).is_some_and(|signs| signs.kid == key.kid)
    }

    /// What a key is good for at `now`, where every private half is at hand that has to be.
    #[must_use]
    pub fn state(&self, key: &StoredKey, now: Timestamp) -> KeyState {
        match (key.withdrawn_at, self.retired_from(key)) {
            (Some(_), _) => KeyState::Withdrawn,
            (None, Some(_)) if self.published_until(key).is_some_and(|until| until <= now) => KeyState::Over,
            (None, Some(retired)) if retired <= now => KeyState::Retired,
            (None, _) if now < key.active_from && !self.signs_early(key, now) => KeyState::Waiting,
            (None, _) => KeyState::Active,
        }
    }

    /// The first moment after `now` at which time alone changes what signs or is published.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self.keys.iter().flat_map(|key| {
            let ends = [self.retired_from(key), self.signs_until(key), self.published_until(key)];
            [Some(key.active_from)].into_iter().chain(ends).flatten()
        });
        moments.filter(|moment| now < *moment).min()
    }

    /// From when on the next key should sign, where it has to be made at `now`.
    #[must_use]
    pub fn due(&self, now: Timestamp, policy: &RotationPolicy) -> Option<Timestamp> {
        if policy.period == 0 {
            return None;
        }
        let ahead = now.plus(policy.publish_ahead);
        let signs = |key: &&StoredKey| key.withdrawn_at.is_none() && key.retired_at.is_none();
        match self.keys.iter().rev().find(signs) {
            None => Some(now),
            Some(newest) => {
                let next = newest.active_from.plus(policy.period);
                (next <= ahead).then(|| next.max(ahead))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn key(kid: &str, active_from: i64) -> StoredKey {
        StoredKey {
            kid: kid.to_owned(),
            alg: "ES256".to_owned(),
            origin: KeyOrigin::Generated,
            public_jwk: serde_json::from_value(json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y"})).unwrap(),
            sealed_private_key: Some(vec![1]),
            created_at: Timestamp(0),
            active_from: Timestamp(active_from),
            retired_at: None,
            withdrawn_at: None,
        }
    }

    const POLICY: RotationPolicy = RotationPolicy { period: 1000, publish_ahead: 100, token_life: 50 };

    fn states(schedule: &KeySchedule, now: i64) -> String {
        let keys = schedule.keys().iter();
        keys.map(|key| format!("{} {}", key.kid, schedule.state(key, Timestamp(now)).as_str()))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_its_last_token() {
        let schedule = KeySchedule::new(vec![key("b", 1000), key("a", 0)], POLICY.token_life);
        assert_eq!(states(&schedule, 900), "a active, b waiting");
        assert_eq!(states(&schedule, 999), "a active, b waiting");
        assert_eq!(states(&schedule, 1000), "a retired, b active");
        assert_eq!(states(&schedule, 1000 + 50 + LEEWAY - 1), "a retired, b active");
        assert_eq!(states(&schedule, 1000 + 50 + LEEWAY), "a over, b active");
        let published = |now| schedule.published(Timestamp(now)).map(|key| key.kid.as_str()).collect::<Vec<_>>();
        assert_eq!((published(5), published(1000), published(5000)), (vec!["a", "b"], vec!["a", "b"], vec!["b"]));
        assert_eq!(schedule.next_change(Timestamp(5)), Some(Timestamp(1000)));
        assert_eq!(schedule.next_change(Timestamp(1000)), Some(Timestamp(1170)));
        assert_eq!(schedule.next_change(Timestamp(1170)), None);
    }

    #[test]
    fn the_next_key_is_made_as_long_before_its_time_as_it_has_to_be_published() {
        let schedule = KeySchedule::new(vec![key("a", 0)], POLICY.token_life);
        assert_eq!(schedule.due(Timestamp(899), &POLICY), None);
        assert_eq!(schedule.due(Timestamp(900), &POLICY), Some(Timestamp(1000)));
        assert_eq!(schedule.due(Timestamp(5000), &POLICY), Some(Timestamp(5100)), "it was stopped for long");
        assert_eq!(schedule.due(Timestamp(5000), &RotationPolicy { period: 0, ..POLICY }), None);
        let schedule = KeySchedule::new(vec![key("a", 0), key("b", 1000)], POLICY.token_life);
        assert_eq!(schedule.due(Timestamp(950), &POLICY), None, "it is there");
    }

    #[test]
    fn what_is_withdrawn_is_gone_at_once_and_another_one_signs() {
        let leaked = StoredKey { withdrawn_at: Some(Timestamp(1200)), ..key("b", 1000) };
        let schedule = KeySchedule::new(vec![key("a", 0), leaked, key("c", 1200)], POLICY.token_life);
        assert_eq!(states(&schedule, 1200), "a retired, b withdrawn, c active");
        assert_eq!(schedule.active(Timestamp(1200), |_| true).unwrap().kid, "c");
        let published: Vec<_> = schedule.published(Timestamp(1200)).map(|key| key.kid.as_str()).collect();
        assert_eq!(published, ["a", "c"]);
    }

    /// A key that stands in the settings and nowhere else.
    fn configured(kid: &str, active_from: i64) -> StoredKey {
        StoredKey { origin: KeyOrigin::Configuration, sealed_private_key: None, ..key(kid, active_from) }
    }

    #[test]
    fn a_key_that_is_not_at_hand_does_not_sign() {
        let schedule = KeySchedule::new(vec![configured("a", 0), configured("b", 1000)], POLICY.token_life);
        let old = |now| schedule.active(Timestamp(now), |key| key.kid == "a").map(|key| key.kid.as_str());
        assert_eq!(old(1169), Some("a"), "others publish it until its last token is dead");
        assert_eq!(old(1170), None, "they would not for as long");
        let changes = [1000, 1170, 1340].map(|moment| Some(Timestamp(moment)));
        let moments = [0, 1000, 1170].map(|now| schedule.next_change(Timestamp(now)));
        assert_eq!((moments, schedule.next_change(Timestamp(1340))), (changes, None));
        assert_eq!(schedule.active(Timestamp(2000), |_| false), None);
        let later = KeySchedule::new(vec![key("z", 9000)], POLICY.token_life);
        assert_eq!(later.active(Timestamp(0), |_| true).unwrap().kid, "z", "something has to sign");
        assert_eq!(states(&later, 0), "z active");
        let later = KeySchedule::new(vec![key("y", 9000), key("z", 9500)], POLICY.token_life);
        assert_eq!(states(&later, 0), "y active, z waiting");
    }

    proptest! {
        /// Whatever a replica signs that does not have the next key's private half is verified until it expires, too.
        #[test]
        fn no_key_signs_what_outlives_it(turn in 1_i64..2000, since in -10_i64..500, retired in prop::option::of(1_i64..2000)) {
            let now = turn + since;
            let a = StoredKey { retired_at: retired.map(Timestamp), ..configured("a", 0) };
            let schedule = KeySchedule::new(vec![a, configured("b", turn)], POLICY.token_life);
            if let Some(signs) = schedule.active(Timestamp(now), |key| key.kid == "a") {
                let last = Timestamp(now + POLICY.token_life);
                prop_assert!(schedule.published(last).any(|key| key.kid == signs.kid), "signed at {now}");
            }
        }

        /// Keys that are made when they are due, looked at often or seldom: whatever signs was published long enough before, and
        /// whatever was signed is verified until it expires.
        #[test]
        fn no_token_is_ever_refused_for_its_key(steps in prop::collection::vec(1_i64..400, 1..80)) {
            let mut now = Timestamp(0);
            let mut keys = vec![key("first", 0)];
            let mut published_at = std::collections::HashMap::from([("first".to_owned(), i64::MIN / 2)]);
            let mut tokens: Vec<(String, Timestamp)> = Vec::new();
            for step in steps {
                now = now.plus(step);
                let schedule = KeySchedule::new(keys.clone(), POLICY.token_life);
                if let Some(active_from) = schedule.due(now, &POLICY) {
                    let kid = format!("key at {}", now.0);
                    published_at.insert(kid.clone(), now.0);
                    keys.push(key(&kid, active_from.0));
                }
                let schedule = KeySchedule::new(keys.clone(), POLICY.token_life);
                let signs = schedule.active(now, |_| true).unwrap();
                prop_assert!(now.0 - published_at[&signs.kid] >= POLICY.publish_ahead);
                tokens.push((signs.kid.clone(), now.plus(POLICY.token_life)));
                tokens.retain(|(_, expires_at)| now < *expires_at);
                for (kid, _) in &tokens {
                    prop_assert!(schedule.published(now).any(|key| key.kid == *kid), "{kid} at {}", now.0);
                }
            }
        }
    }
}
