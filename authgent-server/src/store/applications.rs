//! What a person's applications have and did: aggregates over grants and refresh tokens.

use super::entity::{clients, consents, grants, refresh_tokens};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::{Client, Consent};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait};
use uuid::Uuid;

/// How a client was used for a person on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Its `client_id`.
    pub client_id: String,
    /// The canonical URI of the resource.
    pub resource: String,
    /// When it was first connected, as far as it is still known.
    pub first: Timestamp,
    /// When it last received a token that can be renewed, or was last connected.
    pub last: Timestamp,
    /// How many refresh tokens it could use.
    pub live_tokens: u64,
}

impl Store {
    /// How each client was used for a person on each resource: one statement. Grants that clean-up has removed do not count.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn usage_of_user(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<Usage>, StoreError> {
        let token = |column| Expr::col((refresh_tokens::Entity, column));
        let used = Func::coalesce([
            token(refresh_tokens::Column::CreatedAt),
            Expr::col((grants::Entity, grants::Column::CreatedAt)),
        ]);
        let is_live = token(refresh_tokens::Column::ConsumedAt)
            .is_null()
            .and(token(refresh_tokens::Column::ExpiresAt).gt(now.0))
            .and(Expr::col((grants::Entity, grants::Column::RevokedAt)).is_null());
        let live = Expr::case(is_live, token(refresh_tokens::Column::TokenHash));
        let rows: Vec<(String, String, i64, i64, i64)> = grants::Entity::find()
            .select_only()
            .column(grants::Column::ClientId)
            .column(grants::Column::Resource)
            .column_as(grants::Column::CreatedAt.min(), "first_use")
            .column_as(Expr::from(used).max(), "last_use")
            .column_as(Expr::Case(Box::new(live)).count(), "live_tokens")
            .join(JoinType::LeftJoin, refresh_tokens::Relation::Grant.def().rev())
            .filter(grants::Column::UserId.eq(user_id))
            .group_by(grants::Column::ClientId)
            .group_by(grants::Column::Resource)
            .into_tuple()
            .all(&self.read.here())
            .await?;
        let usage = |(client_id, resource, first, last, live): (String, String, i64, i64, i64)| Usage {
            client_id,
            resource,
            first: Timestamp(first),
            last: Timestamp(last),
            live_tokens: live.try_into().unwrap_or_default(),
        };
        Ok(rows.into_iter().map(usage).collect())
    }

    /// Everything that a person allows, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn consents_of_user(&self, user_id: Uuid) -> Result<Vec<Consent>, StoreError> {
        let all = consents::Entity::find().filter(consents::Column::UserId.eq(user_id));
        let all = all.order_by_asc(consents::Column::FirstGrantedAt).order_by_asc(consents::Column::ClientId);
        all.all(&self.read.here()).await?.into_iter().map(Consent::try_from).collect()
    }

    /// The clients with these identifiers, as far as there are any: one statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn clients_named(&self, ids: Vec<String>) -> Result<Vec<Client>, StoreError> {
        let all = clients::Entity::find().filter(clients::Column::Id.is_in(ids));
        all.all(&self.read.here()).await?.into_iter().map(Client::try_from).collect()
    }
}

impl WriteTransaction {
    /// Forgets what a person allowed a client, or all clients. Returns on how many resources there was something.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_consents(&self, user_id: Uuid, client_id: Option<&str>) -> Result<u64, StoreError> {
        let mut delete = consents::Entity::delete_many().filter(consents::Column::UserId.eq(user_id));
        if let Some(client_id) = client_id {
            delete = delete.filter(consents::Column::ClientId.eq(client_id));
        }
        Ok(delete.exec(&*self.inner).await?.rows_affected)
    }
}
