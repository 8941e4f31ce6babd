//! Connections that are not the one that writes to SQLite.
//!
//! A connection to PostgreSQL belongs to the runtime in which it was opened: that one reads and writes its socket. Each thread
//! that serves HTTP is a runtime of its own, which may be busy, or end, while another one wants an answer. So each runtime has
//! a pool of its own, and a server that stops finishes what it began.

use super::connect::why_not;
use super::lateness::Lateness;
use super::limited::{Limited, Pool};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{Connection as _, Executor as _};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, timeout};

/// A connection that rested for longer is tried before it is used, since a restarted server has closed it.
const RESTED: Duration = Duration::from_secs(2);

/// Connections of one replica, where each runtime can have [`FEWEST`] of them. PostgreSQL's own default limit is 100 for all.
const CONNECTIONS: usize = 20;

/// Connections of a runtime: while one of them waits for a lock, the rest of the thread has another. Nobody needs two at once.
const FEWEST: usize = 2;

/// The most threads that can serve HTTP.
const MOST_THREADS: usize = 512;

/// What a replica that hangs in the middle of a transaction may keep locked, and how long a statement may take. Milliseconds. A
/// statement less than any proxy waits for the answer: a code that is exchanged after its client was told of a failure comes
/// again, and looks stolen.
const LIMITS: &str = "SET statement_timeout = 5000; SET idle_in_transaction_session_timeout = 10000";

/// After what time a statement is given up: the wait for a connection, what PostgreSQL itself allows, and the way.
pub(super) const LONGEST: Duration = Duration::from_secs(11);

/// How long connections that are given up have to end in order.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// From which they are.
    dsn: SecretString,
    patience: Duration,
    /// After what time a statement is given up.
    pub(super) longest: Duration,
    pub(super) lateness: Arc<Lateness>,
    pools: RwLock<HashMap<Id, OfRuntime>>,
    /// How many pools there have been.
    opened: AtomicU64,
    began: Instant,
    /// When it was last looked why there is no connection. At first, when it began: a start says it itself.
    looked: Mutex<Instant>,
}

/// The pool of one runtime.
struct OfRuntime {
    pool: DatabaseConnection,
    number: u64,
    opened: Instant,
    /// When the database last answered here, in milliseconds after the beginning.
    answered: AtomicU64,
}

impl Connections {
    pub(super) fn postgres(
        (options, dsn): (PgConnectOptions, SecretString),
        patience: Duration,
        longest: Duration,
        lateness: Arc<Lateness>,
    ) -> Self {
        let (pools, opened, began) = (RwLock::default(), AtomicU64::new(0), Instant::now());
        let looked = Mutex::new(began);
        let pools = OfRuntimes { options, dsn, patience, longest, lateness, pools, opened, began, looked };
        Self::Postgres(Arc::new(pools))
    }

    /// The connections that belong here.
    pub(super) fn here(&self) -> Limited<DatabaseConnection> {
        match self {
            Self::Sqlite(pool) => Limited::unlimited(pool.clone()),
            Self::Postgres(pools) => {
                let (pool, number) = pools.here();
                Limited::of(pool, Pool { pools: Arc::clone(pools), number })
            }
        }
    }

    /// Closes all.
    pub(super) async fn close(&self) {
        let pools = match self {
            Self::Sqlite(pool) => vec![pool.clone()],
            Self::Postgres(pools) => pools.read().values().map(|of_runtime| of_runtime.pool.clone()).collect(),
        };
        for pool in pools {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(error = %error, "a database connection did not close in order");
            }
        }
    }
}

impl OfRuntimes {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<Id, OfRuntime>> {
        self.pools.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Id, OfRuntime>> {
        self.pools.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of this runtime, and its number.
    fn here(&self) -> (DatabaseConnection, u64) {
        let runtime = Handle::current().id();
        let known = |of_runtime: &OfRuntime| (of_runtime.pool.clone(), of_runtime.number);
        if let Some(known) = self.read().get(&runtime).map(known) {
            return known;
        }
        known(self.write().entry(runtime).or_insert_with(|| OfRuntime {
            pool: self.open(),
            number: self.opened.fetch_add(1, Ordering::Relaxed),
            opened: Instant::now(),
            answered: AtomicU64::new(self.age()),
        }))
    }

    fn age(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The database has answered on this pool.
    pub(super) fn answered(&self, number: u64) {
        self.lateness.answered();
        if let Some(of_runtime) = self.read().values().find(|of_runtime| of_runtime.number == number) {
            of_runtime.answered.store(self.age(), Ordering::Relaxed);
        }
    }

    /// For how long it has not. Zero where the pool is none of ours any more.
    pub(super) fn silence(&self, number: u64) -> Duration {
        let pools = self.read();
        let of_runtime = pools.values().find(|of_runtime| of_runtime.number == number);
        of_runtime.map_or(Duration::ZERO, |of_runtime| {
            Duration::from_millis(self.age().saturating_sub(of_runtime.answered.load(Ordering::Relaxed)))
        })
    }

    /// How old the pool is. Zero where it is none of ours any more.
    pub(super) fn age_of(&self, number: u64) -> Duration {
        let pools = self.read();
        let opened = pools.values().find(|of_runtime| of_runtime.number == number).map(|of_runtime| of_runtime.opened);
        opened.map_or(Duration::ZERO, |opened| opened.elapsed())
    }

    /// Opens new connections from now on. Whoever still waits on one of this pool gives up by themselves.
    pub(super) fn abandon(&self, number: u64, problem: &str) {
        let mut pools = self.write();
        let runtime = pools.iter().find(|(_, of_runtime)| of_runtime.number == number).map(|(runtime, _)| *runtime);
        let Some(OfRuntime { pool, .. }) = runtime.and_then(|runtime| pools.remove(&runtime)) else { return };
        tracing::warn!(problem, "PostgreSQL cannot be used as it is: the connections to it are given up");
        // It says at once that it is closed, so that none of them is used again; they end when they can.
        tokio::spawn(async move { timeout(FAREWELL, pool.close_by_ref()).await });
    }

    /// Has the log say why there is no connection, beside those who wait for one: the pool tries again and again, and says in the end
    /// only that it took too long. Once for all of them, and again when it has gone on for long.
    pub(super) fn look_why(self: &Arc<Self>) {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < 2 * self.longest {
                return;
            }
            *looked = Instant::now();
        }
        let pools = Arc::clone(self);
        tokio::spawn(async move {
            let problem = why_not(&pools.options, &pools.dsn, pools.patience).await;
            tracing::warn!(problem, "a request got no connection to PostgreSQL");
        });
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
