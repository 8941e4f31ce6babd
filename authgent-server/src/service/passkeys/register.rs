//! Making a passkey (WebAuthn, section 7.1), for a person who is signed in.

use super::{CeremonyError, Started, keep, relying_party, take};
use crate::crypto::hash::base64url;
use crate::crypto::passkey::PasskeyError;
use crate::crypto::random::uuid_v7;
use crate::domain::{ChallengeKind, Device, EventKind, Passkey, TokenHash, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::StoreError;
use serde_json::{Value, json};

/// How many passkeys a person may have.
pub const MOST: usize = 25;

/// Begins.
///
/// # Errors
/// [`CeremonyError::Unsupported`], [`CeremonyError::TooMany`], [`CeremonyError::Store`].
pub async fn begin(services: &Services, user: &User, browser: TokenHash) -> Result<Started, CeremonyError> {
    let relying_party = relying_party(services)?;
    let known = services.store.passkeys_of_user(user.id).await?;
    if known.len() >= MOST {
        return Err(CeremonyError::TooMany);
    }
    let known: Vec<Vec<u8>> = known.into_iter().map(|passkey| passkey.credential_id).collect();
    let email = user.email.as_str();
    let ceremony = relying_party.begin_registration(user.id, email, user.name.as_deref().unwrap_or(email), &known)?;
    keep(services, ChallengeKind::PasskeyRegistration, browser, Some(user.id), ceremony).await
}

/// Ends: the person has one passkey more.
///
/// # Errors
/// [`CeremonyError`].
pub async fn finish(
    services: &Services,
    user: &User,
    browser: TokenHash,
    ceremony: &str,
    answer: &Value,
    name: &str,
    device: &Device,
) -> Result<Passkey, CeremonyError> {
    let relying_party = relying_party(services)?;
    let tx = services.store.begin().await?;
    let state = take(services, &tx, ChallengeKind::PasskeyRegistration, ceremony, browser, Some(user.id)).await?;
    let others = tx.passkeys_of_user(user.id).await?;
    let key = match relying_party.finish_registration(answer, &state) {
        Ok(key) => key,
        Err(error) => {
            tx.commit().await?;
            // The library has one error for an authenticator that ignores `excludeCredentials` and for another algorithm.
            let known = others.iter().any(|passkey| answer["rawId"] == base64url(&passkey.credential_id));
            return Err(if known { PasskeyError::Known } else { error }.into());
        }
    };
    let now = services.now();
    if others.len() >= MOST {
        return Err(CeremonyError::TooMany);
    }
    let passkey = Passkey {
        id: uuid_v7(&*services.random, now),
        user_id: user.id,
        credential_id: key.credential_id,
        credential: key.credential,
        name: super::manage::clean_name(name).unwrap_or_else(|| format!("Passkey {}", others.len() + 1)),
        created_at: now,
        last_used_at: None,
    };
    match tx.insert_passkey(&passkey).await {
        // Somebody sends another person's key.
        Err(StoreError::Conflict { .. }) => return Err(PasskeyError::Known.into()),
        outcome => outcome?,
    }
    note(services, &tx, user, EventKind::PasskeyAdded, device, json!({ "name": passkey.name })).await?;
    tx.commit().await?;
    tracing::info!(user.id = %user.id, "a passkey was added");
    Ok(passkey)
}
