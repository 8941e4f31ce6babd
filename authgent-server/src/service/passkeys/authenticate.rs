//! Signing in with a passkey (WebAuthn, section 7.2). The person is known by the key: nobody has to say who they are first,
//! and so nobody learns who has an account.

use super::{CeremonyError, Started, keep, relying_party, take};
use crate::crypto::passkey::Assertion;
use crate::domain::{Amr, ChallengeKind, Device, TokenHash};
use crate::service::Services;
use crate::service::sign_in::{Authentication, NewSession, session};
use crate::store::WriteTransaction;
use serde_json::Value;

/// A passkey whose holder was verified: two factors.
pub(in crate::service) const AMR: [Amr; 3] = [Amr::Key, Amr::UserPresence, Amr::MultiFactor];

/// Begins.
///
/// # Errors
/// [`CeremonyError::Unsupported`], [`CeremonyError::Store`].
pub async fn begin(services: &Services, browser: TokenHash) -> Result<Started, CeremonyError> {
    let ceremony = relying_party(services)?.begin_authentication()?;
    keep(services, ChallengeKind::PasskeyAuthentication, browser, None, ceremony).await
}

/// Ends: the person is signed in.
///
/// # Errors
/// [`CeremonyError`].
pub async fn finish(
    services: &Services,
    browser: TokenHash,
    ceremony: &str,
    answer: &Value,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, CeremonyError> {
    let finish = || async {
        let tx = services.store.begin().await?;
        let state = take(services, &tx, ChallengeKind::PasskeyAuthentication, ceremony, browser, None).await?;
        let outcome = sign_in(services, &tx, &state, answer, device, former_cookie).await;
        if !matches!(outcome, Err(CeremonyError::Store(_))) {
            tx.commit().await?;
        }
        outcome
    };
    services.in_order(finish).await
}

/// Writes nothing where it fails, but for the key's counter where the person is disabled at this moment.
async fn sign_in(
    services: &Services,
    tx: &WriteTransaction,
    state: &Value,
    answer: &Value,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, CeremonyError> {
    let assertion = Assertion::parse(answer)?;
    let passkey = tx.passkey_by_credential_id(assertion.credential_id()).await?;
    let passkey = passkey.filter(|passkey| passkey.user_id == assertion.user_id).ok_or(CeremonyError::Unknown)?;
    let user = tx.user(passkey.user_id).await?.filter(|user| user.enabled);
    let user = user.ok_or(CeremonyError::Unknown)?;
    let credential = relying_party(services)?.finish_authentication(&assertion, state, &passkey.credential)?;
    if !tx.update_passkey(passkey.id, &credential, services.now()).await? {
        return Err(CeremonyError::Unknown);
    }
    let session = session::begin(services, tx, &user, &Authentication::local(AMR), device, former_cookie).await?;
    session.ok_or(CeremonyError::Unknown)
}
