//! Checks a password for an account, slowly for whoever guesses.

use super::SignInError;
use super::known_device::KnownDevice;
use super::throttle::{self, Admission, Counted};
use crate::crypto::password::{PasswordError, is_outdated};
use crate::domain::{Email, User};
use crate::service::Services;
use crate::store::StoreError;
use secrecy::SecretString;

/// The person whose e-mail address and password these are, with the hash that stands in the database after it, and how often
/// others tried theirs ([`throttle::is_attack`]).
///
/// An unknown address, a disabled person, one without a password and a wrong password cost the same time and give the same
/// answer: the password is checked against a dummy.
///
/// # Errors
/// [`SignInError`].
pub async fn verify(
    services: &Services,
    email: &str,
    password: SecretString,
    known_device: &KnownDevice,
) -> Result<(User, i64), SignInError> {
    let parsed = Email::parse(email).ok();
    let account = parsed.as_ref().map_or(email, Email::canonical);
    let user = match &parsed {
        Some(email) => services.store.user_by_email(email).await?,
        None => None,
    };
    let device = user.as_ref().and_then(|user| Some((user.id, known_device.known_to(services, user.id)?)));
    let counted = device.map_or(Counted::Account(account), |(user_id, device)| Counted::Device(user_id, device));
    if let Admission::Blocked(seconds) = throttle::admit(services, counted, throttle::PASSWORD).await? {
        return Err(SignInError::Blocked { seconds });
    }
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let matches = services.passwords.verify(password.clone(), stored).await.map_err(|error| match (error, &user) {
        (PasswordError::Busy, _) | (_, None) => SignInError::Busy,
        (_, Some(user)) => SignInError::Unreadable { user_id: user.id },
    })?;
    let mut user = user.filter(|user| matches && user.enabled).ok_or(SignInError::WrongCredentials)?;
    let from_elsewhere = throttle::count(services, Counted::Account(account)).await?;
    throttle::forget(services, counted).await?;
    if let Some(renewed) = renew_hash(services, &user, password).await {
        user.password_hash = Some(renewed);
    }
    // Where this try itself was counted there, the others were fewer than what makes anybody wait, or it waited with them.
    Ok((user, if device.is_some() { from_elsewhere } else { from_elsewhere - 1 }))
}

/// Where the stored hash was made with other parameters than today's, one of today's takes its place, which is given. That it
/// could not be made now is no reason not to let the person in: the next sign-in tries again.
async fn renew_hash(services: &Services, user: &User, password: SecretString) -> Option<String> {
    let stored = user.password_hash.as_deref().filter(|stored| is_outdated(stored))?;
    let renewed = async {
        let hash = services.passwords.hash(password).await.map_err(|error| error.to_string())?;
        let renew = async {
            let tx = services.store.begin().await?;
            let renewed = tx.renew_password_hash(user.id, stored, &hash).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(renewed)
        };
        renew.await.map(|renewed| renewed.then_some(hash)).map_err(|error| error.to_string())
    };
    match renewed.await {
        Ok(renewed) => {
            tracing::info!(user.id = %user.id, "a password has a hash of today's parameters");
            renewed
        }
        Err(error) => {
            tracing::warn!(error, "a password keeps its old hash");
            None
        }
    }
}
