//! What an operator changes by `authgent key …`, while servers may change the same.

use super::{KeyPolicy, KeysError, PURPOSE, after_all, check_vault, generate, make_where_none_signs, row};
use crate::crypto::pem::SigningKey;
use crate::crypto::random::Random;
use crate::crypto::vault::Vault;
use crate::domain::{KeyOrigin, KeySchedule, KeyState, StoredKey};
use crate::service::in_order::in_order;
use crate::store::Store;
use authgent_core::time::Timestamp;

/// What `authgent key rotate` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// The next key signs once every copy of the key set has it.
    Usual,
    /// It signs at once.
    Now,
    /// It signs at once, and all that were there before it are withdrawn.
    Leaked,
}

/// Makes the next key now. Gives it, and the keys that were withdrawn.
///
/// # Errors
/// [`KeysError`]: nothing was changed.
pub async fn rotate(
    store: &Store,
    vault: &Vault,
    random: &dyn Random,
    policy: &KeyPolicy,
    now: Timestamp,
    urgency: Urgency,
) -> Result<(StoredKey, Vec<String>), KeysError> {
    let rotate = || async {
        let tx = store.begin().await?;
        let stored = tx.lock_signing_keys().await?;
        check_vault(&tx, vault, &stored).await?;
        let active_from = match urgency {
            Urgency::Usual => now.plus(policy.rotation.publish_ahead),
            Urgency::Now => after_all(&stored, now),
            Urgency::Leaked => now,
        };
        let key = generate(vault, random, policy.algorithm, now, active_from)?;
        let mut withdrawn = Vec::new();
        if urgency == Urgency::Leaked {
            for key in stored.iter().filter(|key| key.withdrawn_at.is_none()) {
                tx.withdraw_signing_key(&key.kid, now).await?;
                withdrawn.push(key.kid.clone());
            }
        }
        tx.insert_signing_key(&key).await?;
        tx.commit().await?;
        Ok((key, withdrawn))
    };
    in_order(random, rotate).await
}

/// Lets a key sign no more; with `withdraw` nothing that it signed is believed any more, either. Where no other one may sign
/// then, of those in the database and the one of the settings, `configured`, one is made, which is given.
///
/// # Errors
/// [`KeysError`]: nothing was changed.
pub async fn retire(
    store: &Store,
    vault: &Vault,
    random: &dyn Random,
    policy: &KeyPolicy,
    now: Timestamp,
    configured: &str,
    (kid, withdraw): (&str, bool),
) -> Result<Option<StoredKey>, KeysError> {
    let retire = || async {
        let tx = store.begin().await?;
        let mut stored = tx.lock_signing_keys().await?;
        check_vault(&tx, vault, &stored).await?;
        let schedule = KeySchedule::new(stored.clone(), policy.rotation.token_life);
        let key = stored.iter_mut().find(|key| key.kid == kid).ok_or_else(|| KeysError::Unknown(kid.to_owned()))?;
        let state = schedule.state(key, now);
        let changed = match withdraw {
            true if key.withdrawn_at.is_none() => tx.withdraw_signing_key(kid, now).await?,
            false if matches!(state, KeyState::Waiting | KeyState::Active) => tx.retire_signing_key(kid, now).await?,
            _ => false,
        };
        if !changed {
            return Err(KeysError::Already { kid: kid.to_owned(), state: state.as_str() });
        }
        key.retired_at = Some(now);
        let next = make_where_none_signs(&tx, vault, random, policy, now, stored, configured).await?;
        tx.commit().await?;
        Ok(next)
    };
    in_order(random, retire).await
}

/// Adds a key of the operator's, whose private half is sealed into the database.
///
/// # Errors
/// [`KeysError`]: nothing was changed.
pub async fn import(
    store: &Store,
    vault: &Vault,
    random: &dyn Random,
    policy: &KeyPolicy,
    now: Timestamp,
    (pem, at_once): (&str, bool),
) -> Result<StoredKey, KeysError> {
    let key = SigningKey::from_pem(pem.as_bytes(), policy.algorithm)?;
    let import = || async {
        let sealed = vault.seal(random, PURPOSE, pem.as_bytes()).map_err(KeysError::Vault)?;
        let tx = store.begin().await?;
        let stored = tx.lock_signing_keys().await?;
        check_vault(&tx, vault, &stored).await?;
        let active_from = if at_once { after_all(&stored, now) } else { now.plus(policy.rotation.publish_ahead) };
        let row = row(&key, KeyOrigin::Imported, Some(sealed), now, active_from);
        tx.insert_signing_key(&row).await?;
        tx.commit().await?;
        Ok(row)
    };
    in_order(random, import).await
}

/// Seals everything that is sealed anew, with the key of `vault`, which opens what another one sealed
/// ([`Vault::after`]). Gives how many keys and authenticator apps it was.
///
/// # Errors
/// [`KeysError`]: nothing was changed.
pub async fn reseal(store: &Store, vault: &Vault, random: &dyn Random) -> Result<(usize, usize), KeysError> {
    use crate::service::second_factor::app;
    let reseal = || async {
        let tx = store.begin().await?;
        let (mut keys, mut apps) = (0, 0);
        for key in tx.lock_signing_keys().await? {
            let Some(sealed) = &key.sealed_private_key else { continue };
            let plain = vault.open(PURPOSE, sealed).map_err(|_| KeysError::Sealed { kid: key.kid.clone() })?;
            let sealed = vault.seal(random, PURPOSE, &plain).map_err(KeysError::Vault)?;
            tx.set_sealed_private_key(&key.kid, Some(sealed)).await?;
            keys += 1;
        }
        for (user_id, sealed) in tx.sealed_totp_secrets().await? {
            let plain = vault.open(app::PURPOSE, &sealed).map_err(|_| KeysError::SealedApps)?;
            let sealed = vault.seal(random, app::PURPOSE, &plain).map_err(KeysError::Vault)?;
            tx.set_sealed_totp_secret(user_id, sealed).await?;
            apps += 1;
        }
        tx.commit().await?;
        Ok((keys, apps))
    };
    in_order(random, reseal).await
}
