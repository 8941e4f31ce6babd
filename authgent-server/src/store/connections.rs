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

/// Connections of one replica, as far as its cores allow; the server's own default limit is 100 for all.
const CONNECTIONS: usize = 20;

/// What a replica that hangs in the middle of a transaction may keep locked, and how long a statement may take. Milliseconds.
const LIMITS: &str = "SET statement_timeout = 10000; SET idle_in_transaction_session_timeout = 10000";

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
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let connections = u32::try_from(CONNECTIONS / threads).unwrap_or_default().clamp(2, 10);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
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
