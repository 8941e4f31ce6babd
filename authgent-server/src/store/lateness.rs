//! How late the database has been. What was sent in time may become durable much later, when a disk stands still, and a client
//! that gave up meanwhile asks again: that is no more a replay than a retry after a short wait.

use super::Store;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What takes less is not late.
const NOTABLE: Duration = Duration::from_secs(1);

/// The longest time from the arrival of what was to be written to the end of its commit, and when that was known.
#[derive(Debug, Default)]
pub(super) struct Lateness(Mutex<Option<(Duration, Instant)>>);

impl Lateness {
    /// What came at `since` is durable, or has failed.
    pub(super) fn note(&self, since: Instant) {
        self.note_at(since, Instant::now());
    }

    fn note_at(&self, since: Instant, now: Instant) {
        let late = now.duration_since(since);
        if late >= NOTABLE {
            let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Of a stall that is long over nothing is left.
            let before = longest.filter(|(late, known)| now.duration_since(*known) < *late);
            *longest = Some((before.map_or(late, |(before, _)| late.max(before)), now));
        }
    }

    fn within(&self, window: Duration, now: Instant) -> Duration {
        let longest = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        longest.filter(|(_, known)| now.duration_since(*known) <= window).map_or(Duration::ZERO, |(late, _)| late)
    }
}

impl Store {
    /// By how much a commit was late at most, of those that ended within this time. Zero where none was.
    #[must_use]
    pub fn lateness(&self, within: Duration) -> Duration {
        self.lateness.within(within, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_known_for_a_while() {
        let (lateness, window, began) = (Lateness::default(), Duration::from_secs(10), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        lateness.note_at(began, began + Duration::from_millis(900));
        assert_eq!(lateness.within(window, after(1)), Duration::ZERO, "usual");
        lateness.note_at(began, after(30));
        lateness.note_at(after(28), after(30));
        assert_eq!(lateness.within(window, after(40)), Duration::from_secs(30), "a shorter one takes nothing from it");
        assert_eq!(lateness.within(window, after(41)), Duration::ZERO, "it is over");
        lateness.note_at(after(98), after(100));
        assert_eq!(lateness.within(window, after(100)), Duration::from_secs(2));
    }
}
