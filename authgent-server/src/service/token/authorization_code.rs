//! `grant_type=authorization_code`: OAuth 2.1, section 4.1.3; RFC 7636, section 4.6; RFC 8707, section 2.2.

use super::TokenError;
use super::issue::{first_refresh_token, for_grant};
use crate::crypto::hash::token_hash;
use crate::domain::{AuthorizationCode, Client, Grant, GrantState, RevocationReason};
use crate::service::Services;
use crate::service::parameters::Parameters;
use crate::store::WriteTransaction;
use authgent_core::pkce::CodeVerifier;
use authgent_core::resource::ResourceUri;
use authgent_core::time::Timestamp;
use authgent_core::wire::token::TokenResponse;

pub(super) async fn exchange(
    services: &Services,
    client: &Client,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    let code_hash = token_hash(parameters.get("code").ok_or(TokenError::Missing("code"))?);
    let verifier = parameters.get("code_verifier").ok_or(TokenError::Missing("code_verifier"))?;
    let verifier = CodeVerifier::parse(verifier).map_err(TokenError::VerifierMalformed)?;
    let now = services.now();
    let tx = services.store.begin().await?;
    let (code, grant) = tx.code_with_grant(&code_hash).await?.ok_or(TokenError::CodeUnknown)?;
    if code.client_id != client.id {
        return Err(TokenError::CodeOfAnotherClient);
    }
    if code.consumed_at.is_some() {
        return reused(tx, &grant, now).await;
    }
    check(&code, &grant, parameters, &verifier, now)?;
    check_resource(services, &grant, parameters).await?;
    if !tx.consume_code(&code_hash, now).await? {
        return reused(tx, &grant, now).await;
    }
    let refresh_token = first_refresh_token(services, client, &grant, now);
    if let Some((_, row)) = &refresh_token {
        tx.insert_refresh_token(row).await?;
    }
    tx.touch_client(&client.id, now).await?;
    tx.commit().await?;
    for_grant(services, &grant, &grant.scope, refresh_token.map(|(secret, _)| secret), code.nonce, now).await
}

/// A code that comes a second time was stolen, before or now: what it issued ends (OAuth 2.1, section 4.1.3).
async fn reused(tx: WriteTransaction, grant: &Grant, now: Timestamp) -> Result<TokenResponse, TokenError> {
    tx.revoke_grant(grant.id, now, RevocationReason::CodeReused).await?;
    tx.commit().await?;
    tracing::warn!(grant.id = %grant.id, client.id = %grant.client_id, "an authorization code was used twice: its grant is revoked");
    Err(TokenError::CodeReused)
}

fn check(
    code: &AuthorizationCode,
    grant: &Grant,
    parameters: &Parameters,
    verifier: &CodeVerifier,
    now: Timestamp,
) -> Result<(), TokenError> {
    if grant.state != GrantState::Live {
        return Err(TokenError::GrantRevoked);
    }
    if code.expires_at <= now {
        return Err(TokenError::CodeExpired);
    }
    if parameters.get("redirect_uri").ok_or(TokenError::Missing("redirect_uri"))? != code.redirect_uri {
        return Err(TokenError::RedirectUriMismatch);
    }
    if !code.code_challenge.is_met_by(verifier) {
        return Err(TokenError::VerifierMismatch);
    }
    Ok(())
}

/// A `resource` in the token request must be the one that was granted; it may be left out (RFC 8707, section 2.2).
pub(super) async fn check_resource(
    services: &Services,
    grant: &Grant,
    parameters: &Parameters,
) -> Result<(), TokenError> {
    let Some(asked) = parameters.get("resource") else { return Ok(()) };
    if ResourceUri::parse(asked).is_ok_and(|asked| asked.names_same(&grant.resource)) {
        return Ok(());
    }
    // It may be an alias of the same resource.
    if services.target(Some(asked)).await?.uri == grant.resource {
        Ok(())
    } else {
        Err(TokenError::OtherResource { granted: grant.resource.to_string() })
    }
}
