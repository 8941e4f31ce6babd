//! The authenticator app: turned on by a first code, and off.

use crate::crypto::random::Random;
use crate::crypto::totp::{self, Enrolment};
use crate::crypto::vault::Vault;
use crate::domain::{Device, EventKind, TokenHash, Totp, User};
use crate::service::Services;
use crate::service::second_factor::recovery;
use crate::service::sign_in::session::note;
use crate::store::StoreError;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

/// What the vault seals secrets of apps for.
pub(in crate::service) const PURPOSE: &str = "totp";
/// How long a secret that no code has proved stays the same, in seconds: who loads the page again need not scan again.
const UNPROVED: i64 = 3600;

/// Why the app is not on, or not off.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// One is on already: it has to be turned off first.
    #[error("an authenticator app is on already")]
    On,
    /// None waits for its first code.
    #[error("no authenticator app waits for its first code")]
    Nothing,
    /// The first code is wrong.
    #[error("wrong first code")]
    Wrong,
    /// The secret cannot be sealed or opened.
    #[error("the secret of the authenticator app cannot be sealed or opened")]
    Vault,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives a person a secret for their app, which does not count yet.
///
/// # Errors
/// [`AppError::On`], [`AppError::Vault`], [`AppError::Store`].
pub async fn begin(services: &Services, user: &User) -> Result<(), AppError> {
    let now = services.now();
    match services.store.totp(user.id).await? {
        Some(app) if app.confirmed_at.is_some() => return Err(AppError::On),
        Some(app) if now.since(app.created_at) < UNPROVED => return Ok(()),
        _ => {}
    }
    let sealed_secret = new_sealed_secret(&services.vault, &*services.random)?;
    let app = Totp { user_id: user.id, sealed_secret, confirmed_at: None, last_step: 0, created_at: now };
    let save = || async {
        let tx = services.store.begin().await?;
        tx.save_totp(&app).await?;
        tx.commit().await
    };
    Ok(services.in_order(save).await?)
}

fn new_sealed_secret(vault: &Vault, random: &dyn Random) -> Result<Vec<u8>, AppError> {
    vault.seal(random, PURPOSE, &totp::new_secret(random)).map_err(|_| AppError::Vault)
}

/// The secret that waits for its first code, for the app. `site` is the name that the app shows.
///
/// # Errors
/// [`AppError::Nothing`], [`AppError::Vault`], [`AppError::Store`].
pub async fn enrolment(services: &Services, user: &User, site: &str) -> Result<Enrolment, AppError> {
    let secret = waiting(services, user).await?;
    totp::enrolment(&secret, site, user.email.as_str()).map_err(|_| AppError::Vault)
}

/// Turns the app on where the code is of its secret, and gives the person new recovery codes.
///
/// # Errors
/// [`AppError`].
pub async fn confirm(services: &Services, user: &User, code: &str, device: &Device) -> Result<Vec<String>, AppError> {
    let now = services.now();
    let secret = waiting(services, user).await?;
    let step = totp::check(&secret, code, now).map_err(|_| AppError::Vault)?.ok_or(AppError::Wrong)?;
    let confirm = || async {
        let tx = services.store.begin().await?;
        if !tx.confirm_totp(user.id, step, now).await? {
            // Another turn that shares this commit may have turned it on, which is not durable before it.
            tx.commit().await?;
            return Err(AppError::Nothing);
        }
        note(services, &tx, user, EventKind::TotpEnabled, device, json!({})).await?;
        let codes = recovery::replace(services, &tx, user, device).await?;
        tx.commit().await?;
        Ok(codes)
    };
    let codes = services.in_order(confirm).await?;
    tracing::info!(user.id = %user.id, "an authenticator app was turned on");
    Ok(codes)
}

/// Turns the app off. Its recovery codes go with it: they stand for it.
///
/// # Errors
/// [`AppError::Nothing`], [`AppError::Store`].
pub async fn remove(services: &Services, user: &User, device: &Device) -> Result<(), AppError> {
    let was_on = super::is_on(services, user).await?;
    let remove = || async {
        let tx = services.store.begin().await?;
        if !tx.delete_totp(user.id).await? {
            // Another turn that shares this commit may have turned it off, which is not durable before it.
            tx.commit().await?;
            return Err(AppError::Nothing);
        }
        let none: [TokenHash; 0] = [];
        tx.replace_recovery_codes(user.id, &none, services.now()).await?;
        if was_on {
            note(services, &tx, user, EventKind::TotpDisabled, device, json!({})).await?;
        }
        Ok(tx.commit().await?)
    };
    services.in_order(remove).await?;
    tracing::info!(user.id = %user.id, "an authenticator app was turned off");
    Ok(())
}

async fn waiting(services: &Services, user: &User) -> Result<Zeroizing<Vec<u8>>, AppError> {
    let app = services.store.totp(user.id).await?.filter(|app| app.confirmed_at.is_none());
    let app = app.ok_or(AppError::Nothing)?;
    services.vault.open(PURPOSE, &app.sealed_secret).map_err(|_| AppError::Vault)
}
