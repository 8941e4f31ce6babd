//! The write-ahead log of SQLite is copied beside the one who writes.

use super::fixtures::*;
use crate::store::Store;
use crate::store::checkpoint::FALLBACK;

const MEBIBYTE: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_writes_all_the_time_the_log_begins_anew_before_the_writer_has_to_copy_it() {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    store.migrate().await.unwrap();
    let log = store._temporary.as_ref().unwrap().path().join("authgent.db-wal");
    let mut large = client("large");
    large.metadata.contacts = vec!["x".repeat(usize::try_from(MEBIBYTE).unwrap())];
    let write = store.begin().await.unwrap();
    write.insert_client(&large).await.unwrap();
    write.commit().await.unwrap();
    let mut most = 0;
    for number in 0..220 {
        // SQLite does not write a page that stays as it is.
        large.metadata.contacts = vec![["x", "y"][number % 2].repeat(usize::try_from(MEBIBYTE).unwrap())];
        let write = store.begin().await.unwrap();
        assert!(write.update_registration(&large).await.unwrap());
        write.commit().await.unwrap();
        most = most.max(log.metadata().unwrap().len());
    }
    assert!(most > 32 * MEBIBYTE, "it was copied sooner: {most}");
    assert!(most < u64::from(FALLBACK) * 4096, "it grew to {most} bytes");
    assert_eq!(store.client("large").await.unwrap(), Some(large));
}
