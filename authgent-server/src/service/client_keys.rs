//! The public keys of a client: in its metadata, or at its `jwks_uri` (RFC 7591, section 2).

use crate::domain::Client;
use crate::net::{FetchError, FetchFor, Fetcher};
use crate::service::Services;
use crate::service::client_documents::is_about_the_network;
use crate::service::copies::{Copies, Keeping};
use authgent_core::jwk::JwkSet;
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
pub struct ClientKeys(Copies<JwkSet, ClientKeysError>);

impl Default for ClientKeys {
    fn default() -> Self {
        let keeping = Keeping { usual: USUAL_FRESHNESS, bounds: FRESHNESS, patience: PATIENCE, outage: LAST_GOOD_COPY };
        Self(Copies::new(CACHE, keeping))
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
    let fetch = read(&services.fetcher, url, on_behalf_of);
    let failed = |error: &ClientKeysError| matches!(error, ClientKeysError::Fetch(error) if !error.is_gone());
    services.client_keys.0.get(url, services.now(), again, fetch, failed).await
}
