//! The second factor after a right password, for whoever turned it on: a code of the authenticator app, or a recovery code.
//! A passkey in its place is a sign-in of its own: see [`super::passkeys::authenticate`].

pub mod app;
pub mod recovery;

use crate::crypto::hash::token_hash;
use crate::crypto::{recovery_code, totp};
use crate::domain::{Amr, Challenge, ChallengeKind, Device, EventKind, SignInFailures, TokenHash, User};
use crate::service::Services;
use crate::service::sign_in::session::{self, note};
use crate::service::sign_in::{Authentication, NewSession};
use crate::store::{StoreError, WriteTransaction};
use authgent_core::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// How long a right password waits for the second factor, in seconds.
pub const PATIENCE: i64 = 300;
/// How many tries one right password gives.
pub const TRIES: i64 = 5;
/// After how many wrong codes in a row, over all sign-ins, codes are put off. Whoever comes so far knows the password.
const FREE_FAILURES: i64 = 10;
/// For how long the first time, in seconds; each further failure doubles it.
const FIRST_BLOCK: i64 = 30;
/// The longest block, in seconds. At one try an hour a code of six digits is safe for a human life, and the owner has
/// passkeys and recovery codes, which are never put off.
const LONGEST_BLOCK: i64 = 3600;
/// After this time without a failure they are forgotten, in seconds.
const MEMORY: i64 = 30 * 86400;

/// What the person presents.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A code of the authenticator app.
    Code(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// Nothing waits: it took too long, was answered, the tries are used up, or it belongs to another browser.
    #[error("no sign-in waits for a second factor")]
    Gone,
    /// The code is wrong, or was used before.
    #[error("wrong second factor, {left} tries left")]
    Wrong {
        /// How many tries are left.
        left: i64,
    },
    /// Codes are put off.
    #[error("codes are put off for {seconds} s")]
    PutOff {
        /// For how long.
        seconds: i64,
    },
    /// What is kept of the app cannot be used.
    #[error("the authenticator app of {user_id} cannot be used: its secret was sealed with another key, or is damaged")]
    Unreadable {
        /// Whose.
        user_id: Uuid,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether the password alone is not enough for this person.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn is_on(services: &Services, user: &User) -> Result<bool, StoreError> {
    Ok(services.store.totp(user.id).await?.is_some_and(|app| app.confirmed_at.is_some()))
}

/// Notes that a person's password was right, and gives the secret that names what waits; the caller commits, and has asked
/// [`session::may_begin`] whether it still is.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn begin(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    browser: TokenHash,
) -> Result<String, StoreError> {
    let now = services.now();
    let (ticket, id_hash) = services.new_secret();
    tx.insert_challenge(&Challenge {
        id_hash,
        kind: ChallengeKind::SecondFactor,
        browser_hash: Some(browser),
        user_id: Some(user.id),
        data: json!({ "tries": 0 }),
        created_at: now,
        expires_at: now.plus(PATIENCE),
    })
    .await?;
    Ok(ticket)
}

/// Whether a right password waits under this name, for this browser.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn waits(services: &Services, ticket: &str, browser: Option<TokenHash>) -> Result<bool, StoreError> {
    Ok(waiting(services, ticket, browser).await?.is_some())
}

async fn waiting(
    services: &Services,
    ticket: &str,
    browser: Option<TokenHash>,
) -> Result<Option<Challenge>, StoreError> {
    let found = services.store.challenge(&token_hash(ticket), ChallengeKind::SecondFactor, services.now()).await?;
    Ok(found.filter(|challenge| browser.is_some() && challenge.browser_hash == browser))
}

/// Checks the second factor, and begins the session.
///
/// # Errors
/// [`SecondFactorError`].
pub async fn finish(
    services: &Services,
    ticket: &str,
    browser: Option<TokenHash>,
    proof: Proof<'_>,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, SecondFactorError> {
    services.in_order(|| try_to_finish(services, ticket, browser, proof, device, former_cookie)).await
}

async fn try_to_finish(
    services: &Services,
    ticket: &str,
    browser: Option<TokenHash>,
    proof: Proof<'_>,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, SecondFactorError> {
    let waiting = waiting(services, ticket, browser).await?.ok_or(SecondFactorError::Gone)?;
    let now = services.now();
    let tx = services.store.begin().await?;
    // First, so that the password whose challenge is still there is the person's: whoever replaces it removes the challenge.
    let user = match waiting.user_id {
        Some(id) => tx.lock_user(id).await?.filter(|user| user.enabled),
        None => None,
    };
    let user = user.ok_or(SecondFactorError::Gone)?;
    // Taken, so that of many guesses that come at once each is counted.
    let challenge = tx.take_challenge(&token_hash(ticket), ChallengeKind::SecondFactor, now).await?;
    let challenge = challenge.ok_or(SecondFactorError::Gone)?;
    let key = failures_key(user.id);
    let failures = tx.sign_in_failures(&key, now).await?;
    let right = match proof {
        Proof::Code(code) => {
            let blocked_until = failures.as_ref().map_or(now, |failures| failures.blocked_until);
            if now < blocked_until {
                return Err(SecondFactorError::PutOff { seconds: blocked_until.since(now) });
            }
            use_code(services, &tx, &user, code).await?
        }
        Proof::RecoveryCode(code) => match recovery_code::hash(code) {
            Some(hash) => tx.use_recovery_code(user.id, &hash, now).await?,
            None => false,
        },
    };
    if !right {
        let failures = failures.map_or(0, |failures| failures.failures) + 1;
        return Err(refuse(services, tx, &user, challenge, failures, device).await?);
    }
    tx.delete_sign_in_failures(&key).await?;
    if matches!(proof, Proof::RecoveryCode(_)) {
        note(services, &tx, &user, EventKind::RecoveryCodeUsed, device, json!({})).await?;
    }
    let ways = Authentication::local([Amr::Password, Amr::OneTimeCode, Amr::MultiFactor]);
    let session = session::begin(services, &tx, &user, &ways, device, former_cookie).await?;
    let session = session.ok_or(SecondFactorError::Gone)?;
    tx.commit().await?;
    Ok(session)
}

/// Whether a code is right and of a step of which none was used.
async fn use_code(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    code: &str,
) -> Result<bool, SecondFactorError> {
    let app = tx.totp(user.id).await?.filter(|app| app.confirmed_at.is_some());
    let Some(app) = app else { return Ok(false) };
    let unreadable = || SecondFactorError::Unreadable { user_id: user.id };
    let secret = services.vault.open(app::PURPOSE, &app.sealed_secret).map_err(|_| unreadable())?;
    match totp::check(&secret, code, services.now()).map_err(|_| unreadable())? {
        Some(step) => Ok(tx.use_totp_step(user.id, step).await?),
        None => Ok(false),
    }
}

/// Counts a wrong try, for this password and for this person.
async fn refuse(
    services: &Services,
    tx: WriteTransaction,
    user: &User,
    mut challenge: Challenge,
    failures: i64,
    device: &Device,
) -> Result<SecondFactorError, StoreError> {
    let now = services.now();
    let tries = challenge.data["tries"].as_i64().unwrap_or(TRIES) + 1;
    if tries < TRIES {
        challenge.data = json!({ "tries": tries });
        tx.insert_challenge(&challenge).await?;
    }
    tx.save_sign_in_failures(&SignInFailures {
        key_hash: failures_key(user.id),
        failures,
        blocked_until: blocked_until(now, failures),
        expires_at: now.plus(MEMORY),
    })
    .await?;
    // Not at each typing error, but before a guesser who always stops in time gets far.
    if failures % TRIES == 0 {
        note(services, &tx, user, EventKind::SecondFactorFailed, device, json!({ "failures": failures })).await?;
    }
    tx.commit().await?;
    tracing::info!(user.id = %user.id, failures, "wrong second factor");
    Ok(if tries < TRIES { SecondFactorError::Wrong { left: TRIES - tries } } else { SecondFactorError::Gone })
}

fn blocked_until(now: Timestamp, failures: i64) -> Timestamp {
    if failures < FREE_FAILURES {
        return now;
    }
    let doublings = (failures - FREE_FAILURES).min(20);
    now.plus((FIRST_BLOCK << doublings).min(LONGEST_BLOCK))
}

fn failures_key(user_id: Uuid) -> TokenHash {
    token_hash(&format!("second factor of {user_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_late_and_grow_to_an_hour() {
        let seconds = |failures| blocked_until(Timestamp(1000), failures).since(Timestamp(1000));
        assert_eq!((seconds(1), seconds(9)), (0, 0));
        assert_eq!((seconds(10), seconds(11), seconds(12)), (30, 60, 120));
        assert_eq!((seconds(17), seconds(40), seconds(i64::MAX)), (3600, 3600, 3600));
    }
}
