//! Whether this process has just been standing still: stopped, frozen, suspended or migrated. What it reads then may have been
//! sent long ago, by a client that gave up waiting and went on with another replica. Such a request looks like theft, and is none.
//!
//! Two clocks are looked at. The monotonic one goes on while a process is stopped, and may stand still while its machine is
//! suspended; the wall clock is put right after that, and is then further ahead of the other than it was.

use authgent_core::time::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the heart beats.
const BEAT: Duration = Duration::from_millis(250);
/// A heart that was silent for longer stood still, by either clock. A busy machine may delay a beat by less; the wall clock has
/// whole seconds, so that up to one more or less is seen than there was.
const SILENCE: Duration = Duration::from_secs(2);
/// For how long after it beats again what was waiting is still being read.
const AFTERMATH: Duration = Duration::from_secs(10);

/// The heart of this process.
pub struct Stalls {
    origin: Instant,
    wall: Arc<dyn Clock>,
    /// Milliseconds from `origin` to the last beat.
    last_beat: AtomicU64,
    /// The same to the end of the last stall; 0 where there was none.
    stalled_until: AtomicU64,
    /// By how many milliseconds the wall clock was ahead of the monotonic one at the last beat.
    lead: AtomicI64,
}

impl std::fmt::Debug for Stalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stalls").field("last_beat", &self.last_beat).finish_non_exhaustive()
    }
}

impl Stalls {
    fn new(wall: Arc<dyn Clock>) -> Self {
        let lead = AtomicI64::new(wall.now().0.saturating_mul(1000));
        Self { origin: Instant::now(), wall, last_beat: AtomicU64::new(0), lead, stalled_until: AtomicU64::new(0) }
    }

    /// A heart that beats until it is dropped, on a thread of its own: work of the process delays no beat. `wall` is the clock of
    /// the machine.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(wall: Arc<dyn Clock>) -> std::io::Result<Arc<Self>> {
        let heart = Arc::new(Self::new(wall));
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
        let (now, lead) = (millis(now), self.lead_at(millis(now)));
        let silence = now.saturating_sub(self.last_beat.swap(now, Ordering::SeqCst));
        let jump = lead.saturating_sub(self.lead.swap(lead, Ordering::SeqCst));
        if is_long(silence, jump) {
            self.stalled_until.store(now, Ordering::SeqCst);
        }
    }

    fn lead_at(&self, now: u64) -> i64 {
        self.wall.now().0.saturating_mul(1000).saturating_sub_unsigned(now)
    }

    fn lately_at(&self, now: Duration) -> bool {
        let now = millis(now);
        let stalled_until = self.stalled_until.load(Ordering::SeqCst);
        // Whoever is quicker than the heart after a stall sees how old its last beat is.
        let silence = now.saturating_sub(self.last_beat.load(Ordering::SeqCst));
        let jump = self.lead_at(now).saturating_sub(self.lead.load(Ordering::SeqCst));
        is_long(silence, jump) || (stalled_until > 0 && now.saturating_sub(stalled_until) < millis(AFTERMATH))
    }
}

/// Whether the heart was silent for too long, or the wall clock went ahead of the monotonic one by too much; both in milliseconds.
fn is_long(silence: u64, jump: i64) -> bool {
    silence > millis(SILENCE) || u64::try_from(jump).is_ok_and(|jump| jump > millis(SILENCE))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use authgent_core::time::Timestamp;

    /// A clock that a test sets.
    #[derive(Default)]
    struct Wall(AtomicI64);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn a_stall_is_known_before_the_next_beat_and_for_a_while_after_it() {
        let wall = Arc::new(Wall::default());
        let stalls = Stalls::new(Arc::clone(&wall) as Arc<dyn Clock>);
        // Both clocks go on.
        let at = |millis: u64| {
            wall.0.store(i64::try_from(millis / 1000).unwrap(), Ordering::SeqCst);
            Duration::from_millis(millis)
        };
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

    /// The monotonic clock stood still with the machine, and every beat was in time.
    #[test]
    fn a_wall_clock_that_jumps_ahead_is_a_stall() {
        let wall = Arc::new(Wall(AtomicI64::new(1_800_000_000)));
        let stalls = Stalls::new(Arc::clone(&wall) as Arc<dyn Clock>);
        let ms = Duration::from_millis;
        stalls.beat(ms(250));
        for _ in 0..2 {
            wall.0.fetch_add(1, Ordering::SeqCst);
            assert!(!stalls.lately_at(ms(300)), "whole seconds, and a little that a clock is put right by");
        }
        wall.0.fetch_add(28, Ordering::SeqCst);
        assert!(stalls.lately_at(ms(400)), "before the next beat");
        stalls.beat(ms(500));
        assert!(stalls.lately_at(ms(600)) && stalls.lately_at(ms(2_400)));
        for beat in 0..40 {
            stalls.beat(ms(750 + 250 * beat));
            wall.0.store(1_800_000_031 + i64::try_from(beat / 4).unwrap(), Ordering::SeqCst);
        }
        assert!(!stalls.lately_at(ms(10_600)), "it is over");
        wall.0.fetch_sub(3_600, Ordering::SeqCst);
        stalls.beat(ms(10_750));
        assert!(!stalls.lately_at(ms(10_800)), "a clock that is put back was no stall");
    }
}
