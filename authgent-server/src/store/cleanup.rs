//! Removing what is over.

use super::entity::{authorization_codes, grants, interactions, refresh_tokens, sessions};
use super::{StoreError, WriteTransaction};
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

/// How long a grant, its code and the last refresh token of its chain are kept after they are over, in seconds: one day.
///
/// For that long a second redemption is still noticed, and introspection still finds the grant of an access token. Access
/// tokens therefore must not live longer than this.
pub const RETENTION_SECONDS: i64 = 86_400;

impl WriteTransaction {
    /// Removes what is over at `now`, at most `limit` rows of each kind (at least 1, at most 1000): interactions and
    /// sessions that have expired; refresh tokens that were exchanged and have expired, and the last of a chain a day later;
    /// grants, with their code, a day after nothing of them can be used any more.
    ///
    /// Returns how many rows it removed or, finding a grant in use, put off until the next day. Call it again, each time in
    /// a transaction of its own, until it returns 0. Replicas may do so at the same time: they skip each other's rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let limit = limit.clamp(1, 1000);
        let tokens = self.delete_refresh_tokens(now, limit).await?;
        let interactions = self.delete_interactions(now, limit).await?;
        let sessions = self.delete_sessions(now, limit).await?;
        let grants = self.sweep_grants(now, limit).await?;
        Ok(tokens + interactions + sessions + grants)
    }

    async fn delete_refresh_tokens(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use refresh_tokens::{Column, Entity};
        let replaced = Column::ConsumedAt.is_not_null().or(Column::ExpiresAt.lte(now.minus(RETENTION_SECONDS).0));
        let due = Entity::find().select_only().column(Column::TokenHash).filter(Column::ExpiresAt.lte(now.0));
        let due = batch(due.filter(replaced).order_by_asc(Column::ExpiresAt), limit);
        let delete = Entity::delete_many().filter(Column::TokenHash.in_subquery(due));
        Ok(delete.exec(&self.inner).await?.rows_affected)
    }

    async fn delete_interactions(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use interactions::{Column, Entity};
        let due = Entity::find().select_only().column(Column::TicketHash).filter(Column::ExpiresAt.lte(now.0));
        let due = batch(due.order_by_asc(Column::ExpiresAt), limit);
        Ok(Entity::delete_many().filter(Column::TicketHash.in_subquery(due)).exec(&self.inner).await?.rows_affected)
    }

    async fn delete_sessions(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use sessions::{Column, Entity};
        let due = Entity::find().select_only().column(Column::IdHash).filter(Column::ExpiresAt.lte(now.0));
        let due = batch(due.order_by_asc(Column::ExpiresAt), limit);
        Ok(Entity::delete_many().filter(Column::IdHash.in_subquery(due)).exec(&self.inner).await?.rows_affected)
    }

    /// Each grant is looked at once a day (`sweep_at`), so that clean-up costs the same however many are in use, and
    /// rotation has nothing to write here.
    async fn sweep_grants(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use grants::{Column, Entity};
        let due = Entity::find().select_only().column(Column::Id).filter(Column::SweepAt.lte(now.0));
        let due = due
            .order_by_asc(Column::SweepAt)
            .limit(limit)
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        let due: Vec<Uuid> = due.into_tuple().all(&self.inner).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let delete = Entity::delete_many().filter(Column::Id.is_in(due.iter().copied()));
        let deleted =
            delete.filter(no_refresh_token()).filter(no_recent_code(now)).exec(&self.inner).await?.rows_affected;
        let put_off = Entity::update_many()
            .col_expr(Column::SweepAt, Expr::value(now.plus(RETENTION_SECONDS).0))
            .filter(Column::Id.is_in(due));
        Ok(deleted + put_off.exec(&self.inner).await?.rows_affected)
    }
}

/// The first rows of a selection, without those that another replica is removing (on SQLite there is no other).
fn batch<E: EntityTrait>(select: sea_orm::Select<E>, limit: u64) -> SelectStatement {
    select.limit(limit).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query()
}

/// That no refresh token of the grant is kept.
fn no_refresh_token() -> SimpleExpr {
    use refresh_tokens::{Column, Entity};
    let of_grant = Expr::col((Entity, Column::GrantId)).equals((grants::Entity, grants::Column::Id));
    let mut tokens = Query::select();
    tokens.expr(Expr::value(1)).from(Entity).and_where(of_grant);
    Expr::exists(tokens).not()
}

/// That the grant's code expired at least a day before `now`.
fn no_recent_code(now: Timestamp) -> SimpleExpr {
    use authorization_codes::{Column, Entity};
    let of_grant = Expr::col((Entity, Column::GrantId)).equals((grants::Entity, grants::Column::Id));
    let mut codes = Query::select();
    codes.expr(Expr::value(1)).from(Entity).and_where(of_grant);
    codes.and_where(Expr::col((Entity, Column::ExpiresAt)).gt(now.minus(RETENTION_SECONDS).0));
    Expr::exists(codes).not()
}
