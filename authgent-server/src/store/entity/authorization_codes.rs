//! Table `authorization_codes`.

use super::grants;
use crate::domain::{AuthorizationCode, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::pkce::CodeChallenge;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: Vec<u8>,
    pub grant_id: Uuid,
    pub client_id: String,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub expires_at: i64,
    pub consumed_at: Option<i64>,
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

impl TryFrom<Model> for AuthorizationCode {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("authorization_codes", &row.code_hash);
        Ok(Self {
            code_hash: TokenHash(at.bytes32("code_hash", &row.code_hash)?),
            grant_id: row.grant_id,
            client_id: row.client_id,
            redirect_uri: row.redirect_uri,
            code_challenge: at.read("code_challenge", CodeChallenge::parse(&row.code_challenge))?,
            nonce: row.nonce,
            expires_at: Timestamp(row.expires_at),
            consumed_at: row.consumed_at.map(Timestamp),
        })
    }
}

impl From<&AuthorizationCode> for ActiveModel {
    fn from(code: &AuthorizationCode) -> Self {
        Self {
            code_hash: Set(code.code_hash.0.to_vec()),
            grant_id: Set(code.grant_id),
            client_id: Set(code.client_id.clone()),
            redirect_uri: Set(code.redirect_uri.clone()),
            code_challenge: Set(code.code_challenge.to_string()),
            nonce: Set(code.nonce.clone()),
            expires_at: Set(code.expires_at.0),
            consumed_at: Set(code.consumed_at.map(|at| at.0)),
        }
    }
}
