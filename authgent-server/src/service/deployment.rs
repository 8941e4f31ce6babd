//! To whom a database belongs: the issuer that it was first served with. A server, or a command, with the settings of another
//! deployment does not touch it (decision 21).

use super::in_order::in_order;
use crate::crypto::random::Random;
use crate::domain::patterns::is_loopback;
use crate::store::{Store, StoreError};
use authgent_core::issuer::Issuer;
use authgent_core::time::Timestamp;
use url::Url;

/// Why the database is left alone.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// It belongs to another deployment.
    #[error(
        "the database belongs to the issuer {noted}, but AUTHGENT_ISSUER is {issuer}: set AUTHGENT_ISSUER={noted}, or let AUTHGENT_DB_DSN \
         name another database; to move this one to {issuer} for good, stop its servers and run \
         `authgent migrate --former-issuer {noted}`"
    )]
    OtherIssuer {
        /// Its own.
        noted: Box<Issuer>,
        /// That of the settings.
        issuer: Box<Issuer>,
    },
    /// It is to move from an issuer to which it does not belong.
    #[error("the database belongs to the issuer {noted}, and not to {former}, which --former-issuer names")]
    NotFormer {
        /// Its own.
        noted: Box<Issuer>,
        /// The one that was named.
        former: Box<Issuer>,
    },
    /// It belongs to nobody who would have to be named.
    #[error(
        "the database belongs to no issuer yet, which the first start of a server notes: leave --former-issuer away"
    )]
    NoFormer,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks whether the database, which need not be migrated yet, belongs to `issuer` or to nobody: before anything is written.
///
/// # Errors
/// [`DeploymentError::OtherIssuer`], [`DeploymentError::Store`].
pub async fn check(store: &Store, issuer: &Issuer) -> Result<(), DeploymentError> {
    store.issuer().await?.map_or(Ok(()), |noted| compare(noted, issuer))
}

/// The same of a database that is migrated, and notes `issuer` where it belongs to nobody. After
/// [`StoreError::SerializationFailure`] it is to be done again.
///
/// # Errors
/// [`DeploymentError::OtherIssuer`], also where somebody else was first; [`DeploymentError::Store`].
pub async fn note(store: &Store, issuer: &Issuer, now: Timestamp) -> Result<(), DeploymentError> {
    if let Some(noted) = store.issuer().await? {
        return compare(noted, issuer);
    }
    let tx = store.begin().await?;
    compare(tx.note_issuer(issuer, now).await?, issuer)?;
    Ok(tx.commit().await?)
}

/// Looks whether [`change`] would be done: before anything is written.
///
/// # Errors
/// [`DeploymentError`].
pub async fn check_former(store: &Store, former: &Issuer, issuer: &Issuer) -> Result<(), DeploymentError> {
    match store.issuer().await? {
        Some(noted) if noted == *former || noted == *issuer => Ok(()),
        Some(noted) => Err(DeploymentError::NotFormer { noted: noted.into(), former: former.clone().into() }),
        None => Err(DeploymentError::NoFormer),
    }
}

/// Lets a database that belongs to `former` belong to `issuer` from now on.
///
/// # Errors
/// [`DeploymentError`]: nothing was changed.
pub async fn change(
    store: &Store,
    random: &dyn Random,
    (former, issuer): (&Issuer, &Issuer),
    now: Timestamp,
) -> Result<(), DeploymentError> {
    let change = || async {
        let tx = store.begin().await?;
        if tx.change_issuer(former, issuer, now).await? {
            Ok(tx.commit().await?)
        } else {
            Err(DeploymentError::NoFormer)
        }
    };
    match in_order(random, change).await {
        Err(DeploymentError::NoFormer) => check_former(store, former, issuer).await,
        outcome => outcome,
    }
}

/// Lets the database belong to `issuer` whatever was before: that of `authgent dev`, which is there to try things with.
///
/// # Errors
/// [`DeploymentError::Store`].
pub async fn follow(
    store: &Store,
    random: &dyn Random,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<(), DeploymentError> {
    let follow = || async {
        let tx = store.begin().await?;
        let noted = tx.note_issuer(issuer, now).await?;
        if noted != *issuer {
            tx.change_issuer(&noted, issuer, now).await?;
        }
        Ok(tx.commit().await?)
    };
    in_order(random, follow).await
}

fn compare(noted: Issuer, issuer: &Issuer) -> Result<(), DeploymentError> {
    if is_same(&noted, issuer) {
        Ok(())
    } else {
        Err(DeploymentError::OtherIssuer { noted: noted.into(), issuer: issuer.clone().into() })
    }
}

/// Issuers of this machine are known to nobody but whoever sits at it: another port is no other deployment.
fn is_same(noted: &Issuer, issuer: &Issuer) -> bool {
    let is_local = |issuer: &Issuer| Url::parse(issuer.as_str()).is_ok_and(|url| is_loopback(&url));
    noted == issuer || is_local(noted) && is_local(issuer)
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
