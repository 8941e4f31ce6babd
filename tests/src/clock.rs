use authgent_core::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that a test moves. It begins at the present time, because resource servers of other people look at the real one.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock at the present time.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(authgent_server::clock::SystemClock.now().0)))
    }

    /// Lets `seconds` pass; negative ones go back.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
