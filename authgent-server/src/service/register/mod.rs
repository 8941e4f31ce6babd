//! Dynamic client registration (RFC 7591, section 3) and its management (RFC 7592, section 2).
//!
//! | file | what |
//! |---|---|
//! | `token.rs` | what authorizes a registration, and what authorizes managing one |
//! | `fold.rs` | which registrations are one and the same client |
//! | `manage.rs` | reading, changing and deleting a registration |

mod error;
mod fold;
mod manage;
mod token;

pub use error::RegisterError;
pub use manage::{delete, read, update};

use crate::crypto::hash::token_hash;
use crate::crypto::random;
use crate::domain::registration::{InitialAccessToken, RegistrationMode, RegistrationPolicy};
use crate::domain::{Client, ClientOrigin, TokenHash};
use crate::service::Services;
use crate::store::WriteTransaction;
use authgent_core::metadata::client::{ClientMetadata, GrantType};
use authgent_core::redirect_uri::RedirectUri;
use authgent_core::time::Timestamp;
use authgent_core::wire::register::RegistrationResponse;
use serde_json::{Map, Value};

/// Registers a client that comes by itself. `authorization` is the header with its initial access token, where it sent one.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    services: &Services,
    authorization: Option<&str>,
    body: &[u8],
) -> Result<RegistrationResponse, RegisterError> {
    services.in_order(|| try_to_register(services, authorization, body)).await
}

async fn try_to_register(
    services: &Services,
    authorization: Option<&str>,
    body: &[u8],
) -> Result<RegistrationResponse, RegisterError> {
    let policy = &services.settings.registration;
    if policy.mode == RegistrationMode::Off {
        return Err(RegisterError::Off);
    }
    // A bad token is refused where none is needed, too: whoever sends one expects what it gives.
    let token = match authorization {
        Some(header) => Some(token::initial_access_token(services, header).await?),
        None if policy.mode == RegistrationMode::Token => return Err(RegisterError::InitialAccessTokenMissing),
        None => None,
    };
    let metadata = checked_metadata(services, &object(body)?)?;
    if token.is_none() {
        check_redirect_uris(policy, &metadata, None)?;
    }
    let scope_limited = token.as_ref().is_some_and(|token| token.scope_limit.is_some());
    let fingerprint = if scope_limited { None } else { fold::fingerprint(&metadata) };
    match fingerprint {
        Some(fingerprint) => fold(services, metadata, fingerprint, token.as_ref()).await,
        None => add(services, metadata, token).await,
    }
}

/// The JSON object in a body.
fn object(body: &[u8]) -> Result<Map<String, Value>, RegisterError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(RegisterError::NotAnObject),
    }
}

/// The metadata of a client that anybody may have sent.
fn checked_metadata(services: &Services, document: &Map<String, Value>) -> Result<ClientMetadata, RegisterError> {
    let mut metadata = ClientMetadata::parse(document)?;
    if let Some(algorithm) = &mut metadata.openid.id_token_signed_response_alg {
        // There is one key that signs for everybody: the answer says which (RFC 7591, section 2).
        services.keyring().active().algorithm().as_str().clone_into(algorithm);
    }
    // A token without a person's consent is not for anybody.
    metadata.grant_types.retain(|grant_type| *grant_type != GrantType::ClientCredentials);
    if metadata.may_use(GrantType::AuthorizationCode) { Ok(metadata) } else { Err(RegisterError::ClientCredentials) }
}

/// That the operator approves of every redirect URI that the client does not have already, after signing out as well.
fn check_redirect_uris(
    policy: &RegistrationPolicy,
    metadata: &ClientMetadata,
    known: Option<&ClientMetadata>,
) -> Result<(), RegisterError> {
    fn all(metadata: &ClientMetadata) -> impl Iterator<Item = &RedirectUri> {
        metadata.redirect_uris.iter().chain(&metadata.openid.post_logout_redirect_uris)
    }
    let is_new = |uri: &&RedirectUri| known.is_none_or(|known| !all(known).any(|known| known == *uri));
    let new: Vec<_> = all(metadata).filter(is_new).cloned().collect();
    match policy.unapproved(&new) {
        Some(uri) => Err(RegisterError::RedirectUriNotApproved { uri: uri.clone() }),
        None => Ok(()),
    }
}

/// A client of its own, which manages its registration.
async fn add(
    services: &Services,
    metadata: ClientMetadata,
    token: Option<InitialAccessToken>,
) -> Result<RegistrationResponse, RegisterError> {
    let now = services.now();
    let secret = metadata.token_endpoint_auth_method.has_secret().then(|| services.new_secret());
    let (client_secret, secret_hash) = secret.unzip();
    let (registration_access_token, registration_token_hash) = services.new_secret();
    let client = Client {
        secret_hash,
        registration_token_hash: Some(registration_token_hash),
        scope_limit: token.as_ref().and_then(|token| token.scope_limit.clone()),
        ..new_client(services, metadata, now)
    };
    let tx = services.store.begin().await?;
    count_use(&tx, token.as_ref(), now).await?;
    tx.insert_client(&client).await?;
    tx.commit().await?;
    log(&client, false);
    Ok(manage::describe(services, client, client_secret, registration_access_token))
}

/// The client that every installation with these metadata shares. Nobody manages it: each could take it from the others.
async fn fold(
    services: &Services,
    metadata: ClientMetadata,
    fingerprint: TokenHash,
    token: Option<&InitialAccessToken>,
) -> Result<RegistrationResponse, RegisterError> {
    let now = services.now();
    let known = services.store.client_with_fingerprint(&fingerprint).await?;
    let (client, folded) = match known {
        // What most of them ask for is there already, and nothing has to be written.
        Some(known) if token.is_none() && !fold::sweep_is_near(&known, &services.settings.registration, now) => {
            (enabled(known)?, true)
        }
        _ => {
            let new = new_client(services, metadata.clone(), now);
            let tx = services.store.begin().await?;
            count_use(&tx, token, now).await?;
            let client = enabled(tx.fold_client(&new, &fingerprint).await?)?;
            // It may have been on its way out. From now on its person has the time to sign in that every other one has.
            tx.put_off_sweep_of_client(&client.id, unfinished_at(services, now)).await?;
            tx.commit().await?;
            let folded = client.id != new.id;
            (client, folded)
        }
    };
    log(&client, folded);
    Ok(RegistrationResponse {
        client_id: client.id,
        client_secret: None,
        client_id_issued_at: client.created_at,
        registration_access_token: None,
        registration_client_uri: None,
        client_secret_expires_at: None,
        // With the port that this one named: some clients compare what comes back with what they sent.
        metadata,
    })
}

/// Its identifier would be of no use where the operator disabled it, and another one would undo what the operator decided.
fn enabled(client: Client) -> Result<Client, RegisterError> {
    if client.enabled { Ok(client) } else { Err(RegisterError::Disabled { client_id: client.id }) }
}

async fn count_use(
    tx: &WriteTransaction,
    token: Option<&InitialAccessToken>,
    now: Timestamp,
) -> Result<(), RegisterError> {
    match token {
        Some(token) if !tx.use_initial_access_token(token.id, now).await? => Err(RegisterError::TokenUsedUp),
        _ => Ok(()),
    }
}

fn new_client(services: &Services, metadata: ClientMetadata, now: Timestamp) -> Client {
    let id = random::uuid_v4(&*services.random).to_string();
    let sweep_at = Some(unfinished_at(services, now));
    Client { sweep_at, ..Client::new(id, metadata, ClientOrigin::Registered, now) }
}

fn unfinished_at(services: &Services, now: Timestamp) -> Timestamp {
    now.plus(i64::from(services.settings.registration.unfinished_ttl))
}

fn log(client: &Client, folded: bool) {
    tracing::info!(client.id = %client.id, client.name = client.metadata.client_name.as_deref(), folded, "client registered");
}

/// The hash of a token in an `Authorization` header (RFC 6750, section 2.1), where it holds one.
fn bearer(authorization: &str) -> Option<(&str, TokenHash)> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| (token, token_hash(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_in_any_case() {
        for good in ["Bearer abc", "bearer  abc ", "BEARER abc"] {
            assert_eq!(bearer(good).map(|(token, _)| token), Some("abc"), "{good}");
        }
        for bad in ["", "abc", "Bearer", "Bearer ", "Basic YTpi", "Bearerabc"] {
            assert!(bearer(bad).is_none(), "{bad}");
        }
    }
}
