//! Exchanges on PostgreSQL ([`super::at_once`]): one round trip, which commits by itself, does all that came meanwhile.
//!
//! Whoever comes when nothing is under way is not kept waiting. Others queue until the round trip ends, and the next one takes all
//! of them: the busier a replica, the more share the way there and back, the statement and the commit.

use super::at_once::{Kind, Rows, Written, by_number, in_postgres, list};
use super::connect::PATIENCE;
use super::error::is_unsupported;
use super::writer::{LONGEST_QUEUE, TURNS};
use super::{Attempts, Store, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};
use tokio::runtime::{Handle, Id};
use tokio::sync::{Semaphore, oneshot};

/// How many round trips of one kind a runtime has under way. With two, fewer share each, and fewer are done in a second: measured.
const UNDER_WAY: usize = 1;

/// Those who wait, by runtime, since connections belong to one ([`super::connections`]).
#[derive(Default)]
pub(super) struct Batches {
    queues: RwLock<HashMap<(Id, Kind), Arc<Queue>>>,
    /// Whether the database does not do it in one statement.
    refused: AtomicBool,
}

struct Queue {
    kind: Kind,
    waiting: Mutex<VecDeque<Waiting>>,
    under_way: Semaphore,
}

type Answer = oneshot::Sender<Result<Option<QueryResult>, StoreError>>;

struct Waiting {
    wanted: Written,
    answer: Answer,
}

impl Batches {
    fn here(&self, kind: Kind) -> Arc<Queue> {
        let key = (Handle::current().id(), kind);
        if let Some(queue) = self.queues.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(queue);
        }
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Queue { kind, waiting: Mutex::default(), under_way: Semaphore::new(UNDER_WAY) };
        Arc::clone(queues.entry(key).or_insert_with(|| Arc::new(new())))
    }
}

impl Queue {
    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, one: Waiting) -> Result<(), StoreError> {
        let mut waiting = self.waiting();
        if waiting.len() >= LONGEST_QUEUE {
            return Err(unavailable("too many wait for the database"));
        }
        waiting.push_back(one);
        Ok(())
    }

    /// Those who have waited longest. Callers that have gone are passed over, and who waited too long is told that nothing was
    /// done.
    fn next(&self) -> (Vec<Written>, Vec<Answer>) {
        let mut waiting = self.waiting();
        let (mut all, mut answers) = (Vec::new(), Vec::new());
        while all.len() < TURNS
            && let Some(Waiting { wanted, answer }) = waiting.pop_front()
        {
            if answer.is_closed() {
                continue;
            }
            if wanted.since.elapsed() > PATIENCE {
                drop(answer.send(Err(unavailable("the database has not answered others for too long"))));
                continue;
            }
            all.push(wanted);
            answers.push(answer);
        }
        (all, answers)
    }
}

fn unavailable(problem: impl Into<String>) -> StoreError {
    StoreError::Unavailable { problem: problem.into() }
}

impl Store {
    /// Has an exchange done in the next round trip. Gives its row, if it was done.
    pub(super) async fn in_a_batch(&self, wanted: Written) -> Result<Option<QueryResult>, StoreError> {
        if self.batches.refused.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let queue = self.batches.here(wanted.kind);
        let (answer, done) = oneshot::channel();
        queue.add(Waiting { wanted, answer })?;
        if queue.under_way.available_permits() > 0 {
            // A caller that goes takes nobody with it who shares its round trip.
            tokio::spawn(self.clone().round_trips(queue));
        }
        done.await.map_err(|_| unavailable("the server stops"))?
    }

    async fn round_trips(self, queue: Arc<Queue>) {
        // Looked at again after the permit is given back: somebody may have come and seen that none was left.
        while !queue.waiting().is_empty() {
            let Ok(_permit) = queue.under_way.try_acquire() else { return };
            loop {
                let (wanted, answers) = queue.next();
                if wanted.is_empty() {
                    break;
                }
                let rows = self.round_trip(queue.kind, &wanted).await;
                let since = wanted.iter().map(|wanted| wanted.since).min();
                since.into_iter().for_each(|since| self.lateness.note(since));
                match rows {
                    Ok(rows) => answers.into_iter().zip(rows).for_each(|(answer, row)| drop(answer.send(Ok(row)))),
                    Err(error) => {
                        since.into_iter().for_each(|since| self.lateness.given_up(since));
                        let problem = error.to_string();
                        answers.into_iter().for_each(|answer| drop(answer.send(Err(unavailable(problem.clone())))));
                    }
                }
            }
        }
    }

    /// Nothing was kept of an attempt that could not be put in order with others, and it is made again.
    ///
    /// CockroachDB does not change one table twice in a statement unless `sql.multiple_modifications_of_table.enabled` says so. A
    /// database that refuses is not asked again: nothing is usual there, and everything is done in a transaction.
    async fn round_trip(&self, kind: Kind, wanted: &[Written]) -> Result<Rows, StoreError> {
        static STATEMENTS: LazyLock<[String; 2]> = LazyLock::new(|| Kind::ALL.map(in_postgres));
        let sql = &*STATEMENTS[kind as usize];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [list(wanted).into()]);
        let mut attempts = Attempts::default();
        loop {
            match self.read.here().query_all_raw(statement.clone()).await {
                Err(error) if is_unsupported(&error) => {
                    tracing::info!(error = %error, "the database refuses to exchange tokens in one statement: it takes several");
                    self.batches.refused.store(true, Ordering::Relaxed);
                    return by_number(Vec::new(), wanted.len());
                }
                Err(error) => {
                    let error = error.into();
                    if !attempts.again(&error, wanted[0].random).await {
                        return Err(error);
                    }
                }
                Ok(rows) => return by_number(rows, wanted.len()),
            }
        }
    }
}
