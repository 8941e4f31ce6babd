//! Removing what is over.

use super::entity::{
    account_events, authorization_codes, challenges, clients, grants, interactions, one_time_links, refresh_tokens,
    sessions, sign_in_failures, used_assertions,
};
use super::{StoreError, WriteTransaction};
use crate::domain::ClientOrigin;
use authgent_core::time::Timestamp;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, LockBehavior, LockType, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

/// How long a grant, its code and the last refresh token of its chain are kept after they are over, in seconds: one day.
///
/// For that long a second redemption is still noticed, and introspection still finds the grant of an access token. Access
/// tokens therefore must not live longer than this. Sessions, one-time links and used assertions are kept as long, so that a clock which
/// runs ahead by no more than a day, and is put right, ends no session and lets no assertion be used twice.
pub const RETENTION_SECONDS: i64 = 86_400;

/// How long a used refresh token is kept, in seconds: longer than any grace, so that a client that lost the answer may still
/// ask again. Whoever comes later is known by the token itself (`service::token::family`).
const RETRY_SECONDS: i64 = 600;

/// How long what happened to an account is remembered, in seconds: 366 days.
const HISTORY_SECONDS: i64 = 366 * 86_400;

/// What clean-up did with clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many it removed.
    pub removed: u64,
    /// How many it will look at later.
    pub put_off: u64,
}

impl WriteTransaction {
    /// Removes what is over at `now`, at most `limit` rows of each kind (at least 1, at most 1000): interactions
    /// that have expired, sessions and used assertions a day later; refresh tokens that were exchanged, once a day for each grant, and the last of a
    /// chain a day after it expired; grants, with their code, a day after nothing of them can be used any more; unfinished steps of sign-ins, counted failures that
    /// have expired, and one-time links a day later; the history of accounts after a year.
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
        let assertions = self.delete_used_assertions(now, limit).await?;
        let of_sign_ins = self.delete_what_signing_in_left(now, limit).await?;
        Ok(tokens + interactions + sessions + grants + assertions + of_sign_ins)
    }

    /// Challenges and links that have expired, failures that are forgotten, and the history of an account after
    /// [`HISTORY_SECONDS`].
    async fn delete_what_signing_in_left(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use {account_events as events, one_time_links as links, sign_in_failures as failures};
        let due = challenges::Entity::find().select_only().column(challenges::Column::IdHash);
        let due = batch(due.filter(challenges::Column::ExpiresAt.lte(now.0)), limit);
        let challenges = challenges::Entity::delete_many().filter(challenges::Column::IdHash.in_subquery(due));
        let due = links::Entity::find().select_only().column(links::Column::TokenHash);
        let due = batch(due.filter(links::Column::ExpiresAt.lte(now.minus(RETENTION_SECONDS).0)), limit);
        let links = links::Entity::delete_many().filter(links::Column::TokenHash.in_subquery(due));
        let due = failures::Entity::find().select_only().column(failures::Column::KeyHash);
        let due = batch(due.filter(failures::Column::ExpiresAt.lte(now.0)), limit);
        let failures = failures::Entity::delete_many().filter(failures::Column::KeyHash.in_subquery(due));
        let due = events::Entity::find().select_only().column(events::Column::Id);
        let due = batch(due.filter(events::Column::At.lte(now.minus(HISTORY_SECONDS).0)), limit);
        let events = events::Entity::delete_many().filter(events::Column::Id.in_subquery(due));
        let challenges = challenges.exec(&*self.inner).await?.rows_affected;
        let links = links.exec(&*self.inner).await?.rows_affected;
        let failures = failures.exec(&*self.inner).await?.rows_affected;
        Ok(challenges + links + failures + events.exec(&*self.inner).await?.rows_affected)
    }

    async fn delete_refresh_tokens(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use refresh_tokens::{Column, Entity};
        let replaced = Column::ConsumedAt.is_not_null().or(Column::ExpiresAt.lte(now.minus(RETENTION_SECONDS).0));
        let due = Entity::find().select_only().column(Column::TokenHash);
        let due = due.filter(Column::ExpiresAt.lte(now.minus(RETRY_SECONDS).0));
        let due = batch(due.filter(replaced).order_by_asc(Column::ExpiresAt), limit);
        let delete = Entity::delete_many().filter(Column::TokenHash.in_subquery(due));
        Ok(delete.exec(&*self.inner).await?.rows_affected)
    }

    async fn delete_interactions(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use interactions::{Column, Entity};
        let due = Entity::find().select_only().column(Column::TicketHash).filter(Column::ExpiresAt.lte(now.0));
        let due = batch(due.order_by_asc(Column::ExpiresAt), limit);
        Ok(Entity::delete_many().filter(Column::TicketHash.in_subquery(due)).exec(&*self.inner).await?.rows_affected)
    }

    async fn delete_sessions(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use sessions::{Column, Entity};
        let over = Column::ExpiresAt.lte(now.minus(RETENTION_SECONDS).0);
        let due = Entity::find().select_only().column(Column::IdHash).filter(over);
        let due = batch(due.order_by_asc(Column::ExpiresAt), limit);
        Ok(Entity::delete_many().filter(Column::IdHash.in_subquery(due)).exec(&*self.inner).await?.rows_affected)
    }

    async fn delete_used_assertions(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use used_assertions::{Column, Entity};
        let over = Column::ExpiresAt.lte(now.minus(RETENTION_SECONDS).0);
        let due = Entity::find().select_only().column(Column::IdHash).filter(over);
        let due = batch(due.order_by_asc(Column::ExpiresAt), limit);
        Ok(Entity::delete_many().filter(Column::IdHash.in_subquery(due)).exec(&*self.inner).await?.rows_affected)
    }

    /// Each grant is looked at once a day (`sweep_at`), so that clean-up costs the same however many are in use, and
    /// rotation has nothing to write here. What it used of its tokens since goes then: a grant has as many rows as it refreshed in
    /// a day, whatever its age.
    async fn sweep_grants(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use grants::{Column, Entity};
        let due = Entity::find().select_only().column(Column::Id).filter(Column::SweepAt.lte(now.0));
        let due = due
            .order_by_asc(Column::SweepAt)
            .limit(limit)
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        let due: Vec<Uuid> = due.into_tuple().all(&*self.inner).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let used = self.delete_used_refresh_tokens(&due, now, limit).await?;
        if used == limit {
            // There may be more: these grants stay due.
            return Ok(used);
        }
        let delete = Entity::delete_many().filter(Column::Id.is_in(due.iter().copied()));
        let deleted =
            delete.filter(no_refresh_token()).filter(no_recent_code(now)).exec(&*self.inner).await?.rows_affected;
        let put_off = Entity::update_many()
            .col_expr(Column::SweepAt, Expr::value(now.plus(RETENTION_SECONDS).0))
            .filter(Column::Id.is_in(due));
        Ok(used + deleted + put_off.exec(&*self.inner).await?.rows_affected)
    }

    async fn delete_used_refresh_tokens(&self, of: &[Uuid], now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        use refresh_tokens::{Column, Entity};
        let due =
            Entity::find().select_only().column(Column::TokenHash).filter(Column::GrantId.is_in(of.iter().copied()));
        let due = batch(due.filter(Column::ConsumedAt.lte(now.minus(RETRY_SECONDS).0)), limit);
        let delete = Entity::delete_many().filter(Column::TokenHash.in_subquery(due));
        Ok(delete.exec(&*self.inner).await?.rows_affected)
    }
}

impl WriteTransaction {
    /// Removes clients that came by themselves and that nobody uses, with what they were granted and what was allowed to
    /// them: those that never received a token for `unfinished_ttl` seconds, and those that received none for `unused_ttl`
    /// seconds. Neither one with a grant that holds, nor one that the operator made or disabled.
    ///
    /// Looks at no more than `limit` of those that are due to be looked at. Call it again, each time in a transaction of its
    /// own, until there are none. Replicas may do so at the same time: they skip each other's rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sweep_clients(
        &self,
        now: Timestamp,
        limit: u64,
        unfinished_ttl: u32,
        unused_ttl: u32,
    ) -> Result<Swept, StoreError> {
        use clients::{Column, Entity};
        // A client may have had very many grants, which go with it.
        self.take_your_time().await?;
        let due = Entity::find().select_only().column(Column::Id).filter(Column::SweepAt.lte(now.0));
        // Locked as if it were removed already: a grant that another transaction is giving it makes this one skip it, and one
        // that comes later waits, and then finds it gone or there to stay.
        let due = due
            .order_by_asc(Column::SweepAt)
            .limit(limit.clamp(1, 1000))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let due: Vec<String> = due.into_tuple().all(&*self.inner).await?;
        if due.is_empty() {
            return Ok(Swept::default());
        }
        let (unfinished_ttl, unused_ttl) = (i64::from(unfinished_ttl), i64::from(unused_ttl));
        let unfinished_since = now.minus(unfinished_ttl).0;
        let unused_since = now.minus(unused_ttl).0;
        let unfinished = Column::LastUsedAt.is_null().and(Column::CreatedAt.lte(unfinished_since));
        let delete = Entity::delete_many().filter(Column::Id.is_in(due.iter().map(String::as_str)));
        let delete = delete.filter(Column::Enabled.eq(true)).filter(Column::Origin.ne(ClientOrigin::Operator.as_str()));
        let delete = delete.filter(no_live_grant());
        let removed = delete.filter(unfinished.or(Column::LastUsedAt.lte(unused_since))).exec(&*self.inner).await?;
        // Not due yet: when it will be. Kept for another reason: tomorrow.
        let next = CaseStatement::new()
            .case(Column::LastUsedAt.gt(unused_since), Expr::col(Column::LastUsedAt).add(unused_ttl))
            .case(
                Column::LastUsedAt.is_null().and(Column::CreatedAt.gt(unfinished_since)),
                Expr::col(Column::CreatedAt).add(unfinished_ttl),
            )
            .finally(now.plus(RETENTION_SECONDS).0);
        let put_off = Entity::update_many().col_expr(Column::SweepAt, next.into()).filter(Column::Id.is_in(due));
        let put_off = put_off.exec(&*self.inner).await?;
        if removed.rows_affected > 0 {
            self.end_cache_generation();
        }
        Ok(Swept { removed: removed.rows_affected, put_off: put_off.rows_affected })
    }
}

/// That the client has no grant that holds. Grants go by themselves a day after nothing of them can be used.
fn no_live_grant() -> SimpleExpr {
    use grants::{Column, Entity};
    let of_client = Expr::col((Entity, Column::ClientId)).equals((clients::Entity, clients::Column::Id));
    let mut live = Query::select();
    live.expr(Expr::value(1)).from(Entity).and_where(of_client);
    live.and_where(Expr::col((Entity, Column::RevokedAt)).is_null());
    Expr::exists(live).not()
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
