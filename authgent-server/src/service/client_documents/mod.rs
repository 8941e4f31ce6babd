//! Clients whose `client_id` is the URL of the document that describes them: OAuth Client ID Metadata Document, as MCP
//! 2026-07-28, Client Registration, asks for it.
//!
//! A document that a person has consented to is kept with the client in the database, so that every replica has it and a
//! failing origin disconnects nobody. Before that it is kept in memory alone: whoever makes up URLs fills no table.

mod bundled;

use crate::domain::patterns::HostPattern;
use crate::domain::{Client, ClientOrigin};
use crate::net::{FetchError, FetchFor, Fetcher};
use crate::service::Services;
use crate::service::clients::FindClientError;
use crate::service::memory::View;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::metadata::client_document::{
    ClientDocumentError, ClientIdUrl, ClientIdUrlError, parse_client_document,
};
use authgent_core::time::Timestamp;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest document that is read, in bytes. What real clients publish has below two thousand.
const LARGEST_DOCUMENT: usize = 16 * 1024;
/// For how long a document is kept whose headers say nothing, in seconds.
const USUAL_FRESHNESS: u64 = 3600;
/// The least and the most that the headers can ask for, in seconds: below it, every request here would become one there;
/// above it, a client that changed its redirect URIs would have to wait too long.
const FRESHNESS: std::ops::RangeInclusive<u64> = 60..=86_400;
/// For how long a failure is remembered, in seconds.
const FAILURE_MEMORY: i64 = 60;
/// The same where the failure was ours.
const BUSY_MEMORY: i64 = 1;
/// For how long a copy stands in for an origin that fails, in seconds: thirty days.
const LAST_GOOD_COPY: i64 = 30 * 86_400;
/// How many documents are kept in memory.
const CACHE: u64 = 1000;

/// Why a document cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DocumentError {
    /// The `client_id` is no URL of a document.
    #[error(transparent)]
    Url(#[from] ClientIdUrlError),
    /// The operator does not take documents from this host.
    #[error("client_id: documents from {host} are not accepted here")]
    Domain {
        /// The host.
        host: String,
    },
    /// It could not be fetched.
    #[error("the client metadata document could not be fetched: {0}")]
    Fetch(Arc<FetchError>),
    /// It breaks a rule.
    #[error("the client metadata document is not acceptable: {0}")]
    Document(#[from] ClientDocumentError),
}

impl DocumentError {
    /// What a stranger may read. What a name resolves to and who answers there is for the log alone: it could be the
    /// operator's own network.
    #[must_use]
    pub fn for_strangers(&self) -> String {
        match self {
            Self::Fetch(error) if is_about_the_network(error) => {
                "the client metadata document could not be fetched: its host could not be reached".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// Whether the origin failed, so that an earlier copy may stand in. A document that says something wrong, or an origin
    /// that says that there is none, is an answer.
    fn is_outage(&self) -> bool {
        matches!(self, Self::Fetch(error) if !error.is_gone())
    }
}

/// Whether an error tells who is at an address, or that nobody is: it could be in the operator's own network.
pub(super) fn is_about_the_network(error: &FetchError) -> bool {
    matches!(error, FetchError::ForbiddenAddress { .. } | FetchError::Connect(_) | FetchError::Timeout(_))
}

/// Documents in memory, and which hosts they may come from.
pub struct ClientDocuments {
    cache: Cache<String, Entry>,
    policy: DocumentPolicy,
}

/// Which documents the operator takes.
#[derive(Debug, Clone, Default)]
pub struct DocumentPolicy {
    /// The only hosts; empty for all.
    pub allowed_domains: Vec<HostPattern>,
    /// The hosts that are refused whatever else is said.
    pub denied_domains: Vec<HostPattern>,
    /// Whether the copies that come with this program may stand in.
    pub copies: bool,
}

#[derive(Clone)]
struct Entry {
    outcome: Result<Arc<ClientMetadata>, DocumentError>,
    fresh_until: Timestamp,
}

impl DocumentPolicy {
    fn accepts(&self, host: &str) -> bool {
        let among = |patterns: &[HostPattern]| patterns.iter().any(|pattern| pattern.matches(host));
        !among(&self.denied_domains) && (self.allowed_domains.is_empty() || among(&self.allowed_domains))
    }
}

impl ClientDocuments {
    /// No document yet.
    #[must_use]
    pub fn new(policy: DocumentPolicy) -> Self {
        let cache = Cache::builder().max_capacity(CACHE).time_to_idle(Duration::from_secs(*FRESHNESS.end())).build();
        Self { cache, policy }
    }

    /// The document at `id`, from memory where it is fresh. Of those who ask at once, one fetches.
    async fn get(&self, fetcher: &Fetcher, id: &ClientIdUrl, on_behalf_of: FetchFor, now: Timestamp) -> Entry {
        let entry = self.cache.entry_by_ref(id.as_str());
        let entry =
            entry.or_insert_with_if(fetch(fetcher, id, on_behalf_of, now), |known| now >= known.fresh_until).await;
        entry.into_value()
    }
}

async fn fetch(fetcher: &Fetcher, id: &ClientIdUrl, on_behalf_of: FetchFor, now: Timestamp) -> Entry {
    let outcome = match Url::parse(id.as_str()) {
        Ok(url) => {
            let fetched = fetcher.get_json(&url, LARGEST_DOCUMENT, on_behalf_of).await;
            fetched.map_err(|error| DocumentError::Fetch(Arc::new(error)))
        }
        Err(_) => Err(ClientIdUrlError::NotHttps.into()),
    };
    let read = outcome.and_then(|fetched| {
        let metadata = parse_client_document(id, &fetched.body)?;
        Ok((Arc::new(metadata), fetched.max_age))
    });
    match read {
        Ok((metadata, max_age)) => {
            let seconds = max_age.unwrap_or(USUAL_FRESHNESS).clamp(*FRESHNESS.start(), *FRESHNESS.end());
            tracing::info!(client.id = %id, seconds, "client metadata document fetched");
            Entry { outcome: Ok(metadata), fresh_until: now.plus(i64::try_from(seconds).unwrap_or_default()) }
        }
        Err(error) => {
            tracing::warn!(client.id = %id, error = %error, "client metadata document refused");
            let busy = matches!(&error, DocumentError::Fetch(error) if matches!(**error, FetchError::Busy));
            let seconds = if busy { BUSY_MEMORY } else { FAILURE_MEMORY };
            Entry { outcome: Err(error), fresh_until: now.plus(seconds) }
        }
    }
}

/// The client that publishes the document at `client_id`; `None` where documents are not taken at all.
///
/// # Errors
/// [`FindClientError`].
pub async fn find(services: &Services, view: View, client_id: &str) -> Result<Option<Arc<Client>>, FindClientError> {
    if !services.settings.client_documents {
        return Ok(None);
    }
    let documents = &services.client_documents;
    let id = ClientIdUrl::parse(client_id).map_err(DocumentError::from)?;
    if !documents.policy.accepts(id.host()) {
        return Err(DocumentError::Domain { host: id.host().to_owned() }.into());
    }
    let now = services.now();
    let stored = services.client(view, client_id).await?;
    let usable = |client: &Arc<Client>| !client.enabled || client.fresh_until.is_some_and(|until| now < until);
    if stored.as_ref().is_some_and(usable) {
        return Ok(stored);
    }
    // It is stored when a person has consented to it.
    let on_behalf_of = if stored.is_some() { FetchFor::KnownClient } else { FetchFor::Stranger };
    let Entry { outcome, fresh_until } = documents.get(&services.fetcher, &id, on_behalf_of, now).await;
    match outcome {
        Ok(metadata) => Ok(Some(Arc::new(renewed(services, &id, stored.as_deref(), &metadata, fresh_until).await?))),
        Err(error) if error.is_outage() => {
            let copy =
                stored.filter(|client| client.fresh_until.is_some_and(|until| now.since(until) <= LAST_GOOD_COPY));
            let copy = copy.or_else(|| bundled_client(services, &id, now).map(Arc::new));
            copy.map(Some).ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The client as its document describes it now; what is kept of it is brought up to date.
async fn renewed(
    services: &Services,
    id: &ClientIdUrl,
    stored: Option<&Client>,
    metadata: &ClientMetadata,
    fresh_until: Timestamp,
) -> Result<Client, FindClientError> {
    let Some(stored) = stored else {
        return Ok(new_client(services, id, metadata.clone(), fresh_until));
    };
    let client = Client { metadata: metadata.clone(), fresh_until: Some(fresh_until), ..stored.clone() };
    let save = || async {
        let tx = services.store.begin().await?;
        tx.save_document_client(&client).await?;
        tx.commit().await
    };
    services.in_order(save).await?;
    Ok(client)
}

fn new_client(services: &Services, id: &ClientIdUrl, metadata: ClientMetadata, fresh_until: Timestamp) -> Client {
    let now = services.now();
    Client {
        fresh_until: Some(fresh_until),
        sweep_at: Some(now.plus(i64::from(services.settings.registration.unfinished_ttl))),
        ..Client::new(id.to_string(), metadata, ClientOrigin::Document, now)
    }
}

/// A client of which only the copy that comes with this program is there. It is stale from the beginning, so that its own
/// document is taken as soon as it can be had.
fn bundled_client(services: &Services, id: &ClientIdUrl, now: Timestamp) -> Option<Client> {
    let metadata = services.client_documents.policy.copies.then(|| bundled::document(id)).flatten()?;
    tracing::warn!(client.id = %id, "the copy of the client metadata document that comes with this program stands in");
    Some(new_client(services, id, metadata, now))
}

/// The clients whose documents come with this program, whether they were ever here or not.
pub fn well_known() -> impl Iterator<Item = (ClientIdUrl, ClientMetadata)> {
    bundled::documents()
}
