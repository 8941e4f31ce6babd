//! Table `sessions`.

use super::users;
use crate::domain::{Amr, Device, Session, TokenHash, UpstreamSession};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: Vec<u8>,
    pub user_id: Uuid,
    pub auth_time: i64,
    pub expires_at: i64,
    pub amr: Option<String>,
    pub last_seen_at: Option<i64>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub upstream_issuer: Option<String>,
    pub upstream_sid: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::users::Entity", from = "Column::UserId", to = "super::users::Column::Id")]
    User,
}

impl Related<users::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Session {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("sessions", &row.id_hash);
        Ok(Self {
            id_hash: TokenHash(at.bytes32("id_hash", &row.id_hash)?),
            user_id: row.user_id,
            auth_time: Timestamp(row.auth_time),
            expires_at: Timestamp(row.expires_at),
            // The previous release knows passwords only, and does not write this.
            amr: at.known("amr", row.amr.as_deref().unwrap_or("pwd"), Amr::parse_list)?,
            last_seen_at: Timestamp(row.last_seen_at.unwrap_or(row.auth_time)),
            device: Device { address: row.address, user_agent: row.user_agent },
            upstream: row.upstream_issuer.map(|issuer| UpstreamSession { issuer, sid: row.upstream_sid }),
        })
    }
}

impl From<&Session> for ActiveModel {
    fn from(session: &Session) -> Self {
        Self {
            id_hash: Set(session.id_hash.0.to_vec()),
            user_id: Set(session.user_id),
            auth_time: Set(session.auth_time.0),
            expires_at: Set(session.expires_at.0),
            amr: Set(Some(Amr::list(&session.amr))),
            last_seen_at: Set(Some(session.last_seen_at.0)),
            address: Set(session.device.address.clone()),
            user_agent: Set(session.device.user_agent.clone()),
            upstream_issuer: Set(session.upstream.as_ref().map(|upstream| upstream.issuer.clone())),
            upstream_sid: Set(session.upstream.as_ref().and_then(|upstream| upstream.sid.clone())),
        }
    }
}
