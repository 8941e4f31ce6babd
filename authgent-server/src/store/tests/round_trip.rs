//! What is written reads back the same, and every change is seen.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::*;
use crate::store::{StoreError, USES};
use authgent_core::time::Timestamp;
use uuid::Uuid;

#[tokio::test]
async fn users() {
    on_every_store(async |store| {
        let (ada, bob) = (user(1), User { name: None, enabled: false, ..user(2) });
        let write = store.begin().await.unwrap();
        write.insert_user(&bob).await.unwrap();
        write.insert_user(&ada).await.unwrap();
        assert_eq!(store.user(ada.id).await.unwrap(), None, "not seen before the commit");
        write.commit().await.unwrap();
        assert_eq!(store.user(ada.id).await.unwrap().as_ref(), Some(&ada));
        assert_eq!(store.user(Uuid::from_u128(3)).await.unwrap(), None);
        let spelled = Email::parse("PERSON2@EXAMPLE.COM").unwrap();
        assert_eq!(store.user_by_email(&spelled).await.unwrap().as_ref(), Some(&bob));
        assert_eq!(store.users().await.unwrap(), [ada.clone(), bob]);

        let write = store.begin().await.unwrap();
        assert!(write.set_password(ada.id, "$argon2id$new").await.unwrap());
        assert!(!write.set_password(Uuid::from_u128(3), "x").await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.user(ada.id).await.unwrap().unwrap().password_hash.as_deref(), Some("$argon2id$new"));
    })
    .await;
}

#[tokio::test]
async fn an_email_address_is_taken_in_every_spelling() {
    on_every_store(async |store| {
        let write = store.begin().await.unwrap();
        write.insert_user(&user(1)).await.unwrap();
        let again = User { id: Uuid::from_u128(2), email: Email::parse("pErSoN1@example.COM").unwrap(), ..user(2) };
        let error = write.insert_user(&again).await.unwrap_err();
        assert_eq!(error.to_string(), "there is a user with the e-mail address pErSoN1@example.COM");
        assert!(matches!(error, StoreError::Conflict { .. }));
        write.insert_user(&user(3)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.users().await.unwrap().len(), 2, "the transaction went on");
    })
    .await;
}

#[tokio::test]
async fn uses_of_as_many_clients_as_fit_are_noted_and_nobody_is_waited_for() {
    on_every_store(async |store| {
        let ids: Vec<_> = (0..USES).map(|number| format!("client-{number}")).collect();
        let write = store.begin().await.unwrap();
        for id in &ids {
            write.insert_client(&client(id)).await.unwrap();
        }
        write.commit().await.unwrap();
        // On SQLite there is one who writes at a time.
        let other = if store.writer.is_none() { Some(store.begin().await.unwrap()) } else { None };
        if let Some(other) = &other {
            other.set_client_enabled("client-3", true).await.unwrap();
        }
        let write = store.begin().await.unwrap();
        write.note_uses(&ids, NOW).await.unwrap();
        write.commit().await.unwrap();
        let noted =
            store.clients().await.unwrap().into_iter().filter(|client| client.last_used_at == Some(NOW)).count();
        assert_eq!(noted, USES - usize::from(other.is_some()));
    })
    .await;
}

#[tokio::test]
async fn clients() {
    on_every_store(async |store| {
        let public = Client { secret_hash: None, origin: ClientOrigin::Operator, ..client("public") };
        let secret = Client { created_at: NOW.plus(1), last_used_at: Some(NOW), ..client("secret") };
        let write = store.begin().await.unwrap();
        write.insert_client(&secret).await.unwrap();
        write.insert_client(&public).await.unwrap();
        assert_eq!(write.client("public").await.unwrap().as_ref(), Some(&public));
        assert!(write.update_client_secret("secret", &hash(77)).await.unwrap());
        assert!(!write.update_client_secret("public", &hash(77)).await.unwrap(), "a public client has no secret");
        assert!(write.set_client_enabled("public", false).await.unwrap());
        assert!(!write.set_client_enabled("nobody", false).await.unwrap());
        for at in [4000, 7599, 20] {
            write.note_uses(&["secret".to_owned(), "nobody".to_owned()], NOW.plus(at)).await.unwrap();
        }
        write.note_uses(&[], NOW.plus(9000)).await.unwrap();
        write.commit().await.unwrap();
        let secret = Client { secret_hash: Some(hash(77)), last_used_at: Some(NOW.plus(4000)), ..secret };
        assert_eq!(store.clients().await.unwrap(), [Client { enabled: false, ..public }, secret.clone()]);
        assert_eq!(store.client("Secret").await.unwrap(), None, "identifiers are compared letter by letter");
        assert!(!secret.last_use_is_stale(NOW.plus(7599)) && secret.last_use_is_stale(NOW.plus(7600)));

        let write = store.begin().await.unwrap();
        let error = write.insert_client(&secret).await.unwrap_err();
        assert_eq!(error.to_string(), "there is a client with the identifier secret");
    })
    .await;
}

#[tokio::test]
async fn sessions_hold_for_enabled_people_until_they_expire() {
    on_every_store(async |store| {
        let (user, session) = (user(1), session(5, &user(1)));
        let write = store.begin().await.unwrap();
        write.insert_user(&user).await.unwrap();
        write.insert_session(&session).await.unwrap();
        write.insert_session(&super::fixtures::session(6, &user)).await.unwrap();
        write.insert_session(&super::fixtures::session(7, &user)).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(store.session(&hash(5), NOW).await.unwrap(), Some((session.clone(), user.clone())));
        assert_eq!(store.session(&hash(4), NOW).await.unwrap(), None);
        for at in [session.expires_at, session.expires_at.plus(1)] {
            assert_eq!(store.session(&hash(5), at).await.unwrap(), None);
            assert!(session.is_expired(at));
        }

        let write = store.begin().await.unwrap();
        assert!(write.set_user_enabled(user.id, false).await.unwrap());
        assert!(!write.set_user_enabled(Uuid::from_u128(3), false).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.session(&hash(5), NOW).await.unwrap(), None, "a disabled person has no session");

        let write = store.begin().await.unwrap();
        assert!(write.set_user_enabled(user.id, true).await.unwrap());
        assert!(write.delete_session(&hash(5)).await.unwrap());
        assert!(!write.delete_session(&hash(5)).await.unwrap());
        assert_eq!(write.delete_sessions_of_user(user.id).await.unwrap(), 2);
        write.commit().await.unwrap();
        assert_eq!(store.session(&hash(6), NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn interactions_are_answered_once_and_go_with_their_session() {
    on_every_store(async |store| {
        let session = session(5, &user(1));
        let first = interaction(10, &session);
        let mut second = interaction(11, &session);
        second.request.state = None;
        second.request.nonce = Some("nonce".into());
        let allowed = InteractionState::Allowed { grant_id: Uuid::from_u128(8), code_hash: hash(33) };
        let write = store.begin().await.unwrap();
        write.insert_user(&user(1)).await.unwrap();
        write.insert_session(&session).await.unwrap();
        write.insert_interaction(&first).await.unwrap();
        write.insert_interaction(&second).await.unwrap();
        assert_eq!(write.interaction(&hash(10)).await.unwrap().as_ref(), Some(&first));
        assert!(write.answer_interaction(&hash(10), &allowed).await.unwrap());
        assert!(!write.answer_interaction(&hash(10), &InteractionState::Denied).await.unwrap());
        assert!(write.answer_interaction(&hash(11), &InteractionState::Denied).await.unwrap());
        assert!(!write.answer_interaction(&hash(12), &allowed).await.unwrap());
        write.commit().await.unwrap();
        let read = store.interaction(&hash(10)).await.unwrap();
        assert_eq!(read, Some(Interaction { state: allowed, ..first }));
        let read = store.interaction(&hash(11)).await.unwrap();
        assert_eq!(read, Some(Interaction { state: InteractionState::Denied, ..second }));

        let write = store.begin().await.unwrap();
        assert!(write.delete_session(&hash(5)).await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.interaction(&hash(10)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn consents_are_replaced() {
    on_every_store(async |store| {
        let (user, _) = with_grant(&store).await;
        let first = consent(&user);
        let second = Consent { scope: scope("mcp:read mcp:write"), granted_at: NOW.plus(7), ..first.clone() };
        for consent in [&first, &second] {
            let write = store.begin().await.unwrap();
            write.save_consent(consent).await.unwrap();
            write.commit().await.unwrap();
            let read = store.consent(user.id, "client", &mcp()).await.unwrap();
            assert_eq!(read.as_ref(), Some(consent));
        }
        assert!(second.covers(&scope("mcp:read")) && !first.covers(&scope("mcp:write")));
        assert_eq!(store.consent(user.id, "client", &uri("https://mcp.example.com/mcp/")).await.unwrap(), None);
        assert_eq!(store.consent(user.id, "other", &mcp()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn grants_codes_and_refresh_tokens() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        assert_eq!(store.grant(grant.id).await.unwrap().as_ref(), Some(&grant));
        assert_eq!(store.code(&hash(1)).await.unwrap(), Some(code(1, &grant)));
        let token = refresh_token(2, &grant, NOW);
        assert_eq!(store.refresh_token_with_grant(&hash(2)).await.unwrap(), Some((token.clone(), grant.clone())));
        assert_eq!(store.refresh_token_with_grant(&hash(1)).await.unwrap(), None);

        let other = Grant {
            state: GrantState::Revoked { at: Timestamp(7), reason: RevocationReason::RevokedByUser },
            ..super::fixtures::grant(2, &user)
        };
        let write = store.begin().await.unwrap();
        write.insert_grant(&other).await.unwrap();
        assert!(write.consume_code(&hash(1), NOW.plus(1)).await.unwrap());
        assert!(!write.consume_code(&hash(99), NOW.plus(1)).await.unwrap());
        assert!(write.consume_refresh_token(&hash(2), NOW.plus(2), &[8; 32]).await.unwrap());
        let used = AuthorizationCode { consumed_at: Some(NOW.plus(1)), ..code(1, &grant) };
        assert_eq!(write.code_with_grant(&hash(1)).await.unwrap(), Some((used, grant.clone())));
        let state = RefreshTokenState::Consumed { at: NOW.plus(2), successor_nonce: [8; 32] };
        let used = RefreshToken { state, ..token };
        assert_eq!(write.refresh_token_with_grant(&hash(2)).await.unwrap(), Some((used, grant.clone())));
        let reason = RevocationReason::RefreshTokenReused;
        assert!(write.revoke_grant(grant.id, NOW.plus(3), reason).await.unwrap());
        assert!(!write.revoke_grant(grant.id, NOW.plus(4), RevocationReason::CodeReused).await.unwrap());
        write.commit().await.unwrap();
        let revoked = Grant { state: GrantState::Revoked { at: NOW.plus(3), reason }, ..grant };
        assert_eq!(store.grant(revoked.id).await.unwrap(), Some(revoked), "the first reason stays");
        assert_eq!(store.grant(other.id).await.unwrap(), Some(other));
    })
    .await;
}

#[tokio::test]
async fn all_grants_of_a_person_or_a_client_are_revoked_at_once() {
    on_every_store(async |store| {
        let (first, _) = with_grant(&store).await;
        let second = user(2);
        let write = store.begin().await.unwrap();
        write.insert_user(&second).await.unwrap();
        write.insert_grant(&grant(2, &first)).await.unwrap();
        write.insert_grant(&grant(3, &second)).await.unwrap();
        let reason = RevocationReason::UserDisabled;
        assert_eq!(write.revoke_grants_of_user(first.id, NOW, reason).await.unwrap(), 2);
        assert_eq!(write.revoke_grants_of_user(first.id, NOW, reason).await.unwrap(), 0);
        assert!(write.grant(grant(3, &second).id).await.unwrap().unwrap().is_live());
        let reason = RevocationReason::ClientDisabled;
        assert_eq!(write.revoke_grants_of_client("client", NOW, reason).await.unwrap(), 1);
        assert_eq!(write.revoke_grants_of_client("other", NOW, reason).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_client_takes_everything_of_it_along() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.save_consent(&consent(&user)).await.unwrap();
        assert!(write.delete_client("client").await.unwrap());
        assert!(!write.delete_client("client").await.unwrap());
        write.commit().await.unwrap();
        assert_eq!(store.grant(grant.id).await.unwrap(), None);
        assert_eq!(store.code(&hash(1)).await.unwrap(), None);
        assert_eq!(store.refresh_token_with_grant(&hash(2)).await.unwrap(), None);
        assert_eq!(store.consent(user.id, "client", &mcp()).await.unwrap(), None);
        assert!(store.user(user.id).await.unwrap().is_some());

        let write = store.begin().await.unwrap();
        let error = write.insert_grant(&grant).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "the client is gone: {error}");
    })
    .await;
}
