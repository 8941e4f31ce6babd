//! One-time links.

use super::entity::one_time_links::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{OneTimeLink, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

impl Store {
    /// The link with this hash, whatever it is still good for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn link(&self, token: &TokenHash) -> Result<Option<OneTimeLink>, StoreError> {
        Entity::find_by_id(token.0.to_vec()).only(&self.read.here()).await?.map(OneTimeLink::try_from).transpose()
    }
}

impl WriteTransaction {
    /// Adds a link.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn insert_link(&self, link: &OneTimeLink) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(link)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Uses up a link that is open at `now`. `false`: it is not. Of any number of callers one is told `true`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_link(&self, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::UsedAt, Expr::value(now.0));
        let update = update.filter(Column::TokenHash.eq(token.0.to_vec())).filter(Column::UsedAt.is_null());
        Ok(update.filter(Column::ExpiresAt.gt(now.0)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Removes every link of a person, open or not. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_links_of_user(&self, user_id: Uuid) -> Result<u64, StoreError> {
        Ok(Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&*self.inner).await?.rows_affected)
    }
}
