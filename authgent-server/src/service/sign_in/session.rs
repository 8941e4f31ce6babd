//! Where a session begins, however the person proved who they are.

use crate::crypto::hash::token_hash;
use crate::domain::{AccountEvent, Amr, Device, EventKind, Session, UpstreamSession, User};
use crate::service::Services;
use crate::store::{StoreError, WriteTransaction};
use authgent_core::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// How a person proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The ways.
    pub amr: Vec<Amr>,
    /// The upstream provider's session behind it.
    pub upstream: Option<UpstreamSession>,
    /// When they did, where that was not now.
    pub auth_time: Option<Timestamp>,
}

/// For how many seconds a sign-in counts as fresh: long enough to change something dangerous, too short for whoever finds an
/// open browser.
pub const FRESH_SECONDS: i64 = 600;

impl Authentication {
    /// By these ways, here.
    #[must_use]
    pub fn local(amr: impl Into<Vec<Amr>>) -> Self {
        Self { amr: amr.into(), upstream: None, auth_time: None }
    }
}

/// A session that was just made.
pub struct NewSession {
    /// The value of the cookie: a secret.
    pub cookie: String,
    /// Its life in seconds.
    pub ttl: u32,
    /// Whose it is.
    pub user_id: Uuid,
}

/// Whether a person who has proved who they are may still sign in: they are enabled and, where they did it `by_password`, it is the
/// one that it was when it was verified. Neither changes until the transaction ends.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn may_begin(tx: &WriteTransaction, user: &User, by_password: bool) -> Result<bool, StoreError> {
    let found = tx.lock_user(user.id).await?;
    Ok(found.is_some_and(|found| found.enabled && (!by_password || found.password_hash == user.password_hash)))
}

/// Begins a session of a person who has proved who they are; the caller commits. A session that the browser had ends: its
/// identifier may have been planted there (session fixation). `None`, and nothing is written, for whoever may not sign in any
/// more ([`may_begin`]): whatever replaced the password or disabled the person has ended all sessions, and this one would outlive it.
///
/// # Errors
/// [`StoreError`] where the database refuses.
pub async fn begin(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    authentication: &Authentication,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<Option<NewSession>, StoreError> {
    if !may_begin(tx, user, authentication.amr.contains(&Amr::Password)).await? {
        tracing::info!(user.id = %user.id, "not signed in: disabled, or given another password, meanwhile");
        return Ok(None);
    }
    if let Some(former) = former_cookie {
        tx.delete_session(&token_hash(former)).await?;
    }
    let now = services.now();
    let (cookie, id_hash) = services.new_secret();
    let ttl = services.settings.session_ttl;
    tx.insert_session(&Session {
        id_hash,
        user_id: user.id,
        auth_time: authentication.auth_time.map_or(now, |auth_time| auth_time.min(now)),
        expires_at: now.plus(i64::from(ttl)),
        amr: authentication.amr.clone(),
        last_seen_at: now,
        device: device.clone(),
        upstream: authentication.upstream.clone(),
    })
    .await?;
    let amr = Amr::list(&authentication.amr);
    note(services, tx, user, EventKind::SignedIn, device, json!({ "amr": amr })).await?;
    tracing::info!(user.id = %user.id, amr, "signed in");
    Ok(Some(NewSession { cookie, ttl, user_id: user.id }))
}

/// Writes down what happened to an account; the caller commits.
///
/// # Errors
/// [`StoreError`] where the database refuses.
pub async fn note(
    services: &Services,
    tx: &WriteTransaction,
    user: &User,
    kind: EventKind,
    device: &Device,
    detail: Value,
) -> Result<(), StoreError> {
    let at = services.now();
    let id = services.events.next(&*services.random, at);
    tx.insert_event(&AccountEvent { id, user_id: user.id, at, kind, device: device.clone(), detail }).await
}
