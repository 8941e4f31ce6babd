//! Doing again what a database could not put in order with what others did.
//!
//! PostgreSQL does so at the level `SERIALIZABLE` and where transactions wait for each other in a circle; CockroachDB and
//! YugabyteDB at any time. Nothing of the attempt was kept.

use super::StoreError;
use std::time::Duration;

/// How often at most.
const ATTEMPTS: u32 = 8;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE: Duration = Duration::from_millis(4);

/// Counts the attempts at one piece of work.
#[derive(Debug, Default)]
pub struct Attempts(u32);

impl Attempts {
    /// Whether the work is to be done again after this error. Waits before it says so, for a time that a random byte decides, so
    /// that those who were in each other's way do not meet again.
    pub async fn again(&mut self, error: &StoreError, random: u8) -> bool {
        if !matches!(error, StoreError::SerializationFailure { .. }) || self.0 + 1 >= ATTEMPTS {
            return false;
        }
        let longest = PAUSE * 2_u32.pow(self.0);
        self.0 += 1;
        tracing::debug!(error = %error, attempt = self.0, "once more");
        tokio::time::sleep(longest * u32::from(random) / 255).await;
        true
    }
}
