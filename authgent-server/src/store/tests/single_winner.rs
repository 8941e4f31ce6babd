//! What may happen once happens once, however many ask at the same time.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::{InteractionState, RefreshTokenState, RevocationReason};
use crate::store::{RETENTION_SECONDS, Store, StoreError, WriteTransaction};
use futures_util::future::join_all;
use uuid::Uuid;

const CALLERS: u8 = 32;

/// Runs `act` once for each of many concurrent callers, each in a transaction of its own; returns who was told `true`.
async fn winners<F>(store: &Store, act: impl Fn(WriteTransaction, u8) -> F) -> Vec<u8>
where
    F: Future<Output = Result<(WriteTransaction, bool), StoreError>> + Send + 'static,
{
    let callers = (0..CALLERS).map(|caller| {
        let store = store.clone();
        let act = &act;
        async move {
            let write = store.begin().await.unwrap();
            let acting = act(write, caller);
            tokio::spawn(async move {
                let (write, won) = acting.await.unwrap();
                write.commit().await.unwrap();
                won.then_some(caller)
            })
            .await
            .unwrap()
        }
    });
    join_all(callers).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_has_one_redeemer() {
    on_every_store(async |store| {
        with_grant(&store).await;
        let won = winners(&store, |write, caller| async move {
            // Everybody reads before writing, as the token endpoint does.
            let (_, grant) = write.code_with_grant(&hash(1)).await?.unwrap();
            let won = write.consume_code(&hash(1), NOW.plus(caller.into())).await?;
            if won {
                write.insert_refresh_token(&refresh_token(100 + caller, &grant, NOW)).await?;
            }
            Ok((write, won))
        })
        .await;
        let [winner] = won[..] else { panic!("{won:?} redeemed the code") };
        let code = store.code(&hash(1)).await.unwrap().unwrap();
        assert_eq!(code.consumed_at, Some(NOW.plus(winner.into())));
        for caller in 0..CALLERS {
            let token = store.refresh_token_with_grant(&hash(100 + caller)).await.unwrap();
            assert_eq!(token.is_some(), caller == winner);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_token_has_one_successor() {
    on_every_store(async |store| {
        with_grant(&store).await;
        let won = winners(&store, |write, caller| async move {
            let won = write.consume_refresh_token(&hash(2), NOW, &[caller; 32]).await?;
            let (token, _) = write.refresh_token_with_grant(&hash(2)).await?.unwrap();
            assert_ne!(token.state, RefreshTokenState::Live, "whoever lost sees the winner's nonce");
            Ok((write, won))
        })
        .await;
        let [winner] = won[..] else { panic!("{won:?} rotated the token") };
        let (token, _) = store.refresh_token_with_grant(&hash(2)).await.unwrap().unwrap();
        assert_eq!(token.state, RefreshTokenState::Consumed { at: NOW, successor_nonce: [winner; 32] });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interaction_has_one_answer_and_a_grant_one_end() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_session(&session(5, &user)).await.unwrap();
        write.insert_interaction(&interaction(6, &session(5, &user))).await.unwrap();
        write.commit().await.unwrap();
        let won = winners(&store, |write, caller| async move {
            let answer =
                InteractionState::Allowed { grant_id: Uuid::from_u128(caller.into()), code_hash: hash(caller) };
            let won = write.answer_interaction(&hash(6), &answer).await?;
            Ok((write, won))
        })
        .await;
        assert_eq!(won.len(), 1);
        let id = grant.id;
        let won = winners(&store, move |write, _| async move {
            let won = write.revoke_grant(id, NOW, RevocationReason::RevokedByClient).await?;
            Ok((write, won))
        })
        .await;
        assert_eq!(won.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_email_address_has_one_owner() {
    on_every_store(async |store| {
        let won = winners(&store, |write, caller| async move {
            let user = crate::domain::User { id: Uuid::from_u128(100 + u128::from(caller)), ..user(1) };
            match write.insert_user(&user).await {
                Ok(()) => Ok((write, true)),
                Err(StoreError::Conflict { .. }) => Ok((write, false)),
                Err(error) => Err(error),
            }
        })
        .await;
        assert_eq!((won.len(), store.users().await.unwrap().len()), (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_before_deciding_sees_what_was_decided() {
    on_every_store(async |store| {
        let (user, _) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_session(&session(5, &user)).await.unwrap();
        write.insert_interaction(&interaction(6, &session(5, &user))).await.unwrap();
        write.commit().await.unwrap();
        let answered = winners(&store, |write, _| async move {
            let pending = write.interaction(&hash(6)).await?.unwrap().state == InteractionState::Pending;
            if pending {
                assert!(write.answer_interaction(&hash(6), &InteractionState::Denied).await?);
            }
            Ok((write, pending))
        })
        .await;
        assert_eq!(answered.len(), 1);
        let rotated = winners(&store, |write, _| async move {
            let live = write.refresh_token_with_grant(&hash(2)).await?.unwrap().0.state == RefreshTokenState::Live;
            if live {
                assert!(write.consume_refresh_token(&hash(2), NOW, &[1; 32]).await?);
            }
            Ok((write, live))
        })
        .await;
        assert_eq!(rotated.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_assertion_has_one_user_until_it_is_forgotten() {
    on_every_store(async |store| {
        let use_one = async || {
            let write = store.begin().await.unwrap();
            let first = write.use_assertion(&hash(1), NOW.plus(60)).await.unwrap();
            write.commit().await.unwrap();
            first
        };
        let winners = join_all((0..CALLERS).map(|_| use_one())).await;
        assert_eq!(winners.into_iter().filter(|won| *won).count(), 1);
        // A day longer than it holds, in case the clock ran ahead.
        for (late, forgotten) in [(59, false), (60, true)] {
            let now = NOW.plus(RETENTION_SECONDS + late);
            let write = store.begin().await.unwrap();
            assert_eq!(write.delete_expired(now, 10).await.unwrap(), u64::from(forgotten));
            write.commit().await.unwrap();
            assert_eq!(use_one().await, forgotten);
        }
    })
    .await;
}
