//! Revocation: RFC 7009.

use crate::domain::RevocationReason;
use crate::service::Services;
use crate::service::client_authentication::{ClientAuthenticationError, authenticate};
use crate::service::parameters::Parameters;
use crate::service::token::{grant_of_jti, grant_of_used_refresh_token, refresh_token_row};
use crate::store::StoreError;
use uuid::Uuid;

/// Why nothing is revoked. A token that is unknown, or another client's, is no error (RFC 7009, section 2.2).
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// A parameter is there twice, or holds what none may.
    #[error("{0}")]
    Parameters(String),
    /// `token` is not there.
    #[error("token is missing")]
    TokenMissing,
    /// The access token of a client that acts for itself hangs on no grant: it ends by itself within minutes.
    #[error("this token cannot be revoked: it ends by itself")]
    Unrevocable,
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
    if let Some(problem) = parameters.problem() {
        return Err(RevokeError::Parameters(problem));
    }
    let client = authenticate(services, services.view().await?, authorization, parameters).await?.client;
    let token = parameters.get("token").ok_or(RevokeError::TokenMissing)?;
    let grant_id = match hangs_on(services, &client.id, token).await? {
        Hangs::OnGrant(grant_id) => grant_id,
        Hangs::OnNothing => return Err(RevokeError::Unrevocable),
        Hangs::Unknown => return Ok(()),
    };
    let Some(grant) = services.store.grant(grant_id).await?.filter(|grant| grant.client_id == client.id) else {
        return Ok(());
    };
    let revoke = || async {
        let tx = services.store.begin().await?;
        tx.revoke_grant(grant.id, services.now(), RevocationReason::RevokedByClient).await?;
        tx.commit().await
    };
    services.in_order(revoke).await?;
    tracing::info!(grant.id = %grant.id, client.id = %client.id, "grant revoked by its client");
    Ok(())
}

/// What a token hangs on.
enum Hangs {
    OnGrant(Uuid),
    /// An access token that the client got for itself.
    OnNothing,
    Unknown,
}

async fn hangs_on(services: &Services, client_id: &str, token: &str) -> Result<Hangs, StoreError> {
    if let Ok((_, claims)) = services.keyring().verify(token) {
        return Ok(match claims["jti"].as_str().and_then(grant_of_jti) {
            Some(grant_id) => Hangs::OnGrant(grant_id),
            // One that has ended needs no revocation (RFC 7009, section 2.2).
            None if claims["exp"].as_i64().is_none_or(|exp| exp <= services.now().0) => Hangs::Unknown,
            None if claims["client_id"] == client_id => Hangs::OnNothing,
            None => Hangs::Unknown,
        });
    }
    let found = refresh_token_row(services, token).await?;
    if let Some((token, _)) = found {
        return Ok(Hangs::OnGrant(token.grant_id));
    }
    let used = grant_of_used_refresh_token(services, token).await?;
    Ok(used.map_or(Hangs::Unknown, |grant| Hangs::OnGrant(grant.id)))
}
