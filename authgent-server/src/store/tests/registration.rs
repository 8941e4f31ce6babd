//! Clients that fold into one, that are managed, and that go when nobody uses them; initial access tokens.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::registration::{InitialAccessToken, InitialAccessTokenState};
use crate::domain::{Client, ClientOrigin, Grant, RevocationReason};
use crate::store::{RETENTION_SECONDS, Store, Swept};
use authgent_core::time::Timestamp;
use futures_util::future::join_all;
use std::time::Duration;
use uuid::Uuid;

const DAY: i64 = RETENTION_SECONDS;
const CALLERS: u8 = 32;

fn token(n: u8) -> InitialAccessToken {
    InitialAccessToken {
        id: Uuid::from_u128(n.into()),
        token_hash: hash(n),
        name: Some("Pártner '; --".into()),
        scope_limit: Some(scope("mcp:read")),
        uses: 0,
        max_uses: Some(5),
        created_at: NOW,
        expires_at: Some(NOW.plus(60)),
        revoked_at: None,
    }
}

fn swept(id: &str, sweep_at: Timestamp) -> Client {
    Client { sweep_at: Some(sweep_at), ..client(id) }
}

/// Sweeps as if clients had a day for a sign-in, and ninety without use.
async fn sweep(store: &Store, now: Timestamp, limit: u64) -> Swept {
    let write = store.begin().await.unwrap();
    let swept = write.sweep_clients(now, limit, 86_400, 90 * 86_400).await.unwrap();
    write.commit().await.unwrap();
    swept
}

async fn insert(store: &Store, clients: &[Client]) {
    let write = store.begin().await.unwrap();
    for client in clients {
        write.insert_client(client).await.unwrap();
    }
    write.commit().await.unwrap();
}

async fn ids(store: &Store) -> Vec<String> {
    store.clients().await.unwrap().into_iter().map(|client| client.id).collect()
}

#[tokio::test]
async fn what_is_known_about_a_registration_reads_back() {
    on_every_store(async |store| {
        let full = Client {
            registration_token_hash: Some(hash(3)),
            fingerprint: Some(hash(4)),
            scope_limit: Some(scope("mcp:read mcp:write")),
            fresh_until: Some(NOW.plus(5)),
            sweep_at: Some(NOW.plus(6)),
            ..client("full")
        };
        insert(&store, &[full.clone(), client("bare")]).await;
        assert_eq!(store.client("full").await.unwrap().as_ref(), Some(&full));
        assert_eq!(store.client_with_fingerprint(&hash(4)).await.unwrap().as_ref(), Some(&full));
        assert_eq!(store.client_with_fingerprint(&hash(3)).await.unwrap(), None);

        let changed = Client { metadata: client("x").metadata, secret_hash: None, enabled: false, ..full.clone() };
        let write = store.begin().await.unwrap();
        assert!(write.update_registration(&changed).await.unwrap());
        assert!(!write.update_registration(&client("nobody")).await.unwrap());
        write.put_off_sweep_of_client("full", NOW.plus(5)).await.unwrap();
        write.put_off_sweep_of_client("bare", NOW.plus(5)).await.unwrap();
        write.commit().await.unwrap();
        let read = store.client("full").await.unwrap().unwrap();
        assert_eq!(read, Client { enabled: true, ..changed }, "metadata and secret alone; and not looked at earlier");
        assert_eq!(store.client("bare").await.unwrap().unwrap().sweep_at, None, "never looked at");
        let write = store.begin().await.unwrap();
        write.put_off_sweep_of_client("full", NOW.plus(7)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.client("full").await.unwrap().unwrap().sweep_at, Some(NOW.plus(7)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_that_fold_at_once_there_is_one() {
    on_every_store(async |store| {
        let fold = |caller: u8| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.begin().await.unwrap();
                let client = write.fold_client(&client(&format!("client {caller}")), &hash(9)).await.unwrap();
                write.commit().await.unwrap();
                client
            })
        };
        let folded: Vec<Client> = join_all((0..CALLERS).map(fold)).await.into_iter().map(Result::unwrap).collect();
        assert!(folded.iter().all(|client| *client == folded[0]));
        assert_eq!(store.clients().await.unwrap(), [folded[0].clone()]);
        // Another fingerprint, and none, are others.
        insert(&store, &[client("none"), client("none either")]).await;
        let write = store.begin().await.unwrap();
        assert_eq!(write.fold_client(&client("other"), &hash(8)).await.unwrap().id, "other");
        write.commit().await.unwrap();
        assert_eq!(ids(&store).await.len(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_initial_access_token_has_as_many_uses_as_it_has() {
    on_every_store(async |store| {
        let unlimited =
            InitialAccessToken { max_uses: None, expires_at: None, scope_limit: None, name: None, ..token(2) };
        let write = store.begin().await.unwrap();
        write.insert_initial_access_token(&token(1)).await.unwrap();
        write.insert_initial_access_token(&unlimited).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.initial_access_token(&hash(1)).await.unwrap(), Some(token(1)));
        assert_eq!(store.initial_access_tokens().await.unwrap(), [token(1), unlimited.clone()]);
        assert_eq!(store.initial_access_token(&hash(3)).await.unwrap(), None);

        let use_once = |id: Uuid, at: Timestamp| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.begin().await.unwrap();
                let won = write.use_initial_access_token(id, at).await.unwrap();
                write.commit().await.unwrap();
                won
            })
        };
        let uses = async |id, at| {
            let all = join_all((0..CALLERS).map(|_| use_once(id, at))).await;
            all.into_iter().filter(|won| *won.as_ref().unwrap()).count()
        };
        assert_eq!(uses(token(1).id, NOW.plus(60)).await, 0, "its time is over");
        assert_eq!(uses(token(1).id, NOW.plus(59)).await, 5);
        assert_eq!(uses(unlimited.id, NOW).await, usize::from(CALLERS));
        assert_eq!(uses(Uuid::from_u128(3), NOW).await, 0);
        let used = store.initial_access_token(&hash(1)).await.unwrap().unwrap();
        assert_eq!((used.uses, used.state(NOW)), (5, InitialAccessTokenState::UsedUp));
        assert_eq!(used.state(NOW.plus(60)), InitialAccessTokenState::Expired);

        let write = store.begin().await.unwrap();
        assert!(write.revoke_initial_access_token(unlimited.id, NOW).await.unwrap());
        assert!(!write.revoke_initial_access_token(unlimited.id, NOW.plus(1)).await.unwrap());
        assert!(!write.revoke_initial_access_token(Uuid::from_u128(3), NOW).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(uses(unlimited.id, NOW).await, 0);
        let revoked = store.initial_access_token(&hash(2)).await.unwrap().unwrap();
        assert_eq!((revoked.revoked_at, revoked.state(NOW)), (Some(NOW), InitialAccessTokenState::Revoked));
    })
    .await;
}

#[tokio::test]
async fn a_sweep_removes_what_is_due_and_says_when_to_look_again() {
    on_every_store(async |store| {
        let now = NOW.plus(100 * DAY);
        let (unused, unfinished) = (now.minus(90 * DAY), now.minus(DAY));
        let used = |id: &str, at: Timestamp| Client { last_used_at: Some(at), ..swept(id, now) };
        insert(
            &store,
            &[
                swept("unfinished", now),
                Client { created_at: unfinished.plus(1), ..swept("new", now) },
                swept("later", now.plus(1)),
                used("unused", unused),
                used("used", unused.plus(1)),
                Client { enabled: false, ..swept("disabled", now) },
                Client { origin: ClientOrigin::Document, ..used("document", unused) },
                // What the operator made is never looked at, nor removed if it were.
                Client { origin: ClientOrigin::Operator, ..client("operator") },
                Client { origin: ClientOrigin::Operator, ..swept("strange", now) },
            ],
        )
        .await;
        let (user, kept) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_client(&used("held", unused)).await.unwrap();
        write.insert_client(&used("revoked", unused)).await.unwrap();
        let of = |n, id: &str| Grant { client_id: id.into(), ..grant(n, &user) };
        write.insert_grant(&of(2, "held")).await.unwrap();
        write.insert_grant(&of(3, "revoked")).await.unwrap();
        write.revoke_grant(Uuid::from_u128(3), now, RevocationReason::RevokedByUser).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.live_grants_of_client("held").await.unwrap(), 1);
        assert_eq!(store.live_grants_of_client("revoked").await.unwrap(), 0);

        assert_eq!(sweep(&store, now, 100).await, Swept { removed: 4, put_off: 5 });
        let mut left = ids(&store).await;
        left.sort();
        assert_eq!(left, ["client", "disabled", "held", "later", "new", "operator", "strange", "used"]);
        assert!(store.grant(Uuid::from_u128(3)).await.unwrap().is_none(), "with its grants");
        assert!(store.grant(kept.id).await.unwrap().is_some());
        let next = async |id: &str| store.client(id).await.unwrap().unwrap().sweep_at.unwrap().since(now);
        assert_eq!((next("new").await, next("used").await, next("later").await), (1, 1, 1));
        assert_eq!((next("held").await, next("disabled").await), (DAY, DAY));
        assert_eq!(sweep(&store, now, 100).await, Swept::default());
        assert_eq!(sweep(&store, now.plus(1), 100).await, Swept { removed: 3, put_off: 0 });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_sweep_at_the_same_time_in_batches() {
    on_every_store(async |store| {
        let all: Vec<Client> = (0..200).map(|n| swept(&format!("client {n}"), NOW.plus(n))).collect();
        insert(&store, &all).await;
        let now = NOW.plus(DAY + 1000);
        let replica = || {
            let store = store.clone();
            tokio::spawn(async move {
                let mut removed = 0;
                loop {
                    let Swept { removed: batch, put_off } = sweep(&store, now, 10).await;
                    assert!(batch <= 10);
                    removed += batch;
                    if batch + put_off < 10 {
                        return removed;
                    }
                }
            })
        };
        let removed: u64 = join_all((0..6).map(|_| replica())).await.into_iter().map(Result::unwrap).sum();
        let rest = sweep(&store, now, 1000).await.removed;
        assert_eq!((removed + rest, ids(&store).await.len()), (200, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_is_granted_something_at_this_moment_stays_with_its_grant_or_goes_without_one() {
    on_every_store(async |store| {
        let user = user(1);
        let write = store.begin().await.unwrap();
        write.insert_user(&user).await.unwrap();
        write.commit().await.unwrap();
        let all: Vec<Client> = (0..30).map(|n| swept(&format!("client {n}"), NOW)).collect();
        insert(&store, &all).await;
        let granting = (0..30_u128).map(|n| {
            let (store, grant) = (store.clone(), Grant { client_id: format!("client {n}"), ..grant(n + 1, &user) });
            tokio::spawn(async move {
                let write = store.begin().await.unwrap();
                match write.insert_grant(&grant).await {
                    Ok(()) => {
                        write.commit().await.unwrap();
                        true
                    }
                    Err(_) => false,
                }
            })
        });
        let granting: Vec<_> = granting.collect();
        let sweeping: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { sweep(&store, NOW.plus(2 * DAY), 5).await })
            })
            .collect();
        let granted: Vec<bool> = join_all(granting).await.into_iter().map(Result::unwrap).collect();
        assert!(join_all(sweeping).await.into_iter().all(|swept| swept.is_ok()));
        for (n, granted) in (0..30_u128).zip(granted) {
            let there = store.client(&format!("client {n}")).await.unwrap().is_some();
            let grant = store.grant(Uuid::from_u128(n + 1)).await.unwrap().is_some();
            assert_eq!((there || !granted, grant), (true, granted), "client {n}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_that_is_being_written_keeps_its_client() {
    on_every_store(async |store| {
        let write = store.begin().await.unwrap();
        write.insert_user(&user(1)).await.unwrap();
        write.insert_client(&swept("client", NOW)).await.unwrap();
        write.commit().await.unwrap();
        let write = store.begin().await.unwrap();
        write.insert_grant(&grant(1, &user(1))).await.unwrap();
        let sweeping = store.clone();
        let sweeping = tokio::spawn(async move { sweep(&sweeping, NOW.plus(2 * DAY), 5).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        write.commit().await.unwrap();
        assert_eq!(sweeping.await.unwrap().removed, 0);
        assert!(store.grant(Uuid::from_u128(1)).await.unwrap().is_some());
    })
    .await;
}
