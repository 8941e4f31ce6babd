//! How late the database has been. What was sent in time may become durable much later, when a disk stands still, and a client
//! that gave up meanwhile asks again: that is no more a replay than a retry after a short wait.

use super::Store;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What takes less is not late.
const NOTABLE: Duration = Duration::from_secs(1);

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    /// The longest time from the arrival of what was to be written to the end of its commit, and when that was known.
    longest: Mutex<Option<(Duration, Instant)>>,
    /// The earliest of what nobody waits for any more, and whether there is any.
    given_up: Mutex<Option<Instant>>,
    has_given_up: AtomicBool,
}

impl Lateness {
    /// What came at `since` is durable, or has failed.
    pub(super) fn note(&self, since: Instant) {
        self.note_at(since, Instant::now());
    }

    /// What came at `since` is not waited for any more. The database may have done it, or does it when it goes on: how late it was is
    /// known when it answers again.
    pub(super) fn given_up(&self, since: Instant) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        *given_up = Some(given_up.map_or(since, |earlier| earlier.min(since)));
        self.has_given_up.store(true, Ordering::Release);
    }

    /// The database has answered something.
    pub(super) fn answered(&self) {
        self.answered_at(Instant::now());
    }

    fn answered_at(&self, now: Instant) {
        // Most have given up nothing, and this is asked at every statement.
        if self.has_given_up.load(Ordering::Acquire) {
            let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
            self.has_given_up.store(false, Ordering::Release);
            given_up.take().into_iter().for_each(|since| self.note_at(since, now));
        }
    }

    fn note_at(&self, since: Instant, now: Instant) {
        let late = now.duration_since(since);
        if late >= NOTABLE {
            let mut longest = self.longest.lock().unwrap_or_else(PoisonError::into_inner);
            // Of a stall that is long over nothing is left.
            let before = longest.filter(|(late, known)| now.duration_since(*known) < *late);
            *longest = Some((before.map_or(late, |(before, _)| late.max(before)), now));
        }
    }

    fn within(&self, window: Duration, now: Instant) -> Duration {
        let longest = *self.longest.lock().unwrap_or_else(PoisonError::into_inner);
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

    #[test]
    fn what_was_given_up_is_as_late_as_the_next_answer() {
        let (lateness, window, began) = (Lateness::default(), Duration::from_secs(10), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        lateness.given_up(after(5));
        lateness.given_up(began);
        lateness.given_up(after(20));
        assert_eq!(lateness.within(window, after(50)), Duration::ZERO, "nobody knows yet");
        lateness.answered_at(after(60));
        assert_eq!(lateness.within(window, after(70)), Duration::from_secs(60));
        lateness.answered_at(after(300));
        assert_eq!(lateness.within(window, after(300)), Duration::ZERO, "it counts once");
    }
}
