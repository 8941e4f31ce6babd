//! Table `consents`.

use crate::domain::{Consent, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource: String,
    pub scope: String,
    pub granted_at: i64,
    pub first_granted_at: Option<i64>,
    pub shown_hash: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Consent {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("consents", format!("{}, {}, {}", row.user_id, row.client_id, row.resource));
        let shown_hash = row.shown_hash.map(|hash| at.bytes32("shown_hash", &hash)).transpose()?;
        Ok(Self {
            user_id: row.user_id,
            resource: at.read("resource", ResourceUri::parse(&row.resource))?,
            scope: at.read("scope", Scope::parse(&row.scope))?,
            granted_at: Timestamp(row.granted_at),
            first_granted_at: Timestamp(row.first_granted_at.unwrap_or(row.granted_at)),
            shown_hash: shown_hash.map(TokenHash),
            client_id: row.client_id,
        })
    }
}

impl From<&Consent> for ActiveModel {
    fn from(consent: &Consent) -> Self {
        Self {
            user_id: Set(consent.user_id),
            client_id: Set(consent.client_id.clone()),
            resource: Set(consent.resource.as_str().to_owned()),
            scope: Set(consent.scope.to_string()),
            granted_at: Set(consent.granted_at.0),
            first_granted_at: Set(Some(consent.first_granted_at.0)),
            shown_hash: Set(consent.shown_hash.map(|hash| hash.0.to_vec())),
        }
    }
}
