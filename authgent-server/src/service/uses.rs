//! When clients last received a token, which is written beside their requests: nobody waits for it, and what comes within a second
//! is a few small transactions. Where the process dies before, they are noted at their next use.

use crate::domain::Client;
use crate::service::Services;
use crate::service::memory::View;
use crate::store::{StoreError, USES};
use authgent_core::time::Timestamp;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many wait to be written at most. Those that come then are noted when they come again.
const MOST: usize = 20_000;
/// How long what was noted waits for company.
const PAUSE: Duration = Duration::from_secs(1);

/// Clients that were used, and when, which is not written yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<VecDeque<(Timestamp, String)>>);

impl Uses {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Timestamp, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false`: too many wait.
    fn add(&self, id: &str, at: Timestamp) -> bool {
        let mut waiting = self.waiting();
        let fits = waiting.len() < MOST;
        if fits {
            waiting.push_back((at, id.to_owned()));
        }
        fits
    }

    /// As many of one second as are written at once.
    fn take(&self) -> Option<Taken<'_>> {
        let mut waiting = self.waiting();
        let (at, _) = *waiting.front()?;
        let mut ids = Vec::with_capacity(USES);
        while ids.len() < USES
            && let Some((_, id)) = waiting.pop_front_if(|(of, _)| *of == at)
        {
            ids.push(id);
        }
        Some(Taken { ids, at, uses: self })
    }
}

/// Those that are being written. They wait again where that fails, or where nobody waits for its end.
struct Taken<'u> {
    ids: Vec<String>,
    at: Timestamp,
    uses: &'u Uses,
}

impl Taken<'_> {
    fn written(mut self) {
        self.ids.clear();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut waiting = self.uses.waiting();
        for id in mem::take(&mut self.ids) {
            waiting.push_front((self.at, id));
        }
    }
}

impl Services {
    /// Notes that a client received a token, where that was not noted within the hour. It is written within some seconds.
    pub fn note_use(&self, view: View, client: &Arc<Client>, now: Timestamp) {
        if client.last_use_is_stale(now) && self.memory.uses.add(&client.id, now) {
            // Otherwise each of its requests of the next minute would note it again.
            self.remember_client(view, Client { last_used_at: Some(now), ..Client::clone(client) });
        }
    }

    /// Writes what was noted. Where that fails, what is not written yet waits for the next time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn write_uses(&self) -> Result<(), StoreError> {
        while let Some(some) = self.memory.uses.take() {
            let write = || async {
                let tx = self.store.begin().await?;
                tx.note_uses(&some.ids, some.at).await?;
                tx.commit().await
            };
            self.in_order(write).await?;
            some.written();
        }
        Ok(())
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
        assert!(uses.take().is_none());
        for number in 0..MOST {
            assert!(uses.add(&number.to_string(), Timestamp(i64::from(number >= 7))));
        }
        assert!(!uses.add("one too many", Timestamp(1)));
        let some = uses.take().unwrap();
        assert_eq!((some.ids.len(), some.at, uses.waiting().len()), (7, Timestamp(0), MOST - 7), "of one second");
        drop(some);
        assert_eq!(uses.waiting().len(), MOST);
        uses.take().unwrap().written();
        let some = uses.take().unwrap();
        assert_eq!((some.ids.len(), some.at), (USES, Timestamp(1)));
        some.written();
        assert_eq!(uses.waiting().len(), MOST - 7 - USES);
        assert!(uses.add("another", Timestamp(2)));
    }
}
