//! Table `refresh_tokens`.

use super::grants;
use crate::domain::{RefreshToken, RefreshTokenState, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    pub grant_id: Uuid,
    pub created_at: i64,
    pub expires_at: i64,
    pub consumed_at: Option<i64>,
    pub successor_nonce: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::grants::Entity", from = "Column::GrantId", to = "super::grants::Column::Id")]
    Grant,
}

impl Related<grants::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Grant.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for RefreshToken {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("refresh_tokens", &row.token_hash);
        let state = match (row.consumed_at, row.successor_nonce) {
            (None, None) => RefreshTokenState::Live,
            (Some(consumed_at), Some(nonce)) => RefreshTokenState::Consumed {
                at: Timestamp(consumed_at),
                successor_nonce: at.bytes32("successor_nonce", &nonce)?,
            },
            (None, Some(_)) => return Err(at.corrupt("successor_nonce", "is set, but consumed_at is not")),
            (Some(_), None) => return Err(at.corrupt("successor_nonce", "is missing, but consumed_at is set")),
        };
        Ok(Self {
            token_hash: TokenHash(at.bytes32("token_hash", &row.token_hash)?),
            grant_id: row.grant_id,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            state,
        })
    }
}

impl From<&RefreshToken> for ActiveModel {
    fn from(token: &RefreshToken) -> Self {
        let (consumed_at, successor_nonce) = match token.state {
            RefreshTokenState::Live => (None, None),
            RefreshTokenState::Consumed { at, successor_nonce } => (Some(at.0), Some(successor_nonce.to_vec())),
        };
        Self {
            token_hash: Set(token.token_hash.0.to_vec()),
            grant_id: Set(token.grant_id),
            created_at: Set(token.created_at.0),
            expires_at: Set(token.expires_at.0),
            consumed_at: Set(consumed_at),
            successor_nonce: Set(successor_nonce),
        }
    }
}
