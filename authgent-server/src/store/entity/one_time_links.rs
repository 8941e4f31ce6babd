//! Table `one_time_links`.

use crate::domain::{LinkPurpose, OneTimeLink, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    pub user_id: Uuid,
    pub purpose: String,
    pub mailed: bool,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for OneTimeLink {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("one_time_links", &row.token_hash);
        Ok(Self {
            token_hash: TokenHash(at.bytes32("token_hash", &row.token_hash)?),
            user_id: row.user_id,
            purpose: at.known("purpose", &row.purpose, LinkPurpose::parse)?,
            mailed: row.mailed,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            used_at: row.used_at.map(Timestamp),
        })
    }
}

impl From<&OneTimeLink> for ActiveModel {
    fn from(link: &OneTimeLink) -> Self {
        Self {
            token_hash: Set(link.token_hash.0.to_vec()),
            user_id: Set(link.user_id),
            purpose: Set(link.purpose.as_str().to_owned()),
            mailed: Set(link.mailed),
            created_at: Set(link.created_at.0),
            expires_at: Set(link.expires_at.0),
            used_at: Set(link.used_at.map(|at| at.0)),
        }
    }
}
