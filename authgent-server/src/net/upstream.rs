//! Requests to the OpenID providers that the operator named.
//!
//! Their addresses may be private: the operator chose them. Everything else is as for strangers: nothing is followed, little
//! is read, and soon.

use super::fetcher::{FetchError, Fetched, cause, chain, check_answer};
use super::freshness::max_age;
use super::on_first_use::OnFirstUse;
use crate::domain::patterns::is_protected;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{ClientBuilder, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// From the look-up of the name to the last byte of the body: a person waits.
const TOTAL: Duration = Duration::from_secs(10);
/// For the look-up, the connection and TLS.
const CONNECT: Duration = Duration::from_secs(3);

/// What a provider answered to a form.
pub struct FormAnswer {
    /// The status.
    pub status: u16,
    /// The body, whatever it is.
    pub body: Vec<u8>,
}

/// Asks providers.
pub struct UpstreamClient(OnFirstUse);

impl Default for UpstreamClient {
    fn default() -> Self {
        Self(OnFirstUse::new(client))
    }
}

impl UpstreamClient {
    /// Fetches JSON; at most `most` bytes of it are read. With `bearer`, in the name of whoever that token is for.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get_json(&self, url: &Url, bearer: Option<&SecretString>, most: usize) -> Result<Fetched, FetchError> {
        check_url(url)?;
        let mut request = self.0.get().await?.get(url.clone());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        in_time(async {
            let response = send(request, url).await?;
            check_answer(&response)?;
            let max_age = max_age(response.headers());
            Ok(Fetched { body: read(response, url, most).await?, max_age })
        })
        .await
    }

    /// Posts a form. With `basic`, as the client of that name and secret (RFC 6749, section 2.3.1).
    ///
    /// # Errors
    /// [`FetchError`]; an answer other than 200 is none.
    pub async fn post_form(
        &self,
        url: &Url,
        basic: Option<(&str, &SecretString)>,
        form: &[(&str, &str)],
        most: usize,
    ) -> Result<FormAnswer, FetchError> {
        check_url(url)?;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        form.iter().for_each(|(name, value)| {
            body.append_pair(name, value);
        });
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = self.0.get().await?.post(url.clone()).header(CONTENT_TYPE, content_type).body(body.finish());
        if let Some((name, secret)) = basic {
            // Both are encoded as in a form before they are joined, so that a colon in the name is none between the two.
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encode(name), Some(encode(secret.expose_secret())));
        }
        in_time(async {
            let response = send(request, url).await?;
            let status = response.status().as_u16();
            Ok(FormAnswer { status, body: read(response, url, most).await? })
        })
        .await
    }
}

fn client() -> ClientBuilder {
    let headers = [(ACCEPT, "application/json"), (ACCEPT_ENCODING, "identity")];
    super::client(concat!("authgent/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect())
        .connect_timeout(CONNECT)
        .http1_only()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
}

/// Over TLS, or to this machine. What a provider's metadata name is checked as what the operator named.
fn check_url(url: &Url) -> Result<(), FetchError> {
    if is_protected(url) { Ok(()) } else { Err(FetchError::ForbiddenUrl("expected an https URL")) }
}

async fn in_time<T>(exchange: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
    timeout(TOTAL, exchange).await.unwrap_or(Err(FetchError::Timeout(TOTAL.as_secs())))
}

async fn send(request: RequestBuilder, url: &Url) -> Result<Response, FetchError> {
    request.send().await.map_err(|error| failure(url, &error))
}

async fn read(mut response: Response, url: &Url, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(url, &error))? {
        if chunk.len() > most - body.len() {
            return Err(FetchError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error without the URL's query, and without what was sent.
fn failure(url: &Url, error: &reqwest::Error) -> FetchError {
    if chain(error).any(|error| error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)) {
        return FetchError::Timeout(CONNECT.as_secs());
    }
    FetchError::Connect(format!("no answer from {}: {}", url.host_str().unwrap_or_default(), cause(error)))
}
