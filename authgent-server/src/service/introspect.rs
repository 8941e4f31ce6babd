//! Introspection: RFC 7662.

use crate::domain::{ClientOrigin, GrantState, RefreshTokenState};
use crate::service::Services;
use crate::service::client_authentication::{Caller, ClientAuthenticationError, authenticate};
use crate::service::parameters::Parameters;
use crate::service::token::{grant_of_jti, refresh_token_row};
use crate::store::StoreError;
use authgent_core::token::validate::{Expected, validate_access_token};
use authgent_core::token::{AccessTokenClaims, Audience};
use authgent_core::wire::introspect::IntrospectionResponse;

/// Why a token is not introspected. One that is not active is no error (RFC 7662, section 2.2).
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// A parameter is there twice, or holds what none may.
    #[error("{0}")]
    Parameters(String),
    /// `token` is not there.
    #[error("token is missing")]
    TokenMissing,
    /// The caller is a public client, which cannot authenticate (RFC 7662, section 2.1).
    #[error("introspection is for clients that authenticate with a secret or a key")]
    PublicClient,
    /// The caller is not who it says it is.
    #[error(transparent)]
    ClientAuthentication(#[from] ClientAuthenticationError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a token.
///
/// # Errors
/// [`IntrospectError`].
pub async fn introspect(
    services: &Services,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<IntrospectionResponse, IntrospectError> {
    if let Some(problem) = parameters.problem() {
        return Err(IntrospectError::Parameters(problem));
    }
    let Caller { client: caller, proved } =
        authenticate(services, services.view().await?, authorization, parameters).await?;
    if !proved {
        return Err(IntrospectError::PublicClient);
    }
    let token = parameters.get("token").ok_or(IntrospectError::TokenMissing)?;
    match access_token_claims(services, token) {
        // Anybody can register and so authenticate. Only those whom the operator made, the resource servers, may ask about
        // tokens that are not their own (RFC 7662, section 2.1).
        Some(claims) if caller.origin != ClientOrigin::Operator && claims.client_id != caller.id => {
            Ok(IntrospectionResponse::default())
        }
        Some(claims) => access_token(services, claims).await,
        None => refresh_token(services, &caller.id, token).await,
    }
}

/// The claims of an access token of ours that has not expired.
fn access_token_claims(services: &Services, token: &str) -> Option<AccessTokenClaims> {
    let (header, claims) = services.keyring().verify(token).ok()?;
    // Whom it is for does not matter to the one who issued it: every audience of its own is accepted.
    let audiences = match &claims["aud"] {
        serde_json::Value::String(one) => vec![one.clone()],
        _ => return None,
    };
    let expected = Expected { issuer: services.settings.issuer.clone(), audiences, leeway: 0, required_claims: vec![] };
    validate_access_token(&header, &claims, &expected, services.now()).ok()
}

async fn access_token(
    services: &Services,
    claims: AccessTokenClaims,
) -> Result<IntrospectionResponse, IntrospectError> {
    let live = match grant_of_jti(&claims.jti) {
        Some(grant_id) => services.store.grant(grant_id).await?.is_some_and(|grant| grant.state == GrantState::Live),
        None => services.store.client(&claims.client_id).await?.is_some_and(|client| client.enabled),
    };
    if !live {
        return Ok(IntrospectionResponse::default());
    }
    Ok(IntrospectionResponse {
        active: true,
        scope: Some(claims.scope),
        client_id: Some(claims.client_id),
        token_type: Some("Bearer".into()),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        sub: Some(claims.sub),
        aud: Some(claims.aud),
        iss: Some(claims.iss),
        jti: Some(claims.jti),
    })
}

/// A refresh token is shown to the client that holds it, and to nobody else.
async fn refresh_token(
    services: &Services,
    caller: &str,
    token: &str,
) -> Result<IntrospectionResponse, IntrospectError> {
    let found = refresh_token_row(services, token).await?;
    let live = found.filter(|(token, grant)| {
        token.state == RefreshTokenState::Live
            && token.expires_at > services.now()
            && grant.state == GrantState::Live
            && grant.client_id == caller
    });
    Ok(live.map_or_else(IntrospectionResponse::default, |(token, grant)| IntrospectionResponse {
        active: true,
        scope: Some(grant.scope),
        client_id: Some(grant.client_id),
        exp: Some(token.expires_at),
        iat: Some(token.created_at),
        sub: Some(grant.user_id.to_string()),
        aud: Some(Audience::One(grant.resource.to_string())),
        iss: Some(services.settings.issuer.to_string()),
        ..IntrospectionResponse::default()
    }))
}
