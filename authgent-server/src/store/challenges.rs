//! Steps of sign-ins that are not finished.

use super::entity::challenges::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Challenge, ChallengeKind, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

async fn find(
    db: &impl ConnectionTrait,
    id: &TokenHash,
    kind: ChallengeKind,
    now: Timestamp,
) -> Result<Option<Challenge>, StoreError> {
    let found = Entity::find_by_id(id.0.to_vec()).filter(Column::Kind.eq(kind.as_str()));
    found.filter(Column::ExpiresAt.gt(now.0)).only(db).await?.map(Challenge::try_from).transpose()
}

impl Store {
    /// The challenge of this kind that has neither been taken nor expired at `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn challenge(
        &self,
        id: &TokenHash,
        kind: ChallengeKind,
        now: Timestamp,
    ) -> Result<Option<Challenge>, StoreError> {
        find(&self.read.here(), id, kind, now).await
    }
}

impl WriteTransaction {
    /// As [`Store::challenge`], as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn challenge(
        &self,
        id: &TokenHash,
        kind: ChallengeKind,
        now: Timestamp,
    ) -> Result<Option<Challenge>, StoreError> {
        find(&*self.inner, id, kind, now).await
    }

    /// Adds a challenge.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the person that it is about is gone.
    pub async fn insert_challenge(&self, challenge: &Challenge) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::from(challenge)).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Takes a challenge of this kind that has not expired at `now`: it is gone with the commit. Of any number of callers one
    /// is given it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn take_challenge(
        &self,
        id: &TokenHash,
        kind: ChallengeKind,
        now: Timestamp,
    ) -> Result<Option<Challenge>, StoreError> {
        let Some(challenge) = find(&*self.inner, id, kind, now).await? else { return Ok(None) };
        let deleted = Entity::delete_by_id(id.0.to_vec()).exec(&*self.inner).await?.rows_affected;
        Ok((deleted == 1).then_some(challenge))
    }

    /// Removes the challenges that are about a person: what was begun is not finished. Those that are not yet about anybody stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(super) async fn delete_challenges_of_user(&self, user_id: Uuid) -> Result<(), StoreError> {
        Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Replaces what a challenge needs to go on, such as the tries that are left. `false`: it was taken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_challenge(&self, id: &TokenHash, data: &serde_json::Value) -> Result<bool, StoreError> {
        let update = Entity::update_many().col_expr(Column::Data, data.to_string().into());
        Ok(update.filter(Column::IdHash.eq(id.0.to_vec())).exec(&*self.inner).await?.rows_affected == 1)
    }
}
