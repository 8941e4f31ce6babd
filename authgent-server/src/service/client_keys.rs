//! The public keys of a client: in its metadata, or at its `jwks_uri` (RFC 7591, section 2).

use crate::domain::Client;
use crate::net::{FetchError, FetchFor, Fetcher};
use crate::service::Services;
use crate::service::client_documents::is_about_the_network;
use authgent_core::error::printable;
use authgent_core::jwk::JwkSet;
use authgent_core::time::Timestamp;
use moka::future::Cache;
use std::sync::Arc;
use url::Url;

/// The largest set that is read, in bytes.
const LARGEST_SET: usize = 64 * 1024;
/// For how long a set is kept whose headers say nothing, in seconds.
const USUAL_FRESHNESS: u64 = 300;
/// The least and the most that the headers can ask for, in seconds: a key that was withdrawn must not live on for long.
const FRESHNESS: std::ops::RangeInclusive<u64> = 60..=3600;
/// For how long a failure is remembered, and how often a key that is not there is asked for, in seconds.
const PATIENCE: i64 = 30;
/// For how long a copy stands in for an origin that fails, in seconds: a day.
const LAST_GOOD_COPY: i64 = 86_400;
/// How many sets are kept.
const CACHE: u64 = 1000;

/// Why there are no keys.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientKeysError {
    /// Its metadata name none.
    #[error("the client has no keys: expected jwks or jwks_uri in its metadata")]
    None,
    /// They could not be fetched.
    #[error("the client's jwks_uri could not be fetched: {0}")]
    Fetch(Arc<FetchError>),
    /// What was fetched is no set of keys.
    #[error("the client's jwks_uri holds no JWK Set (RFC 7517, section 5)")]
    NoSet,
}

impl ClientKeysError {
    /// What a stranger may read. What a name resolves to and who answers there is for the log alone: it could be the
    /// operator's own network.
    #[must_use]
    pub fn for_strangers(&self) -> String {
        match self {
            Self::Fetch(error) if is_about_the_network(error) => {
                "the client's jwks_uri could not be fetched: its host could not be reached".to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// Sets of keys in memory, by URL.
pub struct ClientKeys(Cache<String, Entry>);

#[derive(Clone)]
struct Entry {
    outcome: Result<Arc<JwkSet>, ClientKeysError>,
    /// When the keys were last seen at their origin.
    seen_at: Timestamp,
    /// When the origin was last asked.
    asked_at: Timestamp,
    fresh_until: Timestamp,
}

impl Default for ClientKeys {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CACHE).build())
    }
}

impl ClientKeys {
    /// The set at `url`, from memory unless it is stale or, having been asked for long enough ago, is wanted `again`. Of
    /// those who ask at once, one fetches.
    async fn get(&self, fetcher: &Fetcher, url: &str, on_behalf_of: FetchFor, now: Timestamp, again: bool) -> Entry {
        let last = self.0.get(url).await;
        let stale = |known: &Entry| now >= known.fresh_until || (again && now.since(known.asked_at) >= PATIENCE);
        let entry =
            self.0.entry_by_ref(url).or_insert_with_if(fetch(fetcher, url, on_behalf_of, last, now), stale).await;
        entry.into_value()
    }
}

async fn fetch(fetcher: &Fetcher, url: &str, on_behalf_of: FetchFor, last: Option<Entry>, now: Timestamp) -> Entry {
    let log_url = printable(url);
    match read(fetcher, url, on_behalf_of).await {
        Ok((set, max_age)) => {
            let seconds = max_age.unwrap_or(USUAL_FRESHNESS).clamp(*FRESHNESS.start(), *FRESHNESS.end());
            tracing::info!(url = %log_url, keys = set.keys.len(), seconds, "keys of a client fetched");
            let fresh_until = now.plus(i64::try_from(seconds).unwrap_or_default());
            Entry { outcome: Ok(Arc::new(set)), seen_at: now, asked_at: now, fresh_until }
        }
        Err(error) => {
            // An origin that says that there is nothing, or something else, has not failed: it withdraws its keys.
            let outage = matches!(&error, ClientKeysError::Fetch(error) if !error.is_gone());
            let copy = last.filter(|last| outage && last.outcome.is_ok() && now.since(last.seen_at) <= LAST_GOOD_COPY);
            tracing::warn!(url = %log_url, error = %error, copy = copy.is_some(), "keys of a client could not be fetched");
            let fresh_until = now.plus(PATIENCE);
            match copy {
                Some(copy) => Entry { asked_at: now, fresh_until, ..copy },
                None => Entry { outcome: Err(error), seen_at: now, asked_at: now, fresh_until },
            }
        }
    }
}

async fn read(fetcher: &Fetcher, url: &str, on_behalf_of: FetchFor) -> Result<(JwkSet, Option<u64>), ClientKeysError> {
    let url = Url::parse(url).map_err(|_| ClientKeysError::None)?;
    let fetched = fetcher.get_json(&url, LARGEST_SET, on_behalf_of).await;
    let fetched = fetched.map_err(|error| ClientKeysError::Fetch(Arc::new(error)))?;
    let set = serde_json::from_slice(&fetched.body).map_err(|_| ClientKeysError::NoSet)?;
    Ok((set, fetched.max_age))
}

/// The keys of a client; fetched `again` where an assertion named one that is not among them, at most every 30 seconds.
///
/// # Errors
/// [`ClientKeysError`].
pub async fn of_client(services: &Services, client: &Client, again: bool) -> Result<Arc<JwkSet>, ClientKeysError> {
    if let Some(set) = &client.metadata.jwks {
        return Ok(Arc::new(set.clone()));
    }
    let url = client.metadata.jwks_uri.as_deref().ok_or(ClientKeysError::None)?;
    // Anybody can register with any URL; who has been given a token is somebody's client.
    let on_behalf_of = if client.last_used_at.is_some() { FetchFor::KnownClient } else { FetchFor::Stranger };
    services.client_keys.get(&services.fetcher, url, on_behalf_of, services.now(), again).await.outcome
}
