//! The keys that sign tokens.

use super::entity::signing_keys::{ActiveModel, Column, Entity};
use super::entity::totp;
use super::{Store, StoreError, WriteTransaction, migration};
use crate::domain::{KeyOrigin, StoredKey};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sea_orm_migration::SchemaManager;

/// What was sealed, with keys that are not in the database.
#[derive(Default)]
pub struct Sealed {
    /// The private half of each key that has one, by `kid`.
    pub keys: Vec<(String, Vec<u8>)>,
    /// The secret of an authenticator app, where there is any.
    pub app: Option<Vec<u8>>,
}

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
    /// What is sealed, in a database that need not be migrated yet: nothing where none of our migrations ever ran. For the look before
    /// anything is written, so it waits for as long as somebody else migrates.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where the database was migrated by a later version; [`StoreError::Unavailable`].
    pub async fn sealed(&self) -> Result<Sealed, StoreError> {
        self.take_your_time().await?;
        let db = self.inner.inner();
        let mut sealed = Sealed::default();
        if migration::pending(db).await?.len() == migration::count() {
            return Ok(sealed);
        }
        // Columns that no migration changes: the others may be missing yet.
        let schema = SchemaManager::new(db);
        if schema.has_table("signing_keys").await? {
            let keys = Entity::find().select_only().columns([Column::Kid, Column::SealedPrivateKey]);
            let keys = keys.filter(Column::SealedPrivateKey.is_not_null()).order_by_asc(Column::Kid);
            sealed.keys = keys.into_tuple().all(db).await?;
        }
        if schema.has_table("totp").await? {
            let app = totp::Entity::find().select_only().column(totp::Column::SealedSecret).limit(1);
            sealed.app = app.into_tuple().one(db).await?;
        }
        Ok(sealed)
    }

    /// Every key, the oldest first. Until the transaction ends nobody else gets them from this method, on any replica: of two
    /// that find a key missing at once, the second one finds what the first one made. First of all in a transaction, for the reason
    /// that `store/resources.rs` gives.
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
