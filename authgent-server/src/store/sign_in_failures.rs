//! How often signing in failed.

use super::entity::sign_in_failures::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{SignInFailures, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

impl Store {
    /// What is remembered at `now` of the failures under these keys.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sign_in_failures(
        &self,
        keys: &[TokenHash],
        now: Timestamp,
    ) -> Result<Vec<SignInFailures>, StoreError> {
        let keys = keys.iter().map(|key| key.0.to_vec());
        let found = Entity::find().filter(Column::KeyHash.is_in(keys)).filter(Column::ExpiresAt.gt(now.0));
        found.all(&self.read.here()).await?.into_iter().map(SignInFailures::try_from).collect()
    }
}

impl WriteTransaction {
    /// As [`Store::sign_in_failures`] for one key, inside the transaction: nobody changes it before the commit. What has
    /// expired is removed, so that it does not count any more where something is saved in its place.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sign_in_failures(
        &self,
        key: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<SignInFailures>, StoreError> {
        let expired = Entity::delete_by_id(key.0.to_vec()).filter(Column::ExpiresAt.lte(now.0));
        expired.exec(&*self.inner).await?;
        let found = Entity::find_by_id(key.0.to_vec()).filter(Column::ExpiresAt.gt(now.0)).lock_exclusive();
        found.only(&*self.inner).await?.map(SignInFailures::try_from).transpose()
    }

    /// Remembers failures in the place of what was remembered. Where two callers begin at once with the first failure, both
    /// are counted: the row then holds the sum.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_sign_in_failures(&self, failures: &SignInFailures) -> Result<(), StoreError> {
        let mut replace = OnConflict::column(Column::KeyHash);
        // Of two that both count a first failure neither sees the other's row.
        let sum = Expr::case(Expr::value(failures.failures == 1), Expr::col((Entity, Column::Failures)).add(1))
            .finally(failures.failures);
        replace.update_columns([Column::BlockedUntil, Column::ExpiresAt]).value(Column::Failures, sum);
        Entity::insert(ActiveModel::from(failures)).on_conflict(replace).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Forgets the failures under a key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_sign_in_failures(&self, key: &TokenHash) -> Result<(), StoreError> {
        Entity::delete_by_id(key.0.to_vec()).exec(&*self.inner).await?;
        Ok(())
    }
}
