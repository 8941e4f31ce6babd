//! A provider says that somebody signed out there: OpenID Connect Back-Channel Logout 1.0.

use super::{UpstreamError, keys, metadata};
use crate::crypto::hash::token_hash;
use crate::domain::identity_provider::claim;
use crate::domain::{Device, EventKind, IdentityProvider, RevocationReason, Session, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::{StoreError, WriteTransaction};
use authgent_core::token::provider_token::{Expected, LogoutToken, ProviderToken};
use serde_json::{Value, json};

/// Why nobody was signed out.
#[derive(Debug, thiserror::Error)]
pub enum LogoutRefused {
    /// The token is not believed, or the provider cannot be asked for its keys.
    #[error(transparent)]
    Provider(#[from] UpstreamError),
    /// It was used before.
    #[error("its jti was used before")]
    Replayed,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends what the logout token is about: one session and what was allowed in it, or everything of a person that began there.
/// Returns how many sessions ended. Of somebody unknown there is nothing to end, which is no error (section 2.7).
///
/// # Errors
/// [`LogoutRefused`].
pub async fn sign_out(services: &Services, provider: &IdentityProvider, token: &str) -> Result<u64, LogoutRefused> {
    let token = verify(services, provider, token).await?;
    let identifier = token_hash(&format!("logout:{}:{}{}", token.issuer.len(), token.issuer, token.jti));
    let end = || async {
        let tx = services.store.begin().await?;
        if !tx.use_assertion(&identifier, token.expires_at).await? {
            // Somebody was signed out by it, which may be of a turn that shares this commit, and is not durable before it.
            tx.commit().await?;
            return Err(LogoutRefused::Replayed);
        }
        let ended = match &token.sid {
            Some(sid) => end_session(services, &tx, &token, sid).await?,
            None => end_person(services, &tx, provider, &token).await?,
        };
        tx.commit().await?;
        Ok(ended)
    };
    let ended = services.in_order(end).await?;
    tracing::info!(provider = %provider.id, sessions = ended, "signed out by the provider");
    Ok(ended)
}

async fn verify(services: &Services, provider: &IdentityProvider, token: &str) -> Result<LogoutToken, UpstreamError> {
    let metadata = metadata::of(services, provider).await?;
    let token = ProviderToken::peek(token)?;
    keys::check_signature(services, &metadata, &token).await?;
    let expected = Expected { issuer: &metadata.issuer, client_id: &provider.client_id };
    Ok(token.logout_token(expected, services.now())?)
}

/// The session at the provider, in however many browsers it was used.
async fn end_session(
    services: &Services,
    tx: &WriteTransaction,
    token: &LogoutToken,
    sid: &str,
) -> Result<u64, StoreError> {
    let sessions = tx.sessions_of_upstream(&token.issuer, sid).await?;
    for session in &sessions {
        if let Some(user) = tx.user(session.user_id).await? {
            end(services, tx, session, &user).await?;
        }
    }
    Ok(sessions.len() as u64)
}

/// Every session of the person that began there, and every access that they allowed: the provider may have disabled them.
async fn end_person(
    services: &Services,
    tx: &WriteTransaction,
    provider: &IdentityProvider,
    token: &LogoutToken,
) -> Result<u64, StoreError> {
    let subject = claim(&token.claims, &provider.subject_claim).and_then(Value::as_str);
    let Some(subject) = subject else { return Ok(0) };
    let Some(identity) = tx.identity(&token.issuer, subject).await? else { return Ok(0) };
    let Some(user) = tx.user(identity.user_id).await? else { return Ok(0) };
    let now = services.now();
    let mut sessions = tx.sessions_of_user(user.id, now).await?;
    sessions.retain(|session| session.upstream.as_ref().is_some_and(|upstream| upstream.issuer == token.issuer));
    for session in &sessions {
        end(services, tx, session, &user).await?;
    }
    tx.revoke_grants_of_user(user.id, now, RevocationReason::UpstreamLogout).await?;
    Ok(sessions.len() as u64)
}

async fn end(services: &Services, tx: &WriteTransaction, session: &Session, user: &User) -> Result<(), StoreError> {
    let now = services.now();
    let ended = tx.delete_session(&session.id_hash).await?;
    // Afterwards: a grant that is added in it at this moment keeps it until then, and is found.
    tx.revoke_grants_of_session(&session.id_hash, now, RevocationReason::UpstreamLogout).await?;
    if ended {
        let detail = json!({ "by": "provider" });
        note(services, tx, user, EventKind::SessionEnded, &Device::default(), detail).await?;
    }
    Ok(())
}
