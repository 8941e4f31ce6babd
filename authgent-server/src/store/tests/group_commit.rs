//! Many transactions, one wait for the disk: what one of them does is nobody else's trouble, and nobody hears of success before
//! it is durable.

use super::fixtures::*;
use crate::store::checkpoint::Checkpoints;
use crate::store::writer::{TURNS, Writer};
use crate::store::{Rotation, Store, StoreError};
use futures_util::future::join_all;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;

async fn store() -> Store {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_fails_or_gives_up_is_undone_alone() {
    let store = store().await;
    let writers = (0..200_u128).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let write = store.begin().await.unwrap();
            write.insert_user(&user(n)).await.unwrap();
            match n % 4 {
                0 => write.commit().await.unwrap(),
                1 => drop(write),
                2 => {
                    write.insert_client(&client("the same")).await.unwrap();
                    drop(write);
                }
                _ => {
                    let refused = write.insert_user(&user(n)).await.unwrap_err();
                    assert!(matches!(refused, StoreError::Conflict { .. }));
                    write.commit().await.unwrap();
                }
            }
        })
    });
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    let mut there: Vec<u128> = store.users().await.unwrap().into_iter().map(|user| user.id.as_u128()).collect();
    there.sort_unstable();
    assert_eq!(there, (0..200).filter(|n| matches!(n % 4, 0 | 3)).collect::<Vec<_>>());
    assert_eq!(store.clients().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_sees_what_is_not_committed_and_whoever_was_told_sees_it() {
    let store = store().await;
    let told = Arc::new(AtomicUsize::new(0));
    let writers = (0..300_u128).map(|n| {
        let (store, told) = (store.clone(), Arc::clone(&told));
        tokio::spawn(async move {
            let write = store.begin().await.unwrap();
            write.insert_user(&user(n)).await.unwrap();
            write.commit().await.unwrap();
            assert!(store.user(user(n).id).await.unwrap().is_some(), "its own change, at once");
            told.fetch_add(1, Ordering::SeqCst);
        })
    });
    let writers = join_all(writers);
    let watch = async {
        loop {
            let known = told.load(Ordering::SeqCst);
            let there = store.users().await.unwrap().len();
            assert!(there >= known, "{known} were told, {there} are there");
            if there == 300 {
                return;
            }
        }
    };
    let (writers, ()) = futures_util::future::join(writers, watch).await;
    writers.into_iter().for_each(Result::unwrap);
}

/// SQLite undoes a whole transaction when the disk is full: with it everybody's who had a turn in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_told_that_what_a_full_disk_lost_was_kept() {
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..5 {
        let store = store().await;
        // As many pages as there are, for the connection that writes.
        store.execute("PRAGMA max_page_count = 1").await;
        let writers = (0..200_u128).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                // Not all in the first transaction, which may fail as a whole.
                tokio::time::sleep(Duration::from_micros(u64::try_from(n).unwrap() * 200)).await;
                let write = store.begin().await?;
                write.insert_user(&crate::domain::User { name: Some("n".repeat(500)), ..user(n) }).await?;
                write.commit().await
            })
        });
        for (n, outcome) in join_all(writers).await.into_iter().enumerate() {
            match outcome.unwrap() {
                Ok(()) => {
                    kept += 1;
                    let id = user(u128::try_from(n).unwrap()).id;
                    assert!(store.user(id).await.unwrap().is_some(), "{n} was told that it is there");
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.is_unavailable(), "{error}");
                }
            }
        }
        // Without help: the next one has a connection that works.
        store.execute("DELETE FROM users").await;
        with_grant(&store).await;
    }
    assert!(kept > 0 && refused > 0, "{kept} kept, {refused} refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_closed_refuses_and_has_kept_everything() {
    let directory = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}/authgent.db", directory.path().display());
    let store = Store::connect(&dsn.clone().into()).await.unwrap();
    store.migrate().await.unwrap();
    with_grant(&store).await;
    store.close().await;
    assert!(store.begin().await.unwrap_err().is_unavailable());
    assert!(!directory.path().join("authgent.db-wal").exists(), "the log is folded into the file");
    let again = Store::connect(&dsn.into()).await.unwrap();
    assert_eq!(again.users().await.unwrap().len(), 1);
    again.execute("DELETE FROM users").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_that_nothing_was_done_of_what_is_done_later() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authgent.db");
    let dsn = format!("sqlite://{}", file.display());
    let mut store = Store::connect(&dsn.clone().into()).await.unwrap();
    store.migrate().await.unwrap();
    with_grant(&store).await;
    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(Duration::from_secs(5));
    let checkpoints = Arc::new(Checkpoints::new(file.clone()));
    store.writer = Some(Writer::start(options, Duration::from_millis(50), Arc::default(), checkpoints).await.unwrap());
    let rotation = super::rotation::rotation(&store, 2, 3).await;
    // A disk that stands still, or somebody else who writes.
    let other = Store::connect(&dsn.into()).await.unwrap();
    let held = other.begin().await.unwrap();
    let begun = tokio::spawn({
        let store = store.clone();
        async move { store.rotate_refresh_token(rotation).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Its turn has not come.
    assert!(store.begin().await.unwrap_err().is_unavailable());
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(held);
    assert!(begun.await.unwrap().unwrap().is_some(), "it had begun, and is told what came of it");
    assert!(store.refresh_token_with_grant(&hash(3)).await.unwrap().is_some());
}

/// How many times the write-ahead log was committed since it was begun: the frames of a commit end with one that has the size of the
/// database (SQLite's file format, section 4.1).
fn commits(database: &std::path::Path) -> usize {
    let log = std::fs::read(database.with_extension("db-wal")).unwrap();
    log[32..].chunks_exact(24 + 4096).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Has all of them done at once.
async fn rotate(store: &Store, rotations: Vec<Rotation>) {
    let all_there = Arc::new(Barrier::new(rotations.len()));
    let rotations = rotations.into_iter().map(|rotation| {
        let (store, all_there) = (store.clone(), Arc::clone(&all_there));
        tokio::spawn(async move {
            all_there.wait().await;
            store.rotate_refresh_token(rotation).await
        })
    });
    for rotated in join_all(rotations).await {
        assert!(rotated.unwrap().unwrap().is_some());
    }
}

/// As many tokens as take turns in one commit, and what it takes to rotate them.
async fn many_rotations(store: &Store) -> Vec<Rotation> {
    let (_, grant) = with_grant(store).await;
    let write = store.begin().await.unwrap();
    for n in 0..TURNS as u8 {
        write.insert_refresh_token(&refresh_token(100 + n, &grant, NOW)).await.unwrap();
    }
    write.commit().await.unwrap();
    join_all((0..TURNS as u8).map(|n| super::rotation::rotation(store, 100 + n, 170 + n))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_that_come_at_once_share_commits_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authgent.db");
    let store = Store::connect(&format!("sqlite://{}", file.display()).into()).await.unwrap();
    store.migrate().await.unwrap();
    let rotations = many_rotations(&store).await;
    let before = commits(&file);
    rotate(&store, rotations).await;
    let shared = commits(&file) - before;
    assert!(shared <= TURNS / 4, "{shared} commits for {TURNS} rotations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_that_come_at_once_share_round_trips_on_postgresql() {
    let Some(server) = super::postgres::shared() else { return };
    let database = server.database().unwrap();
    let store = Store::connect(&database.dsn().into()).await.unwrap();
    store.migrate().await.unwrap();
    let rotations = many_rotations(&store).await;
    let count = "CREATE TABLE statements (id bigserial); \
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO statements DEFAULT VALUES; RETURN NULL; END'; \
         CREATE TRIGGER note AFTER INSERT ON refresh_tokens FOR EACH STATEMENT EXECUTE FUNCTION note()";
    server.psql(&database, count).unwrap();
    rotate(&store, rotations).await;
    let shared = server.psql(&database, "SELECT count(*) FROM statements").unwrap();
    let shared: usize = shared.trim().parse().unwrap();
    // More than none: they are counted.
    assert!((1..=TURNS / 4).contains(&shared), "{shared} statements for {TURNS} rotations");
}
