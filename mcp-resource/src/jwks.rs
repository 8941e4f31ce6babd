//! The keys of the issuer: fetched once for everybody, kept while the issuer is down, parsed once per key.

use crate::config::{Algorithm, Config};
use authgent_core::issuer::Issuer;
use authgent_core::jwk::{JwkSet, KeyParameters, PublicJwk};
use authgent_core::metadata::server::AuthorizationServerMetadata;
use authgent_core::time::{Clock, Timestamp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{ES256, ES384, EdDSA, JwsVerifier, RS256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use url::Url;

/// How long one fetch may take, from the connection to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The largest document, in bytes. A set of ten RSA keys has five thousand.
const LARGEST_DOCUMENT: usize = 256 * 1024;
/// Seconds between two attempts while the issuer cannot be reached.
const RETRY_INTERVAL: i64 = 1;
/// The smallest RSA modulus, in bytes (RFC 7518, section 3.3).
const SMALLEST_RSA: usize = 256;

/// Why keys could not be fetched.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// The server could not be reached.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// What was fetched.
        url: String,
        /// Why not.
        cause: String,
    },
    /// It answered with another status than 200. Redirects are not followed.
    #[error("{url} answered with status {status}")]
    Status {
        /// What was fetched.
        url: String,
        /// The status.
        status: u16,
    },
    /// The document is too large.
    #[error("{url} is larger than {LARGEST_DOCUMENT} bytes")]
    TooLarge {
        /// What was fetched.
        url: String,
    },
    /// The document is not what it should be.
    #[error("{url} is not {expected}")]
    Unreadable {
        /// What was fetched.
        url: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The metadata is another issuer's (RFC 8414, section 3.3).
    #[error("{url} is the metadata of {found:?}, not of {expected:?}")]
    WrongIssuer {
        /// What was fetched.
        url: String,
        /// The configured issuer.
        expected: String,
        /// The issuer in the document.
        found: String,
    },
    /// The metadata names no keys, or names them where they must not be fetched.
    #[error("{url} names no usable jwks_uri")]
    NoJwksUri {
        /// What was fetched.
        url: String,
    },
    /// There is no metadata at any of its places.
    #[error("there is no metadata at any of {places} places; the last said: {last}")]
    NoMetadata {
        /// How many places were tried.
        places: usize,
        /// What was wrong with the last.
        last: String,
    },
    /// Nothing in the set can verify a token.
    #[error("{url} holds no key of an allowed algorithm")]
    NoUsableKey {
        /// What was fetched.
        url: String,
    },
}

/// A key that verifies, parsed once.
#[derive(Debug)]
pub struct VerifyingKey {
    jwk: PublicJwk,
    algorithm: Algorithm,
    verifier: Box<dyn JwsVerifier>,
    withdrawn: AtomicBool,
}

impl VerifyingKey {
    /// Parses a key. `None` where it is not for signatures, not of one of the algorithms, or no sound key.
    #[must_use]
    pub fn parse(jwk: &PublicJwk, allowed: &[Algorithm]) -> Option<Self> {
        if jwk.key_use.as_deref().is_some_and(|key_use| key_use != "sig") {
            return None;
        }
        let algorithm = algorithm_of(&jwk.key)?;
        let same = jwk.alg.as_deref().is_none_or(|alg| alg == algorithm.as_str());
        if !same || !allowed.contains(&algorithm) || is_small(&jwk.key) {
            return None;
        }
        let serde_json::Value::Object(mut members) = serde_json::to_value(jwk).ok()? else { return None };
        members.remove("kid");
        let josekit_jwk = josekit::jwk::Jwk::from_map(members).ok()?;
        let verifier: Box<dyn JwsVerifier> = match algorithm {
            Algorithm::Es256 => Box::new(ES256.verifier_from_jwk(&josekit_jwk).ok()?),
            Algorithm::Es384 => Box::new(ES384.verifier_from_jwk(&josekit_jwk).ok()?),
            Algorithm::Rs256 => Box::new(RS256.verifier_from_jwk(&josekit_jwk).ok()?),
            Algorithm::EdDsa => Box::new(EdDSA.verifier_from_jwk(&josekit_jwk).ok()?),
        };
        Some(Self { jwk: jwk.clone(), algorithm, verifier, withdrawn: AtomicBool::new(false) })
    }

    /// The one algorithm that the key is used with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the issuer has withdrawn it since.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// Whether `signature` over `message` is this key's.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, signature).is_ok()
    }
}

fn algorithm_of(key: &KeyParameters) -> Option<Algorithm> {
    match key {
        KeyParameters::Ec { crv, .. } if crv == "P-256" => Some(Algorithm::Es256),
        KeyParameters::Ec { crv, .. } if crv == "P-384" => Some(Algorithm::Es384),
        KeyParameters::Rsa { .. } => Some(Algorithm::Rs256),
        KeyParameters::Okp { crv, .. } if crv == "Ed25519" => Some(Algorithm::EdDsa),
        _ => None,
    }
}

fn is_small(key: &KeyParameters) -> bool {
    let KeyParameters::Rsa { n, .. } = key else { return false };
    match URL_SAFE_NO_PAD.decode(n) {
        Ok(modulus) => modulus.iter().skip_while(|byte| **byte == 0).count() < SMALLEST_RSA,
        Err(_) => true,
    }
}

/// The keys of one version of the issuer's set.
#[derive(Debug, Default)]
struct KeySet {
    by_kid: HashMap<String, Arc<VerifyingKey>>,
    all: Vec<Arc<VerifyingKey>>,
}

impl KeySet {
    /// Keys that stay are taken over as they are, those that are gone are marked.
    fn replace(previous: Option<&Self>, jwks: &JwkSet, allowed: &[Algorithm]) -> Self {
        let mut next = Self::default();
        for jwk in &jwks.keys {
            let kept = previous.and_then(|set| set.all.iter().find(|key| key.jwk == *jwk)).cloned();
            let Some(key) = kept.or_else(|| VerifyingKey::parse(jwk, allowed).map(Arc::new)) else { continue };
            if let Some(kid) = &jwk.kid {
                // Of two keys with one name the first counts, so that an appended one cannot displace it.
                next.by_kid.entry(kid.clone()).or_insert_with(|| Arc::clone(&key));
            }
            next.all.push(key);
        }
        next
    }

    /// The key of that name; without a name, the only key of the algorithm.
    fn find(&self, kid: Option<&str>, alg: &str) -> Option<Arc<VerifyingKey>> {
        if let Some(kid) = kid {
            return self.by_kid.get(kid).cloned();
        }
        let mut candidates = self.all.iter().filter(|key| key.algorithm.as_str() == alg);
        candidates.next().filter(|_| candidates.next().is_none()).cloned()
    }
}

/// The keys of an issuer, cached.
///
/// At most one fetch is under way, whoever waits for it. A set older than its time to live is still used while a new one
/// is fetched; one that cannot be replaced is kept. An unknown key causes a fetch, at a limited rate.
#[derive(Clone)]
pub struct Jwks(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    algorithms: Vec<Algorithm>,
    ttl: i64,
    refetch_interval: i64,
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Arc<KeySet>>>,
    /// When a fetch last began; `i64::MIN` before the first.
    attempted_at: AtomicI64,
    /// When a set last arrived.
    fetched_at: AtomicI64,
    /// Counts fetches, so that whoever waited for one does not begin the next.
    attempts: AtomicU64,
    fetching: tokio::sync::Mutex<Option<Arc<FetchError>>>,
    refreshing: AtomicBool,
}

impl Jwks {
    /// The keys of the configured issuer. Nothing is fetched before the first token needs it.
    ///
    /// # Errors
    /// [`FetchError::Client`] where TLS cannot be set up.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, FetchError> {
        Ok(Self(Arc::new(Inner {
            fetcher: Fetcher::new(config)?,
            algorithms: config.algorithms.clone(),
            ttl: config.jwks_ttl.into(),
            refetch_interval: config.jwks_refetch_interval.into(),
            clock,
            current: RwLock::new(None),
            attempted_at: AtomicI64::new(i64::MIN),
            fetched_at: AtomicI64::new(i64::MIN),
            attempts: AtomicU64::new(0),
            fetching: tokio::sync::Mutex::new(None),
            refreshing: AtomicBool::new(false),
        })))
    }

    /// The key that a token names, or `None` where the issuer has none of that name.
    ///
    /// # Errors
    /// What went wrong, where there is no set of keys at all.
    pub async fn key(
        &self,
        kid: Option<&str>,
        alg: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<VerifyingKey>>, Arc<FetchError>> {
        let seen = self.0.attempts.load(Ordering::Acquire);
        let Some(set) = self.0.current() else {
            return Ok(self.fetch(seen, RETRY_INTERVAL, now).await?.find(kid, alg));
        };
        if let Some(key) = set.find(kid, alg) {
            self.refresh_if_stale(now);
            return Ok(Some(key));
        }
        Ok(self.fetch(seen, self.0.refetch_interval, now).await?.find(kid, alg))
    }

    /// Fetches in a task of its own: a client that goes away must not take the fetch along that others wait for.
    async fn fetch(&self, seen: u64, interval: i64, now: Timestamp) -> Result<Arc<KeySet>, Arc<FetchError>> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.fetch(seen, interval, now).await });
        task.await.unwrap_or_else(|_| Err(Arc::new(self.0.interrupted())))
    }

    /// Begins to fetch in the background where the set is older than its time to live.
    pub fn refresh_if_stale(&self, now: Timestamp) {
        let inner = &self.0;
        let fresh = within(inner.fetched_at.load(Ordering::Acquire), inner.ttl, now);
        let tried = within(inner.attempted_at.load(Ordering::Acquire), inner.refetch_interval.max(RETRY_INTERVAL), now);
        if fresh || tried || inner.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(inner);
        tokio::spawn(async move {
            let seen = inner.attempts.load(Ordering::Acquire);
            if let Err(error) = inner.fetch(seen, 0, now).await {
                tracing::warn!(error = %error, "the keys of the issuer cannot be fetched");
            }
            inner.refreshing.store(false, Ordering::Release);
        });
    }
}

impl std::fmt::Debug for Jwks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwks").field("keys", &self.0.current()).finish_non_exhaustive()
    }
}

/// Whether `now` lies less than `seconds` after `since`. A clock that was set back counts as due.
fn within(since: i64, seconds: i64, now: Timestamp) -> bool {
    since != i64::MIN && (0..seconds).contains(&now.since(Timestamp(since)))
}

impl Inner {
    fn current(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest set. Fetches it unless another fetch ended since `seen` was read, or the last began less than
    /// `interval` seconds ago.
    async fn fetch(&self, seen: u64, interval: i64, now: Timestamp) -> Result<Arc<KeySet>, Arc<FetchError>> {
        let mut last_error = self.fetching.lock().await;
        let joined = self.attempts.load(Ordering::Acquire) != seen;
        let recent = within(self.attempted_at.load(Ordering::Acquire), interval, now);
        if !joined && !recent {
            self.attempted_at.store(now.0, Ordering::Release);
            let outcome = self.fetcher.fetch(&self.algorithms, self.current().as_deref()).await;
            self.attempts.fetch_add(1, Ordering::AcqRel);
            match outcome {
                Ok(set) => {
                    *last_error = None;
                    self.fetched_at.store(self.clock.now().0, Ordering::Release);
                    self.install(set);
                }
                Err(error) => {
                    tracing::warn!(error = %error, kept = self.current().is_some(), "fetching the issuer's keys failed");
                    *last_error = Some(Arc::new(error));
                }
            }
        }
        match (self.current(), &*last_error) {
            (Some(set), _) => Ok(set),
            (None, Some(error)) => Err(Arc::clone(error)),
            // Neither is left by a fetch whose runtime was shut down.
            (None, None) => Err(Arc::new(self.interrupted())),
        }
    }

    fn interrupted(&self) -> FetchError {
        FetchError::Unreachable {
            url: self.fetcher.issuer.as_str().to_owned(),
            cause: "the attempt was interrupted".to_owned(),
        }
    }

    fn install(&self, set: KeySet) {
        let set = Arc::new(set);
        let previous = self.current.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::clone(&set));
        for key in previous.iter().flat_map(|previous| &previous.all) {
            if !set.all.iter().any(|kept| Arc::ptr_eq(kept, key)) {
                key.withdrawn.store(true, Ordering::Release);
            }
        }
    }
}

struct Fetcher {
    client: reqwest::Client,
    issuer: Issuer,
    internal_origin: Option<String>,
    jwks_uri: Option<String>,
}

impl Fetcher {
    fn new(config: &Config) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .timeout(TIME_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Several runtimes may share this client, and a pooled connection dies with the one that opened it.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("mcp-resource/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| FetchError::Client(error.to_string()))?;
        Ok(Self {
            client,
            issuer: config.issuer.clone(),
            internal_origin: config.internal_origin.clone(),
            jwks_uri: config.jwks_uri.clone(),
        })
    }

    async fn fetch(&self, allowed: &[Algorithm], previous: Option<&KeySet>) -> Result<KeySet, FetchError> {
        let url = match &self.jwks_uri {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let document = self.get(&url).await?;
        let jwks: JwkSet = serde_json::from_slice(&document)
            .map_err(|_| FetchError::Unreadable { url: url.clone(), expected: "a JWKS" })?;
        let set = KeySet::replace(previous, &jwks, allowed);
        // An issuer that withdraws its last key is believed; one that never had a usable one is misconfigured.
        if set.all.is_empty() && previous.is_none() { Err(FetchError::NoUsableKey { url }) } else { Ok(set) }
    }

    /// The place of the keys, from the issuer's metadata (RFC 8414, section 3; OpenID Connect Discovery, section 4).
    async fn discover(&self) -> Result<String, FetchError> {
        let origin = self.internal_origin.as_deref().unwrap_or(self.issuer.origin());
        let paths = self.issuer.metadata_paths();
        let mut last = None;
        for path in &paths {
            match self.jwks_uri_at(&format!("{origin}{path}")).await {
                Ok(url) => return Ok(url),
                // Nobody is there: the other places are on the same machine.
                Err(error @ FetchError::Unreachable { .. }) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        let last = last.map(|error| error.to_string()).unwrap_or_default();
        Err(FetchError::NoMetadata { places: paths.len(), last })
    }

    async fn jwks_uri_at(&self, url: &str) -> Result<String, FetchError> {
        let document = self.get(url).await?;
        let metadata: AuthorizationServerMetadata = serde_json::from_slice(&document)
            .map_err(|_| FetchError::Unreadable { url: url.to_owned(), expected: "authorization server metadata" })?;
        if metadata.issuer != self.issuer.as_str() {
            return Err(FetchError::WrongIssuer {
                url: url.to_owned(),
                expected: self.issuer.as_str().to_owned(),
                found: metadata.issuer,
            });
        }
        let unusable = || FetchError::NoJwksUri { url: url.to_owned() };
        let found = Url::parse(metadata.jwks_uri.as_deref().ok_or_else(unusable)?).map_err(|_| unusable())?;
        let internal =
            self.internal_origin.as_deref().filter(|_| found.origin().ascii_serialization() == self.issuer.origin());
        if let Some(origin) = internal {
            let query = found.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Ok(format!("{origin}{}{query}", found.path()));
        }
        // Keys over a plain connection would undo the issuer's TLS.
        let sound = found.scheme() == "https" || (found.scheme() == "http" && !self.issuer.is_https());
        if sound { Ok(found.into()) } else { Err(unusable()) }
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let unreachable =
            |error: &reqwest::Error| FetchError::Unreachable { url: url.to_owned(), cause: root_cause(error) };
        let request = self.client.get(url).header("accept", "application/json");
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        if response.status().as_u16() != 200 {
            return Err(FetchError::Status { url: url.to_owned(), status: response.status().as_u16() });
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if document.len() + chunk.len() > LARGEST_DOCUMENT {
                return Err(FetchError::TooLarge { url: url.to_owned() });
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

/// The innermost cause: `Connection refused` rather than `error sending request`.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", TIME_LIMIT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use josekit::jwk::Jwk;
    use josekit::jwk::alg::ec::EcCurve;

    fn public(jwk: &Jwk) -> PublicJwk {
        serde_json::from_value(serde_json::to_value(jwk.as_ref()).unwrap()).unwrap()
    }

    const ALL: &[Algorithm] = &[Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256, Algorithm::EdDsa];

    #[test]
    fn takes_only_sound_keys_for_signatures() {
        let p256 = public(&Jwk::generate_ec_key(EcCurve::P256).unwrap());
        assert_eq!(VerifyingKey::parse(&p256, ALL).unwrap().algorithm(), Algorithm::Es256);
        assert!(VerifyingKey::parse(&p256, &[Algorithm::Rs256]).is_none());
        assert!(VerifyingKey::parse(&PublicJwk { key_use: Some("enc".into()), ..p256.clone() }, ALL).is_none());
        assert!(VerifyingKey::parse(&PublicJwk { alg: Some("ES384".into()), ..p256.clone() }, ALL).is_none());
        let KeyParameters::Ec { crv, x, .. } = p256.key.clone() else { panic!("no EC key") };
        let off_curve = PublicJwk { key: KeyParameters::Ec { crv, y: x.clone(), x }, ..p256 };
        assert!(VerifyingKey::parse(&off_curve, ALL).is_none());
        let small = public(&Jwk::generate_rsa_key(1024).unwrap());
        assert!(VerifyingKey::parse(&small, ALL).is_none());
        let ed = public(&Jwk::generate_ed_key(josekit::jwk::alg::ed::EdCurve::Ed25519).unwrap());
        assert_eq!(VerifyingKey::parse(&ed, ALL).unwrap().algorithm(), Algorithm::EdDsa);
    }

    #[test]
    fn a_key_that_stays_is_not_parsed_again() {
        let named =
            |kid: &str| PublicJwk { kid: Some(kid.into()), ..public(&Jwk::generate_ec_key(EcCurve::P256).unwrap()) };
        let (a, b) = (named("a"), named("b"));
        let first = KeySet::replace(None, &JwkSet { keys: vec![a.clone()] }, ALL);
        let second = KeySet::replace(Some(&first), &JwkSet { keys: vec![b, a] }, ALL);
        assert!(Arc::ptr_eq(&first.all[0], &second.all[1]));
        assert!(first.find(None, "ES256").is_some());
        assert!(second.find(None, "ES256").is_none(), "two candidates");
        assert!(second.find(Some("c"), "ES256").is_none());
    }
}
