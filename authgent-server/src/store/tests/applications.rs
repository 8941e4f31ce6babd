//! Aggregates over what a person's applications have.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::{Grant, RevocationReason};
use crate::store::applications::Usage;
use uuid::Uuid;

#[tokio::test]
async fn usage_adds_up_per_client_and_resource_and_counts_live_tokens_only() {
    on_every_store(async |store| {
        let (user, first) = with_grant(&store).await;
        let stranger = super::fixtures::user(2);
        let write = store.begin().await.unwrap();
        write.insert_user(&stranger).await.unwrap();
        write.insert_client(&client("other")).await.unwrap();
        let second = Grant { created_at: NOW.plus(100), ..grant(2, &user) };
        write.insert_grant(&second).await.unwrap();
        write.insert_refresh_token(&refresh_token(3, &second, NOW.plus(100))).await.unwrap();
        assert!(write.consume_refresh_token(&hash(3), NOW.plus(200), &[1; 32]).await.unwrap());
        write.insert_refresh_token(&refresh_token(4, &second, NOW.plus(200))).await.unwrap();
        // Without a refresh token; and another person's.
        write.insert_grant(&Grant { client_id: "other".into(), ..grant(3, &user) }).await.unwrap();
        let theirs = grant(4, &stranger);
        write.insert_grant(&theirs).await.unwrap();
        write.insert_refresh_token(&refresh_token(5, &theirs, NOW)).await.unwrap();
        write.commit().await.unwrap();

        let usage = async |now| {
            let mut usage = store.usage_of_user(user.id, now).await.unwrap();
            usage.sort_by(|a, b| a.client_id.cmp(&b.client_id));
            usage
        };
        let of = |client_id: &str, last, live_tokens| Usage {
            client_id: client_id.into(),
            resource: mcp().to_string(),
            first: NOW,
            last,
            live_tokens,
        };
        assert_eq!(usage(NOW.plus(300)).await, [of("client", NOW.plus(200), 2), of("other", NOW, 0)]);
        assert_eq!(usage(NOW.plus(86_400)).await[0].live_tokens, 1, "the first has expired");
        let write = store.begin().await.unwrap();
        assert!(write.revoke_grant(first.id, NOW.plus(300), RevocationReason::RevokedByUser).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(usage(NOW.plus(300)).await[0].live_tokens, 1);
        assert_eq!(store.usage_of_user(Uuid::from_u128(99), NOW).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn consents_are_listed_and_forgotten_of_one_person() {
    on_every_store(async |store| {
        let (ada, _) = with_grant(&store).await;
        let bob = user(2);
        let write = store.begin().await.unwrap();
        write.insert_user(&bob).await.unwrap();
        write.insert_client(&client("other")).await.unwrap();
        for person in [&ada, &bob] {
            write.save_consent(&consent(person)).await.unwrap();
        }
        let other = crate::domain::Consent { client_id: "other".into(), ..consent(&ada) };
        write.save_consent(&other).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.consents_of_user(ada.id).await.unwrap(), [consent(&ada), other.clone()]);

        let write = store.begin().await.unwrap();
        assert_eq!(write.delete_consents(ada.id, Some("client")).await.unwrap(), 1);
        write.commit().await.unwrap();
        assert_eq!(store.consents_of_user(ada.id).await.unwrap(), [other]);
        let write = store.begin().await.unwrap();
        assert_eq!(write.delete_consents(ada.id, None).await.unwrap(), 1);
        write.commit().await.unwrap();
        assert_eq!(store.consents_of_user(bob.id).await.unwrap(), [consent(&bob)]);
        let named = store.clients_named(vec!["other".into(), "nobody".into()]).await.unwrap();
        assert_eq!(named.len(), 1);
    })
    .await;
}
