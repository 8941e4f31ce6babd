//! The keys that sign tokens.

use super::entity::signing_keys::{ActiveModel, Column, Entity};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{KeyOrigin, StoredKey};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

impl Store {
    /// Every key, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows =
            Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Kid).all(&self.read.here()).await?;
        rows.into_iter().map(StoredKey::try_from).collect()
    }
}

impl WriteTransaction {
    /// Every key, the oldest first. Until the transaction ends nobody else gets them from this method, on any replica: of two
    /// that find a key missing at once, the second one finds what the first one made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn lock_signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.lock_cache_generation().await?;
        let all = Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Kid);
        all.all(&*self.inner).await?.into_iter().map(StoredKey::try_from).collect()
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it is there.
    pub async fn insert_signing_key(&self, key: &StoredKey) -> Result<(), StoreError> {
        self.end_cache_generation();
        let insert = Entity::insert(ActiveModel::try_from(key)?).exec_without_returning(&*self.inner).await;
        insert.map(drop).map_err(|error| StoreError::named(error, || format!("the key {} is there already", key.kid)))
    }

    /// Notes where a key comes from, which is no reason for anybody to read the keys again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_signing_key_origin(&self, kid: &str, origin: KeyOrigin) -> Result<(), StoreError> {
        let update = Entity::update_many().col_expr(Column::Origin, Expr::value(origin.as_str()));
        update.filter(Column::Kid.eq(kid)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Lets a key sign no more from `at` on. `false`: there is no such key, or it is retired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn retire_signing_key(&self, kid: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many().col_expr(Column::RetiredAt, Expr::value(at.0));
        let update = update.filter(Column::Kid.eq(kid)).filter(Column::RetiredAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Withdraws a key: nothing that it signed is believed any more. `false`: there is no such key, or it is withdrawn.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn withdraw_signing_key(&self, kid: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many()
            .col_expr(Column::WithdrawnAt, Expr::value(at.0))
            .col_expr(Column::SealedPrivateKey, Expr::value(None::<Vec<u8>>));
        let update = update.filter(Column::Kid.eq(kid)).filter(Column::WithdrawnAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Writes the sealed private half of a key anew, or forgets it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_sealed_private_key(&self, kid: &str, sealed: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many().col_expr(Column::SealedPrivateKey, Expr::value(sealed));
        update.filter(Column::Kid.eq(kid)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Removes a key of which nothing is in use any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_signing_key(&self, kid: &str) -> Result<(), StoreError> {
        self.end_cache_generation();
        Entity::delete_by_id(kid).exec(&*self.inner).await?;
        Ok(())
    }
}
