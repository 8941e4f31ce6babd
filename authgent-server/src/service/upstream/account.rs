//! Whose account a person of a provider has here. The one place that decides it.

use super::SignInRefused;
use crate::crypto::random::uuid_v4;
use crate::domain::{Device, EventKind, Identity, IdentityProvider, UpstreamPerson, User};
use crate::service::Services;
use crate::service::sign_in::session::note;
use crate::store::{StoreError, WriteTransaction};
use serde_json::json;
use uuid::Uuid;

/// An account, and how it was found.
pub(super) struct Found {
    pub(super) user: User,
    /// Whether it was here before, and this person of the provider new to it.
    pub(super) linked: bool,
}

/// The account of a person who has passed every rule; the caller commits.
///
/// First by `iss` and `sub`, which alone never change hands (OpenID Connect Core, section 5.7). Else whoever is signed in and
/// links them. Else by an address that both sides have shown to be theirs, where the operator wants that. Else a new one.
pub(super) async fn account_of(
    services: &Services,
    tx: &WriteTransaction,
    provider: &IdentityProvider,
    person: &UpstreamPerson,
    link: Option<Uuid>,
    device: &Device,
) -> Result<Found, SignInRefused> {
    // All of it in the transaction: what another one has done by now is seen, also before it is durable.
    if let Some(identity) = tx.identity(&person.issuer, &person.subject).await? {
        if link.is_some_and(|link| link != identity.user_id) {
            return Err(SignInRefused::LinkedElsewhere);
        }
        let mut user = may_sign_in(tx.user(identity.user_id).await?)?;
        refresh(tx, provider, person, &mut user).await?;
        tx.update_identity(&identity_of(services, provider, person, &user, identity.created_at)).await?;
        return Ok(Found { user, linked: false });
    }
    let by_address = match (link, &person.email) {
        (None, Some(email)) => tx.user_by_email(email).await?,
        _ => None,
    };
    let known = match link {
        Some(link) => Some(may_sign_in(tx.user(link).await?)?),
        None => match by_address {
            Some(user) if provider.rules.link_by_email && person.email_verified && user.email_verified => {
                Some(may_sign_in(Some(user))?)
            }
            Some(_) => return Err(SignInRefused::AddressTaken),
            None => None,
        },
    };
    let linked = known.is_some();
    let user = match known {
        Some(user) => user,
        None => create(services, tx, provider, person, device).await?,
    };
    let now = services.now();
    tx.insert_identity(&identity_of(services, provider, person, &user, now)).await?;
    if linked {
        let detail = json!({ "provider": provider.id });
        note(services, tx, &user, EventKind::IdentityLinked, device, detail).await?;
        tracing::info!(user.id = %user.id, provider = %provider.id, "a person of a provider was linked");
    }
    Ok(Found { user, linked })
}

fn may_sign_in(user: Option<User>) -> Result<User, SignInRefused> {
    user.filter(|user| user.enabled).ok_or(SignInRefused::Disabled)
}

fn identity_of(
    services: &Services,
    provider: &IdentityProvider,
    person: &UpstreamPerson,
    user: &User,
    created_at: authgent_core::time::Timestamp,
) -> Identity {
    Identity {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        user_id: user.id,
        provider: provider.id.clone(),
        email: person.email.as_ref().map(|email| email.as_str().to_owned()),
        // Groups that the provider does not tell allow nothing.
        groups: person.groups.clone().unwrap_or_default(),
        created_at,
        last_used_at: services.now(),
    }
}

async fn create(
    services: &Services,
    tx: &WriteTransaction,
    provider: &IdentityProvider,
    person: &UpstreamPerson,
    device: &Device,
) -> Result<User, SignInRefused> {
    if !provider.rules.create_accounts {
        return Err(SignInRefused::NoAccount);
    }
    let now = services.now();
    let user = User {
        id: uuid_v4(&*services.random),
        email: person.email.clone().ok_or(SignInRefused::NoAddress)?,
        name: person.name.clone(),
        email_verified: person.email_verified,
        password_hash: None,
        enabled: true,
        created_at: now,
    };
    tx.insert_user(&user).await?;
    note(services, tx, &user, EventKind::AccountCreated, device, json!({ "provider": provider.id })).await?;
    tracing::info!(user.id = %user.id, provider = %provider.id, "account made for a person of a provider");
    Ok(user)
}

/// The provider whose word on name and address counts, by its identifier: where the account is that provider's alone. A person with
/// a password here, or with several providers, chooses their own name.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn follows(services: &Services, user: &User) -> Result<Option<String>, StoreError> {
    let identities = services.store.identities_of_user(user.id).await?;
    Ok(followed(user, identities))
}

fn followed(user: &User, mut identities: Vec<Identity>) -> Option<String> {
    let only = identities.pop().filter(|_| identities.is_empty() && user.password_hash.is_none());
    only.map(|identity| identity.provider)
}

/// What the provider says anew is taken over where the account [`follows`] it. An address that somebody else has stays theirs.
async fn refresh(
    tx: &WriteTransaction,
    provider: &IdentityProvider,
    person: &UpstreamPerson,
    user: &mut User,
) -> Result<(), SignInRefused> {
    if followed(user, tx.identities_of_user(user.id).await?).is_none() {
        return Ok(());
    }
    let before = user.clone();
    if person.name.is_some() {
        user.name.clone_from(&person.name);
    }
    if let Some(email) = &person.email {
        let owner = tx.user_by_email(email).await?.map(|owner| owner.id);
        match owner {
            // The same address: what is known of it does not get less.
            Some(owner) if owner == user.id => user.email_verified |= person.email_verified,
            None if person.email_verified || !user.email_verified => {
                user.email = email.clone();
                user.email_verified = person.email_verified;
            }
            None => {}
            Some(_) => {
                tracing::warn!(user.id = %user.id, provider = %provider.id, "the provider's new address belongs to another account: kept the old one");
            }
        }
    }
    if *user != before {
        tx.update_profile(user).await?;
    }
    Ok(())
}
