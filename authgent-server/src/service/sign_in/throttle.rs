//! What slows down whoever guesses passwords, and not the person whose password it is.
//!
//! Tries are counted in the database, so that all replicas count together, and before the password is looked at, so that a
//! thousand tries at once are a thousand tries. Counted are, per account, the tries of browsers that nobody knows; and beside
//! them, per account and browser, those of browsers in which the account signed in before ([`super::known_device`]). An
//! attacker so makes everybody wait who comes from elsewhere, himself among them; the owner on a device of theirs does not
//! notice. (OWASP, "Slow down online guessing attacks with device cookies".)
//!
//! Accounts that do not exist are counted in the same way: that tries are put off says nothing about whether there is one.

use crate::domain::{SignInFailures, TokenHash};
use crate::service::Services;
use crate::store::StoreError;
use uuid::Uuid;

/// How many tries are free, and how long one waits after more.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many tries, and then waiting begins.
    free: i64,
    /// The first wait, in seconds. Each further one is twice as long.
    first: i64,
    /// The longest wait, in seconds.
    longest: i64,
    /// How long after the last try it is forgotten, in seconds.
    memory: i64,
}

/// Wrong passwords: five are free; the wait grows from a second to an hour, so that a year has some 10 000 tries.
pub const PASSWORD: Pace = Pace { free: 5, first: 1, longest: 3600, memory: 86_400 };

/// Mails with links: two at once, and then fewer and fewer, so that nobody fills somebody else's mailbox.
pub const MAIL: Pace = Pace { free: 2, first: 300, longest: 21_600, memory: 86_400 };

impl Pace {
    /// How long to wait after so many tries, in seconds.
    fn wait(self, tries: i64) -> i64 {
        let Some(doublings) = tries.checked_sub(self.free).filter(|more| *more >= 0) else { return 0 };
        let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
        2_i64
            .checked_pow(doublings)
            .and_then(|times| times.checked_mul(self.first))
            .unwrap_or(i64::MAX)
            .min(self.longest)
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy)]
pub enum Counted<'a> {
    /// Passwords for an account, from browsers that nobody knows. By its canonical e-mail address, whether it exists or not.
    Account(&'a str),
    /// Passwords for an account, from a browser that is known.
    Device(Uuid, &'a str),
    /// Passwords that a session gave to change its person's password.
    PasswordChange(Uuid),
    /// Mails to an address that somebody asked for.
    Mail(&'a str),
}

impl Counted<'_> {
    /// The key in the database. Whoever reads it there learns no address.
    fn key(self, services: &Services) -> TokenHash {
        let message = match self {
            Self::Account(account) => format!("account {account}"),
            Self::Device(user, device) => format!("device {user} {device}"),
            Self::PasswordChange(user) => format!("change {user}"),
            Self::Mail(account) => format!("mail {account}"),
        };
        TokenHash(services.vault.mac("sign-in failures", message.as_bytes()))
    }
}

/// Whether a try is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is, and it is counted as a failure until [`forget`] says otherwise.
    Admitted,
    /// Not for so many seconds.
    Blocked(i64),
}

/// Asks for one try, and counts it.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn admit(services: &Services, counted: Counted<'_>, pace: Pace) -> Result<Admission, StoreError> {
    let (key_hash, now) = (counted.key(services), services.now());
    let blocked = |known: &SignInFailures| {
        Some(known.blocked_until.since(now)).filter(|seconds| *seconds > 0).map(Admission::Blocked)
    };
    // Without a transaction first: whoever is put off does not make others wait for the database.
    let known = services.store.sign_in_failures(&[key_hash], now).await?;
    if let Some(blocked) = known.first().and_then(blocked) {
        return Ok(blocked);
    }
    let count = || async {
        let tx = services.store.begin().await?;
        let known = tx.sign_in_failures(&key_hash, now).await?;
        if let Some(blocked) = known.as_ref().and_then(blocked) {
            return Ok(blocked);
        }
        let failures = known.map_or(0, |known| known.failures).saturating_add(1);
        let blocked_until = now.plus(pace.wait(failures));
        let expires_at = blocked_until.plus(pace.memory);
        tx.save_sign_in_failures(&SignInFailures { key_hash, failures, blocked_until, expires_at }).await?;
        tx.commit().await?;
        Ok(Admission::Admitted)
    };
    services.in_order(count).await
}

/// The try was a good one: what was counted is forgotten.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn forget(services: &Services, counted: Counted<'_>) -> Result<(), StoreError> {
    let forget = || async {
        let tx = services.store.begin().await?;
        tx.delete_sign_in_failures(&counted.key(services)).await?;
        tx.commit().await
    };
    services.in_order(forget).await
}

/// How many tries count at present.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn count(services: &Services, counted: Counted<'_>) -> Result<i64, StoreError> {
    let known = services.store.sign_in_failures(&[counted.key(services)], services.now()).await?;
    Ok(known.first().map_or(0, |known| known.failures))
}

/// Whether tries wait after so many wrong passwords.
#[must_use]
pub const fn is_attack(failures: i64) -> bool {
    failures >= PASSWORD.free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let waits: Vec<i64> = (1..=20).map(|tries| PASSWORD.wait(tries)).collect();
        assert_eq!(waits[..4], [0; 4]);
        assert_eq!(waits[4..16], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
        assert_eq!(waits[16..], [3600; 4]);
        assert_eq!(PASSWORD.wait(i64::MAX), 3600);
        assert_eq!((MAIL.wait(1), MAIL.wait(2), MAIL.wait(3), MAIL.wait(1000)), (0, 300, 600, 21_600));
    }

    #[test]
    fn a_year_has_some_ten_thousand_tries() {
        let (mut seconds, mut tries) = (0, 0);
        while seconds < 365 * 86_400 {
            tries += 1;
            seconds += PASSWORD.wait(tries);
        }
        assert!((8000..10_000).contains(&tries), "{tries}");
    }
}
