//! Signing in and out: e-mail and password against a local account, and the session that follows.

pub mod known_device;
pub mod password;
pub mod session;
pub mod throttle;

pub use known_device::KnownDevice;
pub use session::{Authentication, NewSession};

use crate::crypto::hash::token_hash;
use crate::domain::{Amr, Device, EventKind, Session, TokenHash, User};
use crate::service::{Services, second_factor};
use crate::store::{StoreError, WriteTransaction};
use secrecy::SecretString;
use serde_json::json;

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session that the cookie named.
    pub session: Session,
    /// Whose it is.
    pub user: User,
}

/// What a right password leads to.
pub enum SignInOutcome {
    /// To a session.
    Session(NewSession),
    /// To the question for the second factor, which the secret names.
    SecondFactor(String),
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The e-mail address or the password is wrong, or the account is disabled. One variant, because the person who
    /// tries must not learn which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Too many wrong passwords: nothing is looked at for so long.
    #[error("after too many wrong passwords, nothing is looked at for {seconds} s")]
    Blocked {
        /// So many seconds.
        seconds: i64,
    },
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

/// Whose session the cookie names, if it is still good. Now and then the use is noted, with the device.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn current(
    services: &Services,
    cookie: Option<&str>,
    device: &Device,
) -> Result<Option<SignedIn>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let now = services.now();
    let Some((session, user)) = services.store.session(&token_hash(cookie), now).await? else { return Ok(None) };
    if now.since(session.last_seen_at) >= Session::USE_GRANULARITY {
        let touch = || async {
            let tx = services.store.begin().await?;
            tx.touch_session(&session.id_hash, now, device).await?;
            tx.commit().await
        };
        services.in_order(touch).await?;
    }
    Ok(Some(SignedIn { session, user }))
}

/// How often a password is looked at that was replaced while it was.
const ATTEMPTS: usize = 2;

/// Checks e-mail and password ([`password::verify`]), and begins a new session, or asks for the second factor of whoever has
/// turned it on: in the same `browser`, by the hash of its secret. A session that the browser had ends: its identifier may have
/// been planted there (session fixation).
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in(
    services: &Services,
    email: &str,
    password: SecretString,
    known_device: &KnownDevice,
    device: &Device,
    browser: TokenHash,
    former_cookie: Option<&str>,
) -> Result<SignInOutcome, SignInError> {
    let mut most_failures = 0;
    for _ in 0..ATTEMPTS {
        let (user, failures) = password::verify(services, email, password.clone(), known_device).await?;
        most_failures = failures.max(most_failures);
        let asks = second_factor::is_on(services, &user).await?;
        let begin = || async {
            let tx = services.store.begin().await?;
            // Verifying takes long. The password may be another one by now, or have another hash because the person signs in
            // elsewhere: what stands there now is looked at, after the commit of whoever wrote it.
            if !session::may_begin(&tx, &user, true).await? {
                tx.commit().await?;
                return Ok(None);
            }
            note_attack(services, &tx, &user, most_failures).await?;
            let outcome = if asks {
                Some(SignInOutcome::SecondFactor(second_factor::begin(services, &tx, &user, browser).await?))
            } else {
                let password = Authentication::local([Amr::Password]);
                let session = session::begin(services, &tx, &user, &password, device, former_cookie).await?;
                session.map(SignInOutcome::Session)
            };
            tx.commit().await?;
            Ok::<_, StoreError>(outcome)
        };
        if let Some(outcome) = services.in_order(begin).await? {
            return Ok(outcome);
        }
    }
    Err(SignInError::WrongCredentials)
}

/// Tells the owner, who has just proved to be the owner, of somebody else's tries. Not when they happen: the time that it
/// takes would tell the other whether there is an account.
///
/// # Errors
/// [`StoreError`] where the database refuses.
pub async fn note_attack(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    failures: i64,
) -> Result<(), StoreError> {
    if !throttle::is_attack(failures) {
        return Ok(());
    }
    // From nowhere: what is known here is where the owner sits, who did not do it.
    let nowhere = Device::default();
    session::note(services, tx, user, EventKind::SignInBlocked, &nowhere, json!({ "failures": failures })).await
}

/// Ends the session that the cookie names.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn sign_out(services: &Services, signed_in: &SignedIn, device: &Device) -> Result<(), StoreError> {
    let end = || async {
        let tx = services.store.begin().await?;
        if tx.delete_session(&signed_in.session.id_hash).await? {
            session::note(services, &tx, &signed_in.user, EventKind::SignedOut, device, json!({})).await?;
        }
        tx.commit().await
    };
    services.in_order(end).await
}
