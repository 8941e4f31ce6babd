//! When clients last received a token, which is written beside their requests: nobody waits for it, and what comes within a second
//! is a few small transactions. Where the process dies before, they are noted at their next use.

use crate::domain::Client;
use crate::service::Services;
use crate::service::memory::View;
use crate::store::{StoreError, USES};
use authgent_core::time::Timestamp;
use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

/// How many wait to be written at most. Those that come then are noted when they come again.
const MOST: usize = 20_000;

/// The identifiers of clients that were used, which is not written yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashSet<String>>);

impl Uses {
    /// `false`: too many wait.
    fn add(&self, id: &str) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = waiting.len() < MOST;
        if fits {
            waiting.insert(id.to_owned());
        }
        fits
    }

    fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
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
        let used = self.memory.uses.take();
        for (number, some) in used.chunks(USES).enumerate() {
            let write = || async {
                let tx = self.store.begin().await?;
                tx.note_uses(some, self.now()).await?;
                tx.commit().await
            };
            if let Err(error) = self.in_order(write).await {
                for id in &used[number * USES..] {
                    self.memory.uses.add(id);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}
