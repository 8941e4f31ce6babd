//! The keys of a provider, and whether they made a signature.

use super::UpstreamError;
use super::metadata::ProviderMetadata;
use crate::crypto::client_assertion::{SignatureError, verify};
use crate::service::Services;
use authgent_core::jwk::JwkSet;
use authgent_core::token::provider_token::ProviderToken;
use std::sync::Arc;

/// The largest set that is read, in bytes: large providers list a certificate chain beside each key.
const LARGEST: usize = 512 * 1024;
const WHAT: &str = "keys";

/// Checks that the provider signed the token. Keys that do not fit are looked for once more: the provider may have new ones.
pub(super) async fn check_signature(
    services: &Services,
    metadata: &ProviderMetadata,
    token: &ProviderToken<'_>,
) -> Result<(), UpstreamError> {
    let verified = async |again: bool| -> Result<(), UpstreamError> {
        let keys = keys(services, metadata, again).await?;
        Ok(verify(&keys.keys, token.alg(), token.kid(), token.signing_input(), token.signature())?)
    };
    match verified(false).await {
        Err(UpstreamError::Signature(SignatureError::NoKey)) => verified(true).await,
        Err(UpstreamError::Signature(SignatureError::Wrong)) if token.kid().is_none() => verified(true).await,
        outcome => outcome,
    }
}

async fn keys(services: &Services, metadata: &ProviderMetadata, again: bool) -> Result<Arc<JwkSet>, UpstreamError> {
    let url = metadata.jwks_uri.as_ref().ok_or_else(|| UpstreamError::unusable(WHAT, "are not published"))?;
    let fetch = async {
        let fetched = services.upstream.client.get_json(url, None, LARGEST).await;
        let fetched = fetched.map_err(UpstreamError::fetch(WHAT))?;
        let set = serde_json::from_slice(&fetched.body)
            .map_err(|_| UpstreamError::unusable(WHAT, "are no JWK Set (RFC 7517, section 5)"))?;
        Ok((set, fetched.max_age))
    };
    services.upstream.keys.get(url.as_str(), services.now(), again, fetch, UpstreamError::is_outage).await
}
