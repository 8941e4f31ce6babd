//! Table `account_events`.

use crate::domain::{AccountEvent, Device, EventKind};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub at: i64,
    pub kind: String,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub detail: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for AccountEvent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("account_events", row.id.to_string());
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            at: Timestamp(row.at),
            kind: at.known("kind", &row.kind, EventKind::parse)?,
            device: Device { address: row.address, user_agent: row.user_agent },
            detail: at.read("detail", serde_json::from_str(&row.detail))?,
        })
    }
}

impl From<&AccountEvent> for ActiveModel {
    fn from(event: &AccountEvent) -> Self {
        Self {
            id: Set(event.id),
            user_id: Set(event.user_id),
            at: Set(event.at.0),
            kind: Set(event.kind.as_str().to_owned()),
            address: Set(event.device.address.clone()),
            user_agent: Set(event.device.user_agent.clone()),
            detail: Set(event.detail.to_string()),
        }
    }
}
