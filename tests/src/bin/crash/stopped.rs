//! What a stop in order may leave without an answer: only what was never accepted.

use crate::checker::{Kind, Violation};
use crate::history::{About, Entry, Event, name};
use crate::rows::Snapshot;
use std::borrow::Borrow;
use std::collections::HashSet;

/// The requests after `from` that took effect, by the rows, although nobody answered them. Nobody has tried any of them again
/// when the `snapshot` is taken.
pub(crate) fn cut_off<E: Borrow<Entry>>(entries: &[E], from: usize, snapshot: &Snapshot) -> Vec<Violation> {
    // What was answered once, or not answered earlier, may have had its effect then.
    let mut explained: HashSet<&str> = HashSet::new();
    for entry in entries {
        match &entry.borrow().event {
            Event::CodeAccepted { code, .. } => drop(explained.insert(code)),
            Event::Rotated { presented, .. } => drop(explained.insert(presented)),
            Event::Ended { token } => drop(explained.insert(token)),
            _ => {}
        }
    }
    for entry in entries.iter().take(from) {
        if let Event::Unanswered { secret, .. } = &entry.borrow().event {
            explained.insert(secret);
        }
    }
    let cut_off = entries.iter().skip(from).filter_map(|entry| {
        let Event::Unanswered { about, secret, lost: true } = &entry.borrow().event else { return None };
        let is_done = match about {
            About::Rotation | About::Exchange => snapshot.is_consumed(secret),
            About::Revocation => snapshot.is_revoked(secret),
        };
        let found = is_done && !explained.contains(secret.as_str());
        found.then(|| Violation::new(Kind::CutOff, format!("{about:?} of {}", name(secret))))
    });
    cut_off.collect()
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
            assert_eq!(cut_off(&entries, 0, &snapshot(true)).len(), 1, "{about:?}");
            assert_eq!(cut_off(&entries, 0, &snapshot(false)), [], "{about:?}");
            assert_eq!(cut_off(&entries, 1, &snapshot(true)), [], "before the stop");
        }
    }

    #[test]
    fn an_answer_to_another_request_explains_the_effect() {
        let tokens = Tokens { refresh: "next".into(), access: "access".into() };
        let event = Event::Rotated { presented: "token".into(), tokens };
        let twice = [lost(About::Rotation, "token"), Entry { sent: 0, event }];
        assert_eq!(cut_off(&twice, 0, &snapshot(true)), []);
        let earlier = [lost(About::Rotation, "token"), lost(About::Rotation, "token")];
        assert_eq!(cut_off(&earlier, 1, &snapshot(true)), []);
    }
}
