//! Randomness, as a parameter.

use std::sync::atomic::{AtomicU16, Ordering};

use authgent_core::time::Timestamp;
use rand::TryRng as _;
use rand::rngs::SysRng;
use uuid::Uuid;

use super::hash::base64url;

/// Where random bytes come from. A parameter, so that tests can repeat themselves.
pub trait Random: Send + Sync {
    /// Fills `bytes` with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The random number generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// Where the operating system has no randomness: a secret that can be guessed would be worse than none.
    fn fill(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect("the operating system gives random bytes");
    }
}

impl<R: Random + ?Sized> Random for std::sync::Arc<R> {
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

/// 32 random bytes.
#[must_use]
pub fn bytes32(random: &dyn Random) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes
}

/// A secret of 256 random bits, as 43 characters of base64url: codes, refresh tokens, client secrets, cookies.
#[must_use]
pub fn secret(random: &dyn Random) -> String {
    base64url(&bytes32(random))
}

/// A random UUID (RFC 9562, section 5.4).
#[must_use]
pub fn uuid_v4(random: &dyn Random) -> Uuid {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// A UUID that sorts by its time (RFC 9562, section 5.7), for keys of the database. The time is public to whoever
/// sees the identifier, and only whole seconds of it are used.
#[must_use]
pub fn uuid_v7(random: &dyn Random, now: Timestamp) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let milliseconds = u64::try_from(now.0).unwrap_or(0).saturating_mul(1000);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}

/// Gives UUIDs that sort in the order in which they were made, also within one second (RFC 9562, section 6.2, method 1): the
/// history of an account is read in that order. Across replicas, the order within a second is open.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU16);

impl Sequence {
    /// The next one.
    #[must_use]
    pub fn next(&self, random: &dyn Random, now: Timestamp) -> Uuid {
        // The 12 bits after the version are the counter's. After 4096 in one second it starts over.
        let [high, low] = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut id = uuid_v7(random, now).into_bytes();
        (id[6], id[7]) = (0x70 | (high & 0x0f), low);
        Uuid::from_bytes(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte the same.
    struct Constant(u8);

    impl Random for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_sequence_keeps_the_order_within_a_second() {
        let sequence = Sequence::default();
        let ids: Vec<_> = (0..300).map(|_| sequence.next(&SystemRandom, Timestamp(7))).collect();
        assert!(ids.is_sorted() && ids[0] != ids[1]);
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
        assert!(sequence.next(&SystemRandom, Timestamp(8)) > ids[299]);
    }

    #[test]
    fn secrets_are_43_characters_and_differ() {
        let (first, second) = (secret(&SystemRandom), secret(&SystemRandom));
        assert_eq!(first.len(), 43);
        assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_ne!(first, second);
        assert_eq!(secret(&Constant(0)), "A".repeat(43));
    }

    #[test]
    fn uuids_have_their_version_and_variant() {
        assert_eq!(uuid_v4(&Constant(0xff)).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let id = uuid_v7(&Constant(0), Timestamp(1_645_557_742));
        // RFC 9562, appendix A.6 has the same time, in milliseconds, in its first 48 bits.
        assert_eq!(id.to_string(), "017f22e2-79b0-7000-8000-000000000000");
        assert!(uuid_v7(&SystemRandom, Timestamp(2)) > uuid_v7(&SystemRandom, Timestamp(1)));
        assert_eq!(uuid_v7(&Constant(0), Timestamp(-1)).get_version_num(), 7);
    }
}
