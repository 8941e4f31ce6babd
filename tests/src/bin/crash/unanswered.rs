//! Requests that nobody answered: which of them took effect all the same. After a kill that may be, and asking again brings the
//! same answer; after a stop in order it must not be.

use crate::checker::{Kind, Violation};
use crate::history::{About, Entry, Event, name};
use crate::rows::Snapshot;
use std::borrow::Borrow;
use std::collections::HashSet;

/// What was sent, and not answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// How many requests.
    pub(crate) all: usize,
    /// Those that took effect, by the rows.
    pub(crate) done: Vec<(About, String)>,
}

impl Unanswered {
    /// The requests after `from`. Nobody has tried any of them again when the `snapshot` is taken.
    pub(crate) fn of<E: Borrow<Entry>>(entries: &[E], from: usize, snapshot: &Snapshot) -> Self {
        let explained = explained(entries, from);
        let mut unanswered = Self::default();
        for entry in entries.iter().skip(from) {
            let Event::Unanswered { about, secret, lost: true } = &entry.borrow().event else { continue };
            if explained.contains(secret.as_str()) {
                continue;
            }
            unanswered.all += 1;
            let is_done = match about {
                About::Rotation | About::Exchange => snapshot.is_consumed(secret),
                About::Revocation => snapshot.is_revoked(secret),
            };
            if is_done {
                unanswered.done.push((*about, secret.clone()));
            }
        }
        unanswered
    }

    /// What a stop in order must not do.
    pub(crate) fn cut_off(&self) -> Vec<Violation> {
        let cut_off =
            |(about, secret): &(About, String)| Violation::new(Kind::CutOff, format!("{about:?} of {}", name(secret)));
        self.done.iter().map(cut_off).collect()
    }
}

/// What was answered once, or not answered earlier, may have had its effect then.
fn explained<E: Borrow<Entry>>(entries: &[E], from: usize) -> HashSet<&str> {
    let mut explained: HashSet<&str> = HashSet::new();
    for (place, entry) in entries.iter().enumerate() {
        let secret = match &entry.borrow().event {
            Event::CodeAccepted { code, .. } => code,
            Event::Rotated { presented, .. } => presented,
            Event::Ended { token } => token,
            Event::Unanswered { secret, .. } if place < from => secret,
            _ => continue,
        };
        explained.insert(secret);
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Tokens, hash};
    use crate::rows::{CodeRow, GrantRow, TokenRow};

    fn snapshot(is_done: bool) -> Snapshot {
        let at = is_done.then_some(5);
        let mut snapshot = Snapshot::default();
        let row = TokenRow { grant: "g".into(), created_at: 1, consumed_at: at, successor_nonce: None };
        snapshot.tokens.insert(hash("token"), row);
        snapshot.codes.insert(hash("code"), CodeRow { grant: "g".into(), consumed_at: at });
        snapshot.grants.insert("g".into(), GrantRow { revoked_at: at, revocation_reason: None });
        snapshot
    }

    fn lost(about: About, secret: &str) -> Entry {
        Entry { sent: 0, event: Event::Unanswered { about, secret: secret.into(), lost: true } }
    }

    #[test]
    fn what_took_effect_without_an_answer_is_found() {
        for (about, secret) in [(About::Rotation, "token"), (About::Exchange, "code"), (About::Revocation, "token")] {
            let entries = [lost(about, secret)];
            let found = Unanswered::of(&entries, 0, &snapshot(true));
            assert_eq!((found.all, found.cut_off()[0].kind), (1, Kind::CutOff), "{about:?}");
            let found = Unanswered::of(&entries, 0, &snapshot(false));
            assert_eq!((found.all, found.cut_off()), (1, vec![]), "{about:?}");
            assert_eq!(Unanswered::of(&entries, 1, &snapshot(true)), Unanswered::default(), "before the stop");
        }
    }

    #[test]
    fn an_answer_to_another_request_explains_the_effect() {
        let tokens = Tokens { refresh: "next".into(), access: "access".into() };
        let event = Event::Rotated { presented: "token".into(), tokens };
        let twice = [lost(About::Rotation, "token"), Entry { sent: 0, event }];
        assert_eq!(Unanswered::of(&twice, 0, &snapshot(true)), Unanswered::default());
        let earlier = [lost(About::Rotation, "token"), lost(About::Rotation, "token")];
        assert_eq!(Unanswered::of(&earlier, 1, &snapshot(true)), Unanswered::default());
    }
}
