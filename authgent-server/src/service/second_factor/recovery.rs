//! Recovery codes: shown once, kept as hashes.

use crate::crypto::recovery_code::{COUNT, generate};
use crate::domain::{Device, EventKind, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::{StoreError, WriteTransaction};
use serde_json::json;

/// Gives a person new codes in the place of the old ones; `None` where they have no authenticator app that the codes could
/// stand for.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn make(services: &Services, user: &User, device: &Device) -> Result<Option<Vec<String>>, StoreError> {
    if !super::is_on(services, user).await? {
        return Ok(None);
    }
    let make = || async {
        let tx = services.store.begin().await?;
        let codes = replace(services, &tx, user, device).await?;
        tx.commit().await?;
        Ok(Some(codes))
    };
    services.in_order(make).await
}

/// As [`make`]; the caller commits.
pub(super) async fn replace(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    device: &Device,
) -> Result<Vec<String>, StoreError> {
    let (codes, hashes): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| generate(&*services.random)).unzip();
    tx.replace_recovery_codes(user.id, &hashes, services.now()).await?;
    note(services, tx, user, EventKind::RecoveryCodesMade, device, json!({})).await?;
    Ok(codes)
}
