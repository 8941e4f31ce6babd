//! Asking a server as a client would, and keeping whatever it answers: for `authgent doctor`.
//!
//! Unlike [`super::Fetcher`], which asks for strangers, this asks what the person at the command line named: any address, any
//! scheme, and no answer is too broken to be kept.

use reqwest::{Certificate, Client, Method, Response};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use url::Url;

/// The largest body that is kept, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// How long an answer may take: as long as claude.ai waits for discovery, registration and tokens.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request to be made. It has no `Debug`: it may carry a token.
#[derive(Clone)]
pub struct Ask {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    /// A `GET` that accepts JSON.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url.into(), None).header("accept", "application/json")
    }

    /// A `POST` of JSON.
    #[must_use]
    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::new("POST", url.into(), Some(body.to_string().into_bytes())).header("content-type", "application/json")
    }

    /// A `POST` of a form that accepts JSON.
    #[must_use]
    pub fn post_form(url: impl Into<String>, form: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Self::new("POST", url.into(), Some(body.into_bytes()))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
    }

    /// What a browser sends before a script's `method` request with these headers (Fetch standard, CORS-preflight fetch).
    #[must_use]
    pub fn preflight(url: impl Into<String>, origin: &str, method: &str, headers: &[&str]) -> Self {
        Self::new("OPTIONS", url.into(), None)
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers.join(","))
    }

    /// A `DELETE`.
    #[must_use]
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url.into(), None)
    }

    fn new(method: &'static str, url: String, body: Option<Vec<u8>>) -> Self {
        Self { method, url, headers: Vec::new(), body }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a bearer token (RFC 6750, section 2.1).
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The URL that is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// What a server answered. It has no `Debug`: it may carry a token.
#[derive(Clone)]
pub struct Reply {
    /// The URL that was asked.
    pub url: String,
    /// The status.
    pub status: u16,
    /// The headers in order, names in lower case. What is not UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    /// The first megabyte of the body.
    pub body: Vec<u8>,
    /// From the request to the end of the body.
    pub elapsed: Duration,
}

impl Reply {
    /// The first header of that name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header that may stand more than once.
    pub fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, or the first message of an event stream.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok().or_else(|| {
            let text = std::str::from_utf8(&self.body).ok().filter(|_| self.is_event_stream())?;
            text.lines().filter_map(|line| line.strip_prefix("data:")).find_map(|data| serde_json::from_str(data).ok())
        })
    }

    /// Whether it redirects.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 300..=399)
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    fn is_event_stream(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It cannot be asked.
    #[error("{0:?} is not an http or https URL")]
    Url(String),
    /// TLS failed: the certificate, most of the time.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The name has no address, or nobody answers there.
    #[error("no connection: {0}")]
    Connect(String),
    /// It took too long.
    #[error("no complete answer within {0} seconds")]
    Timeout(u64),
    /// What came is not HTTP, or broke off.
    #[error("no HTTP answer: {0}")]
    Http(String),
}

/// An answer, or why there is none.
pub type Answered = Result<Reply, ProbeError>;

/// Why there is no probe.
#[derive(Debug, thiserror::Error)]
pub enum ProbeSetupError {
    /// The certification authority cannot be read.
    #[error("no certificate in it; expected PEM, which begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Asks, without following redirects, through no proxy, for ten seconds at most.
#[derive(Clone)]
pub struct Probe {
    client: Client,
    patience: Duration,
}

impl Probe {
    /// A probe that trusts the system's certification authorities, and those of `ca_pem`.
    ///
    /// # Errors
    /// Where the PEM holds no certificate, or TLS cannot be set up.
    pub fn new(ca_pem: Option<&[u8]>) -> Result<Self, ProbeSetupError> {
        Self::with_patience(ca_pem, PATIENCE)
    }

    /// The same, which waits longer or shorter.
    ///
    /// # Errors
    /// As [`Probe::new`].
    pub fn with_patience(ca_pem: Option<&[u8]>, patience: Duration) -> Result<Self, ProbeSetupError> {
        let authorities = match ca_pem {
            Some(pem) => Certificate::from_pem_bundle(pem).map_err(|_| ProbeSetupError::NoCertificate)?,
            None => Vec::new(),
        };
        if ca_pem.is_some() && authorities.is_empty() {
            return Err(ProbeSetupError::NoCertificate);
        }
        let client = super::client(concat!("authgent-doctor/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience)
            .tls_certs_merge(authorities)
            .build()
            .map_err(|error| ProbeSetupError::Client(innermost(&error)))?;
        Ok(Self { client, patience })
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`ProbeError`] where no answer comes. An answer with any status is no error.
    pub async fn ask(&self, ask: &Ask) -> Answered {
        let url = Url::parse(&ask.url).map_err(|_| ProbeError::Url(ask.url.clone()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProbeError::Url(ask.url.clone()));
        }
        timeout(self.patience, self.exchange(url, ask))
            .await
            .unwrap_or(Err(ProbeError::Timeout(self.patience.as_secs())))
    }

    async fn exchange(&self, url: Url, ask: &Ask) -> Answered {
        let started = Instant::now();
        let https = url.scheme() == "https";
        let method = Method::from_bytes(ask.method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(method, url);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.map_err(|error| self.failure(https, &error))?;
        let mut reply = Reply {
            url: ask.url.clone(),
            status: response.status().as_u16(),
            headers: headers(&response),
            body: Vec::new(),
            elapsed: Duration::ZERO,
        };
        self.read(response, &mut reply, https).await?;
        reply.elapsed = started.elapsed();
        Ok(reply)
    }

    async fn read(&self, mut response: Response, reply: &mut Reply, https: bool) -> Result<(), ProbeError> {
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(https, &error))? {
            let room = LARGEST_BODY - reply.body.len();
            reply.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            // An event stream may stay open for ever; its first message is the answer.
            let answered = reply.is_event_stream() && reply.json().is_some();
            if answered || reply.body.len() >= LARGEST_BODY {
                break;
            }
        }
        Ok(())
    }

    fn failure(&self, https: bool, error: &reqwest::Error) -> ProbeError {
        if error.is_timeout() {
            return ProbeError::Timeout(self.patience.as_secs());
        }
        let tls = chain(error).map(ToString::to_string).find(|text| https && is_about_tls(text));
        match tls {
            Some(text) => ProbeError::Tls(verdict(&text)),
            None if error.is_connect() => ProbeError::Connect(innermost(error)),
            None if error.is_builder() => ProbeError::Url(innermost(error)),
            None => ProbeError::Http(innermost(error)),
        }
    }
}

fn headers(response: &Response) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

fn is_about_tls(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["certificate", "ssl routines", "handshake"].iter().any(|word| text.contains(word))
}

/// What OpenSSL says of a certificate, which stands in brackets behind the places in its source; otherwise all of it.
fn verdict(text: &str) -> String {
    match text.rsplit_once(" (").and_then(|(_, verdict)| verdict.strip_suffix(')')) {
        Some(verdict) if text.contains("certificate verify failed") => format!("certificate verify failed: {verdict}"),
        _ => text.to_owned(),
    }
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost error: the outer ones say only that a request failed, and repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_on_a_certificate() {
        let text = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:\
            ../ssl/statem/statem_clnt.c:1889: (self-signed certificate)";
        assert_eq!(verdict(text), "certificate verify failed: self-signed certificate");
        assert_eq!(
            verdict("error:0A0000C6:SSL routines::packet length too long"),
            "error:0A0000C6:SSL routines::packet length too long"
        );
        assert!(is_about_tls(text) && !is_about_tls("Connection refused (os error 111)"));
    }

    #[test]
    fn the_first_message_of_an_event_stream_is_its_json() {
        let reply = |content_type: &str, body: &str| Reply {
            url: String::new(),
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
            elapsed: Duration::ZERO,
        };
        let stream = "event: message\nid: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\"}\n\n";
        assert_eq!(reply("text/event-stream", stream).json(), Some(serde_json::json!({"jsonrpc": "2.0"})));
        assert_eq!(reply("text/html", stream).json(), None);
        assert_eq!(reply("application/json", "{").json(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_asked() {
        let probe = Probe::new(None).unwrap();
        for url in ["mcp", "ftp://example.com/", "file:///etc/passwd"] {
            assert_eq!(probe.ask(&Ask::get(url)).await.err(), Some(ProbeError::Url(url.to_owned())));
        }
        assert!(matches!(Probe::new(Some(b"no PEM")).err(), Some(ProbeSetupError::NoCertificate)));
    }
}
