//! The keys that sign: which one does at this moment, and what makes the next one. What is published, used and withdrawn
//! when stands in [`crate::domain::signing_key`].

mod by_hand;

pub use by_hand::{Urgency, import, reseal, retire, rotate};

use crate::crypto::keyring::{Keyring, VerifyingKey};
use crate::crypto::pem::{KeyError, SigningAlgorithm, SigningKey, generate_pem};
use crate::crypto::random::Random;
use crate::crypto::vault::{Vault, VaultError};
use crate::domain::{KeyOrigin, KeySchedule, KeyState, RotationPolicy, StoredKey};
use crate::service::Services;
use crate::store::{RETENTION_SECONDS, Store, StoreError, WriteTransaction};
use authgent_core::time::Timestamp;
use secrecy::zeroize::Zeroizing;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What private keys are sealed for.
const PURPOSE: &str = "signing key";

/// How long a key of which nothing is in use is still listed, in seconds: thirty days.
const LISTED: i64 = 30 * 86_400;

/// Why keys cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The vault does not open a key.
    #[error(
        "the signing key {kid} in the database was sealed with another key than AUTHGENT_ENCRYPTION_KEY or the signing key give: \
         set the one that it was sealed with; `authgent key reseal` changes it"
    )]
    Sealed {
        /// The key.
        kid: String,
    },
    /// The vault does not open what authenticator apps use.
    #[error(
        "the secrets of authenticator apps in the database were sealed with another key than AUTHGENT_ENCRYPTION_KEY or the \
         signing key give: set the one that they were sealed with; `authgent key reseal` changes it"
    )]
    SealedApps,
    /// Sealing failed.
    #[error("a signing key could not be sealed: {0}")]
    Vault(VaultError),
    /// A key in the database is none.
    #[error("the signing key {kid} in the database cannot be used: {problem}")]
    Unusable {
        /// The key.
        kid: String,
        /// Why.
        problem: String,
    },
    /// There is none whose private half is here.
    #[error("no signing key can be used: the private half of none of them is here")]
    NoneAtHand,
    /// There is no such key.
    #[error("there is no signing key {0}: `authgent key list` shows those that there are")]
    Unknown(String),
    /// It is in that state already.
    #[error("the signing key {kid} is {state} already")]
    Already {
        /// The key.
        kid: String,
        /// What it is.
        state: &'static str,
    },
    /// What was given is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What this process knows of keys.
pub struct Keys {
    /// `AUTHGENT_SIGNING_KEY`.
    configured: Arc<SigningKey>,
    /// Those whose private half is here, by `kid`.
    at_hand: Mutex<HashMap<String, Arc<SigningKey>>>,
    current: RwLock<Current>,
}

struct Current {
    generation: i64,
    schedule: KeySchedule,
    keyring: Arc<Keyring>,
    /// Between these two moments the keyring is right.
    from: Timestamp,
    until: Option<Timestamp>,
    /// Whether it was right once, and time has left no key that may sign.
    outdated: bool,
}

/// Which keys there should be.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// What new keys sign with.
    pub algorithm: SigningAlgorithm,
    /// When they are made.
    pub rotation: RotationPolicy,
}

impl Keys {
    /// Brings the keys of the database up to date with the settings, and reads them. The configured key is noted where it is
    /// new: it is published first, and signs later, where the present one stands in the database, and at once where that was configured, too,
    /// and whoever starts now does not have it. Where no key can sign one is made. After [`StoreError::SerializationFailure`] it is to be
    /// done again.
    ///
    /// # Errors
    /// [`KeysError`]: nothing was changed.
    pub async fn open(
        store: &Store,
        vault: &Vault,
        random: &dyn Random,
        configured: &Arc<SigningKey>,
        policy: &KeyPolicy,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        note_configured(store, vault, random, configured, policy, now).await?;
        let generation = store.cache_generation().await?;
        let (mut at_hand, life) = (HashMap::new(), policy.rotation.token_life);
        let current = read(store, vault, configured, &mut at_hand, generation, life, now).await?;
        let configured = Arc::clone(configured);
        Ok(Self { configured, at_hand: Mutex::new(at_hand), current: RwLock::new(current) })
    }

    fn at(&self, now: Timestamp) -> Arc<Keyring> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if current.from <= now && current.until.is_none_or(|until| now < until) {
            return Arc::clone(&current.keyring);
        }
        drop(current);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        match keyring(&current.schedule, &at_hand, now) {
            Ok(keyring) => {
                current.keyring = Arc::new(keyring);
                current.from = now;
                current.until = current.schedule.next_change(now);
            }
            // The last one that could be made is as good as it was, for as long as nobody looks.
            Err(error) => {
                current.outdated = true;
                tracing::error!(error = %error, "the signing keys cannot be used");
            }
        }
        Arc::clone(&current.keyring)
    }

    /// Has them read again when they are needed next, whatever the generation.
    pub(super) fn outdate(&self) {
        self.current.write().unwrap_or_else(PoisonError::into_inner).outdated = true;
    }

    fn is_of(&self, generation: i64) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.generation >= generation && !current.outdated
    }
}

/// Notes the configured key where it is new, and makes one where none can sign.
async fn note_configured(
    store: &Store,
    vault: &Vault,
    random: &dyn Random,
    configured: &SigningKey,
    policy: &KeyPolicy,
    now: Timestamp,
) -> Result<(), KeysError> {
    let tx = store.begin().await?;
    let mut stored = tx.lock_signing_keys().await?;
    check_vault(&tx, vault, &stored).await?;
    let mut new = None;
    if let Some(known) = stored.iter_mut().find(|key| key.kid == configured.kid()) {
        if known.origin != KeyOrigin::Configuration {
            // Else it would be removed like any other, and be a new one when a server starts with this file again.
            tx.set_signing_key_origin(&known.kid, KeyOrigin::Configuration).await?;
            known.origin = KeyOrigin::Configuration;
        }
    } else {
        let before = KeySchedule::new(stored.clone(), policy.rotation.token_life);
        let active_from = match before.active(now, |key| key.sealed_private_key.is_some()) {
            Some(_) => now.plus(policy.rotation.publish_ahead),
            None => now,
        };
        new = Some(active_from.0).filter(|_| !stored.is_empty());
        let key = row(configured, KeyOrigin::Configuration, None, now, active_from);
        tx.insert_signing_key(&key).await?;
        stored.push(key);
    }
    let made = make_where_none_signs(&tx, vault, random, policy, now, stored, configured.kid()).await?;
    // Whoever did the same meanwhile may share this commit, or be the reason why this is done again.
    tx.commit().await?;
    if let Some(active_from) = new {
        tracing::info!(kid = configured.kid(), active_from, "the signing key of the settings is new");
    }
    if made.is_some() {
        tracing::warn!("no key that is there may sign: a new one is made");
    }
    Ok(())
}

/// Whether the vault opens what is in the database, which need not be migrated yet. A server looks before it writes anything there.
///
/// # Errors
/// [`KeysError::Sealed`], [`KeysError::SealedApps`], [`KeysError::Store`], also where the database was migrated by a later version.
pub async fn check(store: &Store, vault: &Vault) -> Result<(), KeysError> {
    let sealed = store.begin().await?.sealed().await?;
    sealed.keys.iter().try_for_each(|(kid, sealed)| opens_key(vault, kid, sealed))?;
    sealed.app.map_or(Ok(()), |sealed| opens_app(vault, &sealed))
}

impl Services {
    /// The keys as they are now, of the last state of the database that was looked at ([`Services::view`] looks).
    #[must_use]
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keys.at(self.now())
    }

    /// Reads the keys again, where they were read before `generation`. Where none can sign then, one is made: the private half of the only
    /// one may have been in a file that this replica does not have.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read, or none can be made. Those that are known stay.
    pub(super) async fn renew_keys(&self, generation: i64) -> Result<(), StoreError> {
        if self.keys.is_of(generation) {
            return Ok(());
        }
        let renewed = match self.read_keys(generation).await {
            Err(KeysError::NoneAtHand) => match self.make_key_where_none_signs().await {
                Ok(()) => self.read_keys(generation).await,
                Err(error) => Err(error),
            },
            outcome => outcome,
        };
        renewed.map_err(|error| match error {
            KeysError::Store(error) => error,
            error => StoreError::Unavailable { problem: error.to_string() },
        })
    }

    async fn read_keys(&self, generation: i64) -> Result<(), KeysError> {
        let mut at_hand = self.keys.at_hand.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (life, now) = (self.key_policy.rotation.token_life, self.now());
        let configured = &self.keys.configured;
        let read = read(&self.store, &self.vault, configured, &mut at_hand, generation, life, now).await?;
        let mut current = self.keys.current.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have read a later state meanwhile.
        if current.generation < generation || current.outdated {
            *self.keys.at_hand.lock().unwrap_or_else(PoisonError::into_inner) = at_hand;
            *current = read;
        }
        Ok(())
    }

    async fn make_key_where_none_signs(&self) -> Result<(), KeysError> {
        let (policy, now) = (&self.key_policy, self.now());
        let make = || async {
            let tx = self.store.begin().await?;
            let stored = tx.lock_signing_keys().await?;
            check_vault(&tx, &self.vault, &stored).await?;
            let kid = self.keys.configured.kid();
            let made = make_where_none_signs(&tx, &self.vault, &*self.random, policy, now, stored, kid).await?;
            // Whoever made one meanwhile may share this commit, or be the reason why this is done again.
            tx.commit().await?;
            Ok::<_, KeysError>(made)
        };
        let made = self.in_order(make).await?;
        if let Some(key) = made {
            tracing::warn!(kid = %key.kid, "no key that is here may sign: a new one does");
        }
        Ok(())
    }

    /// Makes the next key where it is due, and forgets what is over. Every replica does this; one of them makes the key.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate_keys_when_due(&self) -> Result<(), KeysError> {
        let (policy, now) = (&self.key_policy, self.now());
        let life = policy.rotation.token_life;
        let known = KeySchedule::new(self.store.signing_keys().await?, life);
        if known.due(now, &policy.rotation).is_none() && !known.keys().iter().any(|key| is_to_tidy(&known, key, now)) {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        let schedule = KeySchedule::new(tx.lock_signing_keys().await?, life);
        if let Some(active_from) = schedule.due(now, &policy.rotation) {
            let key = generate(&self.vault, &*self.random, policy.algorithm, now, active_from)?;
            tx.insert_signing_key(&key).await?;
            tracing::info!(kid = %key.kid, active_from = active_from.0, "a new signing key is published");
        }
        tidy(&tx, &schedule, now).await?;
        Ok(tx.commit().await?)
    }
}

/// Forgets the private halves of keys that have signed no more for a day, and the keys that need not be listed any longer.
async fn tidy(tx: &WriteTransaction, schedule: &KeySchedule, now: Timestamp) -> Result<(), StoreError> {
    for key in schedule.keys().iter().filter(|key| is_to_tidy(schedule, key, now)) {
        if is_listed(schedule, key, now) {
            tx.set_sealed_private_key(&key.kid, None).await?;
            tracing::info!(kid = %key.kid, "a signing key is retired, and its private half forgotten");
        } else {
            tx.delete_signing_key(&key.kid).await?;
        }
    }
    Ok(())
}

/// Whether its private half is still there although it has signed no more for long enough, or it need not be listed any longer.
///
/// By a clock that runs a day ahead, the key that signs does so no more. When the clock is right again it has to go on, since the next
/// one may have been published just now: so its private half is kept for as long as clean-up keeps what is over. A withdrawn one has lost it
/// at once.
fn is_to_tidy(schedule: &KeySchedule, key: &StoredKey, now: Timestamp) -> bool {
    match schedule.state(key, now) {
        KeyState::Waiting | KeyState::Active | KeyState::Withdrawn => false,
        KeyState::Retired | KeyState::Over => {
            let long_ago = schedule.signs_until(key).is_some_and(|until| until.plus(RETENTION_SECONDS) <= now);
            long_ago && key.sealed_private_key.is_some() || !is_listed(schedule, key, now)
        }
    }
}

/// One that was ever configured is always: it would come again as a new one.
fn is_listed(schedule: &KeySchedule, key: &StoredKey, now: Timestamp) -> bool {
    let over_long_ago = schedule.published_until(key).is_some_and(|until| until.plus(LISTED) <= now);
    key.origin == KeyOrigin::Configuration || !over_long_ago
}

/// Whether the vault opens what is in the database. Otherwise nothing may be written that it would seal: some rows would open
/// with one key and some with another.
async fn check_vault(tx: &WriteTransaction, vault: &Vault, stored: &[StoredKey]) -> Result<(), KeysError> {
    for key in stored {
        key.sealed_private_key.as_ref().map_or(Ok(()), |sealed| opens_key(vault, &key.kid, sealed))?;
    }
    tx.any_sealed_totp_secret().await?.map_or(Ok(()), |sealed| opens_app(vault, &sealed))
}

fn opens_key(vault: &Vault, kid: &str, sealed: &[u8]) -> Result<(), KeysError> {
    vault.open(PURPOSE, sealed).map(drop).map_err(|_| KeysError::Sealed { kid: kid.to_owned() })
}

fn opens_app(vault: &Vault, sealed: &[u8]) -> Result<(), KeysError> {
    vault.open(crate::service::second_factor::app::PURPOSE, sealed).map(drop).map_err(|_| KeysError::SealedApps)
}

/// Now, or the first second after it in which no other key begins: of two that begin at once, nothing says which one signs.
fn after_all(stored: &[StoredKey], now: Timestamp) -> Timestamp {
    let may_sign = |key: &&StoredKey| key.retired_at.is_none() && key.withdrawn_at.is_none();
    let mut begins = now;
    while stored.iter().filter(may_sign).any(|key| key.active_from == begins) {
        begins = begins.plus(1);
    }
    begins
}

fn is_at_hand(key: &StoredKey, configured: &str) -> bool {
    key.sealed_private_key.is_some() || key.kid == configured
}

/// Adds a key that signs from now on, where of those in the database and the configured one none may. One that was to wait
/// begins instead.
async fn make_where_none_signs(
    tx: &WriteTransaction,
    vault: &Vault,
    random: &dyn Random,
    policy: &KeyPolicy,
    now: Timestamp,
    stored: Vec<StoredKey>,
    configured: &str,
) -> Result<Option<StoredKey>, KeysError> {
    let active_from = after_all(&stored, now);
    let schedule = KeySchedule::new(stored, policy.rotation.token_life);
    if schedule.active(now, |key| is_at_hand(key, configured)).is_some() {
        return Ok(None);
    }
    let key = generate(vault, random, policy.algorithm, now, active_from)?;
    tx.insert_signing_key(&key).await?;
    Ok(Some(key))
}

fn row(
    key: &SigningKey,
    origin: KeyOrigin,
    sealed_private_key: Option<Vec<u8>>,
    now: Timestamp,
    active_from: Timestamp,
) -> StoredKey {
    StoredKey {
        kid: key.kid().to_owned(),
        alg: key.algorithm().as_str().to_owned(),
        origin,
        public_jwk: key.jwk().clone(),
        sealed_private_key,
        created_at: now,
        active_from,
        retired_at: None,
        withdrawn_at: None,
    }
}

fn generate(
    vault: &Vault,
    random: &dyn Random,
    algorithm: SigningAlgorithm,
    now: Timestamp,
    active_from: Timestamp,
) -> Result<StoredKey, KeysError> {
    let pem = Zeroizing::new(generate_pem(algorithm));
    let key = SigningKey::from_pem(pem.as_bytes(), algorithm)?;
    let sealed = vault.seal(random, PURPOSE, pem.as_bytes()).map_err(KeysError::Vault)?;
    Ok(row(&key, KeyOrigin::Generated, Some(sealed), now, active_from))
}

async fn read(
    store: &Store,
    vault: &Vault,
    configured: &Arc<SigningKey>,
    at_hand: &mut HashMap<String, Arc<SigningKey>>,
    generation: i64,
    token_life: i64,
    now: Timestamp,
) -> Result<Current, KeysError> {
    let schedule = KeySchedule::new(store.signing_keys().await?, token_life);
    // What another replica has forgotten since is forgotten here as well.
    at_hand.retain(|kid, _| schedule.keys().iter().any(|key| key.kid == *kid && is_at_hand(key, configured.kid())));
    for key in schedule.keys() {
        if key.kid == configured.kid() {
            at_hand.insert(key.kid.clone(), Arc::clone(configured));
        } else if let Some(sealed) = key.sealed_private_key.as_ref().filter(|_| !at_hand.contains_key(&key.kid)) {
            let pem = vault.open(PURPOSE, sealed).map_err(|_| KeysError::Sealed { kid: key.kid.clone() })?;
            let parsed = algorithm(key).and_then(|algorithm| {
                SigningKey::from_pem(&pem, algorithm).map_err(|error| unusable(&key.kid, &error))
            })?;
            at_hand.insert(key.kid.clone(), Arc::new(parsed));
        }
    }
    let keyring = Arc::new(keyring(&schedule, at_hand, now)?);
    let until = schedule.next_change(now);
    Ok(Current { generation, schedule, keyring, from: now, until, outdated: false })
}

fn keyring(
    schedule: &KeySchedule,
    at_hand: &HashMap<String, Arc<SigningKey>>,
    now: Timestamp,
) -> Result<Keyring, KeysError> {
    let active = schedule.active(now, |key| at_hand.contains_key(&key.kid)).ok_or(KeysError::NoneAtHand)?;
    let signing = at_hand.get(&active.kid).ok_or(KeysError::NoneAtHand)?;
    let mut others = Vec::new();
    for key in schedule.published(now).filter(|key| key.kid != active.kid) {
        let verifying = VerifyingKey::new(key.kid.clone(), algorithm(key)?, key.public_jwk.clone());
        others.push(Arc::new(verifying.map_err(|error| unusable(&key.kid, &error))?));
    }
    Keyring::new(Arc::clone(signing), others).map_err(|error| unusable(&active.kid, &error))
}

fn algorithm(key: &StoredKey) -> Result<SigningAlgorithm, KeysError> {
    key.alg.parse().map_err(|error| unusable(&key.kid, &error))
}

fn unusable(kid: &str, problem: &dyn std::error::Error) -> KeysError {
    KeysError::Unusable { kid: kid.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
