//! Table `interactions`.

use crate::domain::{Interaction, InteractionState, TokenHash};
use crate::store::StoreError;
use crate::store::error::Row;
use authgent_core::time::Timestamp;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

pub(in crate::store) const PENDING: &str = "pending";
pub(in crate::store) const ALLOWED: &str = "allowed";
pub(in crate::store) const DENIED: &str = "denied";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "interactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ticket_hash: Vec<u8>,
    pub session_hash: Vec<u8>,
    pub user_id: Uuid,
    pub auth_time: i64,
    pub request: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub state: String,
    pub grant_id: Option<Uuid>,
    pub code_hash: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The three columns that a state is kept in: `state`, `grant_id`, `code_hash`.
pub(in crate::store) fn columns_of(state: &InteractionState) -> (&'static str, Option<Uuid>, Option<Vec<u8>>) {
    match state {
        InteractionState::Pending => (PENDING, None, None),
        InteractionState::Allowed { grant_id, code_hash } => (ALLOWED, Some(*grant_id), Some(code_hash.0.to_vec())),
        InteractionState::Denied => (DENIED, None, None),
    }
}

impl TryFrom<Model> for Interaction {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = Row::hashed("interactions", &row.ticket_hash);
        let state = match (row.state.as_str(), row.grant_id, row.code_hash) {
            (PENDING, None, None) => InteractionState::Pending,
            (DENIED, None, None) => InteractionState::Denied,
            (ALLOWED, Some(grant_id), Some(code)) => {
                InteractionState::Allowed { grant_id, code_hash: TokenHash(at.bytes32("code_hash", &code)?) }
            }
            (PENDING | ALLOWED | DENIED, _, _) => {
                return Err(at.corrupt("state", format!("is {} but grant_id or code_hash says otherwise", row.state)));
            }
            _ => return Err(at.corrupt("state", format!("holds the unknown value {:?}", row.state))),
        };
        Ok(Self {
            ticket_hash: TokenHash(at.bytes32("ticket_hash", &row.ticket_hash)?),
            session_hash: TokenHash(at.bytes32("session_hash", &row.session_hash)?),
            user_id: row.user_id,
            auth_time: Timestamp(row.auth_time),
            request: at.read("request", serde_json::from_str(&row.request))?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            state,
        })
    }
}

impl TryFrom<&Interaction> for ActiveModel {
    type Error = StoreError;

    fn try_from(interaction: &Interaction) -> Result<Self, StoreError> {
        let at = Row::hashed("interactions", interaction.ticket_hash.as_bytes());
        let (state, grant_id, code_hash) = columns_of(&interaction.state);
        Ok(Self {
            ticket_hash: Set(interaction.ticket_hash.0.to_vec()),
            session_hash: Set(interaction.session_hash.0.to_vec()),
            user_id: Set(interaction.user_id),
            auth_time: Set(interaction.auth_time.0),
            request: Set(at.read("request", serde_json::to_string(&interaction.request))?),
            created_at: Set(interaction.created_at.0),
            expires_at: Set(interaction.expires_at.0),
            state: Set(state.to_owned()),
            grant_id: Set(grant_id),
            code_hash: Set(code_hash),
        })
    }
}
