//! The time of the machine.

use authgent_core::time::{Clock, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of the operating system. Everything else takes a [`Clock`], so that tests can move the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where this crate reads the time")]
    fn now(&self) -> Timestamp {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
