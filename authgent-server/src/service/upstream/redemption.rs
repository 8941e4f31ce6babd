//! Redeeming a code at a provider's token endpoint: RFC 6749, section 4.1.3; RFC 7636, section 4.5.

use super::UpstreamError;
use super::metadata::ProviderMetadata;
use crate::crypto::random::uuid_v4;
use crate::domain::{IdentityProvider, UpstreamAuthentication};
use crate::service::Services;
use authgent_core::error::printable;
use authgent_core::token::client_assertion::CLIENT_ASSERTION_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 512 * 1024;
/// Life of an assertion, in seconds.
const ASSERTION_TTL: i64 = 60;
const WHAT: &str = "token response";

/// What came back with a sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The code.
    pub code: &'a str,
    /// The verifier of the request's `code_challenge`.
    pub code_verifier: &'a str,
    /// The request's nonce.
    pub nonce: &'a str,
    /// How long ago the person may have proved who they are, in seconds, where the request asked.
    pub max_age: Option<i64>,
}

/// What a code is worth.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: Option<SecretString>,
    pub(super) access_token: Option<SecretString>,
    /// GitHub answers its errors with 200.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Redeems a code.
pub(super) async fn redeem(
    services: &Services,
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
    answer: &Answer<'_>,
) -> Result<Tokens, UpstreamError> {
    let redirect_uri = super::redirect_uri(services);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", answer.code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", answer.code_verifier),
    ];
    let assertion;
    let mut basic = None;
    match &provider.authentication {
        UpstreamAuthentication::SecretBasic(secret) => basic = Some((provider.client_id.as_str(), secret)),
        UpstreamAuthentication::SecretPost(secret) => {
            form.extend([("client_id", provider.client_id.as_str()), ("client_secret", secret.expose_secret())]);
        }
        UpstreamAuthentication::PrivateKeyJwt => {
            assertion = sign_assertion(services, provider, metadata)?;
            form.extend([
                ("client_id", provider.client_id.as_str()),
                ("client_assertion_type", CLIENT_ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
            ]);
        }
        UpstreamAuthentication::None => form.push(("client_id", &provider.client_id)),
    }
    let answer = services.upstream.client.post_form(&metadata.token_endpoint, basic, &form, LARGEST).await;
    let answer = answer.map_err(UpstreamError::fetch(WHAT))?;
    if answer.status != 200 {
        // An error of OAuth names itself. A failing server is an outage whatever it says.
        let refusal = serde_json::from_slice::<Refusal>(&answer.body).ok().filter(|_| answer.status < 500);
        return Err(match refusal {
            Some(refusal) => {
                // The usual reason, which the provider cannot know.
                let none = matches!(provider.authentication, UpstreamAuthentication::None);
                let hint = if none { " (no client_secret is set, so none was sent)" } else { "" };
                UpstreamError::Refused(format!("{}{hint}", printable(&refusal.error)))
            }
            None => UpstreamError::fetch(WHAT)(crate::net::FetchError::Status(answer.status)),
        });
    }
    let tokens: Tokens = serde_json::from_slice(&answer.body)
        .map_err(|_| UpstreamError::unusable(WHAT, "is no JSON object of tokens"))?;
    match tokens.error {
        Some(error) => Err(UpstreamError::Refused(printable(&error))),
        None => Ok(tokens),
    }
}

/// Says who this server is, for this provider and this minute (RFC 7523, section 2.2; OpenID Connect Core, section 9).
fn sign_assertion(
    services: &Services,
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
) -> Result<String, UpstreamError> {
    let now = services.now();
    let claims = json!({
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": metadata.token_endpoint.as_str(),
        "jti": uuid_v4(&*services.random).to_string(),
        "iat": now.0,
        "exp": now.plus(ASSERTION_TTL).0,
    });
    services.keyring().sign("JWT", &claims).map_err(|error| {
        tracing::error!(%error, "no assertion could be signed");
        UpstreamError::Assertion
    })
}
