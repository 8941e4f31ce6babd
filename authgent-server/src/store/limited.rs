//! No statement waits for PostgreSQL for ever.
//!
//! A machine that loses its power, an address that moves and a network that is cut say nothing: the kernel goes on sending for a
//! quarter of an hour, and where something still acknowledges, without end. PostgreSQL's own limits do not help where it
//! does not run. So whatever takes longer than it may is given up here, and with it the connections of its pool, all of
//! which lead to the same place; the next statement opens new ones.

use super::connections::OfRuntimes;
use super::error::{is_answer, is_read_only};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait as _,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Connections that are younger are not given up for leading to a server that is read-only: it still is.
const YOUNG: Duration = Duration::from_secs(1);

/// A pool of connections, or a transaction on one of them.
pub(super) struct Limited<C> {
    inner: C,
    limit: Option<Limit>,
}

/// Which pool it belongs to, and whether it may take its time.
struct Limit {
    pool: Pool,
    lifted: AtomicBool,
}

/// A pool among those of the runtimes.
pub(super) struct Pool {
    pub(super) pools: Arc<OfRuntimes>,
    pub(super) number: u64,
}

impl<C> Limited<C> {
    /// Without a limit: SQLite, which is in this process.
    pub(super) const fn unlimited(inner: C) -> Self {
        Self { inner, limit: None }
    }

    /// What is given up when it takes too long.
    pub(super) const fn of(inner: C, pool: Pool) -> Self {
        Self { inner, limit: Some(Limit { pool, lifted: AtomicBool::new(false) }) }
    }

    /// Without the limit, for migrations.
    pub(super) const fn inner(&self) -> &C {
        &self.inner
    }

    /// What is in it.
    pub(super) fn into_inner(self) -> C {
        self.inner
    }

    /// From now on it may take as long as it takes.
    fn lift(&self) {
        if let Some(limit) = &self.limit {
            limit.lifted.store(true, Ordering::Relaxed);
        }
    }

    async fn run<T>(&self, statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        match &self.limit {
            Some(limit) if !limit.is_lifted() => limit.pool.run(statement).await,
            _ => statement.await,
        }
    }
}

impl Limit {
    fn is_lifted(&self) -> bool {
        self.lifted.load(Ordering::Relaxed)
    }
}

impl Pool {
    /// Runs it for as long as it may take. After an error it is not known whether it was done, nor whether it is going to be:
    /// a server that stood still does what it has received before it notices that nobody waits.
    async fn run<T>(&self, statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Self { pools, number } = self;
        let began = Instant::now();
        let outcome = timeout(pools.longest, statement).await;
        pools.lateness.note(began);
        match outcome {
            // Every connection is taken, perhaps by statements that wait for nothing.
            Ok(Err(error @ DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))) => {
                pools.look_why();
                if pools.silence(*number) >= pools.longest {
                    pools.abandon(*number, "does not answer");
                }
                Err(error)
            }
            // New ones may lead to where something is written, as after a failover whose name followed late.
            Ok(Err(error)) if is_read_only(&error) => {
                pools.answered(*number);
                if pools.age_of(*number) >= YOUNG {
                    pools.abandon(*number, "is read-only");
                }
                Err(error)
            }
            // It was not even sent.
            Ok(Err(error @ DbErr::ConnectionAcquire(_))) => Err(error),
            Ok(Err(error)) if !is_answer(&error) => {
                pools.lateness.given_up(began);
                Err(error)
            }
            Ok(outcome) => {
                pools.answered(*number);
                outcome
            }
            Err(_) => {
                pools.lateness.given_up(began);
                pools.abandon(*number, "does not answer");
                let problem = format!("it did not answer within {} seconds", pools.longest.as_secs());
                Err(DbErr::Conn(RuntimeErr::Internal(problem)))
            }
        }
    }
}

impl Limited<DatabaseConnection> {
    /// Begins a transaction.
    ///
    /// By a task of its own, since sqlx knows of a transaction only when the database has answered. Were the caller, who may go at
    /// any time, to take this along before that, the connection would go back to its pool inside a transaction of which
    /// nobody knows, and what others then do on it would be undone although they were told that it was done.
    ///
    /// # Errors
    /// As the database says, and where the runtime ends.
    pub(super) async fn begin(self) -> Result<Limited<DatabaseTransaction>, DbErr> {
        let beginning = tokio::spawn(async move {
            let inner = self.run(self.inner.begin_with_options(TransactionOptions::default())).await?;
            Ok(match self.limit {
                Some(Limit { pool, .. }) => Limited::of(inner, pool),
                None => Limited::unlimited(inner),
            })
        });
        beginning.await.unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal("the server stops".to_owned()))))
    }
}

impl Limited<DatabaseTransaction> {
    /// Commits it.
    ///
    /// # Errors
    /// After which it is not known whether it is committed.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.limit.filter(|limit| !limit.is_lifted()) {
            Some(Limit { pool, .. }) => pool.run(self.inner.commit()).await,
            None => self.inner.commit().await,
        }
    }

    /// For what an operator does to very many rows at once, and for migrations: neither we nor PostgreSQL end it early.
    ///
    /// # Errors
    /// As the database says.
    pub(super) async fn take_your_time(&self) -> Result<(), DbErr> {
        if self.inner.get_database_backend() == DbBackend::Postgres {
            const PATIENTLY: &str =
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
            self.execute_unprepared(PATIENTLY).await?;
        }
        self.lift();
        Ok(())
    }
}

#[sea_orm::prelude::async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Limited<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(self.inner.query_all_raw(statement)).await
    }
}
