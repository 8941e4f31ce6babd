//! The applications that a person has connected.

use crate::domain::{Client, Consent, Device, EventKind, Resource, RevocationReason};
use crate::service::Services;
use crate::service::consent::client_name;
use crate::service::sign_in::{SignedIn, session};
use crate::store::{StoreError, Usage};
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use serde_json::json;

/// An application, and what it may do where.
#[derive(Debug, Clone)]
pub struct Application {
    /// Who it is.
    pub client: Client,
    /// What it may do, by server.
    pub access: Vec<Access>,
    /// When it was first allowed something.
    pub first: Timestamp,
    /// When it was last used.
    pub last: Timestamp,
    /// How many refresh tokens it could use.
    pub live_tokens: u64,
}

/// What an application may do on one server.
#[derive(Debug, Clone)]
pub struct Access {
    /// The canonical URI of the resource.
    pub uri: String,
    /// The resource; `None` where it was removed.
    pub resource: Option<Resource>,
    /// What the person allowed. Empty where the operator spares people the question.
    pub scope: Scope,
}

/// The applications of a person, the one that was used last first: those that something is allowed to, and those that hold a
/// token. One whose client was deleted is gone with it.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn list(services: &Services, signed_in: &SignedIn) -> Result<Vec<Application>, StoreError> {
    let user_id = signed_in.user.id;
    let mut consents = services.store.consents_of_user(user_id).await?;
    consents.retain(|consent| !consent.scope.is_empty());
    let usage = services.store.usage_of_user(user_id, services.now()).await?;
    let connected = |usage: &&Usage| usage.live_tokens > 0;
    let mut ids: Vec<String> = consents.iter().map(|consent| consent.client_id.clone()).collect();
    ids.extend(usage.iter().filter(connected).map(|usage| usage.client_id.clone()));
    ids.sort();
    ids.dedup();
    let resources = services.store.resources().await?;
    let clients = services.store.clients_named(ids).await?;
    let mut applications: Vec<_> =
        clients.into_iter().map(|client| application(client, &consents, &usage, &resources)).collect();
    applications.sort_by_key(|application| std::cmp::Reverse(application.last));
    Ok(applications)
}

fn application(client: Client, consents: &[Consent], usage: &[Usage], resources: &[Resource]) -> Application {
    let consents = || consents.iter().filter(|consent| consent.client_id == client.id);
    let usage = || usage.iter().filter(|usage| usage.client_id == client.id);
    let resource = |uri: &str| resources.iter().find(|resource| resource.uri.as_str() == uri).cloned();
    let mut access: Vec<Access> = consents()
        .map(|consent| Access {
            uri: consent.resource.to_string(),
            resource: resource(consent.resource.as_str()),
            scope: consent.scope.clone(),
        })
        .collect();
    for usage in usage().filter(|usage| usage.live_tokens > 0) {
        if access.iter().all(|access| access.uri != usage.resource) {
            access.push(Access {
                resource: resource(&usage.resource),
                uri: usage.resource.clone(),
                scope: Scope::default(),
            });
        }
    }
    let first = consents().map(|consent| consent.first_granted_at).chain(usage().map(|usage| usage.first)).min();
    let last = consents().map(|consent| consent.granted_at).chain(usage().map(|usage| usage.last)).max();
    Application {
        access,
        first: first.unwrap_or(client.created_at),
        last: last.unwrap_or(client.created_at),
        live_tokens: usage().map(|usage| usage.live_tokens).sum(),
        client,
    }
}

/// Ends what a person allowed one application: its refresh tokens are refused from the commit on, introspection calls its access
/// tokens inactive, and the person is asked again next time. `false`: there was nothing.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn disconnect(
    services: &Services,
    signed_in: &SignedIn,
    client_id: &str,
    device: &Device,
) -> Result<bool, StoreError> {
    services
        .in_order(|| async {
            let (user, now) = (&signed_in.user, services.now());
            let tx = services.store.begin().await?;
            // First: whoever adds a grant because of a consent keeps it until then, and the grant is found.
            let consents = tx.delete_consents(user.id, Some(client_id)).await?;
            let grants =
                tx.revoke_grants_of_user_to_client(user.id, client_id, now, RevocationReason::RevokedByUser).await?;
            if grants == 0 && consents == 0 {
                // Another turn that shares this commit may have disconnected it, which is not durable before it.
                tx.commit().await?;
                return Ok(false);
            }
            let name = tx.client(client_id).await?.map_or_else(|| client_id.to_owned(), |client| client_name(&client));
            session::note(services, &tx, user, EventKind::ConsentWithdrawn, device, json!({ "client": name })).await?;
            tx.commit().await?;
            tracing::info!(user.id = %user.id, client.id = %client_id, grants, "application disconnected");
            Ok(true)
        })
        .await
}

/// The same for all of them.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn disconnect_all(services: &Services, signed_in: &SignedIn, device: &Device) -> Result<(), StoreError> {
    services
        .in_order(|| async {
            let (user, now) = (&signed_in.user, services.now());
            let tx = services.store.begin().await?;
            // In this order, as above.
            let consents = tx.delete_consents(user.id, None).await?;
            let grants = tx.revoke_grants_of_user(user.id, now, RevocationReason::RevokedByUser).await?;
            if grants > 0 || consents > 0 {
                session::note(services, &tx, user, EventKind::ConsentWithdrawn, device, json!({ "all": true })).await?;
            }
            tx.commit().await?;
            tracing::info!(user.id = %user.id, grants, "all applications disconnected");
            Ok(())
        })
        .await
}
