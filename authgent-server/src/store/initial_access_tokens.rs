//! What authorizes registering a client.

use super::entity::initial_access_tokens::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::TokenHash;
use crate::domain::registration::InitialAccessToken;
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

impl Store {
    /// The initial access token with this hash, whatever it is good for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn initial_access_token(&self, hash: &TokenHash) -> Result<Option<InitialAccessToken>, StoreError> {
        let found = Entity::find().filter(Column::TokenHash.eq(hash.0.to_vec())).only(&self.read.here()).await?;
        found.map(InitialAccessToken::try_from).transpose()
    }

    /// Every initial access token, the oldest first, whatever it is good for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn initial_access_tokens(&self) -> Result<Vec<InitialAccessToken>, StoreError> {
        let all = Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
        all.all(&self.read.here()).await?.into_iter().map(InitialAccessToken::try_from).collect()
    }
}

impl WriteTransaction {
    /// Adds an initial access token.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the identifier is taken.
    pub async fn insert_initial_access_token(&self, token: &InitialAccessToken) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(token)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Counts a use of an initial access token that is good at `now`. `false`: it is not, or there is none. As many
    /// callers are told `true` as it has uses, however many ask at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_initial_access_token(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let uses_left = Column::MaxUses.is_null().or(Expr::col(Column::Uses).lt(Expr::col(Column::MaxUses)));
        let in_time = Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(now.0));
        let update = Entity::update_many().col_expr(Column::Uses, Expr::col(Column::Uses).add(1));
        let update = update.filter(Column::Id.eq(id)).filter(Column::RevokedAt.is_null());
        Ok(update.filter(uses_left).filter(in_time).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Revokes an initial access token; the clients that it registered stay. The first time stays. `false`: there is no such
    /// token, or it was revoked before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_initial_access_token(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::RevokedAt, Expr::value(at.0));
        let update = update.filter(Column::Id.eq(id)).filter(Column::RevokedAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }
}
