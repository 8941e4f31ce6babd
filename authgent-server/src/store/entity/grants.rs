//! Table `grants`.

use crate::domain::{Amr, Grant, GrantState, RevocationReason, TokenHash};
use crate::store::StoreError;
use crate::store::cleanup::RETENTION_SECONDS;
use crate::store::error::Row;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "grants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub client_id: String,
    pub resource: String,
    pub scope: String,
    pub auth_time: i64,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
    pub revocation_reason: Option<String>,
    /// When clean-up looks at the row next. No part of the grant.
    pub sweep_at: i64,
    pub amr: Option<String>,
    pub session_hash: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Grant {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::new("grants", row.id.to_string());
        let state = match (row.revoked_at, row.revocation_reason) {
            (None, None) => GrantState::Live,
            (Some(revoked_at), Some(reason)) => GrantState::Revoked {
                at: Timestamp(revoked_at),
                reason: at.known("revocation_reason", &reason, RevocationReason::parse)?,
            },
            (None, Some(_)) => return Err(at.corrupt("revocation_reason", "is set, but revoked_at is not")),
            (Some(_), None) => return Err(at.corrupt("revocation_reason", "is missing, but revoked_at is set")),
        };
        let session_hash = row.session_hash.map(|hash| at.bytes32("session_hash", &hash)).transpose()?;
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            client_id: row.client_id,
            resource: at.read("resource", ResourceUri::parse(&row.resource))?,
            scope: at.read("scope", Scope::parse(&row.scope))?,
            auth_time: Timestamp(row.auth_time),
            // The previous release knows passwords only, and does not write this.
            amr: at.known("amr", row.amr.as_deref().unwrap_or("pwd"), Amr::parse_list)?,
            session_hash: session_hash.map(TokenHash),
            created_at: Timestamp(row.created_at),
            state,
        })
    }
}

impl From<&Grant> for ActiveModel {
    fn from(grant: &Grant) -> Self {
        let (revoked_at, reason) = match grant.state {
            GrantState::Live => (None, None),
            GrantState::Revoked { at, reason } => (Some(at.0), Some(reason.as_str().to_owned())),
        };
        Self {
            id: Set(grant.id),
            user_id: Set(grant.user_id),
            client_id: Set(grant.client_id.clone()),
            resource: Set(grant.resource.as_str().to_owned()),
            scope: Set(grant.scope.to_string()),
            auth_time: Set(grant.auth_time.0),
            created_at: Set(grant.created_at.0),
            revoked_at: Set(revoked_at),
            revocation_reason: Set(reason),
            amr: Set(Some(Amr::list(&grant.amr))),
            session_hash: Set(grant.session_hash.map(|hash| hash.0.to_vec())),
            sweep_at: Set(grant.created_at.plus(RETENTION_SECONDS).0),
        }
    }
}
