//! Table `challenges`.

use crate::domain::{Challenge, ChallengeKind, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenges")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: Vec<u8>,
    pub kind: String,
    pub browser_hash: Option<Vec<u8>>,
    pub user_id: Option<Uuid>,
    pub data: String,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Challenge {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("challenges", &row.id_hash);
        let browser_hash = row.browser_hash.map(|hash| at.bytes32("browser_hash", &hash)).transpose()?;
        Ok(Self {
            id_hash: TokenHash(at.bytes32("id_hash", &row.id_hash)?),
            kind: at.known("kind", &row.kind, ChallengeKind::parse)?,
            browser_hash: browser_hash.map(TokenHash),
            user_id: row.user_id,
            data: at.read("data", serde_json::from_str(&row.data))?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

impl From<&Challenge> for ActiveModel {
    fn from(challenge: &Challenge) -> Self {
        Self {
            id_hash: Set(challenge.id_hash.0.to_vec()),
            kind: Set(challenge.kind.as_str().to_owned()),
            browser_hash: Set(challenge.browser_hash.map(|hash| hash.0.to_vec())),
            user_id: Set(challenge.user_id),
            data: Set(challenge.data.to_string()),
            created_at: Set(challenge.created_at.0),
            expires_at: Set(challenge.expires_at.0),
        }
    }
}
