//! Table `deployment`.

use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::issuer::Issuer;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deployment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub issuer: String,
    pub noted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Issuer {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Row::new("deployment", row.id.to_string()).read("issuer", Self::parse(&row.issuer))
    }
}
