//! Connections that are not the one that writes to SQLite.
//!
//! A connection to PostgreSQL belongs to the runtime in which it was opened: that one reads and writes its socket. Each thread
//! that serves HTTP is a runtime of its own, which may be busy, or end, while another one wants an answer. So each runtime has
//! a pool of its own, and a server that stops finishes what it began.

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{Connection as _, Executor as _};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::{Handle, Id};

/// A connection that rested for longer is tried before it is used, since a restarted server has closed it.
const RESTED: Duration = Duration::from_secs(2);

/// Connections of one replica, where each runtime can have [`FEWEST`] of them. PostgreSQL's own default limit is 100 for all.
const CONNECTIONS: usize = 20;

/// Connections of a runtime: while one of them waits for a lock, the rest of the thread has another. Nobody needs two at once.
const FEWEST: usize = 2;

/// The most threads that can serve HTTP.
const MOST_THREADS: usize = 512;

/// What a replica that hangs in the middle of a transaction may keep locked, and how long a statement may take. Milliseconds.
const LIMITS: &str = "SET statement_timeout = 10000; SET idle_in_transaction_session_timeout = 10000";

/// How many threads serve HTTP: one for each core that the process may use. What connections there may be is divided by it.
#[must_use]
pub fn http_threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(MOST_THREADS)
}

/// How many connections a runtime may have of a replica with so many threads that serve HTTP. Beside them there is one more runtime,
/// which starts and stops the server and cleans up.
fn of_each_runtime(http_threads: usize) -> usize {
    (CONNECTIONS / (http_threads + 1)).max(FEWEST)
}

/// Where statements run that need no transaction which writes.
#[derive(Clone)]
pub(super) enum Connections {
    /// Connections of SQLite have threads of their own, and belong to nobody.
    Sqlite(DatabaseConnection),
    Postgres(Arc<OfRuntimes>),
}

/// The pool of each runtime.
pub(super) struct OfRuntimes {
    options: PgConnectOptions,
    patience: Duration,
    pools: RwLock<HashMap<Id, DatabaseConnection>>,
}

impl Connections {
    pub(super) fn postgres(options: PgConnectOptions, patience: Duration) -> Self {
        Self::Postgres(Arc::new(OfRuntimes { options, patience, pools: RwLock::default() }))
    }

    /// The connections that belong here.
    pub(super) fn here(&self) -> DatabaseConnection {
        match self {
            Self::Sqlite(pool) => pool.clone(),
            Self::Postgres(pools) => pools.here(),
        }
    }

    /// Closes all.
    pub(super) async fn close(&self) {
        let pools = match self {
            Self::Sqlite(pool) => vec![pool.clone()],
            Self::Postgres(pools) => {
                pools.pools.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
            }
        };
        for pool in pools {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(error = %error, "a database connection did not close in order");
            }
        }
    }
}

impl OfRuntimes {
    fn here(&self) -> DatabaseConnection {
        let runtime = Handle::current().id();
        if let Some(pool) = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&runtime) {
            return pool.clone();
        }
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        pools.entry(runtime).or_insert_with(|| self.open()).clone()
    }

    /// Connections are made when they are needed.
    fn open(&self) -> DatabaseConnection {
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(of_each_runtime(http_threads())).unwrap_or(2))
            .acquire_timeout(self.patience)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| Box::pin(async move { connection.execute(LIMITS).await.map(drop) }))
            .connect_lazy_with(self.options.clone());
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What docs/guides/replicas.md says.
    #[test]
    fn a_replica_has_twenty_connections_and_two_for_each_thread_where_it_has_more_than_nine_cores() {
        let of_replica = |cores| of_each_runtime(cores) * (cores + 1);
        assert_eq!([1, 2, 3, 4, 8, 9].map(of_replica), [20, 18, 20, 20, 18, 20]);
        assert_eq!([10, 16, 32, 64].map(of_replica), [22, 34, 66, 130]);
        assert!((1..=MOST_THREADS).all(|cores| of_replica(cores) <= CONNECTIONS.max(2 * (cores + 1))));
        assert!((1..=MOST_THREADS).all(|cores| of_each_runtime(cores) >= FEWEST));
    }
}
