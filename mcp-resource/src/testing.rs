//! An issuer for the tests of a protected server: a key, a loopback HTTP server with metadata and JWKS, and any token,
//! good or broken.

use crate::clock::SystemClock;
use authgent_core::jwk::{JwkSet, PublicJwk};
use authgent_core::time::Clock;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, HS256, JwsSigner};
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Why a test issuer could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum TestIssuerError {
    /// No port could be had.
    #[error("the test issuer cannot listen")]
    Listen(#[from] io::Error),
    /// A key could not be made or used.
    #[error("the test issuer cannot make or use a key")]
    Key(#[from] josekit::JoseError),
    /// A key is not what it should be.
    #[error("the test issuer cannot read its key")]
    Jwk(#[from] serde_json::Error),
}

/// A private key with its public half.
#[derive(Clone)]
pub struct TestKey {
    private: Jwk,
    public: PublicJwk,
}

impl TestKey {
    /// A new ES256 key; its name is its thumbprint.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn generate() -> Result<Self, TestIssuerError> {
        let private = Jwk::generate_ec_key(EcCurve::P256)?;
        let mut public: PublicJwk = serde_json::from_value(serde_json::to_value(private.as_ref())?)?;
        public.alg = Some("ES256".into());
        public.key_use = Some("sig".into());
        public.kid = Some(public.thumbprint());
        Ok(Self { private, public })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// The name of the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.public.kid.as_deref().unwrap_or_default()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TestIssuerError> {
        Ok(ES256.signer_from_jwk(&self.private)?.sign(message)?)
    }
}

impl std::fmt::Debug for TestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestKey").field(&self.kid()).finish()
    }
}

struct Shared {
    issuer: String,
    key: Mutex<TestKey>,
    jwks: Mutex<Value>,
    metadata: Mutex<Value>,
    online: AtomicBool,
    delay: AtomicU64,
    jwks_requests: AtomicU64,
    metadata_requests: AtomicU64,
}

/// An issuer on a loopback port. It stops when it is dropped.
pub struct TestIssuer {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl TestIssuer {
    /// Starts an issuer on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`TestIssuerError`] where no port or key can be had.
    pub async fn start() -> Result<Self, TestIssuerError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        Self::serve(listener, issuer)
    }

    /// Starts an issuer whose public name is another than its address, as behind a proxy: for `internal_url`.
    /// Returns the address as well.
    ///
    /// # Errors
    /// As [`TestIssuer::start`].
    pub async fn start_as(issuer: &str) -> Result<(Self, String), TestIssuerError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        Ok((Self::serve(listener, issuer.to_owned())?, address))
    }

    fn serve(listener: TcpListener, issuer: String) -> Result<Self, TestIssuerError> {
        let key = TestKey::generate()?;
        let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json") });
        let shared = Arc::new(Shared {
            jwks: Mutex::new(serde_json::to_value(JwkSet { keys: vec![key.public.clone()] })?),
            issuer,
            key: Mutex::new(key),
            metadata: Mutex::new(metadata),
            online: AtomicBool::new(true),
            delay: AtomicU64::new(0),
            jwks_requests: AtomicU64::new(0),
            metadata_requests: AtomicU64::new(0),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, server })
    }

    /// The issuer, for the configuration and `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.issuer
    }

    /// The key that signs at present.
    #[must_use]
    pub fn key(&self) -> TestKey {
        lock(&self.shared.key).clone()
    }

    /// Claims of a good token for `resource`: good from now on for 300 seconds.
    #[must_use]
    pub fn claims(&self, resource: &str, scope: &str) -> Value {
        let now = SystemClock.now();
        json!({
            "iss": self.url(), "sub": "5f0c1a52-2f0e-4d0e-9a55-0b6a5d3c1b2a", "aud": resource,
            "exp": now.plus(300), "iat": now, "jti": "test", "client_id": "test-client", "scope": scope,
            "email": "person@example.com", "name": "A Person",
        })
    }

    /// A good token for `resource`.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn token(&self, resource: &str, scope: &str) -> Result<String, TestIssuerError> {
        self.sign(&self.claims(resource, scope))
    }

    /// A token with these claims, whatever they are, and a good header.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn sign(&self, claims: &Value) -> Result<String, TestIssuerError> {
        self.sign_with_header(&self.header(), claims)
    }

    /// The header of a good token.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": self.key().kid() })
    }

    /// A token with this header and these claims, whatever they are, signed with the issuer's key under ES256.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> Result<String, TestIssuerError> {
        sign_text(&self.key(), &header.to_string(), &claims.to_string())
    }

    /// A token with these very bytes as header and claims, for JSON that no JSON writer writes.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn sign_text(&self, header: &str, claims: &str) -> Result<String, TestIssuerError> {
        sign_text(&self.key(), header, claims)
    }

    /// A token with a good header that another key signed.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn sign_with_other_key(&self, claims: &Value) -> Result<String, TestIssuerError> {
        sign_text(&TestKey::generate()?, &self.header().to_string(), &claims.to_string())
    }

    /// A token without a signature under `alg: none`.
    #[must_use]
    pub fn unsigned(&self, claims: &Value) -> String {
        let header = json!({ "typ": "at+jwt", "alg": "none", "kid": self.key().kid() });
        format!("{}.", unsigned(&header.to_string(), &claims.to_string()))
    }

    /// A token under `alg: HS256` whose secret is the issuer's public key in PEM: what a verifier accepts that lets the
    /// token choose the algorithm.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn signed_with_public_key(&self, claims: &Value) -> Result<String, TestIssuerError> {
        let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": self.key().kid() });
        let message = unsigned(&header.to_string(), &claims.to_string());
        let secret = josekit::jwk::alg::ec::EcKeyPair::from_jwk(&self.key().private)?.to_pem_public_key();
        let signature = HS256.signer_from_bytes(secret)?.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Replaces the key, and the JWKS by the new key alone. Returns the old key.
    ///
    /// # Errors
    /// [`TestIssuerError::Key`] where OpenSSL fails.
    pub fn rotate(&self) -> Result<TestKey, TestIssuerError> {
        let next = TestKey::generate()?;
        self.set_jwks(serde_json::to_value(JwkSet { keys: vec![next.public.clone()] })?);
        Ok(std::mem::replace(&mut *lock(&self.shared.key), next))
    }

    /// Replaces the JWKS document by any JSON.
    pub fn set_jwks(&self, jwks: Value) {
        *lock(&self.shared.jwks) = jwks;
    }

    /// Replaces the metadata document by any JSON.
    pub fn set_metadata(&self, metadata: Value) {
        *lock(&self.shared.metadata) = metadata;
    }

    /// Whether requests are answered; otherwise connections are closed at once.
    pub fn set_online(&self, online: bool) {
        self.shared.online.store(online, Ordering::SeqCst);
    }

    /// How long each answer waits.
    pub fn set_delay(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// How often the JWKS was asked for.
    #[must_use]
    pub fn jwks_requests(&self) -> u64 {
        self.shared.jwks_requests.load(Ordering::SeqCst)
    }

    /// How often metadata was asked for.
    #[must_use]
    pub fn metadata_requests(&self) -> u64 {
        self.shared.metadata_requests.load(Ordering::SeqCst)
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestIssuer").field(&self.url()).finish()
    }
}

fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn sign_text(key: &TestKey, header: &str, claims: &str) -> Result<String, TestIssuerError> {
    let message = unsigned(header, claims);
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that went away is no failure of the issuer.
            let _ = answer(stream, &shared).await;
        });
    }
}

/// One request per connection: all that fetching keys needs.
async fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 || request.len() > 16 * 1024 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let document = if path.ends_with("jwks.json") {
        shared.jwks_requests.fetch_add(1, Ordering::SeqCst);
        Some(lock(&shared.jwks).clone())
    } else if path.starts_with("/.well-known/oauth-authorization-server") {
        shared.metadata_requests.fetch_add(1, Ordering::SeqCst);
        Some(lock(&shared.metadata).clone())
    } else {
        None
    };
    tokio::time::sleep(Duration::from_millis(shared.delay.load(Ordering::SeqCst))).await;
    if !shared.online.load(Ordering::SeqCst) {
        return Ok(());
    }
    let status = if document.is_some() { "200 OK" } else { "404 Not Found" };
    let body = document.map(|document| document.to_string()).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
