//! Table `sessions`.

use super::users;
use crate::domain::{Session, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: Vec<u8>,
    pub user_id: Uuid,
    pub auth_time: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::users::Entity", from = "Column::UserId", to = "super::users::Column::Id")]
    User,
}

impl Related<users::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Session {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("sessions", &row.id_hash);
        Ok(Self {
            id_hash: TokenHash(at.bytes32("id_hash", &row.id_hash)?),
            user_id: row.user_id,
            auth_time: Timestamp(row.auth_time),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

impl From<&Session> for ActiveModel {
    fn from(session: &Session) -> Self {
        Self {
            id_hash: Set(session.id_hash.0.to_vec()),
            user_id: Set(session.user_id),
            auth_time: Set(session.auth_time.0),
            expires_at: Set(session.expires_at.0),
        }
    }
}
