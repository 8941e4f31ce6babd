//! Grants.

use super::entity::grants::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Grant, RevocationReason, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait as _, IntoCondition};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Grant>, StoreError> {
    Entity::find_by_id(id).only(db).await?.map(Grant::try_from).transpose()
}

impl Store {
    /// The grant with this identifier, revoked or not. It is there for at least a day after the last token that came of
    /// it; a grant that is not found holds no longer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant(&self, id: Uuid) -> Result<Option<Grant>, StoreError> {
        find(&self.read.here(), id).await
    }
}

impl WriteTransaction {
    /// The grant with this identifier, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant(&self, id: Uuid) -> Result<Option<Grant>, StoreError> {
        find(&*self.inner, id).await
    }

    /// Adds a grant.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person or the client is gone.
    pub async fn insert_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(grant)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Ends a grant that holds, and with it its code and refresh tokens, which are honoured only while it holds. `true` for one
    /// caller only; the first time and reason stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grant(&self, id: Uuid, at: Timestamp, reason: RevocationReason) -> Result<bool, StoreError> {
        Ok(self.revoke_where(Column::Id.eq(id), at, reason).await? == 1)
    }

    /// Ends every grant of a person that holds. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_user(
        &self,
        user_id: Uuid,
        at: Timestamp,
        reason: RevocationReason,
    ) -> Result<u64, StoreError> {
        self.revoke_where(Column::UserId.eq(user_id), at, reason).await
    }

    /// Ends every grant of a client that holds. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_client(
        &self,
        client_id: &str,
        at: Timestamp,
        reason: RevocationReason,
    ) -> Result<u64, StoreError> {
        self.revoke_where(Column::ClientId.eq(client_id), at, reason).await
    }

    /// Ends every grant of a person to a client that holds. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_user_to_client(
        &self,
        user_id: Uuid,
        client_id: &str,
        at: Timestamp,
        reason: RevocationReason,
    ) -> Result<u64, StoreError> {
        self.revoke_where(Column::UserId.eq(user_id).and(Column::ClientId.eq(client_id)), at, reason).await
    }

    /// Ends every grant that holds and was allowed in a session. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_session(
        &self,
        session: &TokenHash,
        at: Timestamp,
        reason: RevocationReason,
    ) -> Result<u64, StoreError> {
        self.revoke_where(Column::SessionHash.eq(session.0.to_vec()), at, reason).await
    }

    /// Removes grants of a client with their codes and refresh tokens, at most `limit` of them. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_grants_of_client(&self, client_id: &str, limit: u64) -> Result<u64, StoreError> {
        let some = Entity::find().select_only().column(Column::Id).filter(Column::ClientId.eq(client_id));
        let delete = Entity::delete_many().filter(Column::Id.in_subquery(some.limit(limit).into_query()));
        Ok(delete.exec(&*self.inner).await?.rows_affected)
    }

    async fn revoke_where(
        &self,
        which: impl IntoCondition,
        at: Timestamp,
        reason: RevocationReason,
    ) -> Result<u64, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(at.0))
            .col_expr(Column::RevocationReason, Expr::value(reason.as_str()))
            .filter(which)
            .filter(Column::RevokedAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected)
    }
}
