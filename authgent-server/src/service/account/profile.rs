//! How a person is called.

use crate::domain::{Device, EventKind, User};
use crate::service::Services;
use crate::service::sign_in::{SignedIn, session};
use crate::store::StoreError;
use serde_json::json;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// Why a name is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is too long, or holds characters that cannot be seen.
    #[error("the name must have at most {LONGEST_NAME} characters and no control characters")]
    Name,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the name of a person. An empty one takes it away.
///
/// # Errors
/// [`ProfileError`].
pub async fn rename(
    services: &Services,
    signed_in: &SignedIn,
    name: &str,
    device: &Device,
) -> Result<(), ProfileError> {
    let name = name.trim();
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ProfileError::Name);
    }
    let user = User { name: (!name.is_empty()).then(|| name.to_owned()), ..signed_in.user.clone() };
    if user.name == signed_in.user.name {
        return Ok(());
    }
    let rename = || async {
        let tx = services.store.begin().await?;
        tx.update_profile(&user).await?;
        session::note(services, &tx, &user, EventKind::ProfileChanged, device, json!({})).await?;
        tx.commit().await
    };
    Ok(services.in_order(rename).await?)
}
