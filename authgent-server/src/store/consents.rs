//! What people once agreed to.

use super::entity::consents::{ActiveModel, Column, Entity};
use super::entity::users;
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::Consent;
use authgent_core::resource::ResourceUri;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{EntityTrait, QuerySelect};
use uuid::Uuid;

impl Store {
    /// What a person allows a client on a resource, named by its canonical URI.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn consent(
        &self,
        user_id: Uuid,
        client_id: &str,
        resource: &ResourceUri,
    ) -> Result<Option<Consent>, StoreError> {
        let key = (user_id, client_id.to_owned(), resource.as_str().to_owned());
        Entity::find_by_id(key).only(&self.read.here()).await?.map(Consent::try_from).transpose()
    }
}

impl WriteTransaction {
    /// As [`Store::consent`], inside the transaction: nobody changes it before the commit, or makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn consent(
        &self,
        user_id: Uuid,
        client_id: &str,
        resource: &ResourceUri,
    ) -> Result<Option<Consent>, StoreError> {
        // A row that is not there cannot be locked, so it is the person.
        let person = users::Entity::find_by_id(user_id).select_only().column(users::Column::Id);
        person.lock(LockType::NoKeyUpdate).into_tuple::<Uuid>().only(&*self.inner).await?;
        let key = (user_id, client_id.to_owned(), resource.as_str().to_owned());
        let row = Entity::find_by_id(key).lock_exclusive().only(&*self.inner).await?;
        row.map(Consent::try_from).transpose()
    }

    /// Remembers a consent in the place of an earlier one for the same person, client and resource. The scope is
    /// replaced, not joined: the caller decides what is kept of the earlier one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person or the client is gone.
    pub async fn save_consent(&self, consent: &Consent) -> Result<(), StoreError> {
        let mut replace = OnConflict::columns([Column::UserId, Column::ClientId, Column::Resource]);
        replace.update_columns([Column::Scope, Column::GrantedAt, Column::ShownHash]);
        let insert = Entity::insert(ActiveModel::from(consent)).on_conflict(replace);
        insert.exec_without_returning(&*self.inner).await?;
        Ok(())
    }
}
