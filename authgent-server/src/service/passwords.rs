//! New passwords: what every way to one has in common, and the change by somebody who is signed in.

use crate::crypto::password::PasswordError;
use crate::crypto::password_policy::PasswordRefused;
use crate::domain::{Device, EventKind, User};
use crate::service::Services;
use crate::service::sign_in::throttle::{self, Admission, Counted};
use crate::service::sign_in::{SignedIn, session};
use crate::store::StoreError;
use secrecy::SecretString;
use serde_json::json;

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The policy refuses the new one.
    #[error(transparent)]
    Refused(#[from] PasswordRefused),
    /// The present password is another one.
    #[error("the present password is wrong")]
    WrongPassword,
    /// Too many wrong ones: nothing is looked at for so many seconds.
    #[error("after too many wrong passwords, nothing is looked at for {0} s")]
    Blocked(i64),
    /// The session ended, or somebody else replaced the password, while this one was looked at.
    #[error("the session ended meanwhile, or the password is another one")]
    Gone,
    /// The hasher has no turn, or failed.
    #[error(transparent)]
    Hasher(#[from] PasswordError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The hash of a new password of this person, where the policy takes it.
///
/// # Errors
/// [`ChangePasswordError::Refused`], [`ChangePasswordError::Hasher`].
pub async fn hash_new(services: &Services, user: &User, password: SecretString) -> Result<String, ChangePasswordError> {
    let settings = &services.settings;
    let name = user.name.as_deref().unwrap_or_default();
    // What stands at the top of the page is what comes to mind first.
    let known = [user.email.as_str(), name, settings.issuer.origin(), &settings.branding.name, "authgent"];
    let known = known.map(str::to_owned).to_vec();
    Ok(services.passwords.hash_new(password, known).await??)
}

/// Changes the password of somebody who is signed in, and ends their other sessions: whoever changes it because somebody
/// else knows it wants that one out. `present` is the present password; `None` where a fresh sign-in stands in for it.
///
/// # Errors
/// [`ChangePasswordError`].
pub async fn change(
    services: &Services,
    signed_in: &SignedIn,
    present: Option<SecretString>,
    password: SecretString,
    device: &Device,
) -> Result<(), ChangePasswordError> {
    let user = &signed_in.user;
    if let Some(present) = present {
        // Whoever found an open session guesses no faster here than at the sign-in.
        let counted = Counted::PasswordChange(user.id);
        if let Admission::Blocked(seconds) = throttle::admit(services, counted, throttle::PASSWORD).await? {
            return Err(ChangePasswordError::Blocked(seconds));
        }
        if !services.passwords.verify(present, user.password_hash.clone()).await? {
            return Err(ChangePasswordError::WrongPassword);
        }
        throttle::forget(services, counted).await?;
    }
    let hash = hash_new(services, user, password).await?;
    let change = || async {
        let tx = services.store.begin().await?;
        // Hashing takes long. A reset in the meantime is not undone by whoever it was made against.
        let same = session::may_begin(&tx, user, true).await?;
        if !same || !tx.holds_session(&signed_in.session.id_hash, services.now()).await? {
            tx.commit().await?;
            return Ok(false);
        }
        tx.set_password(user.id, &hash).await?;
        let ended = tx.delete_other_sessions_of_user(user.id, &signed_in.session.id_hash).await?;
        // A link that was asked for before would undo the change.
        tx.delete_links_of_user(user.id).await?;
        let detail = json!({ "sessions_ended": ended });
        session::note(services, &tx, user, EventKind::PasswordChanged, device, detail).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(true)
    };
    if !services.in_order(change).await? {
        return Err(ChangePasswordError::Gone);
    }
    tracing::info!(user.id = %user.id, "password changed");
    Ok(())
}
