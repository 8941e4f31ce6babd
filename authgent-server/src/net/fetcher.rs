//! Fetching what strangers name.

use super::resolver::Resolve;
use std::sync::Arc;
use url::Url;

/// Exceptions from the rule that only public addresses are asked.
#[derive(Debug, Clone, Default)]
pub struct FetcherSettings {
    /// Host names whose addresses may be private: for tests and for private networks.
    pub private_hosts: Vec<String>,
    /// PEM of the certification authority that those hosts' certificates come from, beside the system's.
    pub private_ca: Option<Vec<u8>>,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body.
    pub body: Vec<u8>,
    /// For how many seconds it may be kept, as the headers say; `None` where they say nothing, 0 where they forbid it.
    pub max_age: Option<u64>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL must not be asked.
    #[error("{0}")]
    ForbiddenUrl(&'static str),
    /// The name leads to an address that must not be asked.
    #[error("{host} resolves to {address}, which is not a public address")]
    ForbiddenAddress {
        /// The name.
        host: String,
        /// The address.
        address: std::net::IpAddr,
    },
    /// The name has no address, nobody answered there, or TLS failed.
    #[error("{0}")]
    Connect(String),
    /// It took too long.
    #[error("no complete answer within {0} seconds")]
    Timeout(u64),
    /// The answer is not 200.
    #[error("the answer has the status {0}, expected 200")]
    Status(u16),
    /// The answer is not JSON.
    #[error("the answer has the Content-Type {0:?}, expected application/json")]
    ContentType(String),
    /// The body is compressed although that was not asked for.
    #[error("the answer has the Content-Encoding {0:?}, expected none")]
    ContentEncoding(String),
    /// The body is larger than it may be.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Too many fetches are under way.
    #[error("too many documents are being fetched at the moment")]
    Busy,
}

impl FetchError {
    /// Whether the origin itself says that there is nothing (404, 410), rather than failing.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Status(404 | 410))
    }
}

/// Fetches JSON that strangers name, over HTTPS from public addresses only.
pub struct Fetcher;

impl Fetcher {
    /// A fetcher.
    ///
    /// # Errors
    /// Where the certification authority of the settings cannot be read.
    pub fn new(_settings: FetcherSettings, _resolver: Arc<dyn Resolve>) -> Result<Self, FetchError> {
        Ok(Self)
    }

    /// Fetches `url`, of which at most `most` bytes are read.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get_json(&self, _url: &Url, _most: usize) -> Result<Fetched, FetchError> {
        Err(FetchError::Busy)
    }
}
