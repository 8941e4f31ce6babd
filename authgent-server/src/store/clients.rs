//! Clients.

use super::entity::clients::{ActiveModel, Column, Entity};
use super::entity::{consents, grants};
use super::error::Row;
use super::only::Only as _;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::client::LAST_USE_GRANULARITY;
use crate::domain::{Client, ClientOrigin, ConsentMode, TokenHash};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

/// How many clients [`WriteTransaction::note_uses`] takes at most: so few that nobody who waits for the transaction notices.
pub const USES: usize = 32;

async fn find(db: &impl ConnectionTrait, id: &str) -> Result<Option<Client>, StoreError> {
    Entity::find_by_id(id).only(db).await?.map(Client::try_from).transpose()
}

async fn find_by_fingerprint(db: &impl ConnectionTrait, fingerprint: &TokenHash) -> Result<Option<Client>, StoreError> {
    let found = Entity::find().filter(Column::Fingerprint.eq(fingerprint.0.to_vec())).only(db).await?;
    found.map(Client::try_from).transpose()
}

impl Store {
    /// The client with this identifier, enabled or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        find(&self.read.here(), id).await
    }

    /// The client that registrations with this fingerprint share, enabled or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn client_with_fingerprint(&self, fingerprint: &TokenHash) -> Result<Option<Client>, StoreError> {
        find_by_fingerprint(&self.read.here(), fingerprint).await
    }

    /// How many grants of a client hold. Whether a token of each can still be used is not looked at.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn live_grants_of_client(&self, id: &str) -> Result<u64, StoreError> {
        let of_client = grants::Entity::find().filter(grants::Column::ClientId.eq(id));
        Ok(of_client.filter(grants::Column::RevokedAt.is_null()).count(&self.read.here()).await?)
    }

    /// Clients that did not register themselves, at most `limit` of them: those that the operator made first, the oldest of
    /// each kind first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn clients_that_did_not_register(&self, limit: u64) -> Result<Vec<Client>, StoreError> {
        // Named, and not "all but", which no index answers.
        let origins = [ClientOrigin::Operator, ClientOrigin::Document].map(ClientOrigin::as_str);
        let others = Entity::find().filter(Column::Origin.is_in(origins));
        let others = others.order_by_desc(Column::Origin).order_by_asc(Column::CreatedAt).limit(limit);
        others.all(&self.read.here()).await?.into_iter().map(Client::try_from).collect()
    }

    /// Every client, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        let all = Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
        all.all(&self.read.here()).await?.into_iter().map(Client::try_from).collect()
    }
}

impl WriteTransaction {
    /// The client with this identifier, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        find(&*self.inner, id).await
    }

    /// Adds a client.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the identifier is taken.
    pub async fn insert_client(&self, client: &Client) -> Result<(), StoreError> {
        let insert = Entity::insert(ActiveModel::try_from(client)?).exec_without_returning(&*self.inner).await;
        insert.map(drop).map_err(|error| {
            StoreError::named(error, || format!("there is a client with the identifier {}", client.id))
        })
    }

    /// Adds a client whose registrations fold into one, unless there is one with its fingerprint. Returns the one that is
    /// there now: of two that come at once, both get the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also where the other one was deleted at this moment; [`StoreError::Corrupt`].
    pub async fn fold_client(&self, client: &Client, fingerprint: &TokenHash) -> Result<Client, StoreError> {
        let known = OnConflict::column(Column::Fingerprint).do_nothing().to_owned();
        let client = Client { fingerprint: Some(*fingerprint), ..client.clone() };
        let insert = Entity::insert(ActiveModel::try_from(&client)?).on_conflict(known);
        if insert.exec_without_returning(&*self.inner).await? == 1 {
            return Ok(client);
        }
        let other = find_by_fingerprint(&*self.inner, fingerprint).await?;
        other.ok_or_else(|| StoreError::Unavailable { problem: "the client was deleted at this moment".to_owned() })
    }

    /// Lets clean-up look at a client not before `sweep_at`. Where that is so already, and where clean-up never looks at it,
    /// nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn put_off_sweep_of_client(&self, id: &str, sweep_at: Timestamp) -> Result<(), StoreError> {
        let update = Entity::update_many().col_expr(Column::SweepAt, Expr::value(sweep_at.0));
        update.filter(Column::Id.eq(id)).filter(Column::SweepAt.lt(sweep_at.0)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Replaces what a client said about itself, and the hash of its secret with it. `false`: there is no such client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_registration(&self, client: &Client) -> Result<bool, StoreError> {
        let at = Row::new("clients", client.id.clone());
        let metadata = at.read("metadata", serde_json::to_string(&client.metadata))?;
        let update = Entity::update_many()
            .col_expr(Column::Metadata, Expr::value(metadata))
            .col_expr(Column::SecretHash, Expr::value(client.secret_hash.map(|hash| hash.0.to_vec())));
        self.end_cache_generation();
        Ok(update.filter(Column::Id.eq(&client.id)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Forgets what people once allowed a client, so that each is asked again. Grants stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_consents_of_client(&self, id: &str) -> Result<(), StoreError> {
        consents::Entity::delete_many().filter(consents::Column::ClientId.eq(id)).exec(&*self.inner).await?;
        Ok(())
    }

    /// Adds a client that publishes a document, or renews the metadata of the one that is there. What the operator decided
    /// about it stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn save_document_client(&self, client: &Client) -> Result<(), StoreError> {
        let renewed = OnConflict::column(Column::Id).update_columns([Column::Metadata, Column::FreshUntil]).to_owned();
        self.end_cache_generation();
        Entity::insert(ActiveModel::try_from(client)?)
            .on_conflict(renewed)
            .exec_without_returning(&*self.inner)
            .await?;
        Ok(())
    }

    /// Honours a client's requests, or no longer. Its grants are to be revoked beside
    /// ([`WriteTransaction::revoke_grants_of_client`]). `false`: there is no such client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_client_enabled(&self, id: &str, enabled: bool) -> Result<bool, StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many().col_expr(Column::Enabled, Expr::value(enabled));
        Ok(update.filter(Column::Id.eq(id)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Decides when people are asked about a client. `false`: there is no such client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_client_consent(&self, id: &str, mode: ConsentMode) -> Result<bool, StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many().col_expr(Column::Consent, Expr::value(mode.as_str()));
        Ok(update.filter(Column::Id.eq(id)).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Replaces the secret of a client that has one. `false`: there is no such client, or it is public.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn update_client_secret(&self, id: &str, secret_hash: &TokenHash) -> Result<bool, StoreError> {
        self.end_cache_generation();
        let update = Entity::update_many().col_expr(Column::SecretHash, Expr::value(secret_hash.0.to_vec()));
        let update = update.filter(Column::Id.eq(id)).filter(Column::SecretHash.is_not_null());
        Ok(update.exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Removes a client, and with it its grants, codes, refresh tokens and consents. `false`: there is no such client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_client(&self, id: &str) -> Result<bool, StoreError> {
        self.end_cache_generation();
        Ok(Entity::delete_by_id(id).exec(&*self.inner).await?.rows_affected == 1)
    }

    /// Notes that so many clients, [`USES`] at most, were used, of each where the last use that was noted is [`LAST_USE_GRANULARITY`]
    /// ago or more. One that somebody else changes at this moment is left out, so that nobody waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_uses(&self, ids: &[String], at: Timestamp) -> Result<(), StoreError> {
        let Some(last) = ids.last() else { return Ok(()) };
        // Always as many, so that it is always the same statement.
        let ids = (0..USES).map(|number| ids.get(number).unwrap_or(last).as_str());
        let older = Column::LastUsedAt.is_null().or(Column::LastUsedAt.lte(at.minus(LAST_USE_GRANULARITY).0));
        let due = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids)).filter(older);
        let due = due.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        let update = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(at.0));
        update.filter(Column::Id.in_subquery(due.into_query())).exec(&*self.inner).await?;
        Ok(())
    }
}
