//! Naming and removing passkeys.

use crate::domain::{Device, EventKind, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::StoreError;
use serde_json::json;
use uuid::Uuid;

/// The longest name of a passkey, in characters.
pub const LONGEST_NAME: usize = 60;

/// Why a passkey stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The person has no such passkey.
    #[error("no such passkey")]
    Unknown,
    /// A name must have something in it.
    #[error("name: empty")]
    Name,
    /// Nobody could sign in to this account any more.
    #[error("the last way to sign in stays")]
    LastWay,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A name as it is kept: on one line, cut at [`LONGEST_NAME`]; `None` where nothing is left.
pub(super) fn clean_name(name: &str) -> Option<String> {
    let words: Vec<&str> =
        name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let name: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// Gives a passkey another name.
///
/// # Errors
/// [`ManageError`].
pub async fn rename(services: &Services, user: &User, id: Uuid, name: &str) -> Result<(), ManageError> {
    let name = clean_name(name).ok_or(ManageError::Name)?;
    let rename = || async {
        let tx = services.store.begin().await?;
        if !tx.rename_passkey(user.id, id, &name).await? {
            return Err(ManageError::Unknown);
        }
        Ok(tx.commit().await?)
    };
    services.in_order(rename).await
}

/// Removes a passkey, unless the person could then not sign in.
///
/// # Errors
/// [`ManageError`].
pub async fn remove(services: &Services, user: &User, id: Uuid, device: &Device) -> Result<(), ManageError> {
    let remove = || async {
        let tx = services.store.begin().await?;
        // Two that are removed at once wait for each other here.
        let passkeys = tx.passkeys_of_user(user.id).await?;
        let Some(passkey) = passkeys.iter().find(|passkey| passkey.id == id) else {
            // Another turn that shares this commit may have removed it, which is not durable before it.
            tx.commit().await?;
            return Err(ManageError::Unknown);
        };
        let others = user.password_hash.is_some() || passkeys.len() > 1;
        if !others && tx.identities_of_user(user.id).await?.is_empty() {
            return Err(ManageError::LastWay);
        }
        tx.delete_passkey(user.id, id).await?;
        note(services, &tx, user, EventKind::PasskeyRemoved, device, json!({ "name": passkey.name })).await?;
        Ok(tx.commit().await?)
    };
    services.in_order(remove).await?;
    tracing::info!(user.id = %user.id, "a passkey was removed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(clean_name("  My\n\tphone\u{0} "), Some("My phone".to_owned()));
        assert_eq!(clean_name(&"é".repeat(100)).map(|name| name.chars().count()), Some(LONGEST_NAME));
        assert_eq!(clean_name(" \r\n"), None);
    }
}
