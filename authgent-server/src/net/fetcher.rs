//! Fetching what strangers name.

use super::freshness::max_age;
use super::on_first_use::OnFirstUse;
use super::resolver::{CheckedResolver, Forbidden, Resolve};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode};
use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::{Host, Url};

/// After so many fetches the hosts that have been quiet are forgotten.
const FORGET_EVERY: u32 = 1024;
/// With so many hosts within a minute nobody new is asked: a bound of the memory that strangers can take.
const MOST_HOSTS: usize = 65_536;

/// Exceptions from the rule that only public addresses are asked.
#[derive(Debug, Clone, Default)]
pub struct FetcherSettings {
    /// Host names whose addresses may be private: for tests and for private networks.
    pub private_hosts: Vec<String>,
    /// PEM of the certification authority that those hosts' certificates come from, beside the system's.
    pub private_ca: Option<Vec<u8>>,
}

/// How long and how often strangers are asked. The default is what a server uses.
#[derive(Debug, Clone)]
pub struct FetchLimits {
    /// From the look-up of the name to the last byte of the body.
    pub total: Duration,
    /// For the look-up, the connection and TLS.
    pub connect: Duration,
    /// For a free place among the fetches that are under way.
    pub wait: Duration,
    /// Fetches at a time.
    pub concurrent: usize,
    /// Fetches a minute from one host on each account, so that nobody uses this server to flood another. They may come at once; after that
    /// one is allowed again each time its share of the minute has passed. Private hosts have no limit.
    pub per_minute: NonZeroU32,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(5),
            connect: Duration::from_secs(3),
            wait: Duration::from_secs(1),
            concurrent: 32,
            per_minute: NonZeroU32::MIN.saturating_add(29),
        }
    }
}

/// On whose account a fetch goes: each has an allowance of its own, so that strangers cannot use up that of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchFor {
    /// A client that people use.
    KnownClient,
    /// Whoever names the URL.
    Stranger,
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// The name has no address, nobody answered there, TLS failed, or the answer broke off.
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
    /// Too many fetches are under way, or too many went to this host within a minute.
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

/// Why there is no fetcher.
#[derive(Debug, thiserror::Error)]
pub enum FetcherError {
    /// The certification authority is no PEM file.
    #[error("no certificate in it; expected PEM, which begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// The certification authority is broken.
    #[error("a certificate in it cannot be read: {0}")]
    Certificate(String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Fetches JSON that strangers name, over HTTPS from public addresses only.
///
/// Checked are the URL, every address of its name, the time, the status, the headers and the size. What the body says is
/// not looked at.
/// [Client ID Metadata Document, section 6](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document)
pub struct Fetcher {
    /// Asks public addresses.
    public: OnFirstUse,
    /// Asks the hosts that the operator named.
    private: OnFirstUse,
    private_hosts: Vec<String>,
    limits: FetchLimits,
    places: Semaphore,
    hosts: DefaultKeyedRateLimiter<(String, FetchFor)>,
    since_forgetting: AtomicU32,
}

impl Fetcher {
    /// A fetcher with the limits of a server.
    ///
    /// # Errors
    /// Where the certification authority of the settings cannot be read.
    pub fn new(settings: FetcherSettings, resolver: Arc<dyn Resolve>) -> Result<Self, FetcherError> {
        Self::with_limits(settings, FetchLimits::default(), resolver)
    }

    /// A fetcher with other limits: a test of patience needs not take seconds.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub fn with_limits(
        settings: FetcherSettings,
        limits: FetchLimits,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, FetcherError> {
        let authorities = settings.private_ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
        let public = CheckedResolver { resolver: Arc::clone(&resolver), private: false };
        let private = CheckedResolver { resolver, private: true };
        let (connect, has_authorities) = (limits.connect, !authorities.is_empty());
        let private =
            move || client(connect).dns_resolver(private.clone()).tls_certs_merge(authorities.iter().cloned());
        if has_authorities {
            // What is wrong with them is said at the start.
            private().build().map_err(|error| FetcherError::Client(cause(&error)))?;
        }
        Ok(Self {
            public: OnFirstUse::new(move || client(connect).dns_resolver(public.clone())),
            private: OnFirstUse::new(private),
            private_hosts: settings.private_hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(),
            places: Semaphore::new(limits.concurrent),
            hosts: RateLimiter::keyed(Quota::per_minute(limits.per_minute)),
            since_forgetting: AtomicU32::new(0),
            limits,
        })
    }

    /// Fetches `url` on the account of `on_behalf_of`; at most `most` bytes of it are read.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get_json(&self, url: &Url, most: usize, on_behalf_of: FetchFor) -> Result<Fetched, FetchError> {
        let host = check_url(url, &self.private_hosts)?;
        let private = self.is_private(host);
        let _place =
            timeout(self.limits.wait, self.places.acquire()).await.ok().and_then(Result::ok).ok_or(FetchError::Busy)?;
        if !private {
            self.check_host(host, on_behalf_of)?;
        }
        let client = if private { &self.private } else { &self.public }.get().await?;
        timeout(self.limits.total, self.fetch(client, url, most))
            .await
            .unwrap_or_else(|_| Err(FetchError::Timeout(seconds(self.limits.total))))
    }

    async fn fetch(&self, client: &Client, url: &Url, most: usize) -> Result<Fetched, FetchError> {
        let response = client.get(url.clone()).send().await.map_err(|error| self.failure(url, &error))?;
        check_answer(&response)?;
        if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most))
        {
            return Err(FetchError::TooLarge(most));
        }
        let max_age = max_age(response.headers());
        let body = self.body(response, url, most).await?;
        Ok(Fetched { body, max_age })
    }

    async fn body(&self, mut response: Response, url: &Url, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(url, &error))? {
            if chunk.len() > most - body.len() {
                return Err(FetchError::TooLarge(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn is_private(&self, host: &str) -> bool {
        self.private_hosts.iter().any(|private| private == host)
    }

    fn check_host(&self, host: &str, on_behalf_of: FetchFor) -> Result<(), FetchError> {
        if self.since_forgetting.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.hosts.retain_recent();
        }
        // The memory that is bounded is what strangers can fill.
        let has_room = on_behalf_of == FetchFor::KnownClient || self.hosts.len() < MOST_HOSTS;
        let within = has_room && self.hosts.check_key(&(host.to_owned(), on_behalf_of)).is_ok();
        if within { Ok(()) } else { Err(FetchError::Busy) }
    }

    fn failure(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        let forbidden = chain(error).find_map(|error| error.downcast_ref::<Forbidden>());
        if let Some(Forbidden { host, address }) = forbidden {
            return FetchError::ForbiddenAddress { host: host.clone(), address: *address };
        }
        if error.is_timeout() {
            return FetchError::Timeout(seconds(self.limits.connect));
        }
        FetchError::Connect(format!("no answer from {}: {}", url.host_str().unwrap_or_default(), cause(error)))
    }
}

/// What both clients have in common.
fn client(connect: Duration) -> ClientBuilder {
    let headers = [(ACCEPT, "application/json"), (ACCEPT_ENCODING, "identity")];
    super::client(concat!("authgent/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect())
        .connect_timeout(connect)
        .https_only(true)
        .http1_only()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, FetcherError> {
    let certificates = Certificate::from_pem_bundle(pem).map_err(|error| FetcherError::Certificate(cause(&error)))?;
    if certificates.is_empty() { Err(FetcherError::NoCertificate) } else { Ok(certificates) }
}

/// Looks at everything about a URL that can be seen without asking anybody, and gives its host.
fn check_url<'u>(url: &'u Url, private_hosts: &[String]) -> Result<&'u str, FetchError> {
    if url.scheme() != "https" {
        return Err(FetchError::ForbiddenUrl("expected an https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::ForbiddenUrl("expected a URL without user information"));
    }
    if url.fragment().is_some() {
        return Err(FetchError::ForbiddenUrl("expected a URL without a fragment"));
    }
    // An address in the place of a name never reaches the resolver. The parser has turned 0x7f.1 and the like into one.
    let Some(Host::Domain(host)) = url.host() else {
        return Err(FetchError::ForbiddenUrl("expected a host name, not an IP address"));
    };
    if is_local_name(host) && !private_hosts.iter().any(|private| private == host) {
        return Err(FetchError::ForbiddenUrl("expected a host name that is known on the public Internet"));
    }
    Ok(host)
}

/// Whether a name means something in a private network alone. A dot at the end switches search lists off, and is a second
/// spelling of a name, with rules of its own; no client needs it.
fn is_local_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    !host.contains('.') || ["", "localhost", "local", "internal"].contains(&last)
}

/// Looks at the head of an answer. The encoding comes before the type, because a type says nothing of what is compressed.
pub(super) fn check_answer(response: &Response) -> Result<(), FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let encodings = response.headers().get_all(CONTENT_ENCODING);
    if let Some(encoding) = encodings.iter().find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(FetchError::ContentEncoding(shown(encoding)));
    }
    let content_type = sole(response.headers(), CONTENT_TYPE);
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    if subtype != "json" && !subtype.ends_with("+json") {
        return Err(FetchError::ContentType(content_type));
    }
    Ok(())
}

fn sole(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).map(shown).unwrap_or_default()
}

/// A header of a stranger, short enough for an error.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect()
}

/// Whole seconds, rounded up, for people.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

pub(super) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost error: the outer ones say only that a request failed, and repeat the URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
