//! Authorization codes.

use super::entity::authorization_codes::{ActiveModel, Column, Entity};
use super::entity::grants;
use super::error::Row;
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{AuthorizationCode, Grant, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

impl Store {
    /// The code with this hash, whether it can still be redeemed or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn code(&self, code: &TokenHash) -> Result<Option<AuthorizationCode>, StoreError> {
        Entity::find_by_id(code.0.to_vec()).only(&self.read.here()).await?.map(AuthorizationCode::try_from).transpose()
    }
}

impl Store {
    /// The hash of the code that the grant began with. It is kept for as long as the grant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn code_of_grant(&self, grant_id: Uuid) -> Result<Option<TokenHash>, StoreError> {
        let select = Entity::find().select_only().column(Column::CodeHash).filter(Column::GrantId.eq(grant_id));
        let found: Option<Vec<u8>> = select.into_tuple().one(&self.read.here()).await?;
        let hash = |hash: Vec<u8>| Row::hashed("authorization_codes", &hash).bytes32("code_hash", &hash).map(TokenHash);
        found.map(hash).transpose()
    }
}

impl WriteTransaction {
    /// Adds a code.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its grant is gone.
    pub async fn insert_code(&self, code: &AuthorizationCode) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(code)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// The code with this hash and its grant: one statement. Nobody else changes the code until this transaction ends. A redeemed code is found for as long as refresh tokens that
    /// came of it may live, and a day longer, so that a second redemption is noticed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn code_with_grant(&self, code: &TokenHash) -> Result<Option<(AuthorizationCode, Grant)>, StoreError> {
        let mut select = Entity::find_by_id(code.0.to_vec()).find_also_related(grants::Entity);
        QueryTrait::query(&mut select).lock_with_tables(LockType::Update, [Entity]);
        match select.only(&*self.inner).await? {
            None => Ok(None),
            Some((code, Some(grant))) => Ok(Some((code.try_into()?, grant.try_into()?))),
            Some((code, None)) => {
                Err(Row::hashed("authorization_codes", &code.code_hash).corrupt("grant_id", "names no grant"))
            }
        }
    }

    /// Redeems a code that was not redeemed before. `true` for one caller only. Does not look at the time: expiry is for the
    /// caller to check.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn consume_code(&self, code: &TokenHash, at: Timestamp) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::ConsumedAt, Expr::value(at.0))
            .filter(Column::CodeHash.eq(code.0.to_vec()))
            .filter(Column::ConsumedAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }
}
