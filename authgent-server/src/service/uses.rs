//! When clients last received a token, which is written beside their requests: nobody waits for it, and what comes within a second
//! is a few small transactions. Where the process dies before, they are noted at their next use.

use crate::domain::Client;
use crate::service::Services;
use crate::service::memory::View;
use crate::store::{StoreError, USES};
use authgent_core::time::Timestamp;
use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many wait to be written at most. Those that come then are noted when they come again.
const MOST: usize = 20_000;
/// How long what was noted waits for company.
const PAUSE: Duration = Duration::from_secs(1);

/// The identifiers of clients that were used, which is not written yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashSet<String>>);

impl Uses {
    fn waiting(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false`: too many wait.
    fn add(&self, id: &str) -> bool {
        let mut waiting = self.waiting();
        let fits = waiting.len() < MOST;
        if fits {
            waiting.insert(id.to_owned());
        }
        fits
    }

    /// As many as are written at once.
    fn take(&self) -> Taken<'_> {
        let mut waiting = self.waiting();
        let ids: Vec<_> = waiting.iter().take(USES).cloned().collect();
        for id in &ids {
            waiting.remove(id);
        }
        Taken { ids, uses: self }
    }
}

/// Those that are being written. They wait again where that fails, or where nobody waits for its end.
struct Taken<'u> {
    ids: Vec<String>,
    uses: &'u Uses,
}

impl Taken<'_> {
    fn written(mut self) {
        self.ids.clear();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.uses.waiting().extend(mem::take(&mut self.ids));
    }
}

impl Services {
    /// Notes that a client received a token, where that was not noted within the hour. It is written within some seconds.
    pub fn note_use(&self, view: View, client: &Arc<Client>, now: Timestamp) {
        if client.last_use_is_stale(now) && self.memory.uses.add(&client.id) {
            // Otherwise each of its requests of the next minute would note it again.
            self.remember_client(view, Client { last_used_at: Some(now), ..Client::clone(client) });
        }
    }

    /// Writes what was noted. Where that fails, what is not written yet waits for the next time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn write_uses(&self) -> Result<(), StoreError> {
        loop {
            let some = self.memory.uses.take();
            if some.ids.is_empty() {
                return Ok(());
            }
            let write = || async {
                let tx = self.store.begin().await?;
                tx.note_uses(&some.ids, self.now()).await?;
                tx.commit().await
            };
            self.in_order(write).await?;
            some.written();
        }
    }
}

/// Writes what is noted, for as long as it is polled.
pub async fn run(services: Arc<Services>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(PAUSE).await;
        let failed = services.write_uses().await.err();
        if let Some(error) = failed.as_ref().filter(|_| !failing) {
            tracing::warn!(error = %error, "that clients were used could not be written, and is tried again");
        }
        failing = failed.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_waits_again_and_nobody_fills_the_memory() {
        let uses = Uses::default();
        for number in 0..MOST {
            assert!(uses.add(&number.to_string()));
        }
        assert!(!uses.add("one too many"));
        let some = uses.take();
        assert_eq!((some.ids.len(), uses.waiting().len()), (USES, MOST - USES));
        drop(some);
        assert_eq!(uses.waiting().len(), MOST);
        uses.take().written();
        assert_eq!(uses.waiting().len(), MOST - USES);
        assert!(uses.add("another"));
    }
}
