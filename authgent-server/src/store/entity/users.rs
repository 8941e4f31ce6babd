//! Table `users`.

use crate::domain::{Email, User};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub email_canonical: String,
    pub name: Option<String>,
    pub password_hash: String,
    pub enabled: bool,
    pub created_at: i64,
    pub email_verified: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for User {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("users", row.id.to_string());
        let email = at.read("email", Email::parse(&row.email))?;
        if email.canonical() != row.email_canonical {
            return Err(at.corrupt("email_canonical", "is not the canonical form of email"));
        }
        Ok(Self {
            id: row.id,
            email,
            name: row.name,
            email_verified: row.email_verified,
            password_hash: Some(row.password_hash).filter(|hash| !hash.is_empty()),
            enabled: row.enabled,
            created_at: Timestamp(row.created_at),
        })
    }
}

impl From<&User> for ActiveModel {
    fn from(user: &User) -> Self {
        Self {
            id: Set(user.id),
            email: Set(user.email.as_str().to_owned()),
            email_canonical: Set(user.email.canonical().to_owned()),
            name: Set(user.name.clone()),
            password_hash: Set(user.password_hash.clone().unwrap_or_default()),
            enabled: Set(user.enabled),
            created_at: Set(user.created_at.0),
            email_verified: Set(user.email_verified),
        }
    }
}
