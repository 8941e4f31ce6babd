//! How people sign in: what is written reads back, and what may happen once does.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::*;
use crate::store::{RETENTION_SECONDS, Store, StoreError};
use authgent_core::time::Timestamp;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

async fn with_people(store: &Store) -> (User, User) {
    let (ada, bob) = (user(1), User { password_hash: None, ..user(2) });
    let write = store.begin().await.unwrap();
    write.insert_user(&ada).await.unwrap();
    write.insert_user(&bob).await.unwrap();
    write.commit().await.unwrap();
    (ada, bob)
}

fn challenge(n: u8, user: &User) -> Challenge {
    Challenge {
        id_hash: hash(n),
        kind: ChallengeKind::SecondFactor,
        browser_hash: Some(hash(200)),
        user_id: Some(user.id),
        data: json!({"tries": 5}),
        created_at: NOW,
        expires_at: NOW.plus(300),
    }
}

#[tokio::test]
async fn a_challenge_is_of_its_kind_and_time_and_taken_once() {
    on_every_store(async |store| {
        let (ada, _) = with_people(&store).await;
        let made = challenge(1, &ada);
        let write = store.begin().await.unwrap();
        write.insert_challenge(&made).await.unwrap();
        assert!(write.update_challenge(&hash(1), &json!({"tries": 4})).await.unwrap());
        write.commit().await.unwrap();
        let made = Challenge { data: json!({"tries": 4}), ..made };
        let kind = ChallengeKind::SecondFactor;
        assert_eq!(store.challenge(&hash(1), kind, NOW).await.unwrap(), Some(made.clone()));
        assert_eq!(store.challenge(&hash(1), kind, NOW.plus(300)).await.unwrap(), None);
        assert_eq!(store.challenge(&hash(1), ChallengeKind::Upstream, NOW).await.unwrap(), None);
        let takes = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.begin().await?;
                let taken = write.take_challenge(&hash(1), kind, NOW).await?;
                write.commit().await?;
                Ok::<_, StoreError>(taken)
            })
        });
        let taken: Vec<_> = join_all(takes).await.into_iter().filter_map(|taken| taken.unwrap().unwrap()).collect();
        assert_eq!(taken, [made]);
        let write = store.begin().await.unwrap();
        assert!(!write.update_challenge(&hash(1), &json!({})).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn passkeys_belong_to_their_person() {
    on_every_store(async |store| {
        let (ada, bob) = with_people(&store).await;
        let passkey = Passkey {
            id: Uuid::from_u128(7),
            user_id: ada.id,
            credential_id: vec![1, 2, 3],
            credential: json!({"counter": 1}),
            name: "Phone".into(),
            created_at: NOW,
            last_used_at: None,
        };
        let write = store.begin().await.unwrap();
        write.insert_passkey(&passkey).await.unwrap();
        assert!(write.update_passkey(passkey.id, &json!({"counter": 2}), NOW.plus(5)).await.unwrap());
        assert!(!write.rename_passkey(bob.id, passkey.id, "Mine").await.unwrap());
        assert!(write.rename_passkey(ada.id, passkey.id, "Old phone").await.unwrap());
        write.commit().await.unwrap();
        let write = store.begin().await.unwrap();
        let again = Passkey { id: Uuid::from_u128(8), user_id: bob.id, ..passkey.clone() };
        let error = write.insert_passkey(&again).await.unwrap_err();
        assert_eq!(error.to_string(), "this passkey is known already");
        drop(write);
        let name = "Old phone".to_owned();
        let credential = json!({"counter": 2});
        let passkey = Passkey { name, credential, last_used_at: Some(NOW.plus(5)), ..passkey };
        assert_eq!(store.passkeys_of_user(ada.id).await.unwrap(), std::slice::from_ref(&passkey));
        assert_eq!(store.passkeys_of_user(bob.id).await.unwrap(), []);
        let write = store.begin().await.unwrap();
        assert_eq!(write.passkey_by_credential_id(&[1, 2, 3]).await.unwrap(), Some(passkey.clone()));
        assert_eq!(write.passkey_by_credential_id(&[1, 2]).await.unwrap(), None);
        assert!(!write.delete_passkey(bob.id, passkey.id).await.unwrap());
        assert!(write.delete_passkey(ada.id, passkey.id).await.unwrap());
        assert!(!write.delete_passkey(ada.id, passkey.id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn codes_of_an_app_are_used_in_order_and_recovery_codes_once() {
    on_every_store(async |store| {
        let (ada, bob) = with_people(&store).await;
        let app =
            Totp { user_id: ada.id, sealed_secret: vec![1; 40], confirmed_at: None, last_step: 0, created_at: NOW };
        let write = store.begin().await.unwrap();
        write.save_totp(&Totp { sealed_secret: vec![2; 40], ..app.clone() }).await.unwrap();
        write.save_totp(&app).await.unwrap();
        assert!(write.confirm_totp(ada.id, 50, NOW).await.unwrap());
        assert!(!write.confirm_totp(ada.id, 51, NOW).await.unwrap(), "it counts already");
        assert!(!write.confirm_totp(bob.id, 50, NOW).await.unwrap());
        for (step, expected) in [(50, false), (49, false), (51, true), (51, false), (53, true), (52, false)] {
            assert_eq!(write.use_totp_step(ada.id, step).await.unwrap(), expected, "{step}");
        }
        write.replace_recovery_codes(ada.id, &[hash(1), hash(2)], NOW).await.unwrap();
        assert!(!write.use_recovery_code(bob.id, &hash(1), NOW).await.unwrap(), "somebody else's");
        assert!(write.use_recovery_code(ada.id, &hash(1), NOW).await.unwrap());
        assert!(!write.use_recovery_code(ada.id, &hash(1), NOW).await.unwrap());
        write.commit().await.unwrap();
        let app = Totp { confirmed_at: Some(NOW), last_step: 53, ..app };
        assert_eq!(store.totp(ada.id).await.unwrap(), Some(app));
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 1);
        let write = store.begin().await.unwrap();
        write.replace_recovery_codes(ada.id, &[hash(3), hash(4), hash(5)], NOW).await.unwrap();
        assert!(!write.use_recovery_code(ada.id, &hash(2), NOW).await.unwrap(), "replaced");
        assert!(write.delete_totp(ada.id).await.unwrap() && !write.delete_totp(ada.id).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 3);
        let write = store.begin().await.unwrap();
        write.replace_recovery_codes(ada.id, &[], NOW).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_link_is_used_once_and_in_time() {
    on_every_store(async |store| {
        let (_, bob) = with_people(&store).await;
        let link = OneTimeLink {
            token_hash: hash(1),
            user_id: bob.id,
            purpose: LinkPurpose::Invitation,
            mailed: true,
            created_at: NOW,
            expires_at: NOW.plus(60),
            used_at: None,
        };
        let write = store.begin().await.unwrap();
        write.insert_link(&link).await.unwrap();
        assert!(!write.use_link(&hash(1), NOW.plus(60)).await.unwrap(), "too late");
        assert!(!write.use_link(&hash(2), NOW).await.unwrap());
        assert!(write.use_link(&hash(1), NOW.plus(59)).await.unwrap());
        assert!(!write.use_link(&hash(1), NOW.plus(59)).await.unwrap());
        write.commit().await.unwrap();
        assert!(link.is_open(NOW.plus(59)) && !link.is_open(NOW.plus(60)));
        let used = OneTimeLink { used_at: Some(NOW.plus(59)), ..link };
        assert!(!used.is_open(NOW));
        assert_eq!(store.link(&hash(1)).await.unwrap(), Some(used));
        let write = store.begin().await.unwrap();
        assert_eq!(write.delete_links_of_user(bob.id).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn identities_are_found_by_issuer_and_subject_alone() {
    on_every_store(async |store| {
        let (ada, bob) = with_people(&store).await;
        let identity = Identity {
            issuer: "https://idp.example".into(),
            subject: "1".into(),
            user_id: ada.id,
            provider: "idp".into(),
            email: Some("a@example.com".into()),
            groups: vec!["staff".into(), "a \"b\"".into()],
            created_at: NOW,
            last_used_at: NOW,
        };
        let write = store.begin().await.unwrap();
        write.insert_identity(&identity).await.unwrap();
        let identity = Identity { email: None, groups: Vec::new(), last_used_at: NOW.plus(9), ..identity };
        assert!(write.update_identity(&identity).await.unwrap());
        assert!(!write.update_identity(&Identity { user_id: bob.id, ..identity.clone() }).await.unwrap());
        write.commit().await.unwrap();
        let read = store.identity("https://idp.example", "1").await.unwrap();
        assert_eq!(read.as_ref(), Some(&identity));
        assert_eq!(store.identity("https://other.example", "1").await.unwrap(), None);
        assert_eq!(store.identities_of_user(ada.id).await.unwrap(), std::slice::from_ref(&identity));
        let write = store.begin().await.unwrap();
        let error = write.insert_identity(&Identity { user_id: bob.id, ..identity.clone() }).await.unwrap_err();
        assert_eq!(error.to_string(), "1 is known at https://idp.example already");
        drop(write);
        let write = store.begin().await.unwrap();
        assert!(!write.delete_identity(bob.id, &identity.issuer, "1").await.unwrap());
        assert!(write.delete_identity(ada.id, &identity.issuer, "1").await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_failure_is_counted() {
    on_every_store(async |store| {
        let counts = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let write = store.begin().await?;
                let known = write.sign_in_failures(&hash(1), NOW).await?.map_or(0, |known| known.failures);
                let (blocked_until, expires_at) = (NOW.plus(known), NOW.plus(100));
                write
                    .save_sign_in_failures(&SignInFailures {
                        key_hash: hash(1),
                        failures: known + 1,
                        blocked_until,
                        expires_at,
                    })
                    .await?;
                write.commit().await
            })
        });
        for counted in join_all(counts).await {
            counted.unwrap().unwrap();
        }
        let known = store.sign_in_failures(&[hash(1), hash(2)], NOW).await.unwrap();
        assert_eq!(known.iter().map(|known| known.failures).collect::<Vec<_>>(), [20]);
        assert_eq!(store.sign_in_failures(&[hash(1)], NOW.plus(100)).await.unwrap(), []);
        let write = store.begin().await.unwrap();
        write.delete_sign_in_failures(&hash(1)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.sign_in_failures(&[hash(1)], NOW).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_history_of_an_account_is_read_page_by_page() {
    on_every_store(async |store| {
        let (ada, bob) = with_people(&store).await;
        let event = |n: u128, user: &User| AccountEvent {
            id: Uuid::from_u128(n),
            user_id: user.id,
            at: NOW.plus(i64::try_from(n).unwrap()),
            kind: EventKind::SignedIn,
            device: Device { address: Some("203.0.113.7".into()), user_agent: None },
            detail: json!({"amr": "pwd"}),
        };
        let write = store.begin().await.unwrap();
        for n in 1..=5 {
            write.insert_event(&event(n, &ada)).await.unwrap();
        }
        write.insert_event(&event(6, &bob)).await.unwrap();
        write.commit().await.unwrap();
        let first = store.events_of_user(ada.id, None, 3).await.unwrap();
        assert_eq!(first, [event(5, &ada), event(4, &ada), event(3, &ada)]);
        let rest = store.events_of_user(ada.id, Some(first[2].id), 3).await.unwrap();
        assert_eq!(rest, [event(2, &ada), event(1, &ada)]);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_touched_and_ended_by_what_they_hang_on() {
    on_every_store(async |store| {
        let (ada, bob) = with_people(&store).await;
        let upstream =
            |sid: &str| Some(UpstreamSession { issuer: "https://idp.example".into(), sid: Some(sid.into()) });
        let (one, two) = (session(1, &ada), Session { upstream: upstream("s"), ..session(2, &ada) });
        let write = store.begin().await.unwrap();
        for session in [&one, &two, &Session { upstream: upstream("t"), ..session(3, &bob) }] {
            write.insert_session(session).await.unwrap();
        }
        let device = Device { address: Some("198.51.100.1".into()), user_agent: None };
        write.touch_session(&hash(1), NOW.plus(9), &device).await.unwrap();
        write.commit().await.unwrap();
        let one = Session { last_seen_at: NOW.plus(9), device, ..one };
        assert_eq!(store.sessions_of_user(ada.id, NOW).await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!(store.sessions_of_user(ada.id, one.expires_at).await.unwrap(), []);
        let write = store.begin().await.unwrap();
        assert_eq!(write.sessions_of_upstream("https://idp.example", "s").await.unwrap(), [two]);
        assert_eq!(write.sessions_of_upstream("https://other.example", "s").await.unwrap(), []);
        assert_eq!(write.delete_other_sessions_of_user(ada.id, &hash(1)).await.unwrap(), 1);
        write.commit().await.unwrap();
        assert_eq!(store.sessions_of_user(ada.id, NOW).await.unwrap(), [one]);
        assert_eq!(store.sessions_of_user(bob.id, NOW).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn grants_end_by_session_and_by_client() {
    on_every_store(async |store| {
        let (ada, first) = with_grant(&store).await;
        let second = Grant { session_hash: Some(hash(67)), ..grant(2, &ada) };
        let write = store.begin().await.unwrap();
        write.insert_grant(&second).await.unwrap();
        let reason = RevocationReason::UpstreamLogout;
        assert_eq!(write.revoke_grants_of_session(&hash(67), NOW, reason).await.unwrap(), 1);
        assert!(write.grant(first.id).await.unwrap().unwrap().is_live());
        let by = RevocationReason::RevokedByUser;
        assert_eq!(write.revoke_grants_of_user_to_client(ada.id, "other", NOW, by).await.unwrap(), 0);
        assert_eq!(write.revoke_grants_of_user_to_client(ada.id, "client", NOW, by).await.unwrap(), 1);
        let ended = write.grant(second.id).await.unwrap().unwrap();
        assert_eq!(ended, Grant { state: GrantState::Revoked { at: NOW, reason }, ..second });
    })
    .await;
}

#[tokio::test]
async fn a_profile_changes_and_a_person_goes_with_everything() {
    on_every_store(async |store| {
        let (ada, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_challenge(&challenge(1, &ada)).await.unwrap();
        write.insert_user(&user(2)).await.unwrap();
        let email = Email::parse("new@example.com").unwrap();
        let ada = User { email, email_verified: !ada.email_verified, name: None, ..ada };
        assert!(write.update_profile(&ada).await.unwrap());
        assert!(write.delete_password(ada.id).await.unwrap());
        write.commit().await.unwrap();
        let ada = User { password_hash: None, ..ada };
        assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&ada));
        let write = store.begin().await.unwrap();
        let error = write.update_profile(&User { email: user(2).email, ..ada.clone() }).await.unwrap_err();
        assert_eq!(error.to_string(), "there is a user with the e-mail address Person2@Example.com");
        drop(write);
        let write = store.begin().await.unwrap();
        assert!(write.delete_user(ada.id).await.unwrap() && !write.delete_user(ada.id).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.user(ada.id).await.unwrap(), None);
        assert_eq!(store.grant(grant.id).await.unwrap(), None);
        assert_eq!(store.challenge(&hash(1), ChallengeKind::SecondFactor, NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_signing_in_left_goes_when_it_is_of_no_more_use() {
    on_every_store(async |store| {
        let (ada, _) = with_people(&store).await;
        let write = store.begin().await.unwrap();
        let link = |n: u8, expires_at: Timestamp| OneTimeLink {
            token_hash: hash(n),
            user_id: ada.id,
            purpose: LinkPurpose::PasswordReset,
            mailed: false,
            created_at: NOW,
            expires_at,
            used_at: None,
        };
        let failures =
            |n: u8, expires_at| SignInFailures { key_hash: hash(n), failures: 1, blocked_until: NOW, expires_at };
        let event = |n: u128, at| AccountEvent {
            id: Uuid::from_u128(n),
            user_id: ada.id,
            at,
            kind: EventKind::SignedOut,
            device: Device::default(),
            detail: json!({}),
        };
        let year = 366 * 86_400;
        for (n, late) in [(1, 0), (2, 1)] {
            let expires_at = NOW.plus(late);
            write.insert_challenge(&Challenge { expires_at, ..challenge(n, &ada) }).await.unwrap();
            write.insert_link(&link(n, expires_at.minus(RETENTION_SECONDS))).await.unwrap();
            write.save_sign_in_failures(&failures(n, expires_at)).await.unwrap();
            write.insert_event(&event(n.into(), expires_at.minus(year))).await.unwrap();
        }
        assert_eq!(write.delete_expired(NOW, 100).await.unwrap(), 4);
        assert_eq!(write.delete_expired(NOW, 100).await.unwrap(), 0);
        write.commit().await.unwrap();
        let before = NOW.minus(1);
        assert!(store.challenge(&hash(2), ChallengeKind::SecondFactor, before).await.unwrap().is_some());
        assert!(store.link(&hash(1)).await.unwrap().is_none() && store.link(&hash(2)).await.unwrap().is_some());
        assert_eq!(store.sign_in_failures(&[hash(1), hash(2)], before).await.unwrap().len(), 1);
        assert_eq!(store.events_of_user(ada.id, None, 9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn addresses_of_an_earlier_release_are_found_by_the_new_rule() {
    use crate::store::migration::m0003_people::renew_addresses;
    on_every_store(async |store| {
        let tx = store.begin().await.unwrap();
        for (n, email) in [(1, "ada@bücher.example"), (2, "grace@example.com")] {
            tx.insert_user(&User { email: Email::parse(email).unwrap(), ..user(n) }).await.unwrap();
        }
        tx.commit().await.unwrap();
        let write = async |sql: &str| store.execute(sql).await;
        write("UPDATE users SET email = 'ada@xn--bcher-kva.example', email_canonical = 'ada@xn--bcher-kva.example' WHERE email LIKE 'ada%'").await;
        let email = Email::parse("Ada@Bücher.example").unwrap();
        assert!(store.user_by_email(&email).await.unwrap().is_none(), "lost");
        let write_again = store.begin().await.unwrap();
        renew_addresses(&*write_again.inner).await.unwrap();
        write_again.commit().await.unwrap();
        assert_eq!(store.user_by_email(&email).await.unwrap().unwrap().id, user(1).id);
        // Two that were different and are one now: nothing is changed, and the operator is told which.
        write("UPDATE users SET email = 'ada@bücher.example', email_canonical = 'old' WHERE email LIKE 'grace%'").await;
        let refused = renew_addresses(&*store.begin().await.unwrap().inner).await.unwrap_err().to_string();
        assert!(refused.contains("ada@xn--bcher-kva.example") && refused.contains("ada@bücher.example"), "{refused}");
    })
    .await;
}
