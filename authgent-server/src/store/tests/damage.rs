//! A damaged SQLite file: found before anything is overwritten, or where it is read.

use super::fixtures::*;
use crate::store::{Store, StoreError};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A database of some hundred pages that was closed.
async fn database() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authgent.db");
    let store = open(&path).await.unwrap();
    add_users(&store, 0..600).await;
    store.close().await;
    assert!(!directory.path().join("authgent.db-wal").exists());
    (directory, path)
}

async fn open(path: &Path) -> Result<Store, StoreError> {
    let store = Store::connect(&format!("sqlite://{}", path.display()).into()).await?;
    store.migrate().await?;
    Ok(store)
}

/// Each a commit.
async fn add_users(store: &Store, numbers: std::ops::Range<u128>) {
    for n in numbers {
        let write = store.begin().await.unwrap();
        write.insert_user(&user(n)).await.unwrap();
        write.commit().await.unwrap();
    }
}

/// What a start says, after which the file is as it was.
async fn refusal(path: &Path) -> String {
    let before = std::fs::read(path).unwrap();
    let log = path.with_extension("db-wal");
    // SQLite makes an empty one where there is none, and that says nothing.
    let log_before = std::fs::read(&log).unwrap_or_default();
    let message = open(path).await.unwrap_err().to_string();
    assert_eq!(std::fs::read(path).unwrap(), before, "{message}");
    assert_eq!(std::fs::read(&log).unwrap_or_default(), log_before, "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[tokio::test]
async fn a_damaged_header_or_a_missing_end_stops_the_start() {
    let (_directory, path) = database().await;
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[..16].fill(0);
    std::fs::write(&path, damaged).unwrap();
    assert!(refusal(&path).await.ends_with("is not an SQLite database"));
    let mut damaged = whole.clone();
    damaged[16..100].fill(0xff);
    std::fs::write(&path, damaged).unwrap();
    let message = refusal(&path).await;
    assert!(message.contains("is not an SQLite database") || message.contains("is damaged"), "{message}");
    for length in [whole.len() / 2, whole.len() - 1, 5000, 600, 100, 10] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let message = refusal(&path).await;
        assert!(message.contains("is damaged") || message.contains("is not an SQLite database"), "{length}: {message}");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(open(&path).await.unwrap().users().await.unwrap().len(), 600);
}

#[tokio::test]
async fn a_damaged_page_is_found_where_it_is_read_and_is_no_reason_to_try_again() {
    let (directory, path) = database().await;
    let mut damaged = std::fs::read(&path).unwrap();
    // People were added last. Before them are the pages of the schema, which a start reads: more of them with each table.
    let from = damaged.len() / 4 * 3;
    damaged[from..].fill(0xa5);
    std::fs::write(&path, damaged).unwrap();
    let store = open(&path).await.unwrap();
    let error = store.users().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }) && !error.is_unavailable(), "{error}");
    let copy = directory.path().join("copy.db");
    let dsn = format!("sqlite://{}", path.display()).into();
    let error = Store::back_up(&dsn, &copy, false).await.unwrap_err().to_string();
    assert!(error.contains("is damaged: restore it from a backup") && !copy.exists(), "{error}");
}

/// The database as a crash leaves it, with 40 commits in the log.
async fn crashed() -> (TempDir, PathBuf, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authgent.db");
    let store = open(&path).await.unwrap();
    store.close().await;
    let store = open(&path).await.unwrap();
    add_users(&store, 0..40).await;
    let copies = ["db", "db-wal"].map(|extension| std::fs::read(path.with_extension(extension)).unwrap());
    store.close().await;
    std::fs::write(&path, &copies[0]).unwrap();
    std::fs::write(path.with_extension("db-wal"), &copies[1]).unwrap();
    let [_, log] = copies;
    (directory, path, log)
}

#[tokio::test]
async fn a_damaged_log_stops_the_start_where_sqlite_would_forget_what_was_acknowledged() {
    let (_directory, path, log) = crashed().await;
    let database = std::fs::read(&path).unwrap();
    for (from, length) in [(0, 4), (8, 16), (24, 8), (32, 4), (32 + 16, 8), (32 + 24 + 100, 1), (log.len() / 2, 5000)] {
        let mut damaged = log.clone();
        damaged[from..from + length].iter_mut().for_each(|byte| *byte ^= 0x5a);
        std::fs::write(path.with_extension("db-wal"), damaged).unwrap();
        let message = refusal(&path).await;
        assert!(message.contains("has a damaged write-ahead log"), "{from}: {message}");
    }
    // SQLite takes nothing of a log without its header, however few commits are behind it.
    for garbage in [vec![0; log.len()], vec![0x5a; log.len()], [vec![0; 32], log[32..32 + 24 + 4096].to_vec()].concat()]
    {
        std::fs::write(path.with_extension("db-wal"), garbage).unwrap();
        let message = refusal(&path).await;
        assert!(message.contains("has a damaged write-ahead log"), "{message}");
    }
    std::fs::write(path.with_extension("db-wal"), &log).unwrap();
    std::fs::write(&path, b"").unwrap();
    assert!(refusal(&path).await.contains("write-ahead log"), "SQLite would delete the log of an empty file");
    std::fs::write(&path, database).unwrap();
    assert_eq!(open(&path).await.unwrap().users().await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_log_that_a_crash_tore_is_no_damage() {
    let (_directory, path, log) = crashed().await;
    let database = std::fs::read(&path).unwrap();
    let frame = 24 + 4096;
    let mut torn = vec![log[..log.len() - frame - 7].to_vec(), log[..log.len() - 1].to_vec(), log[..40].to_vec()];
    // The last commit in part: pages of it are missing, and its end is there.
    let mut holes = log.clone();
    let last = log.len() - frame;
    holes[last + 24..last + 3000].fill(0);
    torn.push(holes);
    // What an earlier round of the log left behind the end of the present one.
    let mut earlier = log.clone();
    let half = 32 + frame * ((log.len() - 32) / frame / 2);
    for start in (half..log.len()).step_by(frame) {
        earlier[start + 8] ^= 1;
    }
    torn.push(earlier);
    for log in torn {
        std::fs::write(&path, &database).unwrap();
        std::fs::write(path.with_extension("db-wal"), log).unwrap();
        let store = open(&path).await.unwrap();
        store.users().await.unwrap();
        store.close().await;
    }
}
