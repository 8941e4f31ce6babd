//! Table `sign_in_failures`.

use crate::domain::{SignInFailures, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_failures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    pub failures: i64,
    pub blocked_until: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for SignInFailures {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("sign_in_failures", &row.key_hash);
        Ok(Self {
            key_hash: TokenHash(at.bytes32("key_hash", &row.key_hash)?),
            failures: row.failures,
            blocked_until: Timestamp(row.blocked_until),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

impl From<&SignInFailures> for ActiveModel {
    fn from(failures: &SignInFailures) -> Self {
        Self {
            key_hash: Set(failures.key_hash.0.to_vec()),
            failures: Set(failures.failures),
            blocked_until: Set(failures.blocked_until.0),
            expires_at: Set(failures.expires_at.0),
        }
    }
}
