use super::{RegisterError, bearer};
use crate::crypto::hash::constant_time_eq;
use crate::domain::registration::{InitialAccessToken, InitialAccessTokenState};
use crate::domain::{Client, ClientOrigin};
use crate::service::Services;

/// The initial access token in the header (RFC 7591, section 3). That it is good is checked again when its use is counted.
pub(super) async fn initial_access_token(
    services: &Services,
    authorization: &str,
) -> Result<InitialAccessToken, RegisterError> {
    let (_, hash) = bearer(authorization).ok_or(RegisterError::TokenMalformed)?;
    let token = services.store.initial_access_token(&hash).await?;
    let token = token.ok_or(RegisterError::TokenRefused { cause: "unknown" })?;
    match token.state(services.now()) {
        InitialAccessTokenState::Usable => Ok(token),
        state => Err(RegisterError::TokenRefused { cause: state.as_str() }),
    }
}

/// The client whose registration access token is in the header, and the token (RFC 7592, section 2).
///
/// A wrong token, one of another client, a client that has none and one that does not exist are the same to the caller.
pub(super) async fn managed_client<'a>(
    services: &Services,
    client_id: &str,
    authorization: Option<&'a str>,
) -> Result<(Client, &'a str), RegisterError> {
    let authorization = authorization.ok_or(RegisterError::RegistrationAccessTokenMissing)?;
    let (token, hash) = bearer(authorization).ok_or(RegisterError::TokenMalformed)?;
    let client = services.store.client(client_id).await?;
    let client = client.filter(|client| client.origin == ClientOrigin::Registered);
    let is_its_own =
        |client: &Client| client.registration_token_hash.is_some_and(|stored| constant_time_eq(&stored.0, &hash.0));
    match client.filter(is_its_own) {
        None => Err(RegisterError::NotManager),
        Some(client) if !client.enabled => Err(RegisterError::Disabled { client_id: client.id }),
        Some(client) => Ok((client, token)),
    }
}
