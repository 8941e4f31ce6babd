//! Rotation in one statement: done where everything is as usual, and otherwise nothing is touched.

use super::fixtures::*;
use super::{on_a_strict_database, on_every_store};
use crate::domain::{RefreshTokenState, RevocationReason};
use crate::store::{Rotation, Store, StoreError};
use futures_util::future::join_all;
use sea_orm::ConnectionTrait as _;
use std::time::Duration;

pub(super) async fn rotation(store: &Store, token: u8, successor: u8) -> Rotation {
    Rotation {
        token: hash(token),
        grant_id: store.refresh_token_with_grant(&hash(token)).await.unwrap().unwrap().1.id,
        client_id: "client".into(),
        resources: ["https://other.example".to_owned(), mcp().to_string()].into(),
        cache_generation: store.cache_generation().await.unwrap(),
        at: NOW.plus(60),
        successor: hash(successor),
        successor_nonce: [successor; 32],
        expires_at: NOW.plus(9000),
    }
}

#[tokio::test]
async fn the_token_is_used_up_and_its_successor_is_there() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let Some(of) = store.rotate_refresh_token(rotation(&store, 2, 3).await).await.unwrap() else {
            panic!("refused");
        };
        assert_eq!(of, (grant.clone(), user));
        let (token, _) = store.refresh_token_with_grant(&hash(2)).await.unwrap().unwrap();
        assert_eq!(token.state, RefreshTokenState::Consumed { at: NOW.plus(60), successor_nonce: [3; 32] });
        let (successor, of) = store.refresh_token_with_grant(&hash(3)).await.unwrap().unwrap();
        assert_eq!((successor.created_at, successor.expires_at, of), (NOW.plus(60), NOW.plus(9000), grant));
        assert_eq!(successor.state, RefreshTokenState::Live);
    })
    .await;
}

#[tokio::test]
async fn where_anything_is_unusual_nothing_changes() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let usual = rotation(&store, 2, 3).await;
        let untouched = async |rotation: Rotation, what: &str| {
            let rotated = store.rotate_refresh_token(rotation).await.unwrap();
            assert!(rotated.is_none(), "{what}");
            let (token, _) = store.refresh_token_with_grant(&hash(2)).await.unwrap().unwrap();
            assert_eq!(token.state, RefreshTokenState::Live, "{what}");
            assert!(store.refresh_token_with_grant(&hash(3)).await.unwrap().is_none(), "{what}");
        };
        untouched(Rotation { token: hash(77), ..usual.clone() }, "unknown").await;
        untouched(Rotation { at: NOW.plus(86_400), ..usual.clone() }, "expired").await;
        untouched(Rotation { grant_id: uuid::Uuid::nil(), ..usual.clone() }, "another grant").await;
        untouched(Rotation { client_id: "other".into(), ..usual.clone() }, "another client").await;
        let others = ["https://other.example".to_owned(), format!("{}/", mcp())];
        untouched(Rotation { resources: others.into(), ..usual.clone() }, "another resource").await;
        untouched(Rotation { resources: [].into(), ..usual.clone() }, "no resource").await;
        let old = usual.cache_generation - 1;
        untouched(Rotation { cache_generation: old, ..usual.clone() }, "what the caller remembers is over").await;

        let write = store.begin().await.unwrap();
        write.set_user_enabled(user.id, false).await.unwrap();
        write.commit().await.unwrap();
        untouched(usual.clone(), "the person is disabled").await;
        let write = store.begin().await.unwrap();
        write.set_user_enabled(user.id, true).await.unwrap();
        write.set_client_enabled("client", false).await.unwrap();
        write.commit().await.unwrap();
        untouched(rotation(&store, 2, 3).await, "the client is disabled").await;
        let write = store.begin().await.unwrap();
        write.set_client_enabled("client", true).await.unwrap();
        write.revoke_grant(grant.id, NOW, RevocationReason::RevokedByUser).await.unwrap();
        write.commit().await.unwrap();
        untouched(rotation(&store, 2, 3).await, "the grant is revoked").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_with_one_token_one_rotates_it() {
    on_every_store(async |store| {
        with_grant(&store).await;
        let callers = (100..164_u8).map(|successor| {
            let store = store.clone();
            tokio::spawn(async move {
                let rotation = rotation(&store, 2, successor).await;
                store.rotate_refresh_token(rotation).await.unwrap().is_some().then_some(successor)
            })
        });
        let won: Vec<u8> = join_all(callers).await.into_iter().filter_map(Result::unwrap).collect();
        let [winner] = won[..] else { panic!("{won:?} rotated the token") };
        let (token, _) = store.refresh_token_with_grant(&hash(2)).await.unwrap().unwrap();
        let nonce = [winner; 32];
        assert_eq!(token.state, RefreshTokenState::Consumed { at: NOW.plus(60), successor_nonce: nonce });
        for successor in 100..164 {
            let found = store.refresh_token_with_grant(&hash(successor)).await.unwrap();
            assert_eq!(found.is_some(), successor == winner);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tokens_rotate_beside_each_other_and_beside_other_writers() {
    on_every_store(async |store| {
        let (_, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        for n in 10..100 {
            write.insert_refresh_token(&refresh_token(n, &grant, NOW)).await.unwrap();
        }
        write.commit().await.unwrap();
        let rotations = (10..100_u8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                if n % 10 == 0 {
                    let write = store.begin().await.unwrap();
                    write.insert_user(&user(n.into())).await.unwrap();
                    write.commit().await.unwrap();
                }
                store.rotate_refresh_token(rotation(&store, n, n + 100).await).await.unwrap()
            })
        });
        for rotated in join_all(rotations).await {
            assert!(rotated.unwrap().is_some());
        }
        for n in 10..100 {
            let (token, _) = store.refresh_token_with_grant(&hash(n)).await.unwrap().unwrap();
            let expected = RefreshTokenState::Consumed { at: NOW.plus(60), successor_nonce: [n + 100; 32] };
            assert_eq!(token.state, expected, "each with its own successor");
            assert!(store.refresh_token_with_grant(&hash(n + 100)).await.unwrap().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn every_change_of_what_replicas_remember_ends_the_generation() {
    use crate::domain::{ConsentMode, ResourceSource};
    on_every_store(async |store| {
        with_grant(&store).await;
        let mut generation = store.cache_generation().await.unwrap();
        macro_rules! ends {
            ($ends:expr, |$write:ident| $change:expr) => {
                let $write = store.begin().await.unwrap();
                $change.await.unwrap();
                $write.commit().await.unwrap();
                let now = store.cache_generation().await.unwrap();
                assert_eq!(now > generation, $ends, stringify!($change));
                generation = now;
            };
        }
        let one = resource("https://one.example", &[], ResourceSource::Operator);
        ends!(true, |write| write.put_resource(&one));
        ends!(true, |write| write.delete_resource(&one.uri));
        ends!(true, |write| write.replace_configured_resources(&[]));
        ends!(true, |write| write.set_client_enabled("client", false));
        ends!(true, |write| write.set_client_consent("client", ConsentMode::Always));
        ends!(true, |write| write.update_client_secret("client", &hash(8)));
        ends!(true, |write| write.update_registration(&client("client")));
        ends!(true, |write| write.save_document_client(&client("client")));
        ends!(true, |write| write.delete_client("client"));
        // What is read at each request anyway, and a client that nobody can have remembered.
        ends!(false, |write| write.insert_client(&client("client")));
        ends!(false, |write| write.note_uses(&["client".to_owned()], NOW));
        ends!(false, |write| write.set_user_enabled(user(1).id, false));
        // A change that is not committed changes nothing.
        let write = store.begin().await.unwrap();
        write.delete_client("client").await.unwrap();
        drop(write);
        assert_eq!(store.cache_generation().await.unwrap(), generation);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_put_in_order_is_said_and_a_rotation_is_done_again() {
    on_a_strict_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        let (_, grant) = with_grant(&store).await;
        let (first, second) = (store.begin().await.unwrap(), store.begin().await.unwrap());
        // Both see the token unused before either writes.
        for transaction in [&first, &second] {
            transaction.inner.execute_unprepared("SELECT count(*) FROM refresh_tokens").await.unwrap();
        }
        assert!(first.consume_refresh_token(&hash(2), NOW, &[1; 32]).await.unwrap());
        let other = tokio::spawn(async move { second.consume_refresh_token(&hash(2), NOW, &[2; 32]).await });
        // It waits for the row.
        tokio::time::sleep(Duration::from_millis(200)).await;
        first.commit().await.unwrap();
        let error = other.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::SerializationFailure { .. }), "{error}");
        assert!(error.is_unavailable(), "whoever does not do it again says 503");

        // A rotation does not wait for a token that somebody else is using, but for its grant.
        let write = store.begin().await.unwrap();
        write.insert_refresh_token(&refresh_token(3, &grant, NOW)).await.unwrap();
        write.commit().await.unwrap();
        let wanted = rotation(&store, 3, 4).await;
        let first = store.begin().await.unwrap();
        for statement in ["SELECT id FROM grants FOR UPDATE", "UPDATE grants SET auth_time = auth_time + 1"] {
            first.inner.execute_unprepared(statement).await.unwrap();
        }
        let rotation = tokio::spawn({
            let store = store.clone();
            async move { store.rotate_refresh_token(wanted).await }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!rotation.is_finished());
        first.commit().await.unwrap();
        assert!(rotation.await.unwrap().unwrap().is_some(), "done again");
    })
    .await;
}

/// Of what is done together, one that cannot be done holds nobody else up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_somebody_else_is_using_is_not_waited_for() {
    on_every_store(async |store| {
        // SQLite has one who writes.
        if store.writer.is_some() {
            return;
        }
        let (_, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_refresh_token(&refresh_token(5, &grant, NOW)).await.unwrap();
        write.commit().await.unwrap();
        let (held, free) = (rotation(&store, 2, 3).await, rotation(&store, 5, 6).await);
        let other = store.begin().await.unwrap();
        assert!(other.consume_refresh_token(&hash(2), NOW, &[1; 32]).await.unwrap());
        let both = join_all([held, free].map(|rotation| store.rotate_refresh_token(rotation)));
        let both = tokio::time::timeout(Duration::from_secs(2), both).await.unwrap();
        let done: Vec<bool> = both.into_iter().map(|rotated| rotated.unwrap().is_some()).collect();
        assert_eq!(done, [false, true]);
        other.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_database_that_refuses_the_one_statement_is_not_asked_again() {
    on_a_strict_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        with_grant(&store).await;
        // PostgreSQL refuses tables with such a rule within WITH, with the same code as CockroachDB does.
        store.execute("CREATE RULE refused AS ON UPDATE TO refresh_tokens WHERE false DO INSTEAD NOTHING").await;
        let wanted = rotation(&store, 2, 3).await;
        assert!(store.rotate_refresh_token(wanted.clone()).await.unwrap().is_none());
        store.execute("DROP RULE refused ON refresh_tokens").await;
        assert!(store.rotate_refresh_token(wanted).await.unwrap().is_none(), "it is not asked again");
    })
    .await;
}
