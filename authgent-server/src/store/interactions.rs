//! Authorization requests that wait for a person's answer.

use super::entity::interactions::{ActiveModel, Column, Entity, PENDING, columns_of};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Interaction, InteractionState, TokenHash};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

impl Store {
    /// The interaction with this ticket, expired or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn interaction(&self, ticket: &TokenHash) -> Result<Option<Interaction>, StoreError> {
        Entity::find_by_id(ticket.0.to_vec()).only(&self.read.here()).await?.map(Interaction::try_from).transpose()
    }
}

impl WriteTransaction {
    /// The interaction with this ticket, expired or not, which nobody else changes until this transaction ends: of two
    /// clicks that come at once, the second one waits here and finds the answer of the first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn interaction(&self, ticket: &TokenHash) -> Result<Option<Interaction>, StoreError> {
        let select = Entity::find_by_id(ticket.0.to_vec()).lock(LockType::Update);
        select.only(&*self.inner).await?.map(Interaction::try_from).transpose()
    }

    /// Adds an interaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its session is gone.
    pub async fn insert_interaction(&self, interaction: &Interaction) -> Result<(), StoreError> {
        Entity::insert(ActiveModel::try_from(interaction)?).exec_without_returning(&*self.inner).await?;
        Ok(())
    }

    /// Answers an interaction that is pending. `true` for one caller only; `false`: it was answered before, or there is none.
    /// Does not look at the time: expiry is for the caller to check.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn answer_interaction(&self, ticket: &TokenHash, answer: &InteractionState) -> Result<bool, StoreError> {
        let (state, grant_id, code_hash) = columns_of(answer);
        let update = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::GrantId, Expr::value(grant_id))
            .col_expr(Column::CodeHash, Expr::value(code_hash));
        let update = update.filter(Column::TicketHash.eq(ticket.0.to_vec())).filter(Column::State.eq(PENDING));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }
}
