//! Client authentication: RFC 6749, section 2.3, OAuth 2.1, section 2.4, RFC 7523.

mod assertion;

pub use assertion::AssertionError;

use crate::crypto::hash::{constant_time_eq, token_hash};
use crate::domain::Client;
use crate::service::Services;
use crate::service::client_documents::DocumentError;
use crate::service::clients::{self, FindClientError};
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::store::StoreError;
use authgent_core::metadata::client::TokenEndpointAuthMethod;
use authgent_core::token::client_assertion::{CLIENT_ASSERTION_TYPE, ClientAssertion};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Why a client is not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthenticationError {
    /// Neither `client_id` nor an `Authorization` header.
    #[error("client_id is missing: send it in the body, or authenticate with HTTP Basic")]
    Missing,
    /// Two methods at once (RFC 6749, section 2.3), or two different identifiers.
    #[error("the client authenticated in more than one way")]
    Ambiguous,
    /// The header is no `Basic` header.
    #[error("the Authorization header is malformed: expected Basic with form-encoded client_id and client_secret")]
    MalformedBasic,
    /// Nobody registered it, or it was deleted. Clients take this code as the sign to register again.
    #[error("the client is unknown: register it again")]
    Unknown {
        /// Whether it used HTTP Basic, so that the answer is a challenge.
        basic: bool,
    },
    /// Its metadata document cannot be used.
    #[error("{}", error.for_strangers())]
    Document {
        /// Why.
        error: DocumentError,
        /// Whether it used HTTP Basic.
        basic: bool,
    },
    /// The operator disabled it.
    #[error("the client was disabled by the operator")]
    Disabled {
        /// Whether it used HTTP Basic.
        basic: bool,
    },
    /// It has a secret and sent none.
    #[error("this client has a secret and must send it")]
    SecretMissing {
        /// Whether it used HTTP Basic.
        basic: bool,
    },
    /// The secret is wrong, or one was sent for a client that has none.
    #[error("the client_secret is wrong")]
    WrongSecret {
        /// Whether it used HTTP Basic.
        basic: bool,
    },
    /// `client_assertion` without the type that is known, or the type without an assertion.
    #[error("{0}")]
    AssertionType(&'static str),
    /// It is registered for `private_key_jwt` and sent no assertion.
    #[error("this client is registered for private_key_jwt and must send client_assertion")]
    AssertionMissing {
        /// Whether it used HTTP Basic.
        basic: bool,
    },
    /// Its assertion is not believed.
    #[error("client_assertion: {0}")]
    Assertion(#[from] AssertionError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ClientAuthenticationError {
    /// The cause, for the log. Nothing of a secret or an assertion is in it.
    #[must_use]
    pub fn for_log(&self) -> String {
        match self {
            Self::Assertion(error) => format!("client_assertion: {}", error.for_log()),
            other => other.to_string(),
        }
    }
}

/// Who asks, at the token, revocation or introspection endpoint.
#[derive(Debug)]
pub struct Caller {
    /// The client.
    pub client: Arc<Client>,
    /// Whether it proved to be that client, with a secret or a key. A public client cannot, and one whose document lists
    /// `none` beside `private_key_jwt` need not.
    pub proved: bool,
}

struct Credentials<'a> {
    client_id: String,
    secret: Option<String>,
    assertion: Option<ClientAssertion<'a>>,
    basic: bool,
}

/// The client behind a request to the token, revocation or introspection endpoint.
///
/// A confidential client may send its secret in the header or in the body, whichever it registered: the secret is checked
/// in either place, and the SDKs pick one from the server's metadata rather than from their own registration.
///
/// # Errors
/// [`ClientAuthenticationError`].
pub async fn authenticate(
    services: &Services,
    view: View,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Caller, ClientAuthenticationError> {
    let Credentials { client_id, secret, assertion, basic } = credentials(authorization, parameters)?;
    let client = match clients::find_in(services, view, &client_id).await {
        Ok(client) => client.ok_or(ClientAuthenticationError::Unknown { basic })?,
        Err(FindClientError::Document(error)) => return Err(ClientAuthenticationError::Document { error, basic }),
        Err(FindClientError::Store(error)) => return Err(error.into()),
    };
    if let Some(assertion) = assertion {
        if !client.enabled {
            return Err(ClientAuthenticationError::Disabled { basic });
        }
        assertion::check(services, &client, &assertion).await?;
        return Ok(Caller { client, proved: true });
    }
    let only_with_key = client.metadata.may_authenticate_with(TokenEndpointAuthMethod::PrivateKeyJwt)
        && !client.metadata.may_authenticate_with(TokenEndpointAuthMethod::None);
    if only_with_key {
        return Err(ClientAuthenticationError::AssertionMissing { basic });
    }
    match (&client.secret_hash, &secret) {
        (None, None) => {}
        (Some(_), None) => return Err(ClientAuthenticationError::SecretMissing { basic }),
        (Some(stored), Some(secret)) if constant_time_eq(&stored.0, &token_hash(secret).0) => {}
        (_, Some(_)) => return Err(ClientAuthenticationError::WrongSecret { basic }),
    }
    let proved = secret.is_some();
    if client.enabled { Ok(Caller { client, proved }) } else { Err(ClientAuthenticationError::Disabled { basic }) }
}

fn credentials<'a>(
    authorization: Option<&str>,
    parameters: &'a Parameters,
) -> Result<Credentials<'a>, ClientAuthenticationError> {
    match (parameters.get("client_assertion"), parameters.get("client_assertion_type")) {
        (None, None) => with_secret(authorization, parameters),
        (Some(_), _) if authorization.is_some() || parameters.get("client_secret").is_some() => {
            Err(ClientAuthenticationError::Ambiguous)
        }
        (Some(assertion), Some(CLIENT_ASSERTION_TYPE)) => with_assertion(assertion, parameters.get("client_id")),
        (Some(_), _) => Err(ClientAuthenticationError::AssertionType(
            "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )),
        (None, Some(_)) => Err(ClientAuthenticationError::AssertionType(
            "client_assertion is missing, although client_assertion_type is there",
        )),
    }
}

/// The identifier in the body may be left out, and must be the same where it is there (RFC 7521, section 4.2).
fn with_assertion<'a>(assertion: &'a str, body_id: Option<&str>) -> Result<Credentials<'a>, ClientAuthenticationError> {
    let assertion = ClientAssertion::peek(assertion).map_err(AssertionError::from)?;
    let client_id = assertion.client_id().to_owned();
    if body_id.is_some_and(|body_id| body_id != client_id) {
        return Err(AssertionError::OtherClient.into());
    }
    Ok(Credentials { client_id, secret: None, assertion: Some(assertion), basic: false })
}

fn with_secret<'a>(
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Credentials<'a>, ClientAuthenticationError> {
    let body_id = parameters.get("client_id");
    let body_secret = parameters.get("client_secret");
    let Some(authorization) = authorization else {
        let client_id = body_id.ok_or(ClientAuthenticationError::Missing)?.to_owned();
        let secret = body_secret.map(str::to_owned);
        return Ok(Credentials { client_id, secret, assertion: None, basic: false });
    };
    let (client_id, secret) = basic(authorization).ok_or(ClientAuthenticationError::MalformedBasic)?;
    if body_secret.is_some() || body_id.is_some_and(|body_id| body_id != client_id) {
        return Err(ClientAuthenticationError::Ambiguous);
    }
    // A public client that authenticates with an empty password has sent no secret.
    let secret = Some(secret).filter(|secret| !secret.is_empty());
    Ok(Credentials { client_id, secret, assertion: None, basic: true })
}

/// Identifier and secret, each form-encoded, with a colon between, in Base64 (RFC 6749, section 2.3.1).
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    let client_id = form_decoded(client_id)?;
    (!client_id.is_empty()).then_some((client_id, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let pair = format!("v={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn basic_is_form_decoded() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(basic(&header("client%3Aone:a%2Bb+c%25")), pair("client:one", "a+b c%"));
        assert_eq!(basic(&header("c:a:b=c&d")), pair("c", "a:b=c&d"));
        assert_eq!(basic(&header("c:").replace("Basic", "bAsIc")), pair("c", ""));
        for bad in ["", "Basic", "Basic !", "Bearer YTpi", &header("nocolon"), &header(":secret")] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }

    #[test]
    fn two_methods_at_once_are_refused() {
        let parameters = |body: &str| Parameters::parse(body.as_bytes());
        let sent = parameters("client_id=c&client_secret=s");
        let result = credentials(Some(&header("c:s")), &sent);
        assert!(matches!(result, Err(ClientAuthenticationError::Ambiguous)));
        let sent = parameters("client_id=other");
        let result = credentials(Some(&header("c:s")), &sent);
        assert!(matches!(result, Err(ClientAuthenticationError::Ambiguous)));
        assert!(credentials(Some(&header("c:s")), &parameters("client_id=c")).is_ok());
        assert!(matches!(credentials(None, &parameters("")), Err(ClientAuthenticationError::Missing)));
        let assertion = format!("client_id=c&client_assertion_type={CLIENT_ASSERTION_TYPE}&client_assertion=a.b.c");
        let (alone, with_secret) = (parameters(&assertion), parameters(&format!("{assertion}&client_secret=s")));
        for result in [credentials(Some(&header("c:s")), &alone), credentials(None, &with_secret)] {
            assert!(matches!(result, Err(ClientAuthenticationError::Ambiguous)));
        }
    }

    #[test]
    fn an_assertion_needs_its_type_and_the_type_an_assertion() {
        for body in
            ["client_assertion=a.b.c", "client_assertion=a.b.c&client_assertion_type=other", "client_assertion_type=x"]
        {
            let parameters = Parameters::parse(format!("client_id=c&{body}").as_bytes());
            assert!(
                matches!(credentials(None, &parameters), Err(ClientAuthenticationError::AssertionType(_))),
                "{body}"
            );
        }
    }
}
