//! Table `passkeys`.

use crate::domain::Passkey;
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub credential_id: Vec<u8>,
    pub credential: String,
    pub name: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Passkey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("passkeys", row.id.to_string());
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            credential_id: row.credential_id,
            credential: at.read("credential", serde_json::from_str(&row.credential))?,
            name: row.name,
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
        })
    }
}

impl From<&Passkey> for ActiveModel {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: Set(passkey.id),
            user_id: Set(passkey.user_id),
            credential_id: Set(passkey.credential_id.clone()),
            credential: Set(passkey.credential.to_string()),
            name: Set(passkey.name.clone()),
            created_at: Set(passkey.created_at.0),
            last_used_at: Set(passkey.last_used_at.map(|at| at.0)),
        }
    }
}
