//! Where a person is signed in.

use crate::crypto::hash::{base64url, hmac_sha256};
use crate::domain::{Device, EventKind, Session};
use crate::service::Services;
use crate::service::sign_in::{SignedIn, session};
use crate::store::StoreError;
use serde_json::json;

/// The sessions of a person that hold, the one that was used last first.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn list(services: &Services, signed_in: &SignedIn) -> Result<Vec<Session>, StoreError> {
    services.store.sessions_of_user(signed_in.user.id, services.now()).await
}

/// What names a session in a form: neither its secret nor the hash under which the database knows it.
#[must_use]
pub fn handle(session: &Session) -> String {
    base64url(&hmac_sha256(&session.id_hash.0, b"session_handle"))
}

/// Ends a session of this person. `false`: they have none of that handle.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn end(services: &Services, signed_in: &SignedIn, wanted: &str, device: &Device) -> Result<bool, StoreError> {
    let sessions = list(services, signed_in).await?;
    let Some(ended) = sessions.into_iter().find(|session| handle(session) == wanted) else { return Ok(false) };
    let end = || async {
        let tx = services.store.begin().await?;
        if tx.delete_session(&ended.id_hash).await? {
            session::note(services, &tx, &signed_in.user, EventKind::SessionEnded, device, json!({})).await?;
        }
        tx.commit().await
    };
    services.in_order(end).await?;
    Ok(true)
}

/// Ends all sessions of this person but the one that asks.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn end_others(services: &Services, signed_in: &SignedIn, device: &Device) -> Result<(), StoreError> {
    let end = || async {
        let tx = services.store.begin().await?;
        let ended = tx.delete_other_sessions_of_user(signed_in.user.id, &signed_in.session.id_hash).await?;
        if ended > 0 {
            let detail = json!({ "count": ended });
            session::note(services, &tx, &signed_in.user, EventKind::SessionEnded, device, detail).await?;
        }
        tx.commit().await
    };
    services.in_order(end).await
}
