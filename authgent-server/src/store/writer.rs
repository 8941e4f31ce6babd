//! The one writer of an SQLite database, and group commit: many transactions, one wait for the disk.
//!
//! SQLite makes a commit durable with one `fdatasync`, and has one writer at a time. So all that wants to write takes turns on
//! one connection, inside one transaction: each turn is a savepoint of its own, which is undone alone where it fails. When
//! nobody waits any more, or enough have had their turn, the transaction is committed, and only then is anybody told that their
//! changes are there. While the disk works the next ones queue: the more there are, the more share a commit, and nobody
//! ever waits for company.

use super::at_once::{self, WANTED_IN_SQLITE, Written};
use super::checkpoint::{self, Checkpoints};
use super::connect::{PATIENCE, sqlite_pool};
use super::error::is_locked;
use super::lateness::Lateness;
use super::limited::Limited;
use super::{End, StoreError, WriteTransaction};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// How many turns share a commit at most.
pub(super) const TURNS: usize = 64;
/// How many wait at most. Whoever comes then is told at once that the database is not available, instead of after their patience.
pub(super) const LONGEST_QUEUE: usize = 10_000;
/// Between two tries to open a file that others open.
const PAUSE: Duration = Duration::from_millis(20);
/// For how long turns are added to a commit that somebody waits for.
const LONGEST_GROUP: Duration = Duration::from_millis(5);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;
/// Whom to tell of something that came at this moment.
type Asked = (Instant, Answer<Option<QueryResult>>);

enum Turn {
    /// Statements that the caller runs itself.
    Transaction(Answer<WriteTransaction>, Settled),
    AtOnce(Written, Answer<Option<QueryResult>>, Settled),
    Close(oneshot::Sender<()>),
}

/// Whether a turn has begun, or whoever waited for it has given up: what comes first. Who gave up is told that nothing was done,
/// so then nothing may be; and of what has begun nobody knows before its commit.
#[derive(Clone, Default)]
struct Settled(Arc<AtomicBool>);

impl Settled {
    /// Settles it. `false` where it was settled before.
    fn settle(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

/// The queue of those who want to write.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Turn>,
    patience: Duration,
    checkpoints: Arc<Checkpoints>,
}

impl Writer {
    /// Opens the connection and starts the writer, who ends with the last clone.
    pub(super) async fn start(
        options: SqliteConnectOptions,
        patience: Duration,
        lateness: Arc<Lateness>,
        checkpoints: Arc<Checkpoints>,
    ) -> Result<Self, DbErr> {
        let connection = open(&options).await?;
        let (queue, turns) = mpsc::channel(LONGEST_QUEUE);
        tokio::spawn(run(options, connection, turns, lateness, Arc::clone(&checkpoints)));
        Ok(Self { queue, patience, checkpoints })
    }

    /// Ends what other connections do for this one.
    pub(super) async fn end_checkpoints(&self) {
        self.checkpoints.end().await;
    }

    /// Lets everybody who waits have their turn, and closes the connection.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Turn::Close(answer)).await.is_ok() {
            drop(closed.await);
        }
    }

    /// Waits for a turn.
    pub(super) async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let (answer, begun) = oneshot::channel();
        self.ask(|settled| Turn::Transaction(answer, settled), begun).await
    }

    /// Has something done that is one statement, together with what everybody else wants who waits.
    /// Gives its row, if it was done.
    pub(super) async fn at_once(&self, wanted: Written) -> Result<Option<QueryResult>, StoreError> {
        let (answer, done) = oneshot::channel();
        self.ask(|settled| Turn::AtOnce(wanted, answer, settled), done).await
    }

    /// Whoever gives up waiting is passed over. When the turn has begun nobody gives up: it may be committed.
    async fn ask<T>(
        &self,
        turn: impl FnOnce(Settled) -> Turn,
        mut answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let settled = Settled::default();
        self.queue.try_send(turn(settled.clone())).map_err(|error| match error {
            TrySendError::Full(_) => unavailable("too many wait to write"),
            TrySendError::Closed(_) => closed(),
        })?;
        let outcome = match timeout(self.patience, &mut answer).await {
            Ok(outcome) => outcome,
            Err(_) if settled.settle() => return Err(unavailable("others have been writing for too long")),
            Err(_) => answer.await,
        };
        outcome.map_err(|_| closed())?
    }
}

/// How a [`WriteTransaction`] tells the writer that its turn is over. Dropped without a word, its changes are undone.
pub(super) struct GivenBack(oneshot::Sender<Answer<()>>);

impl GivenBack {
    /// The changes stay. Waits until they are durable.
    pub(super) async fn committed(self) -> Result<(), StoreError> {
        let (answer, durable) = oneshot::channel();
        self.0.send(answer).map_err(|_| closed())?;
        durable.await.map_err(|_| closed())?
    }
}

fn unavailable(problem: impl Into<String>) -> StoreError {
    StoreError::Unavailable { problem: problem.into() }
}

fn closed() -> StoreError {
    unavailable("the connection that writes is closed")
}

impl Turn {
    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool {
        match self {
            Self::Transaction(answer, _) => answer.is_closed(),
            Self::AtOnce(_, answer, _) => answer.is_closed(),
            Self::Close(_) => false,
        }
    }

    /// A caller that has gone needs no answer.
    fn refuse(self, problem: &str) {
        match self {
            Self::Transaction(answer, _) => drop(answer.send(Err(unavailable(problem)))),
            Self::AtOnce(_, answer, _) => drop(answer.send(Err(unavailable(problem)))),
            Self::Close(closed) => {
                // Whoever closes may have gone.
                let _ = closed.send(());
            }
        }
    }
}

/// Who had a turn and waits for the commit, with what to say then.
enum Waiting {
    Transaction(Answer<()>),
    AtOnce(QueryResult, Asked),
}

impl Waiting {
    fn tell(self, outcome: &Result<(), StoreError>) {
        let problem = outcome.as_ref().err().map(|error| unavailable(error.to_string()));
        match (self, problem) {
            (Self::Transaction(answer), None) => drop(answer.send(Ok(()))),
            (Self::Transaction(answer), Some(problem)) => drop(answer.send(Err(problem))),
            (Self::AtOnce(row, (_, answer)), None) => drop(answer.send(Ok(Some(row)))),
            (Self::AtOnce(_, (_, answer)), Some(problem)) => drop(answer.send(Err(problem))),
        }
    }
}

async fn run(
    options: SqliteConnectOptions,
    connection: DatabaseConnection,
    mut queue: mpsc::Receiver<Turn>,
    lateness: Arc<Lateness>,
    checkpoints: Arc<Checkpoints>,
) {
    let mut connection = Some(connection);
    let mut turns = Vec::with_capacity(TURNS);
    let mut waiting = Vec::with_capacity(TURNS);
    let mut closing = None;
    while closing.is_none() && (!turns.is_empty() || queue.recv_many(&mut turns, TURNS).await > 0) {
        let began = Instant::now();
        let outcome = group(&options, &mut connection, &mut queue, &mut turns, &mut waiting, &mut closing).await;
        let came = waiting.iter().filter_map(|waiting| match waiting {
            Waiting::AtOnce(_, (came, _)) => Some(*came),
            Waiting::Transaction(_) => None,
        });
        lateness.note(came.fold(began, Instant::min));
        waiting.drain(..).for_each(|waiting| waiting.tell(&outcome));
        checkpoints.note();
        if outcome.is_ok()
            && checkpoints.is_last()
            && let Some(connection) = &connection
            && let Err(error) = checkpoint::finish(connection).await
        {
            tracing::warn!(error = %error, "the end of the write-ahead log could not be copied into the database file");
        }
        if let Err(error) = outcome {
            tracing::error!(error = %error, "writing to the database failed");
            // After an error nobody knows in which state the connection is.
            if let Some(connection) = connection.take() {
                close(&connection).await;
            }
            // Those whose turn has not come are told at once: each of them could wait as long again.
            while let Ok(turn) = queue.try_recv() {
                turns.push(turn);
            }
            turns.drain(..).for_each(|turn| turn.refuse(&error.to_string()));
        }
    }
    checkpoints.end().await;
    if let Some(connection) = connection {
        close(&connection).await;
    }
    if let Some(closed) = closing {
        let _ = closed.send(());
    }
}

/// The connection that writes. Where others open a new file at the same moment it is tried again: SQLite waits for no lock while it
/// begins to use a write-ahead log.
async fn open(options: &SqliteConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let began = Instant::now();
    let connection = loop {
        match sqlite_pool(options.clone(), 1).await {
            Err(error) if is_locked(&error) && began.elapsed() < PATIENCE => sleep(PAUSE).await,
            outcome => break outcome?,
        }
    };
    connection.execute_unprepared(WANTED_IN_SQLITE).await?;
    Ok(connection)
}

async fn close(connection: &DatabaseConnection) {
    if let Err(error) = connection.close_by_ref().await {
        tracing::warn!(error = %error, "the connection that writes did not close in order");
    }
}

/// One transaction, with as many turns as come while it is open. Whoever is in `waiting` is told its outcome.
async fn group(
    options: &SqliteConnectOptions,
    connection: &mut Option<DatabaseConnection>,
    queue: &mut mpsc::Receiver<Turn>,
    turns: &mut Vec<Turn>,
    waiting: &mut Vec<Waiting>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Result<(), StoreError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(open(options).await?),
    };
    if turns.iter().all(|turn| matches!(turn, Turn::AtOnce(..))) {
        let (wanted, answers) = statements(turns);
        return sort(at_once::alone(connection, &wanted).await, answers, waiting);
    }
    let immediate = SqliteTransactionMode::Immediate;
    let whole = TransactionOptions { sqlite_transaction_mode: Some(immediate), ..TransactionOptions::default() };
    let whole = connection.begin_with_options(whole).await?;
    // Where SQLite undoes the transaction by itself, as when the disk is full, this savepoint goes with it: then the release
    // below fails, and nobody is told that what is lost was kept.
    let guard = whole.begin_with_options(TransactionOptions::default()).await?;
    let began = Instant::now();
    while !turns.is_empty() && closing.is_none() && waiting.len() < TURNS && began.elapsed() < LONGEST_GROUP {
        all_at_once(&guard, turns, waiting).await?;
        // One at a time, so that statements which come meanwhile need not wait for all of them.
        if let Some(position) = turns.iter().position(|turn| !matches!(turn, Turn::AtOnce(..))) {
            match turns.remove(position) {
                Turn::Transaction(answer, settled) if settled.settle() => lend(&guard, answer, waiting).await?,
                Turn::Close(closed) => *closing = Some(closed),
                Turn::Transaction(..) | Turn::AtOnce(..) => {}
            }
        }
        while turns.len() < TURNS
            && let Ok(turn) = queue.try_recv()
        {
            turns.push(turn);
        }
    }
    guard.commit().await?;
    Ok(whole.commit().await?)
}

/// Has all that are one statement done at once, within the transaction.
async fn all_at_once(
    guard: &DatabaseTransaction,
    turns: &mut Vec<Turn>,
    waiting: &mut Vec<Waiting>,
) -> Result<(), StoreError> {
    let (wanted, answers) = statements(turns);
    if wanted.is_empty() {
        return Ok(());
    }
    sort(at_once::within(guard, &wanted).await, answers, waiting)
}

/// Takes out those that are one statement, but for those whose callers have gone.
fn statements(turns: &mut Vec<Turn>) -> (Vec<Written>, Vec<Asked>) {
    turns.retain(|turn| !turn.is_given_up());
    let (mut all, mut answers) = (Vec::new(), Vec::new());
    for turn in turns.extract_if(.., |turn| matches!(turn, Turn::AtOnce(..))) {
        if let Turn::AtOnce(wanted, answer, settled) = turn
            && settled.settle()
        {
            answers.push((wanted.since, answer));
            all.push(wanted);
        }
    }
    (all, answers)
}

/// Those for whom something was changed wait for the commit, the others are told at once.
fn sort(
    outcomes: Result<Vec<Option<QueryResult>>, StoreError>,
    answers: Vec<Asked>,
    waiting: &mut Vec<Waiting>,
) -> Result<(), StoreError> {
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => {
            answers.into_iter().for_each(|(_, answer)| drop(answer.send(Err(unavailable(error.to_string())))));
            return Err(error);
        }
    };
    for (outcome, asked) in outcomes.into_iter().zip(answers) {
        match outcome {
            Some(row) => waiting.push(Waiting::AtOnce(row, asked)),
            None => drop(asked.1.send(Ok(None))),
        }
    }
    Ok(())
}

/// Lends a savepoint to whoever has this turn, until it is given back.
async fn lend(
    guard: &DatabaseTransaction,
    answer: Answer<WriteTransaction>,
    waiting: &mut Vec<Waiting>,
) -> Result<(), StoreError> {
    let savepoint = match guard.begin_with_options(TransactionOptions::default()).await {
        Ok(savepoint) => Arc::new(Limited::unlimited(savepoint)),
        Err(error) => {
            drop(answer.send(Err(unavailable(error.to_string()))));
            return Err(error.into());
        }
    };
    let (given_back, ended) = oneshot::channel();
    // Where the caller has gone, the transaction is dropped here, as it is where the caller goes later.
    drop(answer.send(Ok(WriteTransaction::new(Arc::clone(&savepoint), End::GivenBack(GivenBack(given_back))))));
    let outcome = ended.await;
    let savepoint =
        Arc::into_inner(savepoint).ok_or_else(|| unavailable("a transaction is still in use"))?.into_inner();
    match outcome {
        Ok(answer) => {
            let released = savepoint.commit().await;
            waiting.push(Waiting::Transaction(answer));
            Ok(released?)
        }
        Err(_) => Ok(savepoint.rollback().await?),
    }
}
