//! Revocation: RFC 7009.

use crate::crypto::hash::token_hash;
use crate::domain::RevocationReason;
use crate::service::Services;
use crate::service::client_authentication::{ClientAuthenticationError, authenticate};
use crate::service::parameters::Parameters;
use crate::service::token::grant_of_jti;
use crate::store::StoreError;
use uuid::Uuid;

/// Why nothing is revoked. A token that is unknown, or another client's, is no error (RFC 7009, section 2.2).
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// A parameter is there twice.
    #[error("{0} is there more than once")]
    Repeated(String),
    /// `token` is not there.
    #[error("token is missing")]
    TokenMissing,
    /// The client is not who it says it is.
    #[error(transparent)]
    ClientAuthentication(#[from] ClientAuthenticationError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Revokes the grant that a refresh or access token belongs to, where it is the client's own.
///
/// An access token is a JWT that lives for minutes and is never stored, so revoking one ends its grant: no further token
/// follows, and introspection says so at once. `token_type_hint` is not needed: the two look different.
///
/// # Errors
/// [`RevokeError`].
pub async fn revoke(
    services: &Services,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<(), RevokeError> {
    if let Some(name) = parameters.repeated() {
        return Err(RevokeError::Repeated(name.to_owned()));
    }
    let client = authenticate(services, authorization, parameters).await?;
    let token = parameters.get("token").ok_or(RevokeError::TokenMissing)?;
    let Some(grant_id) = grant_of(services, token).await? else { return Ok(()) };
    let Some(grant) = services.store.grant(grant_id).await?.filter(|grant| grant.client_id == client.id) else {
        return Ok(());
    };
    let tx = services.store.begin().await?;
    tx.revoke_grant(grant.id, services.now(), RevocationReason::RevokedByClient).await?;
    tx.commit().await?;
    tracing::info!(grant.id = %grant.id, client.id = %client.id, "grant revoked by its client");
    Ok(())
}

async fn grant_of(services: &Services, token: &str) -> Result<Option<Uuid>, StoreError> {
    if let Ok((_, claims)) = services.keyring.verify(token) {
        return Ok(claims["jti"].as_str().and_then(grant_of_jti));
    }
    let found = services.store.refresh_token_with_grant(&token_hash(token)).await?;
    Ok(found.map(|(token, _)| token.grant_id))
}
