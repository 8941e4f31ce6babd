//! One-time links: invitations and resets. Whoever holds one may choose a password, once, and until it expires. Stored is
//! the hash of its secret; opening it changes nothing, because mail programs open links by themselves.

use crate::crypto::hash::token_hash;
use crate::domain::{Device, Email, EventKind, LinkPurpose, OneTimeLink, RevocationReason, TokenHash, User};
use crate::mail;
use crate::service::Services;
use crate::service::passkeys::{CeremonyError, Started, authenticate, register};
use crate::service::passwords::{ChangePasswordError, hash_new};
use crate::service::sign_in::throttle::{self, Admission, Counted};
use crate::service::sign_in::{Authentication, NewSession, session};
use crate::store::{StoreError, WriteTransaction};
use secrecy::SecretString;
use serde_json::json;

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

/// Why a link was not used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no such link, it has expired, was used, is for something else, or its person may not sign in. One variant,
    /// because whoever tries must not learn which.
    #[error("the link is not good, or not any more")]
    Gone,
    /// The password was not taken.
    #[error(transparent)]
    Password(#[from] ChangePasswordError),
    /// The passkey was not taken.
    #[error(transparent)]
    Passkey(#[from] CeremonyError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The link behind a secret, and its person, where it can be used.
///
/// # Errors
/// [`LinkError::Gone`], [`LinkError::Store`].
pub async fn find(services: &Services, purpose: LinkPurpose, token: &str) -> Result<(OneTimeLink, User), LinkError> {
    let link = services.store.link(&token_hash(token)).await?;
    let link = link.filter(|link| link.purpose == purpose && link.is_open(services.now())).ok_or(LinkError::Gone)?;
    let user = services.store.user(link.user_id).await?.filter(|user| user.enabled).ok_or(LinkError::Gone)?;
    // An invitation is for somebody who has no password yet: nobody gets at an account by an old one.
    if purpose == LinkPurpose::Invitation && user.password_hash.is_some() {
        return Err(LinkError::Gone);
    }
    Ok((link, user))
}

/// Gives the invited person their name and password, and signs them in. Where the browser was somebody else's, that session
/// ends.
///
/// # Errors
/// [`LinkError`].
pub async fn accept_invitation(
    services: &Services,
    token: &str,
    name: &str,
    password: SecretString,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, LinkError> {
    let (link, mut user) = find(services, LinkPurpose::Invitation, token).await?;
    call(&mut user, name);
    user.password_hash = Some(hash_new(services, &user, password).await?);
    verified_by(&link, &mut user);
    let accept = || async {
        let tx = services.store.begin().await?;
        if !use_up(services, &tx, &link, &user, user.password_hash.as_deref()).await? {
            return gone(tx).await;
        }
        session::note(services, &tx, &user, EventKind::InvitationAccepted, device, json!({})).await?;
        let authentication = Authentication::local([crate::domain::Amr::Password]);
        let session = session::begin(services, &tx, &user, &authentication, device, former_cookie).await?;
        // Disabled at this moment: nothing of it is kept, and the link is good when they are enabled again.
        let session = session.ok_or(LinkError::Gone)?;
        tx.commit().await?;
        Ok(session)
    };
    services.in_order(accept).await
}

/// Begins to give the invited person a passkey, in this browser.
///
/// # Errors
/// [`LinkError::Gone`], [`LinkError::Passkey`], [`LinkError::Store`].
pub async fn begin_passkey(services: &Services, token: &str, browser: TokenHash) -> Result<Started, LinkError> {
    let (_, user) = find(services, LinkPurpose::Invitation, token).await?;
    Ok(register::begin(services, &user, browser).await?)
}

/// Gives the invited person their name and a passkey in the place of a password, and signs them in.
///
/// # Errors
/// [`LinkError`].
pub async fn accept_with_passkey(
    services: &Services,
    token: &str,
    name: &str,
    browser: TokenHash,
    answer: &register::Answer<'_>,
    device: &Device,
    former_cookie: Option<&str>,
) -> Result<NewSession, LinkError> {
    let (link, mut user) = find(services, LinkPurpose::Invitation, token).await?;
    call(&mut user, name);
    verified_by(&link, &mut user);
    let accept = || async {
        let tx = services.store.begin().await?;
        let verified = match register::verify(services, &tx, &user, browser, answer).await {
            Ok(verified) => verified,
            Err(CeremonyError::Store(error)) => return Err(error.into()),
            Err(error) => {
                // What was answered wrongly is not answered again.
                tx.commit().await?;
                return Err(error.into());
            }
        };
        if !use_up(services, &tx, &link, &user, None).await? {
            return gone(tx).await;
        }
        session::note(services, &tx, &user, EventKind::InvitationAccepted, device, json!({})).await?;
        register::insert(services, &tx, &user, verified, answer.name, device).await?;
        let authentication = Authentication::local(authenticate::AMR);
        let session = session::begin(services, &tx, &user, &authentication, device, former_cookie).await?;
        // Disabled at this moment: nothing of it is kept, and the link is good when they are enabled again.
        let session = session.ok_or(LinkError::Gone)?;
        tx.commit().await?;
        Ok(session)
    };
    services.in_order(accept).await
}

/// The name that an invited person chooses for themselves, if they do.
fn call(user: &mut User, name: &str) {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    if !name.is_empty() {
        user.name = Some(name);
    }
}

/// Gives the person another password and ends every session of theirs; with `revoke_grants`, whatever applications were
/// allowed ends too. Signs nobody in: a second factor is still asked for.
///
/// # Errors
/// [`LinkError`].
pub async fn reset_password(
    services: &Services,
    token: &str,
    password: SecretString,
    revoke_grants: bool,
    device: &Device,
) -> Result<User, LinkError> {
    let (link, mut user) = find(services, LinkPurpose::PasswordReset, token).await?;
    let hash = hash_new(services, &user, password).await?;
    verified_by(&link, &mut user);
    let reset = || async {
        let tx = services.store.begin().await?;
        if !use_up(services, &tx, &link, &user, Some(&hash)).await? {
            return gone(tx).await;
        }
        let sessions = tx.delete_sessions_of_user(user.id).await?;
        let grants = match revoke_grants {
            true => tx.revoke_grants_of_user(user.id, services.now(), RevocationReason::RevokedByUser).await?,
            false => 0,
        };
        let detail = json!({ "sessions_ended": sessions, "grants_revoked": grants });
        session::note(services, &tx, &user, EventKind::PasswordReset, device, detail).await?;
        Ok(tx.commit().await?)
    };
    services.in_order(reset).await?;
    tracing::info!(user.id = %user.id, "password reset by a link");
    Ok(user)
}

/// Who uses what was sent to an address reads what is sent there.
fn verified_by(link: &OneTimeLink, user: &mut User) {
    user.email_verified |= link.mailed;
}

/// Another turn that shares this commit may have used the link, which is not durable before it.
async fn gone<T>(tx: WriteTransaction) -> Result<T, LinkError> {
    tx.commit().await?;
    Err(LinkError::Gone)
}

/// Of two who hold the same link, one is told `true`. Other links of the person end with it.
async fn use_up(
    services: &Services,
    tx: &WriteTransaction,
    link: &OneTimeLink,
    user: &User,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    if !tx.use_link(&link.token_hash, services.now()).await? {
        return Ok(false);
    }
    tx.update_profile(user).await?;
    if let Some(hash) = password_hash {
        tx.set_password(user.id, hash).await?;
    }
    tx.delete_links_of_user(user.id).await?;
    Ok(true)
}

/// Sends a link to choose a new password to whoever has the account, where there is one and mail is set up. To be called
/// beside the answer, which so takes the same time whether there is an account or not.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn send_reset(services: &Services, lang: &str, email: &str) -> Result<(), StoreError> {
    let (Some(mailer), Ok(email)) = (&services.mailer, Email::parse(email)) else { return Ok(()) };
    // Somebody whom a provider knows under an address that nobody vouched for does not own what others hold there.
    let may = |user: &User| user.enabled && (user.password_hash.is_some() || user.email_verified);
    let Some(user) = services.store.user_by_email(&email).await?.filter(may) else { return Ok(()) };
    let counted = Counted::Mail(user.email.canonical());
    if throttle::admit(services, counted, throttle::MAIL).await? != Admission::Admitted {
        tracing::info!(user.id = %user.id, "no further link was sent: there were some a short while ago");
        return Ok(());
    }
    let (token, token_hash) = services.new_secret();
    let purpose = LinkPurpose::PasswordReset;
    let link = OneTimeLink::new(token_hash, user.id, purpose, true, services.now());
    let keep = || async {
        let tx = services.store.begin().await?;
        tx.insert_link(&link).await?;
        tx.commit().await
    };
    services.in_order(keep).await?;
    let issuer = &services.settings.issuer;
    mailer.send_later(mail::link(lang, issuer, &user, purpose, purpose.url(issuer, &token)));
    Ok(())
}
