//! What a provider says of itself: OpenID Connect Discovery 1.0.

use super::UpstreamError;
use crate::domain::patterns::is_protected;
use crate::domain::{IdentityProvider, ProviderKind};
use crate::service::Services;
use authgent_core::token::provider_token::TENANT;
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

/// The largest document that is read, in bytes.
const LARGEST: usize = 256 * 1024;
const WHAT: &str = "metadata";

/// Where a provider is asked what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Its `iss`, letter by letter; holds [`TENANT`] for one of many tenants.
    pub issuer: String,
    /// Where people go.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Where its keys are; `None` where it signs nothing.
    pub jwks_uri: Option<Url>,
    /// Where more is said of people.
    pub userinfo_endpoint: Option<Url>,
    /// The values of `prompt` that it says it knows (Initiating User Registration 1.0, section 4.1); `None` where it says nothing.
    pub prompts: Option<Vec<String>>,
    /// Whether every answer names the issuer (RFC 9207, section 3).
    pub iss_parameter: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    prompt_values_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The metadata of a provider, from memory while they are fresh.
///
/// # Errors
/// [`UpstreamError`].
pub async fn of(services: &Services, provider: &IdentityProvider) -> Result<Arc<ProviderMetadata>, UpstreamError> {
    if provider.kind == ProviderKind::GitHub {
        return super::github::metadata(provider).map(Arc::new);
    }
    let url = format!("{}/.well-known/openid-configuration", provider.issuer_text.trim_end_matches('/'));
    let fetch = async {
        let url = Url::parse(&url).map_err(|error| UpstreamError::unusable(WHAT, error.to_string()))?;
        let fetched = services.upstream.client.get_json(&url, None, LARGEST).await;
        let fetched = fetched.map_err(UpstreamError::fetch(WHAT))?;
        Ok((parse(provider, &fetched.body)?, fetched.max_age))
    };
    services.upstream.metadata.get(&url, services.now(), false, fetch, UpstreamError::is_outage).await
}

pub(super) fn parse(provider: &IdentityProvider, body: &[u8]) -> Result<ProviderMetadata, UpstreamError> {
    let wrong = |problem: String| UpstreamError::unusable(WHAT, problem);
    let document: Document = serde_json::from_slice(body).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if !is_issuer(provider, &document.issuer) {
        return Err(wrong(format!(
            "name the issuer {}, but AUTHGENT_IDP_ISSUER is {}",
            authgent_core::error::printable(&document.issuer),
            provider.issuer_text
        )));
    }
    let endpoint = |name: &str, text: &str| {
        let url = Url::parse(text).ok().filter(is_protected);
        url.ok_or_else(|| wrong(format!("have no https URL in {name}")))
    };
    Ok(ProviderMetadata {
        authorization_endpoint: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
        token_endpoint: endpoint("token_endpoint", &document.token_endpoint)?,
        jwks_uri: Some(endpoint("jwks_uri", &document.jwks_uri)?),
        userinfo_endpoint: document.userinfo_endpoint.map(|url| endpoint("userinfo_endpoint", &url)).transpose()?,
        prompts: document.prompt_values_supported,
        iss_parameter: document.authorization_response_iss_parameter_supported,
        issuer: document.issuer,
    })
}

/// Letter by letter (OpenID Connect Discovery, section 4.3). Microsoft's issuer for many tenants has a placeholder in it, which
/// the token's own tenant fills; host and scheme are then what the operator named.
fn is_issuer(provider: &IdentityProvider, issuer: &str) -> bool {
    if issuer == provider.issuer_text {
        return true;
    }
    let same_origin =
        Url::parse(&issuer.replace(TENANT, "tenant")).is_ok_and(|url| url.origin() == provider.issuer.origin());
    issuer.matches(TENANT).count() == 1 && same_origin
}

#[cfg(test)]
mod tests {
    use super::super::person::tests::provider;
    use super::*;
    use serde_json::{Value, json};

    fn document(change: &Value) -> Vec<u8> {
        let mut document = json!({"issuer": "https://idp.example.com", "authorization_endpoint": "https://idp.example.com/auth",
            "token_endpoint": "https://idp.example.com/token", "jwks_uri": "https://keys.example.com/jwks"});
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        document.to_string().into_bytes()
    }

    #[test]
    fn the_issuer_is_the_one_that_was_named() {
        let known = provider("https://idp.example.com");
        assert!(!parse(&known, &document(&json!({}))).unwrap().iss_parameter);
        for issuer in ["https://idp.example.com/", "https://evil.example", "https://evil.example/{tenantid}/v2.0", ""] {
            let refused = parse(&known, &document(&json!({"issuer": issuer}))).unwrap_err();
            assert!(refused.to_string().contains("name the issuer"), "{refused}");
        }
        let microsoft = provider("https://login.microsoftonline.com/organizations/v2.0");
        let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
        assert_eq!(parse(&microsoft, &document(&json!({"issuer": issuer}))).unwrap().issuer, issuer);
    }

    #[test]
    fn nobody_is_sent_to_an_address_without_tls() {
        for (name, url) in [
            ("authorization_endpoint", "http://idp.example.com/auth"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("token_endpoint", "http://10.0.0.1/token"),
            ("jwks_uri", "file:///etc/passwd"),
            ("userinfo_endpoint", "ftp://idp.example.com"),
        ] {
            let refused = parse(&provider("https://idp.example.com"), &document(&json!({name: url}))).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
        assert!(parse(&provider("https://idp.example.com"), b"<html>").is_err());
    }
}
