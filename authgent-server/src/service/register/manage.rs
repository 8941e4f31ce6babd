use super::token::managed_client;
use super::{RegisterError, check_redirect_uris, checked_metadata, object};
use crate::crypto::hash::{constant_time_eq, token_hash};
use crate::domain::Client;
use crate::domain::registration::RegistrationMode;
use crate::service::Services;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::time::Timestamp;
use authgent_core::wire::register::RegistrationResponse;
use serde_json::{Map, Value};

/// What the server gave the client and an update must not hold (RFC 7592, section 2.2).
const NOT_IN_AN_UPDATE: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// The registration of a client, to whoever has its registration access token (RFC 7592, section 2.1). Without its secret,
/// of which only the hash is kept.
///
/// # Errors
/// [`RegisterError`].
pub async fn read(
    services: &Services,
    client_id: &str,
    authorization: Option<&str>,
) -> Result<RegistrationResponse, RegisterError> {
    let (client, token) = managed_client(services, client_id, authorization).await?;
    Ok(describe(services, client, None, token.to_owned()))
}

/// Replaces the metadata of a client (RFC 7592, section 2.2). The same may be registered as at the beginning; what the
/// operator's rules have ceased to allow may stay, but not come anew.
///
/// # Errors
/// [`RegisterError`].
pub async fn update(
    services: &Services,
    client_id: &str,
    authorization: Option<&str>,
    body: &[u8],
) -> Result<RegistrationResponse, RegisterError> {
    let (client, token) = managed_client(services, client_id, authorization).await?;
    let policy = &services.settings.registration;
    if policy.mode == RegistrationMode::Off {
        return Err(RegisterError::Off);
    }
    let document = object(body)?;
    let sent_secret = check_identity(&client, &document)?;
    let metadata = checked_metadata(services, &document)?;
    check_redirect_uris(policy, &metadata, Some(&client.metadata))?;

    let wants_secret = metadata.token_endpoint_auth_method.has_secret();
    let (client_secret, secret_hash) = match (wants_secret, client.secret_hash) {
        (true, Some(hash)) => (sent_secret, Some(hash)),
        (true, None) => {
            let (secret, hash) = services.new_secret();
            (Some(secret), Some(hash))
        }
        (false, _) => (None, None),
    };
    let looks_different = looks_different(&client.metadata, &metadata);
    let client = Client { metadata, secret_hash, ..client };
    let update = || async {
        let tx = services.store.begin().await?;
        if !tx.update_registration(&client).await? {
            // Another turn that shares this commit may have deleted it, which is not durable before it.
            tx.commit().await?;
            return Err(RegisterError::NotManager);
        }
        if looks_different {
            // People allowed what they saw: a name, and where the answer goes.
            tx.delete_consents_of_client(&client.id).await?;
        }
        Ok(tx.commit().await?)
    };
    services.in_order(update).await?;
    tracing::info!(client.id = %client.id, "client registration changed");
    Ok(describe(services, client, client_secret, token.to_owned()))
}

/// Deletes a client with everything that it was granted (RFC 7592, section 2.3).
///
/// # Errors
/// [`RegisterError`].
pub async fn delete(services: &Services, client_id: &str, authorization: Option<&str>) -> Result<(), RegisterError> {
    let (client, _) = managed_client(services, client_id, authorization).await?;
    let delete = || async {
        let tx = services.store.begin().await?;
        tx.delete_client(&client.id).await?;
        tx.commit().await
    };
    services.in_order(delete).await?;
    tracing::info!(client.id = %client.id, "client deleted by itself");
    Ok(())
}

/// The client information response (RFC 7591, section 3.2.1; RFC 7592, section 3).
pub(super) fn describe(
    services: &Services,
    client: Client,
    client_secret: Option<String>,
    registration_access_token: String,
) -> RegistrationResponse {
    let uri = format!("{}/oauth/register/{}", services.settings.issuer, client.id);
    RegistrationResponse {
        client_id: client.id,
        client_secret,
        client_id_issued_at: client.created_at,
        registration_access_token: Some(registration_access_token),
        registration_client_uri: Some(uri),
        client_secret_expires_at: client.secret_hash.is_some().then_some(Timestamp(0)),
        metadata: client.metadata,
    }
}

/// That the update is about this client, and holds nothing that only the server says. Gives the secret where it was sent.
fn check_identity(client: &Client, document: &Map<String, Value>) -> Result<Option<String>, RegisterError> {
    let wrong = |field, problem| RegisterError::Update { field, problem };
    if document.get("client_id").and_then(Value::as_str) != Some(client.id.as_str()) {
        return Err(wrong("client_id", "must be there, and be the identifier of this client"));
    }
    if let Some(field) = NOT_IN_AN_UPDATE.into_iter().find(|field| document.contains_key(*field)) {
        return Err(wrong(field, "must not be in an update: only the server says it"));
    }
    match document.get("client_secret") {
        None | Some(Value::Null) => Ok(None),
        Some(sent) => {
            let is_its_own =
                |sent: &&str| client.secret_hash.is_some_and(|stored| constant_time_eq(&stored.0, &token_hash(sent).0));
            let secret = sent.as_str().filter(is_its_own);
            let problem = "must be the secret of this client, or be left out: a client does not choose its secret";
            secret.map(|secret| Some(secret.to_owned())).ok_or_else(|| wrong("client_secret", problem))
        }
    }
}

/// Whether the consent page would say something else about the client.
fn looks_different(before: &ClientMetadata, after: &ClientMetadata) -> bool {
    let shown = |metadata: &ClientMetadata| {
        (
            metadata.client_name.clone(),
            metadata.client_uri.clone(),
            metadata.logo_uri.clone(),
            metadata.tos_uri.clone(),
            metadata.policy_uri.clone(),
            metadata.redirect_uris.clone(),
        )
    };
    shown(before) != shown(after)
}
