//! The way back from a provider: OpenID Connect Core, section 3.1.2.5; RFC 9207.

use super::account::{Found, account_of};
use super::begin::{code_verifier, nonce};
use super::person::{Answer, person};
use super::{SignInRefused, metadata, provider};
use crate::crypto::hash::token_hash;
use crate::domain::{Amr, ChallengeKind, Device, IdentityProvider, TokenHash, UpstreamPerson, UpstreamSession, User};
use crate::service::Services;
use crate::service::sign_in::{Authentication, NewSession, SignedIn, session};
use crate::store::StoreError;
use authgent_core::error::printable;
use authgent_core::time::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

/// What the browser brought back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Response<'a> {
    /// The code.
    pub code: Option<&'a str>,
    /// Or why there is none.
    pub error: Option<&'a str>,
    /// The same in words, for the log.
    pub error_description: Option<&'a str>,
    /// The issuer (RFC 9207).
    pub iss: Option<&'a str>,
}

/// What was begun, and can be finished once.
pub struct Pending {
    /// Where it was begun.
    pub provider: Arc<IdentityProvider>,
    /// Where the person wanted to go.
    pub return_to: String,
    /// Who wanted to link the account there.
    pub link: Option<Uuid>,
    state: String,
    max_age: Option<i64>,
}

/// What came of it.
pub struct Completed {
    /// The session, but for somebody who linked an account: they have one.
    pub session: Option<NewSession>,
    /// Whose account it is.
    pub user: User,
    /// Whether the person there was linked to an account that was here.
    pub linked: bool,
}

#[derive(Deserialize)]
struct Data {
    provider: String,
    return_to: String,
    max_age: Option<i64>,
}

/// Takes what was begun under this `state` in this browser. In another one, or a second time, there is nothing.
///
/// # Errors
/// [`SignInRefused::Gone`], [`SignInRefused::Store`].
pub async fn take(services: &Services, state: &str, browser: Option<TokenHash>) -> Result<Pending, SignInRefused> {
    let (id, now) = (token_hash(state), services.now());
    let found = services.store.challenge(&id, ChallengeKind::Upstream, now).await?;
    // Looked at before it is taken: who has somebody's state cannot spoil their sign-in with it.
    found.filter(|found| browser.is_some() && found.browser_hash == browser).ok_or(SignInRefused::Gone)?;
    let take = || async {
        let tx = services.store.begin().await?;
        let taken = tx.take_challenge(&id, ChallengeKind::Upstream, now).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(taken)
    };
    let taken = services.in_order(take).await?.ok_or(SignInRefused::Gone)?;
    let data: Data = serde_json::from_value(taken.data).map_err(|_| SignInRefused::Gone)?;
    // A provider that the operator has removed meanwhile signs nobody in.
    let provider = provider(services, &data.provider).ok_or(SignInRefused::Gone)?;
    Ok(Pending {
        provider: Arc::clone(provider),
        return_to: data.return_to,
        link: taken.user_id,
        state: state.to_owned(),
        max_age: data.max_age,
    })
}

/// Finds out who signed in, checks what the operator asks, and begins their session here. A session that the browser had ends.
///
/// # Errors
/// [`SignInRefused`]. Nothing is written then.
pub async fn complete(
    services: &Services,
    pending: &Pending,
    response: Response<'_>,
    signed_in: Option<&SignedIn>,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<Completed, SignInRefused> {
    let provider = &pending.provider;
    let failed = |error| SignInRefused::Provider { provider: provider.id.clone(), error };
    // Before anything of the answer is used, an error included: it may be that of another provider.
    let known = metadata::of(services, provider).await.map_err(failed)?;
    match response.iss {
        Some(iss) if iss == known.issuer => {}
        None if !known.iss_parameter => {}
        _ => return Err(SignInRefused::OtherIssuer),
    }
    if let Some(error) = response.error {
        let words = response.error_description.map(|words| format!(": {}", printable(words))).unwrap_or_default();
        return Err(SignInRefused::Declined(format!("{}{words}", printable(error))));
    }
    // Whoever links must be the one who began it, still: another person may sit there now.
    if pending.link.is_some() && pending.link != signed_in.map(|signed_in| signed_in.user.id) {
        return Err(SignInRefused::NotSignedIn);
    }
    let verifier = code_verifier(services, &pending.state);
    let answer = Answer {
        code: response.code.filter(|code| !code.is_empty()).ok_or(SignInRefused::NoCode)?,
        code_verifier: verifier.as_str(),
        nonce: &nonce(services, &pending.state),
        max_age: pending.max_age,
    };
    let person = person(services, provider, &answer).await.map_err(failed)?;
    provider.rules.check(&person)?;
    let sign_in = || async {
        match sign_in(services, pending, &person, device, former_cookie).await {
            // Another tab has just made the same account: it is there now.
            Err(SignInRefused::Store(StoreError::Conflict { .. })) => {
                sign_in(services, pending, &person, device, former_cookie).await
            }
            outcome => outcome,
        }
    };
    services.in_order(sign_in).await
}

async fn sign_in(
    services: &Services,
    pending: &Pending,
    person: &UpstreamPerson,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<Completed, SignInRefused> {
    let tx = services.store.begin().await?;
    let Found { user, linked } = account_of(services, &tx, &pending.provider, person, pending.link, device).await?;
    let session = if pending.link.is_some() {
        None
    } else {
        let mut amr = vec![Amr::Federated];
        amr.extend(person.multi_factor.then_some(Amr::MultiFactor));
        let upstream = UpstreamSession { issuer: person.issuer.clone(), sid: person.sid.clone() };
        let auth_time = Some(auth_time(services.now(), pending, person));
        let authentication = Authentication { amr, upstream: Some(upstream), auth_time };
        let session = session::begin(services, &tx, &user, &authentication, device, former_cookie).await?;
        Some(session.ok_or(SignInRefused::Disabled)?)
    };
    tx.commit().await?;
    Ok(Completed { session, user, linked })
}

/// When the person proved who they are. A provider that was not asked for a fresh sign-in, and says nothing, may have gone by a
/// session of days: whoever finds an open browser signs out and in again, and that must not make the sign-in a fresh one.
fn auth_time(now: Timestamp, pending: &Pending, person: &UpstreamPerson) -> Timestamp {
    match (person.auth_time, pending.max_age) {
        (Some(auth_time), _) => auth_time,
        (None, Some(_)) => now,
        (None, None) => now.minus(session::FRESH_SECONDS + 1),
    }
}
