//! Table `identities`.

use crate::domain::Identity;
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    pub user_id: Uuid,
    pub provider: String,
    pub email: Option<String>,
    pub groups: String,
    pub created_at: i64,
    pub last_used_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Identity {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("identities", format!("{}, {}", row.issuer, row.subject));
        Ok(Self {
            user_id: row.user_id,
            provider: row.provider,
            email: row.email,
            groups: at.read("groups", serde_json::from_str(&row.groups))?,
            created_at: Timestamp(row.created_at),
            last_used_at: Timestamp(row.last_used_at),
            issuer: row.issuer,
            subject: row.subject,
        })
    }
}

impl From<&Identity> for ActiveModel {
    fn from(identity: &Identity) -> Self {
        Self {
            issuer: Set(identity.issuer.clone()),
            subject: Set(identity.subject.clone()),
            user_id: Set(identity.user_id),
            provider: Set(identity.provider.clone()),
            email: Set(identity.email.clone()),
            groups: Set(groups(&identity.groups)),
            created_at: Set(identity.created_at.0),
            last_used_at: Set(identity.last_used_at.0),
        }
    }
}

/// The groups as the column keeps them.
pub(in crate::store) fn groups(groups: &[String]) -> String {
    serde_json::Value::from(groups.to_vec()).to_string()
}
