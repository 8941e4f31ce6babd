//! What is kept about a person: to take along, and to delete.

use super::{applications, sessions};
use crate::domain::{AccountEvent, Amr, Device, Email, EventKind, Session};
use crate::service::Services;
use crate::service::sign_in::{SignedIn, session};
use crate::store::StoreError;
use serde_json::{Value, json};

/// How many events one statement reads.
const PAGE: u64 = 500;

/// Everything that is kept about a person, without anything that would let somebody in: no password, no token, no secret, and no
/// hash of one.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn export(services: &Services, signed_in: &SignedIn, device: &Device) -> Result<Value, StoreError> {
    let (user, store) = (&signed_in.user, &services.store);
    let note = || async {
        let tx = store.begin().await?;
        session::note(services, &tx, user, EventKind::DataExported, device, json!({})).await?;
        tx.commit().await
    };
    services.in_order(note).await?;
    let passkeys = store.passkeys_of_user(user.id).await?;
    let passkeys = passkeys.iter().map(
        |passkey| json!({"name": passkey.name, "created_at": passkey.created_at, "last_used_at": passkey.last_used_at}),
    );
    let identities = store.identities_of_user(user.id).await?;
    let identities = identities.iter().map(|identity| {
        json!({
            "issuer": identity.issuer, "subject": identity.subject, "provider": identity.provider, "email": identity.email,
            "groups": identity.groups, "created_at": identity.created_at, "last_used_at": identity.last_used_at,
        })
    });
    let consents = store.consents_of_user(user.id).await?;
    let consents = consents.iter().map(|consent| {
        json!({
            "client_id": consent.client_id, "resource": consent.resource, "scope": consent.scope,
            "first_granted_at": consent.first_granted_at, "granted_at": consent.granted_at,
        })
    });
    let applications = applications::list(services, signed_in).await?;
    let applications = applications.iter().map(|application| {
        json!({
            "client_id": application.client.id, "name": application.client.metadata.client_name,
            "first_used_at": application.first, "last_used_at": application.last, "live_tokens": application.live_tokens,
        })
    });
    let totp = store.totp(user.id).await?;
    Ok(json!({
        "exported_at": services.now(),
        "issuer": services.settings.issuer.as_str(),
        "account": {
            "sub": user.id, "email": user.email.as_str(), "email_verified": user.email_verified, "name": user.name,
            "has_password": user.password_hash.is_some(), "created_at": user.created_at,
        },
        "passkeys": passkeys.collect::<Vec<_>>(),
        "authenticator_app_since": totp.and_then(|totp| totp.confirmed_at),
        "recovery_codes_left": store.recovery_codes_left(user.id).await?,
        "identities": identities.collect::<Vec<_>>(),
        "consents": consents.collect::<Vec<_>>(),
        "applications": applications.collect::<Vec<_>>(),
        "sessions": sessions::list(services, signed_in).await?.iter().map(session_as_json).collect::<Vec<_>>(),
        "events": events(services, signed_in).await?.iter().map(event_as_json).collect::<Vec<_>>(),
    }))
}

async fn events(services: &Services, signed_in: &SignedIn) -> Result<Vec<AccountEvent>, StoreError> {
    let mut all: Vec<AccountEvent> = Vec::new();
    loop {
        let before = all.last().map(|event| event.id);
        let page = services.store.events_of_user(signed_in.user.id, before, PAGE).await?;
        let is_last = u64::try_from(page.len()).is_ok_and(|length| length < PAGE);
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn session_as_json(session: &Session) -> Value {
    json!({
        "signed_in_at": session.auth_time, "last_used_at": session.last_seen_at, "expires_at": session.expires_at,
        "amr": session.amr.iter().copied().map(Amr::as_str).collect::<Vec<_>>(),
        "address": session.device.address, "user_agent": session.device.user_agent,
        "upstream_issuer": session.upstream.as_ref().map(|upstream| &upstream.issuer),
    })
}

fn event_as_json(event: &AccountEvent) -> Value {
    json!({
        "at": event.at, "kind": event.kind.as_str(), "address": event.device.address, "user_agent": event.device.user_agent,
        "detail": event.detail,
    })
}

/// Why an account is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The operator does not let people delete their accounts.
    #[error("AUTHGENT_ACCOUNT_DELETION is off")]
    Off,
    /// What was typed is not the e-mail address of the account.
    #[error("the e-mail address that was typed is not that of the account")]
    NotConfirmed,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a person and everything that is theirs, in one transaction. `typed` is what the person wrote to confirm it: the
/// e-mail address, in any case.
///
/// # Errors
/// [`DeletionError`].
pub async fn delete_account(services: &Services, signed_in: &SignedIn, typed: &str) -> Result<(), DeletionError> {
    if !services.settings.account_deletion {
        return Err(DeletionError::Off);
    }
    let user = &signed_in.user;
    if !Email::parse(typed).is_ok_and(|typed| typed.canonical() == user.email.canonical()) {
        return Err(DeletionError::NotConfirmed);
    }
    let delete = || async {
        let tx = services.store.begin().await?;
        tx.delete_user(user.id).await?;
        tx.commit().await
    };
    services.in_order(delete).await?;
    tracing::info!(user.id = %user.id, "the person deleted their account");
    Ok(())
}
