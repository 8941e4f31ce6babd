//! Passkeys.

use super::entity::passkeys::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::Passkey;
use authgent_core::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

impl Store {
    /// The passkeys of a person, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn passkeys_of_user(&self, user_id: Uuid) -> Result<Vec<Passkey>, StoreError> {
        let all = Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::Id);
        all.all(&self.read.here()).await?.into_iter().map(Passkey::try_from).collect()
    }
}

impl WriteTransaction {
    /// As [`Store::passkeys_of_user`], inside the transaction: nobody removes one of them before the commit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn passkeys_of_user(&self, user_id: Uuid) -> Result<Vec<Passkey>, StoreError> {
        let all = Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::Id).lock_exclusive();
        all.all(&*self.inner).await?.into_iter().map(Passkey::try_from).collect()
    }

    /// The passkey that the authenticator names so, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn passkey_by_credential_id(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        let found = Entity::find().filter(Column::CredentialId.eq(credential_id.to_vec()));
        found.only(&*self.inner).await?.map(Passkey::try_from).transpose()
    }

    /// Adds a passkey.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody has a passkey with this credential identifier, or the person is gone.
    pub async fn insert_passkey(&self, passkey: &Passkey) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel::from(passkey)).exec_without_returning(&*self.inner).await;
        insert.map(drop).map_err(|error| StoreError::named(error, || "this passkey is known already".to_owned()))
    }

    /// Notes a use of a passkey, and what has changed of it, such as its counter. `false`: it was removed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_passkey(
        &self,
        id: Uuid,
        credential: &serde_json::Value,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::Credential, Expr::value(credential.to_string()))
            .col_expr(Column::LastUsedAt, Expr::value(now.0));
        Ok(update.filter(Column::Id.eq(id)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Gives a person's passkey another name. `false`: they have no such passkey.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn rename_passkey(&self, user_id: Uuid, id: Uuid, name: &str) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::Name, Expr::value(name));
        let update = update.filter(Column::Id.eq(id)).filter(Column::UserId.eq(user_id));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Removes a person's passkey. `false`: they have no such passkey.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_passkey(&self, user_id: Uuid, id: Uuid) -> Result<bool, StoreError> {
        let delete = Entity::delete_by_id(id).filter(Column::UserId.eq(user_id));
        Ok(delete.exec(&*self.inner).await?.rows_affected == 1)
    }
}
