//! Refresh tokens.

use super::entity::grants;
use super::entity::refresh_tokens::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction, entity, error};
use crate::domain::{Grant, RefreshToken, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

type Row = (entity::refresh_tokens::Model, Option<grants::Model>);

fn with_grant(row: Row) -> Result<(RefreshToken, Grant), StoreError> {
    match row {
        (token, Some(grant)) => Ok((token.try_into()?, grant.try_into()?)),
        (token, None) => {
            Err(error::Row::hashed("refresh_tokens", &token.token_hash).corrupt("grant_id", "names no grant"))
        }
    }
}

impl Store {
    /// The refresh token with this hash and its grant, whatever their states: one statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn refresh_token_with_grant(
        &self,
        token: &TokenHash,
    ) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        let select = Entity::find_by_id(token.0.to_vec()).find_also_related(grants::Entity);
        select.only(&self.read.here()).await?.map(with_grant).transpose()
    }

    /// Whether the grant has a refresh token, whatever its state.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_refresh_token(&self, grant_id: Uuid) -> Result<bool, StoreError> {
        let select = Entity::find().select_only().column(Column::TokenHash).filter(Column::GrantId.eq(grant_id));
        let found: Option<Vec<u8>> = select.limit(1).into_tuple().one(&self.read.here()).await?;
        Ok(found.is_some())
    }
}

impl WriteTransaction {
    /// The refresh token with this hash and its grant: one statement. Nobody else changes the token until this transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn refresh_token_with_grant(
        &self,
        token: &TokenHash,
    ) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        let mut select = Entity::find_by_id(token.0.to_vec()).find_also_related(grants::Entity);
        QueryTrait::query(&mut select).lock_with_tables(LockType::Update, [Entity]);
        select.only(&*self.inner).await?.map(with_grant).transpose()
    }

    /// Adds a refresh token.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its grant is gone, or the token is there already.
    pub async fn insert_refresh_token(&self, token: &RefreshToken) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(token)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Exchanges a refresh token that is live, keeping the key of its successor. `true` for one caller only; the others find
    /// the key that the first one kept. Does not look at the time or the grant: both are for the caller to check.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn consume_refresh_token(
        &self,
        token: &TokenHash,
        at: Timestamp,
        successor_nonce: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::ConsumedAt, Expr::value(at.0))
            .col_expr(Column::SuccessorNonce, Expr::value(successor_nonce.to_vec()))
            .filter(Column::TokenHash.eq(token.0.to_vec()))
            .filter(Column::ConsumedAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }
}
