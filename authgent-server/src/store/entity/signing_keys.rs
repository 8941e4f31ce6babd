//! Table `signing_keys`.

use crate::domain::{KeyOrigin, StoredKey};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    pub alg: String,
    pub origin: String,
    pub public_jwk: String,
    pub sealed_private_key: Option<Vec<u8>>,
    pub created_at: i64,
    pub active_from: i64,
    pub retired_at: Option<i64>,
    pub withdrawn_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for StoredKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("signing_keys", row.kid.clone());
        Ok(Self {
            origin: at.known("origin", &row.origin, KeyOrigin::parse)?,
            public_jwk: at.read("public_jwk", serde_json::from_str(&row.public_jwk))?,
            kid: row.kid,
            alg: row.alg,
            sealed_private_key: row.sealed_private_key,
            created_at: Timestamp(row.created_at),
            active_from: Timestamp(row.active_from),
            retired_at: row.retired_at.map(Timestamp),
            withdrawn_at: row.withdrawn_at.map(Timestamp),
        })
    }
}

impl TryFrom<&StoredKey> for ActiveModel {
    type Error = StoreError;

    fn try_from(key: &StoredKey) -> Result<Self, StoreError> {
        let at = Row::new("signing_keys", key.kid.clone());
        Ok(Self {
            kid: Set(key.kid.clone()),
            alg: Set(key.alg.clone()),
            origin: Set(key.origin.as_str().to_owned()),
            public_jwk: Set(at.read("public_jwk", serde_json::to_string(&key.public_jwk))?),
            sealed_private_key: Set(key.sealed_private_key.clone()),
            created_at: Set(key.created_at.0),
            active_from: Set(key.active_from.0),
            retired_at: Set(key.retired_at.map(|at| at.0)),
            withdrawn_at: Set(key.withdrawn_at.map(|at| at.0)),
        })
    }
}
