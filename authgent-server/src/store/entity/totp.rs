//! Table `totp`.

use crate::domain::Totp;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "totp")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub sealed_secret: Vec<u8>,
    pub confirmed_at: Option<i64>,
    pub last_step: i64,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Totp {
    fn from(row: Model) -> Self {
        Self {
            user_id: row.user_id,
            sealed_secret: row.sealed_secret,
            confirmed_at: row.confirmed_at.map(Timestamp),
            last_step: row.last_step,
            created_at: Timestamp(row.created_at),
        }
    }
}

impl From<&Totp> for ActiveModel {
    fn from(totp: &Totp) -> Self {
        Self {
            user_id: Set(totp.user_id),
            sealed_secret: Set(totp.sealed_secret.clone()),
            confirmed_at: Set(totp.confirmed_at.map(|at| at.0)),
            last_step: Set(totp.last_step),
            created_at: Set(totp.created_at.0),
        }
    }
}
