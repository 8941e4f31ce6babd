//! A backup that is made while others write, and what is refused on the way back.

use super::fixtures::*;
use crate::store::{BackedUp, BackupError, RestoreOptions, Store};
use futures_util::future::join_all;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tempfile::TempDir;

const REPLACE: RestoreOptions = RestoreOptions { replace: true, discard: false, end_grants: false };

struct Place {
    directory: TempDir,
    dsn: SecretString,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}/authgent.db", directory.path().display()).into();
        Self { directory, dsn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn open(&self) -> Store {
        let store = Store::connect(&self.dsn).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    async fn back_up(&self, name: &str) -> Result<BackedUp, String> {
        Store::back_up(&self.dsn, &self.path(name), false).await.map_err(|error| error.to_string())
    }

    /// The sentence of a refusal, after which the database is as it was.
    async fn refusal(&self, name: &str, how: RestoreOptions) -> String {
        let before = std::fs::read(self.path("authgent.db")).unwrap_or_default();
        let message = Store::restore(&self.dsn, &self.path(name), how).await.unwrap_err().to_string();
        assert_eq!(std::fs::read(self.path("authgent.db")).unwrap_or_default(), before, "{message}");
        assert_eq!(self.unfinished(), Vec::<String>::new());
        message
    }

    /// What was begun and left.
    fn unfinished(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.directory.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("unfinished")).collect()
    }
}

async fn add_user(store: &Store, n: u128) {
    let write = store.begin().await.unwrap();
    write.insert_user(&user(n)).await.unwrap();
    write.commit().await.unwrap();
}

/// Writes other bytes over part of a file.
fn damage(path: &Path, at: u64, length: usize) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&vec![0xa5; length]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_is_whole_and_has_all_that_was_acknowledged() {
    let place = Place::new();
    let store = place.open().await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writers = (0..4_u128).map(|writer| {
        let (store, stop, acknowledged) = (store.clone(), Arc::clone(&stop), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let mut n = writer;
            while !stop.load(Ordering::SeqCst) {
                // Two rows or none: a person and a session.
                let write = store.begin().await.unwrap();
                write.insert_user(&user(n)).await.unwrap();
                let id_hash = crate::crypto::hash::token_hash(&n.to_string());
                write.insert_session(&crate::domain::Session { id_hash, ..session(1, &user(n)) }).await.unwrap();
                write.commit().await.unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
                n += 4;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    for round in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        let before = acknowledged.load(Ordering::SeqCst);
        let name = format!("copy{round}.db");
        let made = place.back_up(&name).await.unwrap();
        let after = acknowledged.load(Ordering::SeqCst) + 4;
        assert_eq!(made, BackedUp { bytes: std::fs::metadata(place.path(&name)).unwrap().len(), pending: vec![] });
        let copy = Store::connect(&format!("sqlite://{}", place.path(&name).display()).into()).await.unwrap();
        let users = copy.users().await.unwrap();
        let count = u32::try_from(users.len()).unwrap();
        assert!((before..=after).contains(&count), "{before} {count} {after}");
        for user in users {
            assert_eq!(copy.sessions_of_user(user.id, NOW).await.unwrap().len(), 1, "both rows or none");
        }
    }
    stop.store(true, Ordering::SeqCst);
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    assert_eq!(place.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn a_backup_is_for_its_owner_and_overwrites_nothing() {
    let place = Place::new();
    let missing = place.back_up("copy.db").await.unwrap_err();
    assert!(missing.contains("authgent.db is not there") && !place.path("authgent.db").exists(), "{missing}");
    let store = place.open().await;
    place.back_up("copy.db").await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(place.path("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    add_user(&store, 1).await;
    let copied = std::fs::read(place.path("copy.db")).unwrap();
    for (name, expected) in [
        ("copy.db", "exists already and is not overwritten"),
        ("missing/copy.db", "its directory does not exist"),
        ("", "is a directory"),
        ("authgent.db", "is the database itself"),
        ("authgent.db-wal", "is the database itself"),
        ("authgent.db-shm", "is the database itself"),
    ] {
        let refused = place.back_up(name).await.unwrap_err();
        assert!(refused.contains(expected), "{name}: {refused}");
    }
    assert_eq!(std::fs::read(place.path("copy.db")).unwrap(), copied);
    // The same under other names, and with --force.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("authgent.db"), place.path("link.db")).unwrap();
        std::fs::hard_link(place.path("authgent.db"), place.path("second.db")).unwrap();
    }
    for name in ["authgent.db", "link.db", "second.db", "authgent.db-wal"] {
        let refused = Store::back_up(&place.dsn, &place.path(name), true).await.unwrap_err().to_string();
        assert!(refused.contains("is the database itself"), "{refused}");
    }
    Store::back_up(&place.dsn, &place.path("copy.db"), true).await.unwrap();
    assert_ne!(std::fs::read(place.path("copy.db")).unwrap(), copied);
    assert_eq!(store.users().await.unwrap().len(), 1);
    assert_eq!(place.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn other_databases_are_refused_with_what_to_use() {
    let file = Path::new("/no/such/file");
    for (dsn, expected) in [
        ("postgres://u:hunter2@h/d", "use pg_dump"),
        ("sqlite::memory:", "ends with the process"),
        ("mysql://u:hunter2@h/d", "unknown scheme"),
    ] {
        let dsn = dsn.into();
        let made = Store::back_up(&dsn, file, false).await.unwrap_err().to_string();
        let restored = Store::restore(&dsn, file, REPLACE).await.unwrap_err().to_string();
        assert!(made.contains(expected) && restored.contains(expected) && !made.contains("hunter2"), "{made}");
    }
}

#[tokio::test]
async fn what_is_restored_is_the_backup_and_what_was_there_is_kept() {
    let place = Place::new();
    let store = place.open().await;
    add_user(&store, 1).await;
    place.back_up("copy.db").await.unwrap();
    add_user(&store, 2).await;
    let refused = place.refusal("copy.db", REPLACE).await;
    assert!(refused.ends_with("is in use: stop the server and whatever else has it open"), "{refused}");
    store.close().await;
    let refused = place.refusal("copy.db", RestoreOptions::default()).await;
    assert!(refused.contains("repeat with --force"), "{refused}");

    let restored = Store::restore(&place.dsn, &place.path("copy.db"), REPLACE).await.unwrap();
    assert_eq!(
        restored.kept,
        Some(std::fs::canonicalize(place.directory.path()).unwrap().join("authgent.db.before-restore"))
    );
    assert_eq!(restored.bytes, std::fs::metadata(place.path("copy.db")).unwrap().len());
    let store = place.open().await;
    assert_eq!(store.users().await.unwrap(), [user(1)]);
    store.close().await;
    let kept = format!("sqlite://{}", place.path("authgent.db.before-restore").display());
    let kept = Store::connect(&kept.into()).await.unwrap();
    assert_eq!(kept.users().await.unwrap().len(), 2);

    let refused = place.refusal("copy.db", REPLACE).await;
    assert!(refused.contains("is kept from an earlier restore"), "{refused}");
    let discard = RestoreOptions { discard: true, ..REPLACE };
    assert_eq!(Store::restore(&place.dsn, &place.path("copy.db"), discard).await.unwrap().kept, None);
    std::fs::remove_file(place.path("authgent.db")).unwrap();
    let anew = Store::restore(&place.dsn, &place.path("copy.db"), RestoreOptions::default()).await.unwrap();
    assert_eq!((anew.kept, anew.pending, anew.grants_ended), (None, vec![], None));
    assert_eq!(place.open().await.users().await.unwrap(), [user(1)]);
    assert_eq!(place.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_sound_backup_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..300 {
        add_user(&store, n).await;
    }
    place.back_up("good.db").await.unwrap();
    store.execute("INSERT INTO authgent_migrations (version, applied_at) VALUES ('0099_later', 1)").await;
    let later = place.back_up("later.db").await.unwrap_err();
    assert!(later.contains("made by a later version of Authgent (it has 0099_later)"), "{later}");
    store.execute("DELETE FROM authgent_migrations WHERE version = '0099_later'").await;
    store.close().await;

    let good = std::fs::read(place.path("good.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(place.path(name), bytes).unwrap();
    write("empty.db", b"");
    write("text.db", "not a database\n".repeat(1000).as_bytes());
    write("short.db", &good[..good.len() / 2]);
    write("header.db", &good);
    damage(&place.path("header.db"), 0, 100);
    write("middle.db", &good);
    damage(&place.path("middle.db"), good.len() as u64 / 2, 8192);
    write("open.db", &good);
    write("open.db-wal", &[1; 100]);
    let other = format!("sqlite://{}", place.path("other.db").display());
    let other = Store::connect(&other.into()).await.unwrap();
    other.execute("CREATE TABLE notes (id BIGINT)").await;
    other.close().await;
    for (name, expected) in [
        ("nothing.db", "is not there"),
        ("", "is not there, or is no file"),
        ("empty.db", "is empty"),
        ("text.db", "is not an SQLite database"),
        ("header.db", "is not an SQLite database"),
        ("short.db", "is damaged"),
        ("middle.db", "is damaged"),
        ("open.db", "was not closed"),
        ("other.db", "none of Authgent"),
        ("authgent.db", "is the database itself"),
    ] {
        let refused = place.refusal(name, REPLACE).await;
        assert!(refused.contains(expected) && !refused.contains('\n'), "{name}: {refused}");
    }
    assert_eq!(place.open().await.users().await.unwrap().len(), 300);
}

#[tokio::test]
async fn the_log_of_a_damaged_database_is_not_applied_to_the_restored_one() {
    let place = Place::new();
    let store = place.open().await;
    add_user(&store, 1).await;
    place.back_up("copy.db").await.unwrap();
    add_user(&store, 2).await;
    // As a crash leaves it: the log is not folded into the file.
    let copied = ["", "-wal"].map(|suffix| std::fs::read(place.path(&format!("authgent.db{suffix}"))).unwrap());
    assert!(!copied[1].is_empty());
    // Damaged under a server that runs, it is in use all the same.
    damage(&place.path("authgent.db"), 0, 16);
    assert!(place.refusal("copy.db", REPLACE).await.contains("is in use"));
    store.close().await;
    for (suffix, bytes) in ["", "-wal"].iter().zip(&copied) {
        std::fs::write(place.path(&format!("authgent.db{suffix}")), bytes).unwrap();
    }
    damage(&place.path("authgent.db"), 0, 4096);
    let log = std::fs::read(place.path("authgent.db-wal")).unwrap();
    damage(&place.path("authgent.db-wal"), 0, log.len());
    let restored = Store::restore(&place.dsn, &place.path("copy.db"), REPLACE).await.unwrap();
    assert!(!place.path("authgent.db-wal").exists() && restored.kept.is_some());
    assert!(place.path("authgent.db.before-restore").exists());
    assert_eq!(place.open().await.users().await.unwrap(), [user(1)]);
}

/// A database as a crash leaves it, with so many people in its log alone.
async fn crashed(place: &Place, name: &str, people: u128) -> SecretString {
    let other = Place::new();
    other.open().await.close().await;
    let store = other.open().await;
    for n in 0..people {
        add_user(&store, n).await;
    }
    for suffix in ["", "-wal"] {
        std::fs::copy(other.path(&format!("authgent.db{suffix}")), place.path(&format!("{name}{suffix}"))).unwrap();
    }
    store.close().await;
    format!("sqlite://{}", place.path(name).display()).into()
}

#[tokio::test]
async fn a_damaged_log_is_kept_for_whoever_can_read_it() {
    let place = Place::new();
    let store = place.open().await;
    place.back_up("copy.db").await.unwrap();
    store.close().await;
    // The first frame, and all of it.
    for (name, from, length) in [("frame.db", 156, 4), ("all.db", 0, 100_000)] {
        let dsn = crashed(&place, name, 50).await;
        let log = place.path(&format!("{name}-wal"));
        damage(&log, from, length.min(usize::try_from(std::fs::metadata(&log).unwrap().len()).unwrap()));
        let damaged = std::fs::read(&log).unwrap();
        let restored = Store::restore(&dsn, &place.path("copy.db"), REPLACE).await.unwrap();
        assert!(restored.kept.is_some() && !log.exists());
        assert_eq!(std::fs::read(place.path(&format!("{name}.before-restore-wal"))).unwrap(), damaged, "{name}");
        assert_eq!(Store::connect(&dsn).await.unwrap().users().await.unwrap(), []);
    }
    // A sound one is in the file that is kept.
    let dsn = crashed(&place, "sound.db", 50).await;
    Store::restore(&dsn, &place.path("copy.db"), REPLACE).await.unwrap();
    for suffix in ["-wal", "-journal", "-shm"] {
        assert!(!place.path(&format!("sound.db.before-restore{suffix}")).exists(), "{suffix}");
    }
    let kept = format!("sqlite://{}", place.path("sound.db.before-restore").display());
    assert_eq!(Store::connect(&kept.into()).await.unwrap().users().await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_backup_has_nothing_of_the_file_whose_name_it_takes() {
    let place = Place::new();
    let store = place.open().await;
    add_user(&store, 100).await;
    // Somebody looked at the last backup with a server, which was killed.
    let dsn = crashed(&place, "last.db", 5).await;
    Store::back_up(&place.dsn, &place.path("last.db"), true).await.unwrap();
    assert!(!place.path("last.db-wal").exists());
    assert_eq!(Store::connect(&dsn).await.unwrap().users().await.unwrap(), [user(100)]);

    crashed(&place, "gone.db", 5).await;
    std::fs::remove_file(place.path("gone.db")).unwrap();
    let refused = place.back_up("gone.db").await.unwrap_err();
    assert!(refused.contains("gone.db-wal was left by a database that is gone"), "{refused}");
    assert!(!place.path("gone.db").exists());
}

#[tokio::test]
async fn a_database_that_somebody_uses_is_not_overwritten() {
    let (place, other) = (Place::new(), Place::new());
    place.open().await;
    let used = other.open().await;
    add_user(&used, 1).await;
    let file = other.path("authgent.db");
    let refused = Store::back_up(&place.dsn, &file, true).await.unwrap_err().to_string();
    assert!(refused.ends_with("authgent.db is in use: stop the server and whatever else has it open"), "{refused}");
    add_user(&used, 2).await;
    used.close().await;
    assert_eq!(other.open().await.users().await.unwrap().len(), 2);
    assert_eq!(other.unfinished(), Vec::<String>::new());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_not_overwritten_and_a_link_stays_one() {
    use std::os::unix::fs::FileTypeExt as _;
    let place = Place::new();
    let store = place.open().await;
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    for (name, overwrite) in [("pipe", false), ("pipe", true)] {
        let refused = Store::back_up(&place.dsn, &place.path(name), overwrite).await.unwrap_err().to_string();
        assert!(refused.contains("is no regular file"), "{refused}");
    }
    assert!(std::fs::metadata(place.path("pipe")).unwrap().file_type().is_fifo());

    place.back_up("real.db").await.unwrap();
    std::os::unix::fs::symlink(place.path("real.db"), place.path("link.db")).unwrap();
    add_user(&store, 1).await;
    Store::back_up(&place.dsn, &place.path("link.db"), true).await.unwrap();
    assert!(std::fs::symlink_metadata(place.path("link.db")).unwrap().is_symlink());
    let real = format!("sqlite://{}", place.path("real.db").display());
    assert_eq!(Store::connect(&real.into()).await.unwrap().users().await.unwrap(), [user(1)]);
}

#[tokio::test]
async fn grants_sessions_and_links_of_a_backup_can_be_ended() {
    let place = Place::new();
    let store = place.open().await;
    let (person, grant) = with_grant(&store).await;
    let write = store.begin().await.unwrap();
    write.insert_session(&session(5, &person)).await.unwrap();
    write.commit().await.unwrap();
    place.back_up("copy.db").await.unwrap();
    store.close().await;
    let how = RestoreOptions { end_grants: true, ..REPLACE };
    let restored = Store::restore(&place.dsn, &place.path("copy.db"), how).await.unwrap();
    assert_eq!(restored.grants_ended, Some(1));
    let store = place.open().await;
    assert!(store.grant(grant.id).await.unwrap().is_none());
    assert!(store.code(&hash(1)).await.unwrap().is_none());
    assert!(store.refresh_token_with_grant(&hash(2)).await.unwrap().is_none());
    assert!(store.session(&hash(5), NOW).await.unwrap().is_none());
    assert!(store.user(person.id).await.unwrap().is_some() && store.client("client").await.unwrap().is_some());
}

#[tokio::test]
async fn a_backup_of_an_earlier_release_is_taken() {
    let place = Place::new();
    let store = place.open().await;
    store.execute("ALTER TABLE authorization_codes DROP COLUMN redemption").await;
    store.execute("DELETE FROM authgent_migrations WHERE version = '0005_redemption'").await;
    assert_eq!(place.back_up("copy.db").await.unwrap().pending, ["0005_redemption"]);
    store.close().await;
    let restored = Store::restore(&place.dsn, &place.path("copy.db"), REPLACE).await.unwrap();
    assert_eq!(restored.pending, ["0005_redemption"]);
    assert_eq!(place.open().await.pending_migrations().await.unwrap(), Vec::<String>::new());
}

#[test]
fn errors_are_sentences() {
    let error = BackupError::File { path: "/a.db".into(), problem: "is not there".into() };
    assert_eq!(error.to_string(), "/a.db is not there");
}
