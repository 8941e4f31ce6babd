//! Whether what a replica remembers is still so: one number that every change of what is remembered raises.
//!
//! Clients, resources and signing keys are read at each request and change seldom. A replica keeps them in memory under the
//! generation that it had seen *before* it read them, and uses them where the generation is still that one. So a client
//! that was disabled is refused by every replica from the moment on in which the command that disabled it has ended.
//!
//! Looking at the number costs more than signing a token, so a look counts for [`LEASE`]; and whoever ends a generation is not told so
//! before every look of before has run out.

use super::{Store, StoreError, WriteTransaction};
use sea_orm::{ConnectionTrait, Statement};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// For how long after a look at the generation began it is taken for the present one.
pub const LEASE: Duration = Duration::from_millis(5);

const READ: &str = "SELECT generation FROM cache_generation WHERE id = 1";
/// An update, since SQLite knows no other lock and has the database to itself anyway.
const LOCK: &str = "UPDATE cache_generation SET generation = generation WHERE id = 1";
const RAISE: &str = "UPDATE cache_generation SET generation = generation + 1 WHERE id = 1";

impl Store {
    /// The present generation: of everything that is committed when this is called.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn cache_generation(&self) -> Result<i64, StoreError> {
        let statement = Statement::from_string(self.read.here().get_database_backend(), READ);
        match self.read.here().query_one_raw(statement).await? {
            Some(row) => Ok(row.try_get_by_index(0)?),
            None => Err(StoreError::Corrupt {
                table: "cache_generation",
                column: "generation",
                id: "1".to_owned(),
                problem: "is missing".to_owned(),
            }),
        }
    }
}

impl WriteTransaction {
    /// Ends the present generation with this transaction: something that replicas remember was changed in it.
    pub(super) fn end_cache_generation(&self) {
        self.ends_cache_generation.store(true, Ordering::Relaxed);
    }

    /// Whether [`LEASE`] has to pass before anybody is told that the transaction is committed.
    pub(super) fn ends_lease(&self) -> bool {
        self.ends_cache_generation.load(Ordering::Relaxed)
    }

    /// Has the generation's row to itself until the transaction ends.
    pub(super) async fn lock_cache_generation(&self) -> Result<(), StoreError> {
        self.inner.execute_unprepared(LOCK).await?;
        Ok(())
    }

    /// Last of all in a transaction, but for those who write resources or signing keys, who lock it first of all: on PostgreSQL the row stays
    /// locked until it ends. `store/resources.rs` says why nobody waits in a circle.
    pub(super) async fn raise_cache_generation(&self) -> Result<(), StoreError> {
        if self.ends_cache_generation.load(Ordering::Relaxed) {
            self.inner.execute_unprepared(RAISE).await?;
        }
        Ok(())
    }
}
