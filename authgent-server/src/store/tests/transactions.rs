//! All or nothing.

use super::fixtures::*;
use super::{on_every_database, on_every_store};
use crate::store::Store;
use futures_util::future::join_all;
use std::time::Duration;

#[tokio::test]
async fn dropping_a_transaction_leaves_nothing() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_user(&super::fixtures::user(2)).await.unwrap();
        assert!(write.consume_code(&hash(1), NOW).await.unwrap());
        assert!(write.delete_client("client").await.unwrap());
        drop(write);
        assert_eq!(store.users().await.unwrap(), [user]);
        assert_eq!(store.code(&hash(1)).await.unwrap().unwrap().consumed_at, None);
        assert_eq!(store.grant(grant.id).await.unwrap(), Some(grant));
    })
    .await;
}

#[tokio::test]
async fn a_failed_statement_leaves_nothing() {
    on_every_store(async |store| {
        let write = store.begin().await.unwrap();
        write.insert_client(&client("a")).await.unwrap();
        write.insert_client(&client("a")).await.unwrap_err();
        drop(write);
        assert_eq!(store.clients().await.unwrap(), []);
        store.begin().await.unwrap().commit().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_are_given_up_at_any_moment_leave_nothing_and_block_nobody() {
    on_every_store(async |store| {
        let given_up = (0..200_u64).map(|n| {
            let store = store.clone();
            async move {
                let work = async {
                    let write = store.begin().await.unwrap();
                    write.insert_user(&user(1)).await.unwrap();
                    write.insert_client(&client("client")).await.unwrap();
                    std::future::pending::<()>().await;
                };
                drop(tokio::time::timeout(Duration::from_micros(n * 50), work).await);
            }
        });
        join_all(given_up).await;
        with_grant(&store).await;
        assert_eq!(store.users().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_wait_for_each_other_and_readers_wait_for_nobody() {
    on_every_store(async |store| {
        let write = store.begin().await.unwrap();
        write.insert_user(&user(1)).await.unwrap();
        let reads = (0..64).map(|_| store.users());
        for read in join_all(reads).await {
            assert_eq!(read.unwrap(), [], "a reader sees what was committed");
        }
        write.commit().await.unwrap();
        let writers = (2..66).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.begin().await.unwrap();
                write.insert_user(&user(n)).await.unwrap();
                write.commit().await.unwrap();
            })
        });
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        assert_eq!(store.users().await.unwrap().len(), 65);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_write_to_one_database() {
    on_every_database(async |dsn| {
        let stores = [Store::connect(&dsn).await.unwrap(), Store::connect(&dsn).await.unwrap()];
        stores[0].migrate().await.unwrap();
        let writers = (0..40_u128).map(|n| {
            let store = stores[usize::from(n % 2 == 0)].clone();
            tokio::spawn(async move {
                let write = store.begin().await.unwrap();
                write.insert_user(&user(n)).await.unwrap();
                write.commit().await.unwrap();
            })
        });
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        assert_eq!(stores[1].users().await.unwrap().len(), 40);
    })
    .await;
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        let (user, grant) = with_grant(&store).await;
        drop(store);
        let store = Store::connect(&dsn).await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), Vec::<String>::new());
        store.migrate().await.unwrap();
        assert_eq!(store.user(user.id).await.unwrap(), Some(user));
        assert_eq!(store.grant(grant.id).await.unwrap(), Some(grant));
    })
    .await;
}
