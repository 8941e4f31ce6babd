//! What happened to accounts.

use super::entity::account_events::{ActiveModel, Column, Entity};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::AccountEvent;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

impl Store {
    /// What happened to a person's account, the latest first: no more than `limit`, and where `before` names an event, only
    /// what came before it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn events_of_user(
        &self,
        user_id: Uuid,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let mut events = Entity::find().filter(Column::UserId.eq(user_id));
        if let Some(before) = before {
            events = events.filter(Column::Id.lt(before));
        }
        let events = events.order_by_desc(Column::Id).limit(limit);
        events.all(&self.read.here()).await?.into_iter().map(AccountEvent::try_from).collect()
    }
}

impl WriteTransaction {
    /// Adds an event.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn insert_event(&self, event: &AccountEvent) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(event)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }
}
