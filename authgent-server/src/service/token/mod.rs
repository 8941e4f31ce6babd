//! The token endpoint: OAuth 2.1, section 3.2; RFC 6749, section 5. One grant type per file.

mod authorization_code;
mod client_credentials;
mod error;
mod family;
mod issue;
mod refresh_token;

pub use error::TokenError;
pub use family::{grant_of as grant_of_used_refresh_token, row_of as refresh_token_row};
pub use issue::{ID_TOKEN, grant_of_jti};

use crate::service::Services;
use crate::service::client_authentication::{Caller, ClientAuthenticationError, authenticate};
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::store::StoreError;
use authgent_core::metadata::client::GrantType;
use authgent_core::wire::token::TokenResponse;

/// Who asks, as this replica remembers them. `None` where that is not to be decided so, but in the present state.
///
/// That the database cannot be asked is an answer: it would be asked once more, and whoever waits would wait for twice as long.
async fn remembered(
    services: &Services,
    view: View,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Option<Caller>, TokenError> {
    match authenticate(services, view, authorization, parameters).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error @ ClientAuthenticationError::Store(StoreError::Unavailable { .. })) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Answers a token request.
///
/// # Errors
/// [`TokenError`].
pub async fn token(
    services: &Services,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    if let Some(problem) = parameters.problem() {
        return Err(TokenError::Parameters(problem));
    }
    let name = parameters.get("grant_type").ok_or(TokenError::Missing("grant_type"))?;
    let grant_type = GrantType::parse(name).ok_or(TokenError::UnsupportedGrantType)?;
    let done = match grant_type {
        GrantType::AuthorizationCode => authorization_code::quickly(services, authorization, parameters).await?,
        GrantType::RefreshToken => refresh_token::quickly(services, authorization, parameters).await?,
        GrantType::ClientCredentials => None,
    };
    if let Some(response) = done {
        return Ok(response);
    }
    let view = services.view().await?;
    let Caller { client, proved } = authenticate(services, view, authorization, parameters).await?;
    // Whoever acts for itself has to prove who it is (RFC 6749, section 4.4).
    let unproved = grant_type == GrantType::ClientCredentials && !proved;
    if unproved || !client.metadata.may_use(grant_type) {
        return Err(TokenError::UnauthorizedClient(grant_type));
    }
    let issue = || async {
        match grant_type {
            GrantType::AuthorizationCode => authorization_code::exchange(services, view, &client, parameters).await,
            GrantType::RefreshToken => refresh_token::refresh(services, view, &client, parameters).await,
            GrantType::ClientCredentials => client_credentials::issue(services, view, &client, parameters).await,
        }
    };
    services.in_order(issue).await
}
