//! Assertions that clients authenticated with, so that none is used twice.

use super::entity::used_assertions::{ActiveModel, Column, Entity};
use super::{StoreError, WriteTransaction};
use crate::domain::TokenHash;
use authgent_core::time::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

impl WriteTransaction {
    /// Marks an assertion as used. `false`: it was used before. Of any number of callers one is told `true`.
    ///
    /// It is forgotten some time after `expires_at`: the caller refuses it as expired from then on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_assertion(&self, id: &TokenHash, expires_at: Timestamp) -> Result<bool, StoreError> {
        let row = ActiveModel { id_hash: Set(id.0.to_vec()), expires_at: Set(expires_at.0) };
        // Not an error that is caught: PostgreSQL would end the transaction with it.
        let insert = Entity::insert(row).on_conflict(OnConflict::column(Column::IdHash).do_nothing().to_owned());
        Ok(insert.exec_without_returning(&*self.inner).await? == 1)
    }
}
