//! Whether this process has just been standing still: stopped, frozen or migrated. What it reads then may have been sent long
//! ago, by a client that gave up waiting and went on with another replica. Such a request looks like theft, and is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the heart beats.
const BEAT: Duration = Duration::from_millis(250);
/// A heart that was silent for longer stood still. A busy machine may delay a beat by less.
const SILENCE: Duration = Duration::from_secs(2);
/// For how long after it beats again what was waiting is still being read.
const AFTERMATH: Duration = Duration::from_secs(10);

/// The heart of this process.
#[derive(Debug)]
pub struct Stalls {
    origin: Instant,
    /// Milliseconds from `origin` to the last beat.
    last_beat: AtomicU64,
    /// The same to the end of the last stall; 0 where there was none.
    stalled_until: AtomicU64,
}

impl Default for Stalls {
    fn default() -> Self {
        Self { origin: Instant::now(), last_beat: AtomicU64::new(0), stalled_until: AtomicU64::new(0) }
    }
}

impl Stalls {
    /// A heart that beats until it is dropped, on a thread of its own: work of the process delays no beat.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start() -> std::io::Result<Arc<Self>> {
        let heart = Arc::new(Self::default());
        let beating = Arc::downgrade(&heart);
        std::thread::Builder::new().name("heart".to_owned()).spawn(move || {
            while let Some(heart) = beating.upgrade() {
                heart.beat(heart.origin.elapsed());
                drop(heart);
                std::thread::sleep(BEAT);
            }
        })?;
        Ok(heart)
    }

    /// Whether the process stands still, by all that it knows, or did a moment ago: nobody is to be punished for what comes now.
    #[must_use]
    pub fn lately(&self) -> bool {
        self.lately_at(self.origin.elapsed())
    }

    fn beat(&self, now: Duration) {
        let now = millis(now);
        if now.saturating_sub(self.last_beat.swap(now, Ordering::SeqCst)) > millis(SILENCE) {
            self.stalled_until.store(now, Ordering::SeqCst);
        }
    }

    fn lately_at(&self, now: Duration) -> bool {
        let now = millis(now);
        let stalled_until = self.stalled_until.load(Ordering::SeqCst);
        // Whoever is quicker than the heart after a stall sees how old its last beat is.
        now.saturating_sub(self.last_beat.load(Ordering::SeqCst)) > millis(SILENCE)
            || (stalled_until > 0 && now.saturating_sub(stalled_until) < millis(AFTERMATH))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_known_before_the_next_beat_and_for_a_while_after_it() {
        let stalls = Stalls::default();
        let at = Duration::from_millis;
        for beat in 0..20 {
            stalls.beat(at(beat * 250));
            assert!(!stalls.lately_at(at(beat * 250 + 200)));
        }
        assert!(!stalls.lately_at(at(6_000)), "a late beat is no stall");
        assert!(stalls.lately_at(at(30_000)), "no beat for half a minute");
        for beat in 0..=60 {
            stalls.beat(at(30_000 + beat * 250));
        }
        assert!(!stalls.lately_at(at(45_000)), "it is over");
        stalls.beat(at(60_000));
        assert!(stalls.lately_at(at(60_100)) && stalls.lately_at(at(69_900)));
    }
}
