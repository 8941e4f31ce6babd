//! Making a passkey (WebAuthn, section 7.1), for a person who is signed in.

use super::{CeremonyError, Started, keep, relying_party, take};
use crate::crypto::hash::base64url;
use crate::crypto::passkey::{NewKey, PasskeyError};
use crate::crypto::random::uuid_v7;
use crate::domain::{ChallengeKind, Device, EventKind, Passkey, TokenHash, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::{StoreError, WriteTransaction};
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
    answer: &Answer<'_>,
    device: &Device,
) -> Result<Passkey, CeremonyError> {
    let finish = || async {
        let tx = services.store.begin().await?;
        let verified = match verify(services, &tx, user, browser, answer).await {
            Ok(verified) => verified,
            Err(error @ CeremonyError::Store(_)) => return Err(error),
            Err(error) => {
                // What was answered wrongly is not answered again.
                tx.commit().await?;
                return Err(error);
            }
        };
        let passkey = insert(services, &tx, user, verified, answer.name, device).await?;
        tx.commit().await?;
        Ok(passkey)
    };
    let passkey = services.in_order(finish).await?;
    tracing::info!(user.id = %user.id, "a passkey was added");
    Ok(passkey)
}

/// What the browser sends to end it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What names the ceremony.
    pub ceremony: &'a str,
    /// The credential, as JSON.
    pub credential: &'a Value,
    /// What the person calls it.
    pub name: &'a str,
}

/// A key that is good, and how many the person has.
pub(in crate::service) struct Verified {
    key: NewKey,
    others: usize,
}

/// Takes the ceremony and checks the credential. Writes nothing else: the caller commits, so that the ceremony stays taken.
pub(in crate::service) async fn verify(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    browser: TokenHash,
    answer: &Answer<'_>,
) -> Result<Verified, CeremonyError> {
    let relying_party = relying_party(services)?;
    let kind = ChallengeKind::PasskeyRegistration;
    let state = take(services, tx, kind, answer.ceremony, browser, Some(user.id)).await?;
    let others = tx.passkeys_of_user(user.id).await?;
    let key = relying_party.finish_registration(answer.credential, &state).map_err(|error| {
        // The library has one error for an authenticator that ignores `excludeCredentials` and for another algorithm.
        let known = others.iter().any(|passkey| answer.credential["rawId"] == base64url(&passkey.credential_id));
        if known { PasskeyError::Known } else { error }
    })?;
    if others.len() >= MOST { Err(CeremonyError::TooMany) } else { Ok(Verified { key, others: others.len() }) }
}

/// Gives the person the key; the caller commits.
pub(in crate::service) async fn insert(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    Verified { key, others }: Verified,
    name: &str,
    device: &Device,
) -> Result<Passkey, CeremonyError> {
    let now = services.now();
    let passkey = Passkey {
        id: uuid_v7(&*services.random, now),
        user_id: user.id,
        credential_id: key.credential_id,
        credential: key.credential,
        name: super::manage::clean_name(name).unwrap_or_else(|| format!("Passkey {}", others + 1)),
        created_at: now,
        last_used_at: None,
    };
    match tx.insert_passkey(&passkey).await {
        // Somebody sends another person's key.
        Err(StoreError::Conflict { .. }) => return Err(PasskeyError::Known.into()),
        outcome => outcome?,
    }
    note(services, tx, user, EventKind::PasskeyAdded, device, json!({ "name": passkey.name })).await?;
    Ok(passkey)
}
