//! Work that a database could not put in order with what others did at the same time is done again ([`Attempts`]).

use super::Services;
use super::consent::ConsentError;
use super::deployment::DeploymentError;
use super::keys::KeysError;
use super::links::LinkError;
use super::passkeys::CeremonyError;
use super::passkeys::manage::ManageError;
use super::register::RegisterError;
use super::second_factor::SecondFactorError;
use super::second_factor::app::AppError;
use super::token::TokenError;
use super::upstream::SignInRefused;
use super::upstream::back_channel::LogoutRefused;
use super::upstream::manage::UnlinkError;
use crate::crypto::random::{self, Random};
use crate::store::{Attempts, StoreError};

/// An error behind which the database may be.
pub trait OfStore {
    /// What the database said, where it is.
    fn of_store(&self) -> Option<&StoreError>;
}

impl OfStore for StoreError {
    fn of_store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

macro_rules! of_store {
    ($($error:ty),+) => {$(
        impl OfStore for $error {
            fn of_store(&self) -> Option<&StoreError> {
                match self {
                    Self::Store(error) => Some(error),
                    _ => None,
                }
            }
        }
    )+};
}

of_store!(
    AppError,
    CeremonyError,
    ConsentError,
    DeploymentError,
    KeysError,
    LogoutRefused,
    ManageError,
    RegisterError,
    SecondFactorError,
    SignInRefused,
    TokenError,
    UnlinkError
);

impl OfStore for LinkError {
    fn of_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Passkey(CeremonyError::Store(error)) => Some(error),
            _ => None,
        }
    }
}

impl Services {
    /// Does `work` [`in_order`].
    ///
    /// # Errors
    /// Those of the last attempt.
    pub async fn in_order<T, E: OfStore, F: Future<Output = Result<T, E>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, E> {
        in_order(&*self.random, work).await
    }
}

/// Does `work`, and again where its transaction failed for no other reason than that others came at the same moment. Whatever
/// it did but for the transaction is then done twice, so that it does nothing else that anybody would notice.
///
/// # Errors
/// Those of the last attempt.
pub async fn in_order<T, E: OfStore, F: Future<Output = Result<T, E>>>(
    random: &dyn Random,
    work: impl Fn() -> F,
) -> Result<T, E> {
    let mut attempts = Attempts::default();
    loop {
        let outcome = work().await;
        let Some(error) = outcome.as_ref().err().and_then(OfStore::of_store) else { return outcome };
        if !attempts.again(error, random::bytes32(random)[0]).await {
            return outcome;
        }
    }
}
