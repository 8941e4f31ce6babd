//! Signed-in browsers.

use super::entity::sessions::{ActiveModel, Column, Entity};
use super::entity::users;
use super::error::Row;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Session, TokenHash, User};
use authgent_core::time::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

impl Store {
    /// The session that has not expired at `now`, of a person who is enabled: one statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn session(&self, id: &TokenHash, now: Timestamp) -> Result<Option<(Session, User)>, StoreError> {
        let found = Entity::find_by_id(id.0.to_vec())
            .find_also_related(users::Entity)
            .filter(Column::ExpiresAt.gt(now.0))
            .filter(users::Column::Enabled.eq(true))
            .one(&self.read)
            .await?;
        match found {
            None => Ok(None),
            Some((session, Some(user))) => Ok(Some((session.try_into()?, user.try_into()?))),
            Some((session, None)) => Err(Row::hashed("sessions", &session.id_hash).corrupt("user_id", "names nobody")),
        }
    }
}

impl WriteTransaction {
    /// Adds a session.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(session)).exec_without_returning(&self.inner).await?;
        Ok(())
    }

    /// Ends a session, and the interactions that were shown to it. `false`: there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_session(&self, id: &TokenHash) -> Result<bool, StoreError> {
        Ok(Entity::delete_by_id(id.0.to_vec()).exec(&self.inner).await?.rows_affected == 1)
    }

    /// Ends every session of a person. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_sessions_of_user(&self, user_id: Uuid) -> Result<u64, StoreError> {
        Ok(Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&self.inner).await?.rows_affected)
    }
}
