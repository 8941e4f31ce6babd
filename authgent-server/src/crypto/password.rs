//! Passwords of people: Argon2id (RFC 9106), off the asynchronous threads, few at a time.

use super::password_policy::{PasswordRefused, check_new_password};
use super::random::{Random as _, SystemRandom};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

/// How long a sign-in waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The parameters of the OWASP password storage recommendations: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is computed where there is no such user, so that the answer takes as long: the same parameters, and a hash
/// that no password is known to have.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many are being checked; the person should try again.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The stored text is no Argon2 hash.
    #[error("the stored password hash is damaged: {0}")]
    Damaged(HashError),
    /// Hashing failed, for want of memory or because the process is ending.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// Hashes and checks passwords, at most so many at once: each takes 19 MiB and tens of milliseconds of a core.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    longest_wait: Duration,
}

impl PasswordHasher {
    /// A hasher that works on at most `permits` passwords at once (at least one). The number of cores is a good choice.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(permits.clamp(1, 1024))), longest_wait: LONGEST_WAIT }
    }

    /// The hash of a password with a new salt, as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] after some seconds without a turn; [`PasswordError::Failed`].
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.run(move || {
            let mut salt = [0; 16];
            SystemRandom.fill(&mut salt);
            let failed = |error: HashError| PasswordError::Failed(error.to_string());
            let password = normalized(&password);
            let hash: PasswordHash =
                argon2()?.hash_password_with_salt(password.expose_secret().as_bytes(), &salt).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// The hash of a new password, where the policy takes it: [`check_new_password`], which takes some milliseconds as well.
    ///
    /// # Errors
    /// As [`PasswordHasher::hash`]; inside, why the password is refused.
    pub async fn hash_new(
        &self,
        password: SecretString,
        known: Vec<String>,
    ) -> Result<Result<String, PasswordRefused>, PasswordError> {
        let candidate = password.clone();
        let known = move || check_new_password(&candidate, &known.iter().map(String::as_str).collect::<Vec<_>>());
        match self.run(move || Ok(known())).await? {
            Ok(()) => self.hash(password).await.map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Whether `password` is the one behind the `stored` hash. Without a stored hash the answer is no, after
    /// the same work: the time tells nobody who has an account.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] after some seconds without a turn; [`PasswordError::Damaged`] where `stored`
    /// is no hash.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, PasswordError> {
        self.run(move || {
            let expected = PasswordHash::new(stored.as_deref().unwrap_or(NOBODY)).map_err(|error| {
                let error: HashError = error.into();
                PasswordError::Damaged(error)
            })?;
            // A PHC string may lack its salt or its hash; argon2 would then answer like for a wrong password.
            if expected.salt.is_none() || expected.hash.is_none() {
                return Err(PasswordError::Damaged(HashError::EncodingInvalid));
            }
            // The parameters come from the stored hash, so that those of an older release still verify.
            let password = normalized(&password);
            match argon2()?.verify_password(password.expose_secret().as_bytes(), &expected) {
                Ok(()) => Ok(stored.is_some()),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(PasswordError::Damaged(error)),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = self.permit().await?;
        let work = move || {
            // Held by the work itself: a request that is given up does not free the core that it keeps busy.
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| PasswordError::Failed(error.to_string()))?
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        let turn = tokio::time::timeout(self.longest_wait, Arc::clone(&self.permits).acquire_owned()).await;
        turn.map_err(|_| PasswordError::Busy)?.map_err(|_| PasswordError::Busy)
    }
}

/// A password as it is hashed: in normalization form KC (NIST SP 800-63B-4, section 3.1.1.2), so that the same password typed
/// on another keyboard, with wide letters or with letters and accents apart, is the same password. That includes what the
/// profile OpaqueString of RFC 8265 maps, spaces of all kinds, and goes further.
#[must_use]
pub fn normalized(password: &SecretString) -> SecretString {
    password.expose_secret().nfkc().collect::<String>().into()
}

/// Whether a stored hash was made with other parameters than a new one would be: the next sign-in then replaces it.
#[must_use]
pub fn is_outdated(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return false };
    let parameters = Params::try_from(&hash).ok().map(|used| (used.m_cost(), used.t_cost(), used.p_cost()));
    hash.algorithm.as_str() != "argon2id"
        || hash.version != Some(Version::V0x13.into())
        || parameters != Some((MEMORY_KIB, PASSES, LANES))
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let parameters = parameters.map_err(|error| PasswordError::Failed(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let hasher = PasswordHasher::new(2);
        let hash = hasher.hash(secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(secret("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(secret("correct horse "), Some(hash.clone())).await.unwrap());
        assert_ne!(hasher.hash(secret("correct horse")).await.unwrap(), hash, "the salt differs");
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_a_damaged_hash_is_an_error() {
        let hasher = PasswordHasher::new(1);
        assert!(!hasher.verify(secret("anything"), None).await.unwrap());
        for damaged in ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1", "$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            let answer = hasher.verify(secret("anything"), Some(damaged.into())).await;
            assert!(matches!(answer, Err(PasswordError::Damaged(_))), "{damaged}: {answer:?}");
        }
    }

    /// RFC 9106, section 5.3 needs a secret and associated data; this one is of the reference implementation
    /// (`echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`).
    #[tokio::test]
    async fn other_parameters_of_a_stored_hash_verify() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(PasswordHasher::new(1).verify(secret("password"), Some(stored.into())).await.unwrap());
    }

    #[tokio::test]
    async fn whoever_gets_no_turn_is_told() {
        let hasher = PasswordHasher { longest_wait: Duration::from_millis(20), ..PasswordHasher::new(1) };
        let taken = hasher.permit().await.unwrap();
        assert!(matches!(hasher.verify(secret("x"), None).await, Err(PasswordError::Busy)));
        drop(taken);
        assert!(!hasher.verify(secret("x"), None).await.unwrap());
    }

    #[tokio::test]
    async fn another_keyboard_types_the_same_password() {
        let hasher = PasswordHasher::new(1);
        let hash = hasher.hash(secret("Pa\u{df}wört 12 naïve")).await.unwrap();
        for typed in ["Pa\u{df}wo\u{308}rt 12 nai\u{308}ve", "Paßwört\u{a0}１２\u{3000}naïve"] {
            assert!(hasher.verify(secret(typed), Some(hash.clone())).await.unwrap(), "{typed:?}");
        }
        for other in ["paßwört 12 naïve", "Passwört 12 naïve", "Paswört 12 naïve"] {
            assert!(!hasher.verify(secret(other), Some(hash.clone())).await.unwrap(), "{other}");
        }
    }

    #[tokio::test]
    async fn hashes_of_older_parameters_are_outdated() {
        assert!(!is_outdated(&PasswordHasher::new(1).hash(secret("correct horse")).await.unwrap()));
        for old in [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=16$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(is_outdated(old), "{old}");
        }
        assert!(!is_outdated("damaged"), "that is for whoever verifies it to say");
    }
}
