//! Table `clients`.

use crate::domain::{Client, ClientOrigin, ConsentMode, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub metadata: String,
    pub secret_hash: Option<Vec<u8>>,
    pub origin: String,
    pub enabled: bool,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
    pub registration_token_hash: Option<Vec<u8>>,
    pub fingerprint: Option<Vec<u8>>,
    pub scope_limit: Option<String>,
    pub fresh_until: Option<i64>,
    pub sweep_at: Option<i64>,
    pub consent: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Client {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("clients", row.id.clone());
        let hash = |column: &'static str, bytes: Option<Vec<u8>>| {
            bytes.map(|bytes| at.bytes32(column, &bytes).map(TokenHash)).transpose()
        };
        Ok(Self {
            metadata: at.read("metadata", serde_json::from_str(&row.metadata))?,
            secret_hash: hash("secret_hash", row.secret_hash)?,
            origin: at.known("origin", &row.origin, ClientOrigin::parse)?,
            enabled: row.enabled,
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
            registration_token_hash: hash("registration_token_hash", row.registration_token_hash)?,
            fingerprint: hash("fingerprint", row.fingerprint)?,
            scope_limit: row.scope_limit.map(|scope| at.read("scope_limit", Scope::parse(&scope))).transpose()?,
            fresh_until: row.fresh_until.map(Timestamp),
            sweep_at: row.sweep_at.map(Timestamp),
            consent: row
                .consent
                .map(|mode| at.known("consent", &mode, ConsentMode::parse))
                .transpose()?
                .unwrap_or_default(),
            id: row.id,
        })
    }
}

impl TryFrom<&Client> for ActiveModel {
    type Error = StoreError;

    fn try_from(client: &Client) -> Result<Self, StoreError> {
        let at = Row::new("clients", client.id.clone());
        Ok(Self {
            id: Set(client.id.clone()),
            metadata: Set(at.read("metadata", serde_json::to_string(&client.metadata))?),
            secret_hash: Set(client.secret_hash.map(|hash| hash.0.to_vec())),
            origin: Set(client.origin.as_str().to_owned()),
            enabled: Set(client.enabled),
            created_at: Set(client.created_at.0),
            last_used_at: Set(client.last_used_at.map(|at| at.0)),
            registration_token_hash: Set(client.registration_token_hash.map(|hash| hash.0.to_vec())),
            fingerprint: Set(client.fingerprint.map(|hash| hash.0.to_vec())),
            scope_limit: Set(client.scope_limit.as_ref().map(ToString::to_string)),
            fresh_until: Set(client.fresh_until.map(|at| at.0)),
            sweep_at: Set(client.sweep_at.map(|at| at.0)),
            consent: Set(Some(client.consent.as_str().to_owned())),
        })
    }
}
