//! Dynamic client registration: RFC 7591, section 3.

use crate::crypto::random;
use crate::domain::{Client, ClientOrigin};
use crate::service::Services;
use crate::store::StoreError;
use authgent_core::metadata::client::{ClientMetadata, ClientMetadataError, GrantType};
use authgent_core::time::Timestamp;
use authgent_core::wire::register::RegistrationResponse;
use serde_json::Value;

/// Why a client is not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The body is no JSON object.
    #[error("the body must be a JSON object with the client's metadata")]
    NotAnObject,
    /// Its metadata are not acceptable.
    #[error(transparent)]
    Metadata(#[from] ClientMetadataError),
    /// It asks for nothing but tokens without a person.
    #[error("grant_types: client_credentials is given to clients that the operator makes, with authgent client add")]
    ClientCredentials,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Registers a client that comes by itself.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(services: &Services, body: &[u8]) -> Result<RegistrationResponse, RegisterError> {
    let document: Value = serde_json::from_slice(body).map_err(|_| RegisterError::NotAnObject)?;
    let mut metadata = ClientMetadata::parse(document.as_object().ok_or(RegisterError::NotAnObject)?)?;
    // Anybody may register here. A token without a person's consent is not for anybody.
    metadata.grant_types.retain(|grant_type| *grant_type != GrantType::ClientCredentials);
    if !metadata.may_use(GrantType::AuthorizationCode) {
        return Err(RegisterError::ClientCredentials);
    }
    let now = services.now();
    let (client, client_secret) = new_client(services, metadata, now);
    let tx = services.store.begin().await?;
    tx.insert_client(&client).await?;
    tx.commit().await?;
    tracing::info!(client.id = %client.id, client.name = client.metadata.client_name.as_deref(), "client registered");
    Ok(RegistrationResponse {
        client_id: client.id,
        client_secret_expires_at: client_secret.is_some().then_some(Timestamp(0)),
        client_secret,
        client_id_issued_at: now,
        registration_access_token: None,
        registration_client_uri: None,
        metadata: client.metadata,
    })
}

fn new_client(services: &Services, metadata: ClientMetadata, now: Timestamp) -> (Client, Option<String>) {
    let secret = metadata.token_endpoint_auth_method.has_secret().then(|| services.new_secret());
    let (secret, secret_hash) = secret.unzip();
    let id = random::uuid_v4(&*services.random).to_string();
    let client = Client { secret_hash, ..Client::new(id, metadata, ClientOrigin::Registered, now) };
    (client, secret)
}
