//! Passkeys of people: how one is made, how one signs in, and how one is named and removed.

pub mod authenticate;
pub mod manage;
pub mod register;

use crate::crypto::passkey::{Ceremony, PasskeyError, RelyingParty};
use crate::domain::{Challenge, ChallengeKind, TokenHash};
use crate::service::Services;
use crate::store::{StoreError, WriteTransaction};
use serde_json::Value;
use uuid::Uuid;

/// How long a ceremony may take, in seconds: the five minutes that WebAuthn, section 15.1, recommends, and as long again for
/// a sign-in page that waited with the browser's suggestions.
pub const CEREMONY_TTL: i64 = 600;

/// Why a ceremony cannot begin, or does not end well.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The issuer's host is an address, so that browsers make no passkeys for it.
    #[error("passkeys need an issuer whose host is a name")]
    Unsupported,
    /// There is no such ceremony: it was finished, took too long, or belongs to another browser or person.
    #[error("the ceremony is over, or belongs to another browser")]
    Gone,
    /// The person has as many passkeys as anybody may have.
    #[error("no more than {} passkeys", register::MOST)]
    TooMany,
    /// No such passkey, or it is of somebody else or of somebody who may not sign in. One variant, because whoever tries must
    /// not learn which.
    #[error("no passkey of a person who may sign in")]
    Unknown,
    /// The credential is not good.
    #[error(transparent)]
    Refused(#[from] PasskeyError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A ceremony that the browser is to go on with.
pub struct Started {
    /// Its name: a secret, to come back with the answer.
    pub ceremony: String,
    /// The options of `navigator.credentials`, as JSON.
    pub options: Value,
}

fn relying_party(services: &Services) -> Result<&RelyingParty, CeremonyError> {
    services.relying_party.as_ref().ok_or(CeremonyError::Unsupported)
}

/// Keeps the first half of a ceremony for the browser that asked.
async fn keep(
    services: &Services,
    kind: ChallengeKind,
    browser: TokenHash,
    user_id: Option<Uuid>,
    ceremony: Ceremony,
) -> Result<Started, CeremonyError> {
    let now = services.now();
    let (secret, id_hash) = services.new_secret();
    let challenge = Challenge {
        id_hash,
        kind,
        browser_hash: Some(browser),
        user_id,
        data: ceremony.state,
        created_at: now,
        expires_at: now.plus(CEREMONY_TTL),
    };
    let keep = || async {
        let tx = services.store.begin().await?;
        tx.insert_challenge(&challenge).await?;
        tx.commit().await
    };
    services.in_order(keep).await?;
    Ok(Started { ceremony: secret, options: ceremony.options })
}

/// Takes the ceremony of this name, once, for the browser and the person that it was begun for. The transaction has to be
/// committed whatever follows: what was answered wrongly is not answered again.
async fn take(
    services: &Services,
    tx: &WriteTransaction,
    kind: ChallengeKind,
    ceremony: &str,
    browser: TokenHash,
    user_id: Option<Uuid>,
) -> Result<Value, CeremonyError> {
    let id = crate::crypto::hash::token_hash(ceremony);
    let now = services.now();
    // Looked at first: another browser cannot use up what is not its own.
    let waiting = tx.challenge(&id, kind, now).await?.ok_or(CeremonyError::Gone)?;
    if waiting.browser_hash != Some(browser) || waiting.user_id != user_id {
        return Err(CeremonyError::Gone);
    }
    Ok(tx.take_challenge(&id, kind, now).await?.ok_or(CeremonyError::Gone)?.data)
}
