//! Whether the database does its work: also whether it writes, which it may not while it answers questions, as with a full
//! disk or on a server that has become read-only.

use super::{Store, StoreError};
use sea_orm::ConnectionTrait as _;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// For how long a write that succeeded speaks for the next ones, so that probes cost next to nothing however often they come.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// For how long one that failed does: soon enough to notice at once that the fault is over.
const BAD_FOR: Duration = Duration::from_secs(1);
/// How long an answer, and then a write, may take. Callers of probes give up after few seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the last write of a probe came to.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<Looked>>);

#[derive(Debug)]
struct Looked {
    at: Instant,
    problem: Option<String>,
}

impl Store {
    /// Whether the database answers and writes. Writes at most once in five seconds, or once in a second while that fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn check_health(&self) -> Result<(), StoreError> {
        // Where nobody listens, trying to connect would go on for longer.
        match timeout(PATIENCE, self.ping()).await {
            Ok(answer) => answer?,
            Err(_) => return Err(StoreError::Unavailable { problem: "it does not answer".to_owned() }),
        }
        // Who comes while another writes waits for that outcome.
        let mut last = self.health.0.lock().await;
        if let Some(Looked { at, problem }) = &*last
            && at.elapsed() < if problem.is_some() { BAD_FOR } else { GOOD_FOR }
        {
            return problem.clone().map_or(Ok(()), |problem| Err(StoreError::Unavailable { problem }));
        }
        let outcome = match timeout(PATIENCE, self.write_and_undo()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Unavailable { problem: "a write takes too long".to_owned() }),
        };
        let problem = outcome.as_ref().err().map(StoreError::problem);
        *last = Some(Looked { at: Instant::now(), problem });
        outcome
    }

    /// A row that comes and goes in one transaction. The page that it was on is written all the same, and the commit is synced. Each time
    /// another row, so that replicas do not wait for each other.
    async fn write_and_undo(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let id = -i64::from(uuid::Uuid::new_v4().as_fields().0) - 1;
        let insert = format!("INSERT INTO cache_generation (id, generation) VALUES ({id}, 0)");
        transaction.inner.execute_unprepared(&insert).await?;
        let delete = format!("DELETE FROM cache_generation WHERE id = {id}");
        transaction.inner.execute_unprepared(&delete).await?;
        transaction.commit().await
    }
}
