//! Signing in and out: e-mail and password against a local account, and the session that follows.

use crate::crypto::hash::token_hash;
use crate::crypto::password::PasswordError;
use crate::domain::{Email, Session, User};
use crate::service::Services;
use crate::store::StoreError;
use secrecy::SecretString;

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session that the cookie named.
    pub session: Session,
    /// Whose it is.
    pub user: User,
}

/// A session that was just made.
pub struct NewSession {
    /// The value of the cookie: a secret.
    pub cookie: String,
    /// Its life in seconds.
    pub ttl: u32,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The e-mail address or the password is wrong, or the account is disabled. One variant, because the person who
    /// tries must not learn which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Too many people sign in at this moment.
    #[error("too many sign-ins at once")]
    Busy,
    /// The stored password is unreadable.
    #[error("the stored password of {user_id} cannot be checked")]
    Unreadable {
        /// Whose.
        user_id: uuid::Uuid,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose session the cookie names, if it is still good.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn current(services: &Services, cookie: Option<&str>) -> Result<Option<SignedIn>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let found = services.store.session(&token_hash(cookie), services.now()).await?;
    Ok(found.map(|(session, user)| SignedIn { session, user }))
}

/// Checks e-mail and password, and begins a new session. A session that the browser had ends: its identifier may have
/// been planted there (session fixation).
///
/// An unknown address costs the same time as a known one: the password is checked against a dummy.
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in(
    services: &Services,
    email: &str,
    password: SecretString,
    former_cookie: Option<&str>,
) -> Result<NewSession, SignInError> {
    let user = match Email::parse(email) {
        Ok(email) => services.store.user_by_email(&email).await?,
        Err(_) => None,
    };
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let matches = services.passwords.verify(password, stored).await.map_err(|error| match (error, &user) {
        (PasswordError::Busy, _) | (_, None) => SignInError::Busy,
        (_, Some(user)) => SignInError::Unreadable { user_id: user.id },
    })?;
    let user = user.filter(|user| matches && user.enabled).ok_or(SignInError::WrongCredentials)?;
    let now = services.now();
    let (cookie, id_hash) = services.new_secret();
    let ttl = services.settings.session_ttl;
    let tx = services.store.begin().await?;
    if let Some(former) = former_cookie {
        tx.delete_session(&token_hash(former)).await?;
    }
    tx.insert_session(&Session { id_hash, user_id: user.id, auth_time: now, expires_at: now.plus(i64::from(ttl)) })
        .await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, "signed in");
    Ok(NewSession { cookie, ttl })
}

/// Ends the session that the cookie names.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn sign_out(services: &Services, cookie: Option<&str>) -> Result<(), StoreError> {
    if let Some(cookie) = cookie {
        let tx = services.store.begin().await?;
        tx.delete_session(&token_hash(cookie)).await?;
        tx.commit().await?;
    }
    Ok(())
}
