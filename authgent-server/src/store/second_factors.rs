//! Authenticator apps and recovery codes.

use super::entity::{recovery_codes, totp};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{TokenHash, Totp};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use uuid::Uuid;

async fn find(db: &impl ConnectionTrait, user_id: Uuid) -> Result<Option<Totp>, StoreError> {
    Ok(totp::Entity::find_by_id(user_id).only(db).await?.map(Totp::from))
}

impl Store {
    /// The authenticator app of a person, confirmed or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn totp(&self, user_id: Uuid) -> Result<Option<Totp>, StoreError> {
        find(&self.read.here(), user_id).await
    }

    /// How many recovery codes a person has left.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recovery_codes_left(&self, user_id: Uuid) -> Result<u64, StoreError> {
        use recovery_codes::{Column, Entity};
        let left = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::UsedAt.is_null());
        Ok(left.count(&self.read.here()).await?)
    }
}

impl WriteTransaction {
    /// The authenticator app of a person, confirmed or not, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn totp(&self, user_id: Uuid) -> Result<Option<Totp>, StoreError> {
        find(&*self.inner, user_id).await
    }

    /// One sealed secret of an app, where there is any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn any_sealed_totp_secret(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(totp::Entity::find().one(&*self.inner).await?.map(|app| app.sealed_secret))
    }

    /// The sealed secrets of all apps, each with its person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sealed_totp_secrets(&self) -> Result<Vec<(Uuid, Vec<u8>)>, StoreError> {
        let apps = totp::Entity::find().all(&*self.inner).await?;
        Ok(apps.into_iter().map(|app| (app.user_id, app.sealed_secret)).collect())
    }

    /// Writes the secret of a person's app anew, sealed with another key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_sealed_totp_secret(&self, user_id: Uuid, sealed: Vec<u8>) -> Result<(), StoreError> {
        let update = totp::Entity::update_many().col_expr(totp::Column::SealedSecret, Expr::value(sealed));
        update.filter(totp::Column::UserId.eq(user_id)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Sets a person's authenticator app in the place of an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn save_totp(&self, app: &Totp) -> Result<(), StoreError> {
        use totp::{ActiveModel, Column, Entity};
        let mut replace = OnConflict::column(Column::UserId);
        replace.update_columns([Column::SealedSecret, Column::ConfirmedAt, Column::LastStep, Column::CreatedAt]);
        Entity::insert(ActiveModel::from(app)).on_conflict(replace).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Notes that the app made a right code of time step `step`, so that from now on it counts. `false`: there is none that
    /// waits for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn confirm_totp(&self, user_id: Uuid, step: i64, now: Timestamp) -> Result<bool, StoreError> {
        use totp::{Column, Entity};
        let update = Entity::update_many()
            .col_expr(Column::ConfirmedAt, Expr::value(now.0))
            .col_expr(Column::LastStep, Expr::value(step));
        let update = update.filter(Column::UserId.eq(user_id)).filter(Column::ConfirmedAt.is_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Uses up the code of time step `step`. `false`: it, or a later one, was used before. Of any number of callers one is
    /// told `true`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_totp_step(&self, user_id: Uuid, step: i64) -> Result<bool, StoreError> {
        use totp::{Column, Entity};
        let update = Entity::update_many().col_expr(Column::LastStep, Expr::value(step));
        let update = update.filter(Column::UserId.eq(user_id)).filter(Column::LastStep.lt(step));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Removes a person's authenticator app. `false`: they have none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_totp(&self, user_id: Uuid) -> Result<bool, StoreError> {
        Ok(totp::Entity::delete_by_id(user_id).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Gives a person these recovery codes in the place of all earlier ones; none leaves them without.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person is gone.
    pub async fn replace_recovery_codes(
        &self,
        user_id: Uuid,
        codes: &[TokenHash],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        use recovery_codes::{ActiveModel, Column, Entity};
        Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&*self.inner).await?;
        if codes.is_empty() {
            return Ok(());
        }
        let rows = codes.iter().map(|code| ActiveModel {
            code_hash: Set(code.0.to_vec()),
            user_id: Set(user_id),
            created_at: Set(now.0),
            used_at: Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Uses up a person's recovery code. `false`: it is not theirs, or was used before. Of any number of callers one is told
    /// `true`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn use_recovery_code(&self, user_id: Uuid, code: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
        use recovery_codes::{Column, Entity};
        let update = Entity::update_many().col_expr(Column::UsedAt, Expr::value(now.0));
        let update = update.filter(Column::CodeHash.eq(code.0.to_vec())).filter(Column::UserId.eq(user_id));
        Ok(update.filter(Column::UsedAt.is_null()).exec(&*self.inner).await?.rows_affected == 1)
    }
}
