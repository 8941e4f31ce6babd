//! The clock of the machine.

use authgent_core::time::{Clock, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The real time. Everything that needs the time takes a [`Clock`]; only the binary passes this one.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the real time enters")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 0: every token is then expired or not yet valid, and nothing panics.
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_shows_this_century() {
        assert!(SystemClock.now() > Timestamp(1_700_000_000));
        assert!(SystemClock.now() < Timestamp(4_102_444_800));
    }
}
