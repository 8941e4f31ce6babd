//! The providers that are linked to an account.

use crate::crypto::hash::{base64url, token_hash};
use crate::domain::{Device, EventKind, Identity};
use crate::service::Services;
use crate::service::sign_in::SignedIn;
use crate::service::sign_in::session::note;
use crate::store::StoreError;
use serde_json::json;

/// Why a person of a provider stays linked.
#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    /// Nobody of this name is linked.
    #[error("no such person of a provider is linked")]
    Unknown,
    /// The person could not sign in any more.
    #[error("it is the last way to sign in")]
    LastWay,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What names a person of a provider in a form: nothing that the provider said.
#[must_use]
pub fn handle(identity: &Identity) -> String {
    base64url(&token_hash(&format!("{}:{}{}", identity.issuer.len(), identity.issuer, identity.subject)).0)
}

/// Unlinks a person of a provider, unless the account could then not be signed in to. Sessions that began there end, but for the
/// one that asks.
///
/// # Errors
/// [`UnlinkError`].
pub async fn unlink(
    services: &Services,
    signed_in: &SignedIn,
    wanted: &str,
    device: &Device,
) -> Result<(), UnlinkError> {
    let user = &signed_in.user;
    let unlink = || async {
        let tx = services.store.begin().await?;
        // Two that are removed at once wait for each other here.
        let passkeys = tx.passkeys_of_user(user.id).await?;
        let identities = tx.identities_of_user(user.id).await?;
        let Some(identity) = identities.iter().find(|identity| handle(identity) == wanted) else {
            // Another turn that shares this commit may have unlinked them, which is not durable before it.
            tx.commit().await?;
            return Err(UnlinkError::Unknown);
        };
        // A provider that the operator has removed is no way to sign in.
        let usable = |other: &&Identity| *other != identity && super::provider(services, &other.provider).is_some();
        let local = services.settings.local_accounts && (user.password_hash.is_some() || !passkeys.is_empty());
        if !local && identities.iter().find(usable).is_none() {
            return Err(UnlinkError::LastWay);
        }
        tx.delete_identity(user.id, &identity.issuer, &identity.subject).await?;
        for session in tx.sessions_of_user(user.id, services.now()).await? {
            let began_there = session.upstream.as_ref().is_some_and(|upstream| upstream.issuer == identity.issuer);
            if began_there && session.id_hash != signed_in.session.id_hash {
                tx.delete_session(&session.id_hash).await?;
            }
        }
        let detail = json!({ "provider": identity.provider });
        note(services, &tx, user, EventKind::IdentityUnlinked, device, detail).await?;
        tx.commit().await?;
        tracing::info!(user.id = %user.id, provider = %identity.provider, "a person of a provider was unlinked");
        Ok(())
    };
    services.in_order(unlink).await
}
