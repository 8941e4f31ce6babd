//! Copies in memory of what others publish. Of those who want one at once, one fetches; an earlier copy stands in for an
//! origin that fails.

use authgent_core::time::Timestamp;
use moka::future::Cache;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How long copies are kept. All times are seconds.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// Where the origin says nothing.
    pub usual: u64,
    /// The least and the most that the origin can ask for.
    pub bounds: RangeInclusive<u64>,
    /// For how long a failure is remembered, and how soon a copy can be wanted again.
    pub patience: i64,
    /// For how long a copy stands in for an origin that fails.
    pub outage: i64,
}

/// Copies, by the address that they come from.
pub struct Copies<T, E> {
    cache: Cache<String, Entry<T, E>>,
    keeping: Keeping,
}

struct Entry<T, E> {
    outcome: Result<Arc<T>, E>,
    /// When it was last seen at its origin.
    seen_at: Timestamp,
    /// When the origin was last asked.
    asked_at: Timestamp,
    fresh_until: Timestamp,
}

impl<T, E: Clone> Clone for Entry<T, E> {
    fn clone(&self) -> Self {
        Self { outcome: self.outcome.clone(), ..*self }
    }
}

impl<T, E> Copies<T, E>
where
    T: Send + Sync + 'static,
    E: std::fmt::Display + Clone + Send + Sync + 'static,
{
    /// Nothing yet, and never more than `most`.
    #[must_use]
    pub fn new(most: u64, keeping: Keeping) -> Self {
        Self { cache: Cache::builder().max_capacity(most).build(), keeping }
    }

    /// The copy of what is at `url`: from memory unless it is stale or, having been asked for long enough ago, is wanted
    /// `again`. `fetch` gives it with the seconds that the origin lets it be kept for. `failed` tells the outage of an origin
    /// from its answer that there is nothing, or something else: that withdraws what was there.
    pub async fn get(
        &self,
        url: &str,
        now: Timestamp,
        again: bool,
        fetch: impl Future<Output = Result<(T, Option<u64>), E>>,
        failed: impl Fn(&E) -> bool,
    ) -> Result<Arc<T>, E> {
        let last = self.cache.get(url).await;
        let stale = |known: &Entry<T, E>| {
            now >= known.fresh_until || (again && now.since(known.asked_at) >= self.keeping.patience)
        };
        let renewed = async { self.renew(url, now, last, fetch.await, failed) };
        self.cache.entry_by_ref(url).or_insert_with_if(renewed, stale).await.into_value().outcome
    }

    fn renew(
        &self,
        url: &str,
        now: Timestamp,
        last: Option<Entry<T, E>>,
        fetched: Result<(T, Option<u64>), E>,
        failed: impl Fn(&E) -> bool,
    ) -> Entry<T, E> {
        let Keeping { usual, bounds, patience, outage } = &self.keeping;
        let url = authgent_core::error::printable(url);
        match fetched {
            Ok((value, max_age)) => {
                let seconds = max_age.unwrap_or(*usual).clamp(*bounds.start(), *bounds.end());
                tracing::info!(%url, seconds, "fetched");
                let fresh_until = now.plus(i64::try_from(seconds).unwrap_or_default());
                Entry { outcome: Ok(Arc::new(value)), seen_at: now, asked_at: now, fresh_until }
            }
            Err(error) => {
                let usable = |last: &Entry<T, E>| last.outcome.is_ok() && now.since(last.seen_at) <= *outage;
                let copy = last.filter(|last| failed(&error) && usable(last));
                tracing::warn!(%url, error = %error, copy = copy.is_some(), "could not be fetched");
                let fresh_until = now.plus(*patience);
                match copy {
                    Some(copy) => Entry { asked_at: now, fresh_until, ..copy },
                    None => Entry { outcome: Err(error), seen_at: now, asked_at: now, fresh_until },
                }
            }
        }
    }
}
