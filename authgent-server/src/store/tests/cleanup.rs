//! Clean-up removes what is over, and nothing else.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::{Grant, RefreshToken, RevocationReason};
use crate::store::{RETENTION_SECONDS, Store};
use authgent_core::time::Timestamp;

const DAY: i64 = RETENTION_SECONDS;

/// Cleans up in batches of `limit`; returns how many batches had something to do.
async fn clean(store: &Store, now: Timestamp, limit: u64) -> u32 {
    let mut batches = 0;
    loop {
        let write = store.begin().await.unwrap();
        let dealt_with = write.delete_expired(now, limit).await.unwrap();
        write.commit().await.unwrap();
        if dealt_with == 0 {
            return batches;
        }
        batches += 1;
        assert!(batches < 1000, "clean-up comes to an end");
    }
}

#[tokio::test]
async fn interactions_go_when_they_expire_and_sessions_a_day_later() {
    on_every_store(async |store| {
        let user = user(1);
        let (long, short) = (session(1, &user), session(2, &user));
        let long = crate::domain::Session { expires_at: NOW.plus(10_000), ..long };
        let write = store.begin().await.unwrap();
        write.insert_user(&user).await.unwrap();
        write.insert_session(&long).await.unwrap();
        write.insert_session(&short).await.unwrap();
        write.insert_interaction(&interaction(3, &long)).await.unwrap();
        write.insert_interaction(&interaction(4, &short)).await.unwrap();
        write.commit().await.unwrap();
        clean(&store, NOW.plus(599), 10).await;
        assert!(store.interaction(&hash(3)).await.unwrap().is_some());
        clean(&store, NOW.plus(600), 10).await;
        assert!(store.interaction(&hash(3)).await.unwrap().is_none());
        assert!(store.session(&hash(2), NOW).await.unwrap().is_some());
        clean(&store, NOW.plus(3600 + DAY - 1), 10).await;
        assert!(store.session(&hash(2), NOW).await.unwrap().is_some(), "for the clock may be wrong by a day");
        clean(&store, NOW.plus(3600 + DAY), 10).await;
        assert!(store.session(&hash(2), NOW).await.unwrap().is_none());
        assert!(store.session(&hash(1), NOW).await.unwrap().is_some());
        assert!(store.user(user.id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_grant_stays_with_its_code_while_its_chain_lives_and_a_day_longer() {
    on_every_store(async |store| {
        let (_, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.consume_code(&hash(1), NOW).await.unwrap();
        // The chain goes on for three days: 2 -> 3 -> 4.
        let rotated = [NOW.plus(80_000), NOW.plus(160_000)];
        write.consume_refresh_token(&hash(2), rotated[0], &[1; 32]).await.unwrap();
        write.insert_refresh_token(&refresh_token(3, &grant, rotated[0])).await.unwrap();
        write.consume_refresh_token(&hash(3), rotated[1], &[1; 32]).await.unwrap();
        write.insert_refresh_token(&refresh_token(4, &grant, rotated[1])).await.unwrap();
        write.commit().await.unwrap();

        clean(&store, NOW.plus(DAY - 1), 10).await;
        assert!(
            store.refresh_token_with_grant(&hash(2)).await.unwrap().is_some(),
            "not looked at before a day is over"
        );
        clean(&store, NOW.plus(DAY), 10).await;
        assert!(store.refresh_token_with_grant(&hash(2)).await.unwrap().is_none(), "used long ago");
        assert!(store.refresh_token_with_grant(&hash(3)).await.unwrap().is_some());
        assert_eq!(store.code_of_grant(grant.id).await.unwrap(), Some(hash(1)), "by which the used ones are known");

        let over = rotated[1].plus(DAY);
        clean(&store, over.plus(DAY - 1), 10).await;
        assert!(store.refresh_token_with_grant(&hash(3)).await.unwrap().is_none());
        assert!(store.refresh_token_with_grant(&hash(4)).await.unwrap().is_some(), "the last one keeps the grant");
        assert!(store.code(&hash(1)).await.unwrap().is_some(), "a second redemption is still noticed");

        clean(&store, over.plus(DAY), 10).await;
        assert!(store.refresh_token_with_grant(&hash(4)).await.unwrap().is_none());
        clean(&store, over.plus(2 * DAY), 10).await;
        assert!(store.grant(grant.id).await.unwrap().is_none());
        assert!(store.code(&hash(1)).await.unwrap().is_none());
        assert!(store.client("client").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_grant_whose_code_was_never_redeemed_goes_a_day_after_the_code() {
    on_every_store(async |store| {
        let (user, kept) = with_grant(&store).await;
        let unused = grant(2, &user);
        let write = store.begin().await.unwrap();
        write.insert_grant(&unused).await.unwrap();
        write.insert_code(&code(7, &unused)).await.unwrap();
        write.revoke_grant(unused.id, NOW, RevocationReason::RevokedByUser).await.unwrap();
        // Its chain began a little later, so it outlives the other.
        write.insert_refresh_token(&refresh_token(8, &kept, NOW.plus(DAY))).await.unwrap();
        write.commit().await.unwrap();
        clean(&store, NOW.plus(DAY + 599), 10).await;
        assert!(store.grant(unused.id).await.unwrap().is_some());
        clean(&store, NOW.plus(3 * DAY - 1), 10).await;
        assert!(store.grant(unused.id).await.unwrap().is_none());
        assert!(store.code(&hash(7)).await.unwrap().is_none());
        assert!(store.grant(kept.id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_grant_keeps_no_row_for_each_refresh() {
    on_every_store(async |store| {
        let (_, grant) = with_grant(&store).await;
        // Every five minutes, until a moment ago; tokens live far longer.
        let looked_at = NOW.plus(DAY);
        let write = store.begin().await.unwrap();
        for n in 3..200_u8 {
            let at = looked_at.minus(300 * (200 - i64::from(n)));
            write.consume_refresh_token(&hash(n - 1), at, &[1; 32]).await.unwrap();
            let next = RefreshToken { expires_at: at.plus(90 * DAY), ..refresh_token(n, &grant, at) };
            write.insert_refresh_token(&next).await.unwrap();
        }
        write.commit().await.unwrap();
        let batches = clean(&store, looked_at, 10).await;
        assert!(batches >= 19, "in small batches: {batches}");
        for (n, kept) in [(2, false), (100, false), (197, false), (198, true), (199, true)] {
            let found = store.refresh_token_with_grant(&hash(n)).await.unwrap();
            assert_eq!(found.is_some(), kept, "{n}");
        }
        assert!(store.has_refresh_token(grant.id).await.unwrap());
        assert_eq!(clean(&store, looked_at, 10).await, 0);
    })
    .await;
}

#[tokio::test]
async fn clean_up_works_in_batches() {
    on_every_store(async |store| {
        let (user, _) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        for n in 10..110_u8 {
            let grant = Grant { created_at: NOW.minus(10 * DAY), ..grant(n.into(), &user) };
            write.insert_grant(&grant).await.unwrap();
            write.insert_code(&code(n, &grant)).await.unwrap();
            write.insert_session(&session(n, &user)).await.unwrap();
        }
        let one = write.delete_expired(NOW, 30).await.unwrap();
        assert_eq!(one, 30, "30 grants, and no session has expired");
        write.commit().await.unwrap();
        assert_eq!(clean(&store, NOW, 30).await, 3);
        let sessions = clean(&store, NOW.plus(3600 + DAY), 0).await;
        assert!((100..=103).contains(&sessions), "a limit of nothing is one row: {sessions}");
        assert!(store.code(&hash(1)).await.unwrap().is_some());
        let due = NOW.plus(10 * DAY);
        clean(&store, due, 1_000_000).await;
        clean(&store, due.plus(DAY), 1_000_000).await;
        assert!(store.code(&hash(1)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_clean_up_at_the_same_time() {
    on_every_store(async |store| {
        let (user, _) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        for n in 10..210_u8 {
            let grant = Grant { created_at: NOW.minus(10 * DAY), ..grant(n.into(), &user) };
            write.insert_grant(&grant).await.unwrap();
            write.insert_refresh_token(&refresh_token(n, &grant, NOW.minus(9 * DAY))).await.unwrap();
            write.insert_session(&session(n, &user)).await.unwrap();
        }
        write.commit().await.unwrap();
        let replicas: Vec<_> = (0..6)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { clean(&store, NOW.plus(3600), 10).await })
            })
            .collect();
        for replica in replicas {
            replica.await.unwrap();
        }
        clean(&store, NOW.plus(3600 + DAY), 10).await;
        for n in [10, 100, 209] {
            assert!(store.grant(grant(n, &user).id).await.unwrap().is_none(), "{n}");
        }
        assert!(store.code(&hash(1)).await.unwrap().is_some());
    })
    .await;
}

impl Store {
    /// Lets the database refuse to remove a client, on SQLite.
    pub(crate) async fn refuse_to_remove_clients(&self) {
        let refuse = "BEGIN SELECT RAISE(ABORT, 'refused'); END";
        self.execute(&format!("CREATE TRIGGER refused BEFORE DELETE ON clients {refuse}")).await;
    }
}
