//! What this replica remembers of the database: clients and resources, which every request needs and few change.
//!
//! Nothing is used that somebody has changed before the request came: a [`View`] names a generation
//! ([`crate::store::Store::cache_generation`]), and what is remembered counts only if it was read under that one or a later one.
//! Changes that do not raise the generation, such as those of an older release beside this one, are seen after
//! [`LONGEST_MEMORY`].

use crate::domain::{Client, Resource};
use crate::service::uses::Uses;
use crate::service::{Services, TargetError, userinfo};
use crate::store::{LEASE, Store, StoreError};
use authgent_core::resource::ResourceUri;
use bytes::Bytes;
use moka::sync::Cache;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How many clients are remembered.
const CLIENTS: u64 = 10_000;
/// After which time everything is read again, whatever the generation says.
pub const LONGEST_MEMORY: Duration = Duration::from_secs(60);

/// A state of the database, at least: what is seen through it is of that state or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    generation: i64,
}

impl View {
    /// The generation of the state.
    #[must_use]
    pub const fn generation(self) -> i64 {
        self.generation
    }
}

/// Clients and resources in memory.
pub struct Memory {
    generation: Flights,
    clients: Cache<String, Seen<Client>>,
    resources: Cache<(), Seen<KnownResources>>,
    pub(super) uses: Uses,
}

struct Seen<T> {
    /// The generation that was known when it was read.
    generation: i64,
    what: Arc<T>,
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self { generation: self.generation, what: Arc::clone(&self.what) }
    }
}

/// Every resource.
#[derive(Debug)]
pub struct KnownResources {
    /// By URI.
    pub all: Vec<Resource>,
    /// The canonical URIs of all, and of the userinfo endpoint.
    pub uris: Arc<[String]>,
    /// What the server says of itself, which depends on them and on nothing else that changes while it runs.
    pub(super) metadata: OnceLock<Bytes>,
}

impl Default for Memory {
    fn default() -> Self {
        let clients = Cache::builder().max_capacity(CLIENTS).time_to_live(LONGEST_MEMORY).build();
        let resources = Cache::builder().max_capacity(1).time_to_live(LONGEST_MEMORY).build();
        Self { generation: Flights::default(), clients, resources, uses: Uses::default() }
    }
}

/// Reading the generation for many at once. Whoever asks gets the outcome of a read that began after they asked, or no longer than
/// [`LEASE`] before, so that it shows every change that was acknowledged before; those who ask during a read share the next one. Where that
/// read fails, they have waited for it, and are told so at once.
///
/// The turn is held while the database is asked, which is what it is for: the others wait for the answer to a question that each would ask
/// by itself otherwise, and no longer than a statement may take.
#[derive(Default)]
struct Flights {
    turn: tokio::sync::Mutex<()>,
    begun: AtomicU64,
    /// The last read that ended.
    landed: Mutex<Option<Landed>>,
    /// The last that was read, and whose keys are here.
    last: AtomicI64,
    /// The last that was read.
    read: AtomicI64,
    /// Whether a read found an earlier one than the read before: a standby that had not received everything took over, or an older copy
    /// of the database was put in its place.
    gone_back: AtomicBool,
}

/// A read that ended.
struct Landed {
    number: u64,
    began: Instant,
    outcome: Result<i64, String>,
}

impl Flights {
    /// What the last read says, where that is still good: it began within the lease, or after the one of that number.
    fn landed(&self, after: u64) -> Option<Result<i64, StoreError>> {
        let landed = self.landed.lock().unwrap_or_else(PoisonError::into_inner);
        let Landed { number, began, outcome } = landed.as_ref()?;
        let leased = outcome.is_ok() && began.elapsed() < LEASE;
        let good = leased || *number > after;
        good.then(|| outcome.clone().map_err(|problem| StoreError::Unavailable { problem }))
    }

    /// The number of the read that ended last.
    fn last_landed(&self) -> u64 {
        self.landed.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |landed| landed.number)
    }

    /// What went wrong with the last read, where that ended after the one of this number.
    fn failed(&self, after: u64) -> Option<StoreError> {
        let landed = self.landed.lock().unwrap_or_else(PoisonError::into_inner);
        let landed = landed.as_ref().filter(|landed| landed.number > after)?;
        landed.outcome.as_ref().err().map(|problem| StoreError::Unavailable { problem: problem.clone() })
    }

    async fn read(&self, store: &Store) -> Result<i64, StoreError> {
        let began_before = self.begun.load(Ordering::SeqCst);
        if let Some(outcome) = self.landed(u64::MAX) {
            return outcome;
        }
        let landed_before = self.last_landed();
        let _turn = self.turn.lock().await;
        if let Some(outcome) = self.landed(began_before) {
            return outcome;
        }
        if let Some(error) = self.failed(landed_before) {
            return Err(error);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let began = Instant::now();
        let outcome = store.cache_generation().await;
        let shared = outcome.as_ref().copied().map_err(StoreError::problem);
        if let Ok(now) = outcome
            && now < self.read.swap(now, Ordering::SeqCst)
        {
            self.gone_back.store(true, Ordering::SeqCst);
        }
        *self.landed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Landed { number, began, outcome: shared });
        outcome
    }
}

impl Services {
    /// The present state: everything whose commit was acknowledged before this is called. The keys that sign are of that state afterwards.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn view(&self) -> Result<View, StoreError> {
        let generation = self.memory.generation.read(&self.store).await?;
        if self.memory.generation.gone_back.swap(false, Ordering::SeqCst) {
            self.forget(generation);
        }
        self.renew_keys(generation).await?;
        // Only now: whoever goes by the last view signs with the keys that are there. One who was slow may put an earlier one here,
        // by which nothing can be decided any more, until the next look.
        self.memory.generation.last.store(generation, Ordering::SeqCst);
        Ok(View { generation })
    }

    /// Forgets everything: of what was read under a generation that is no more, nobody would be told that it changed.
    fn forget(&self, generation: i64) {
        tracing::warn!(generation, "the database has gone back to an earlier state: everything is read again");
        self.memory.clients.invalidate_all();
        self.memory.resources.invalidate_all();
        self.keys.outdate();
    }

    /// The state that was looked at last, without asking. Whoever decides something by it has to make sure that it still is
    /// the present one, or take it for the documented time.
    #[must_use]
    pub fn last_view(&self) -> View {
        View { generation: self.memory.generation.last.load(Ordering::SeqCst) }
    }

    /// The client that is registered under this identifier, enabled or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn client(&self, view: View, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        let known = self.memory.clients.get(id).filter(|seen| seen.generation >= view.generation);
        if let Some(seen) = known {
            return Ok(Some(seen.what));
        }
        // That there is none is not remembered: identifiers that somebody makes up fill no memory.
        let Some(client) = self.store.client(id).await? else { return Ok(None) };
        let client = Arc::new(client);
        self.memory.clients.insert(id.to_owned(), Seen { generation: view.generation, what: Arc::clone(&client) });
        Ok(Some(client))
    }

    /// Every resource.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn resources(&self, view: View) -> Result<Arc<KnownResources>, StoreError> {
        let known = self.memory.resources.get(&()).filter(|seen| seen.generation >= view.generation);
        if let Some(seen) = known {
            return Ok(seen.what);
        }
        let all = self.store.resources().await?;
        let uris = all.iter().map(|resource| resource.uri.to_string());
        let uris = uris.chain([self.settings.userinfo_uri()]).collect();
        let what = Arc::new(KnownResources { all, uris, metadata: OnceLock::new() });
        self.memory.resources.insert((), Seen { generation: view.generation, what: Arc::clone(&what) });
        Ok(what)
    }

    /// The resource that `uri` names, by its canonical URI or an alias; or the one that was probably meant.
    ///
    /// # Errors
    /// [`TargetError`] naming what is known instead.
    pub async fn target(&self, uri: Option<&str>) -> Result<Resource, TargetError> {
        self.target_in(self.view().await?, uri).await
    }

    /// As [`Services::target`], in a state that is known.
    ///
    /// # Errors
    /// [`TargetError`].
    pub async fn target_in(&self, view: View, uri: Option<&str>) -> Result<Resource, TargetError> {
        let resources = &self.resources(view).await?.all;
        let Some(uri) = uri else {
            // RFC 8707 leaves a request without `resource` to the server; with one resource nothing is ambiguous.
            return match &resources[..] {
                [only] => Ok(only.clone()),
                _ => Err(TargetError::Missing),
            };
        };
        let uri = ResourceUri::parse(uri).map_err(|error| TargetError::Malformed(error.to_string()))?;
        if self.settings.is_userinfo(&uri) {
            return Ok(userinfo::resource(uri));
        }
        if let Some(resource) = resources.iter().find(|resource| resource.answers_to(&uri)) {
            return Ok(resource.clone());
        }
        let known = resources.iter().flat_map(|resource| std::iter::once(&resource.uri).chain(&resource.aliases));
        Err(TargetError::Unknown { meant: uri.probably_meant(known).map(ToString::to_string), uri: uri.to_string() })
    }

    /// As [`Services::client`] finds it from now on, until it is read again.
    pub(super) fn remember_client(&self, view: View, client: Client) {
        let (id, what) = (client.id.clone(), Arc::new(client));
        self.memory.clients.insert(id, Seen { generation: view.generation, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_ended_a_generation_is_told_when_nobody_takes_it_for_the_present_one() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        store.migrate().await.unwrap();
        let replica = Arc::new(Flights::default());
        // Somebody always has looked a moment ago.
        let looks = tokio::spawn({
            let (replica, store) = (Arc::clone(&replica), store.clone());
            async move {
                loop {
                    replica.read(&store).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        for _ in 0..50 {
            let before = replica.read(&store).await.unwrap();
            let tx = store.begin().await.unwrap();
            tx.delete_client("anybody").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(replica.read(&store).await.unwrap(), before + 1);
        }
        looks.abort();
    }

    #[tokio::test]
    async fn a_database_that_went_back_is_noticed_also_after_a_look_that_failed() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        store.migrate().await.unwrap();
        let replica = Flights::default();
        let raise = async || {
            let tx = store.begin().await.unwrap();
            tx.delete_client("anybody").await.unwrap();
            tx.commit().await.unwrap();
        };
        raise().await;
        assert_eq!(replica.read(&store).await.unwrap(), 2);
        raise().await;
        assert_eq!(replica.read(&store).await.unwrap(), 3);
        assert!(!replica.gone_back.load(Ordering::SeqCst));

        let elsewhere = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        tokio::time::sleep(LEASE).await;
        replica.read(&elsewhere).await.unwrap_err();
        elsewhere.migrate().await.unwrap();
        assert_eq!(replica.read(&elsewhere).await.unwrap(), 1);
        assert!(replica.gone_back.load(Ordering::SeqCst));
    }

    /// Where PostgreSQL is away each look takes five seconds, and a load balancer waits for eight.
    #[tokio::test]
    async fn whoever_waited_for_a_look_that_failed_does_not_wait_for_another_one() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        store.migrate().await.unwrap();
        for (outcome, expected) in [(Err("away".to_owned()), None), (Ok(7), Some(1))] {
            let replica = Arc::new(Flights::default());
            // A look is under way.
            replica.begun.store(1, Ordering::SeqCst);
            let turn = replica.turn.lock().await;
            let waiting = tokio::spawn({
                let (replica, store) = (Arc::clone(&replica), store.clone());
                async move { replica.read(&store).await }
            });
            tokio::task::yield_now().await;
            let began = Instant::now().checked_sub(2 * LEASE).unwrap();
            *replica.landed.lock().unwrap() = Some(Landed { number: 1, began, outcome });
            drop(turn);
            // What it found may be older than the question, and does not count.
            assert_eq!(waiting.await.unwrap().ok(), expected);
        }
    }

    #[tokio::test]
    async fn a_look_that_failed_is_nobody_elses() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        let replica = Flights::default();
        replica.read(&store).await.unwrap_err();
        store.migrate().await.unwrap();
        assert_eq!(replica.read(&store).await.unwrap(), 1);
    }
}
