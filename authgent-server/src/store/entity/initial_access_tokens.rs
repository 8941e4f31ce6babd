//! Table `initial_access_tokens`.

use crate::domain::TokenHash;
use crate::domain::registration::InitialAccessToken;
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "initial_access_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub token_hash: Vec<u8>,
    pub name: Option<String>,
    pub scope_limit: Option<String>,
    pub uses: i64,
    pub max_uses: Option<i64>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for InitialAccessToken {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("initial_access_tokens", row.id.to_string());
        Ok(Self {
            id: row.id,
            token_hash: TokenHash(at.bytes32("token_hash", &row.token_hash)?),
            name: row.name,
            scope_limit: row.scope_limit.map(|scope| at.read("scope_limit", Scope::parse(&scope))).transpose()?,
            uses: row.uses,
            max_uses: row.max_uses,
            created_at: Timestamp(row.created_at),
            expires_at: row.expires_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
        })
    }
}

impl From<&InitialAccessToken> for ActiveModel {
    fn from(token: &InitialAccessToken) -> Self {
        Self {
            id: Set(token.id),
            token_hash: Set(token.token_hash.0.to_vec()),
            name: Set(token.name.clone()),
            scope_limit: Set(token.scope_limit.as_ref().map(ToString::to_string)),
            uses: Set(token.uses),
            max_uses: Set(token.max_uses),
            created_at: Set(token.created_at.0),
            expires_at: Set(token.expires_at.map(|at| at.0)),
            revoked_at: Set(token.revoked_at.map(|at| at.0)),
        }
    }
}
