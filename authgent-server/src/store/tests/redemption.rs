//! Redemption in one statement: done where everything is as usual, and otherwise nothing is touched.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::{AuthorizationCode, RefreshTokenState, RevocationReason};
use crate::store::{Redemption, Store};
use futures_util::future::join_all;

async fn redemption(store: &Store, code: &AuthorizationCode, token: u8) -> Redemption {
    Redemption {
        code: code.code_hash,
        client_id: code.client_id.clone(),
        redirect_uri: code.redirect_uri.clone(),
        code_challenge: code.code_challenge,
        resources: ["https://other.example".to_owned(), mcp().to_string()].into(),
        cache_generation: store.cache_generation().await.unwrap(),
        at: NOW.plus(30),
        nonce: [token; 32],
        refresh_token: Some((hash(token), NOW.plus(9000))),
    }
}

async fn is_untouched(store: &Store, code: &AuthorizationCode, token: u8) {
    assert_eq!(store.code(&code.code_hash).await.unwrap().as_ref(), Some(code));
    assert!(store.refresh_token_with_grant(&hash(token)).await.unwrap().is_none());
}

#[tokio::test]
async fn the_code_is_used_up_and_the_refresh_token_is_there() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let code = store.code(&hash(1)).await.unwrap().unwrap();
        let Some(of) = store.redeem_code(redemption(&store, &code, 9).await).await.unwrap() else {
            panic!("refused");
        };
        assert_eq!(of, (grant.clone(), user, code.nonce.clone()));
        assert_eq!(store.code(&hash(1)).await.unwrap().unwrap().consumed_at, Some(NOW.plus(30)));
        let (token, of) = store.refresh_token_with_grant(&hash(9)).await.unwrap().unwrap();
        assert_eq!((token.created_at, token.expires_at, of), (NOW.plus(30), NOW.plus(9000), grant));
        assert_eq!(token.state, RefreshTokenState::Live);
        // In the same second, by the same client.
        let again = store.redeem_code(redemption(&store, &code, 10).await).await.unwrap();
        assert!(again.is_none());
        assert!(store.refresh_token_with_grant(&hash(10)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn without_a_refresh_token_none_is_made() {
    on_every_store(async |store| {
        with_grant(&store).await;
        let code = store.code(&hash(1)).await.unwrap().unwrap();
        let wanted = Redemption { refresh_token: None, ..redemption(&store, &code, 9).await };
        assert!(store.redeem_code(wanted).await.unwrap().is_some());
        assert!(store.refresh_token_with_grant(&hash(9)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn where_anything_is_unusual_nothing_changes() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let code = store.code(&hash(1)).await.unwrap().unwrap();
        let usual = redemption(&store, &code, 9).await;
        let verifier = authgent_core::pkce::CodeVerifier::from_random([7; 32]);
        for unusual in [
            Redemption { code: hash(77), ..usual.clone() },
            Redemption { client_id: "another".into(), ..usual.clone() },
            Redemption { redirect_uri: "https://thief.example/".into(), ..usual.clone() },
            Redemption { code_challenge: verifier.challenge(), ..usual.clone() },
            Redemption { resources: ["https://other.example".to_owned()].into(), ..usual.clone() },
            Redemption { cache_generation: usual.cache_generation - 1, ..usual.clone() },
            Redemption { at: code.expires_at, ..usual.clone() },
        ] {
            assert!(store.redeem_code(unusual.clone()).await.unwrap().is_none(), "{unusual:?}");
            is_untouched(&store, &code, 9).await;
        }
        for disabled in [true, false] {
            let write = store.begin().await.unwrap();
            if disabled {
                write.set_client_enabled("client", false).await.unwrap();
            } else {
                write.set_client_enabled("client", true).await.unwrap();
                write.set_user_enabled(user.id, false).await.unwrap();
            }
            write.commit().await.unwrap();
            let wanted = redemption(&store, &code, 9).await;
            assert!(store.redeem_code(wanted).await.unwrap().is_none());
            is_untouched(&store, &code, 9).await;
        }
        let write = store.begin().await.unwrap();
        write.set_user_enabled(user.id, true).await.unwrap();
        write.revoke_grant(grant.id, NOW, RevocationReason::RevokedByUser).await.unwrap();
        write.commit().await.unwrap();
        let wanted = redemption(&store, &code, 9).await;
        assert!(store.redeem_code(wanted).await.unwrap().is_none());
        is_untouched(&store, &code, 9).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_with_one_code_one_redeems_it_beside_rotations() {
    on_every_store(async |store| {
        let (_, grant) = with_grant(&store).await;
        let code = store.code(&hash(1)).await.unwrap().unwrap();
        let attempts = (10..42_u8).map(|n| {
            let (store, code) = (store.clone(), code.clone());
            tokio::spawn(async move {
                let rotation = super::rotation::rotation(&store, 2, n + 100).await;
                let redeemed = store.redeem_code(redemption(&store, &code, n).await);
                let (redeemed, rotated) = tokio::join!(redeemed, store.rotate_refresh_token(rotation));
                let redeemed = redeemed.unwrap().is_some();
                let rotated = rotated.unwrap().is_some();
                let token = store.refresh_token_with_grant(&hash(n)).await.unwrap();
                assert_eq!(token.is_some(), redeemed, "a refresh token for the one who redeemed");
                (redeemed, rotated)
            })
        });
        let outcomes: Vec<(bool, bool)> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|(redeemed, _)| *redeemed).count(), 1);
        assert_eq!(outcomes.iter().filter(|(_, rotated)| *rotated).count(), 1);
        assert!(store.has_refresh_token(grant.id).await.unwrap());
    })
    .await;
}
