//! Signed-in browsers.

use super::entity::sessions::{ActiveModel, Column, Entity};
use super::entity::users;
use super::error::Row;
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Device, Session, TokenHash, User};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
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
            .only(&self.read.here())
            .await?;
        match found {
            None => Ok(None),
            Some((session, Some(user))) => Ok(Some((session.try_into()?, user.try_into()?))),
            Some((session, None)) => Err(Row::hashed("sessions", &session.id_hash).corrupt("user_id", "names nobody")),
        }
    }
}

async fn of_user(db: &impl ConnectionTrait, user_id: Uuid, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    let all = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::ExpiresAt.gt(now.0));
    let all = all.order_by_desc(Column::LastSeenAt).order_by_desc(Column::AuthTime);
    all.all(db).await?.into_iter().map(Session::try_from).collect()
}

impl Store {
    /// The sessions of a person that have not expired at `now`, the one that was used last first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sessions_of_user(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        of_user(&self.read.here(), user_id, now).await
    }
}

impl WriteTransaction {
    /// As [`Store::sessions_of_user`], as this transaction sees them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sessions_of_user(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        of_user(&*self.inner, user_id, now).await
    }

    /// Whether there is such a session that has not expired at `now`. If there is, nobody ends it before this transaction does:
    /// whoever wants to waits, and then sees what was added here, so that the grants of a session are looked for after it was
    /// ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn holds_session(&self, id: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
        let select = Entity::find_by_id(id.0.to_vec()).select_only().column(Column::UserId);
        // The weakest lock that keeps it from being deleted: that it was used may be noted meanwhile.
        let select = select.filter(Column::ExpiresAt.gt(now.0)).lock(LockType::KeyShare);
        Ok(select.into_tuple::<Uuid>().only(&*self.inner).await?.is_some())
    }

    /// Adds a session.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(session)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Notes a use of a session, and from where.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn touch_session(&self, id: &TokenHash, now: Timestamp, device: &Device) -> Result<(), StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::LastSeenAt, Expr::value(now.0))
            .col_expr(Column::Address, Expr::value(device.address.clone()))
            .col_expr(Column::UserAgent, Expr::value(device.user_agent.clone()));
        update.filter(Column::IdHash.eq(id.0.to_vec())).exec(&*self.inner).await?;
        Ok(())
    }

    /// Ends every session of a person but one, and the steps of sign-ins that wait for something of theirs: whoever typed the
    /// password a moment ago is not let in by the second factor. Returns how many sessions there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_other_sessions_of_user(&self, user_id: Uuid, kept: &TokenHash) -> Result<u64, StoreError> {
        self.delete_challenges_of_user(user_id).await?;
        let delete = Entity::delete_many().filter(Column::UserId.eq(user_id));
        Ok(delete.filter(Column::IdHash.ne(kept.0.to_vec())).exec(&*self.inner).await?.rows_affected)
    }

    /// The sessions that hang on a session of an upstream provider, expired or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sessions_of_upstream(&self, issuer: &str, sid: &str) -> Result<Vec<Session>, StoreError> {
        let found = Entity::find().filter(Column::UpstreamSid.eq(sid)).filter(Column::UpstreamIssuer.eq(issuer));
        found.all(&*self.inner).await?.into_iter().map(Session::try_from).collect()
    }

    /// Ends a session, and the interactions that were shown to it. `false`: there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_session(&self, id: &TokenHash) -> Result<bool, StoreError> {
        Ok(Entity::delete_by_id(id.0.to_vec()).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// As [`WriteTransaction::delete_other_sessions_of_user`], without an exception.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_sessions_of_user(&self, user_id: Uuid) -> Result<u64, StoreError> {
        self.delete_challenges_of_user(user_id).await?;
        Ok(Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&*self.inner).await?.rows_affected)
    }
}
