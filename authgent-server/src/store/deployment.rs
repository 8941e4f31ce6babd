//! Whose database it is. What that is for stands in `service/deployment.rs`.

use super::entity::deployment::{ActiveModel, Column, Entity};
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction, migration};
use authgent_core::issuer::Issuer;
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use sea_orm_migration::SchemaManager;

/// The identifier of the one row.
const ID: i64 = 1;

impl Store {
    /// The issuer to which the database belongs, which need not be migrated yet. `None` where no server has noted one.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] where the database was migrated by a later version; [`StoreError::Unavailable`],
    /// [`StoreError::Corrupt`].
    pub async fn issuer(&self) -> Result<Option<Issuer>, StoreError> {
        let db = self.read.here();
        let db = db.inner();
        // Where none of our migrations ever ran, a table with that name is another program's.
        let is_new = migration::pending(db).await?.len() == migration::count();
        if is_new || !SchemaManager::new(db).has_table("deployment").await? {
            return Ok(None);
        }
        Entity::find_by_id(ID).only(db).await?.map(Issuer::try_from).transpose()
    }
}

impl WriteTransaction {
    /// Notes to which issuer the database belongs, where none is noted. Gives the one that is noted then: of two that note one at
    /// once, both are given that of the first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn note_issuer(&self, issuer: &Issuer, now: Timestamp) -> Result<Issuer, StoreError> {
        let row = ActiveModel { id: Set(ID), issuer: Set(issuer.as_str().to_owned()), noted_at: Set(now.0) };
        let there = OnConflict::column(Column::Id).do_nothing().to_owned();
        Entity::insert(row).on_conflict(there).exec_without_returning(&*self.inner).await?;
        match Entity::find_by_id(ID).only(&*self.inner).await? {
            Some(row) => row.try_into(),
            None => Err(StoreError::Unavailable { problem: "what the database belongs to cannot be seen".into() }),
        }
    }

    /// Lets the database belong to another issuer. `false`: it does not belong to `former`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn change_issuer(&self, former: &Issuer, issuer: &Issuer, now: Timestamp) -> Result<bool, StoreError> {
        let update = Entity::update_many()
            .col_expr(Column::Issuer, Expr::value(issuer.as_str()))
            .col_expr(Column::NotedAt, Expr::value(now.0));
        let update = update.filter(Column::Id.eq(ID)).filter(Column::Issuer.eq(former.as_str()));
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }
}
