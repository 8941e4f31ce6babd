use super::*;
use crate::crypto::random::SystemRandom;
use crate::domain::{Email, Totp, User};
use futures_util::future::join_all;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_800_000_000);
const POLICY: KeyPolicy = KeyPolicy {
    algorithm: SigningAlgorithm::Es256,
    rotation: RotationPolicy { period: 30 * 86_400, publish_ahead: 86_400, token_life: 3600 },
};

fn vault(n: u8) -> Vault {
    Vault::new(Zeroizing::new([n; 32]))
}

fn new_key() -> SigningKey {
    SigningKey::from_pem(generate_pem(SigningAlgorithm::Es256).as_bytes(), SigningAlgorithm::Es256).unwrap()
}

async fn store() -> Store {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn open(store: &Store, vault: &Vault, configured: SigningKey, now: Timestamp) -> Result<Keys, KeysError> {
    Keys::open(store, vault, &SystemRandom, &Arc::new(configured), &POLICY, now).await
}

#[tokio::test]
async fn the_configured_key_signs_until_the_next_one_has_been_published_for_long_enough() {
    let (store, vault) = (store().await, vault(1));
    let configured = new_key();
    let first = configured.kid().to_owned();
    let keys = open(&store, &vault, configured, NOW).await.unwrap();
    assert_eq!(keys.at(NOW).active().kid(), first);
    let (next, withdrawn) = rotate(&store, &vault, &SystemRandom, &POLICY, NOW.plus(5), Urgency::Usual).await.unwrap();
    assert_eq!(withdrawn, Vec::<String>::new());

    let (generation, mut at_hand) = (store.cache_generation().await.unwrap(), keys.at_hand.into_inner().unwrap());
    let life = POLICY.rotation.token_life;
    let now = NOW.plus(6);
    let current = read(&store, &vault, &keys.configured, &mut at_hand, generation, life, now).await.unwrap();
    let keys = Keys { configured: keys.configured, at_hand: Mutex::new(at_hand), current: RwLock::new(current) };
    let published = |now| keys.at(now).jwks().keys.iter().filter_map(|jwk| jwk.kid.clone()).collect::<Vec<_>>();
    assert_eq!(published(now), [first.clone(), next.kid.clone()], "both, the one that signs first");
    let turn = NOW.plus(5 + 86_400);
    assert_eq!(keys.at(turn.minus(1)).active().kid(), first);
    assert_eq!(keys.at(turn).active().kid(), next.kid, "by time alone, without another look at the database");
    assert_eq!(published(turn), [next.kid.clone(), first.clone()]);
    let token = keys.at(turn.minus(1)).sign("JWT", &serde_json::json!({})).unwrap();
    assert!(keys.at(turn.plus(life)).verify(&token).is_ok(), "as long as it can live");
    assert_eq!(published(turn.plus(life + 120)), [next.kid]);
    assert!(keys.at(turn.plus(life + 120)).verify(&token).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_agree() {
    let (store, pem) = (store().await, generate_pem(SigningAlgorithm::Es256));
    let starts = (0..8).map(|_| {
        let (store, pem) = (store.clone(), pem.clone());
        tokio::spawn(async move {
            let configured = SigningKey::from_pem(pem.as_bytes(), SigningAlgorithm::Es256).unwrap();
            open(&store, &vault(1), configured, NOW).await.unwrap().at(NOW).active().kid().to_owned()
        })
    });
    let mut kids: Vec<String> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    kids.dedup();
    assert_eq!(kids.len(), 1);
    assert_eq!(store.signing_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_leaked_key_is_gone_and_does_not_come_back_with_the_settings() {
    let (store, vault) = (store().await, vault(1));
    let pem = generate_pem(SigningAlgorithm::Es256);
    let configured = || SigningKey::from_pem(pem.as_bytes(), SigningAlgorithm::Es256).unwrap();
    let leaked = open(&store, &vault, configured(), NOW).await.unwrap().at(NOW).sign("JWT", &serde_json::json!({}));
    let (next, withdrawn) = rotate(&store, &vault, &SystemRandom, &POLICY, NOW, Urgency::Leaked).await.unwrap();
    assert_eq!(withdrawn, [configured().kid()]);
    let keys = open(&store, &vault, configured(), NOW.plus(10)).await.unwrap();
    assert_eq!(keys.at(NOW.plus(10)).active().kid(), next.kid);
    assert_eq!(keys.at(NOW.plus(10)).jwks().keys.len(), 1);
    assert!(keys.at(NOW.plus(10)).verify(&leaked.unwrap()).is_err());
}

#[tokio::test]
async fn whoever_retires_the_only_key_gets_another() {
    let (store, vault, random) = (store().await, vault(1), SystemRandom);
    let keys = open(&store, &vault, new_key(), NOW).await.unwrap();
    let kid = keys.at(NOW).active().kid().to_owned();
    let next = retire(&store, &vault, &random, &POLICY, NOW, "", (&kid, false)).await.unwrap().unwrap();
    let keys = open(&store, &vault, new_key(), NOW).await.unwrap();
    assert_eq!(keys.at(NOW).jwks().keys.len(), 3, "what it signed is still good");
    let again = retire(&store, &vault, &random, &POLICY, NOW, "", (&kid, false)).await.unwrap_err();
    assert_eq!(again.to_string(), format!("the signing key {kid} is retired already"));
    assert!(retire(&store, &vault, &random, &POLICY, NOW, "", (&kid, true)).await.unwrap().is_none());
    let unknown = retire(&store, &vault, &random, &POLICY, NOW, "", ("x", true)).await.unwrap_err();
    assert!(matches!(unknown, KeysError::Unknown(_)));
    // One that waits begins where there is no other.
    let (waiting, _) = rotate(&store, &vault, &random, &POLICY, NOW, Urgency::Usual).await.unwrap();
    for key in store.signing_keys().await.unwrap() {
        if key.kid != waiting.kid && key.kid != kid {
            retire(&store, &vault, &random, &POLICY, NOW, "", (&key.kid, true)).await.unwrap();
        }
    }
    assert_ne!(waiting.kid, next.kid);
    let schedule = KeySchedule::new(store.signing_keys().await.unwrap(), 60);
    assert_eq!(schedule.active(NOW, |_| true).unwrap().kid, waiting.kid);
}

/// The file that a key came from may have been replaced long ago.
#[tokio::test]
async fn a_key_that_only_stood_in_former_settings_is_no_reason_not_to_make_one() {
    let (store, vault, random) = (store().await, vault(1), SystemRandom);
    open(&store, &vault, new_key(), NOW).await.unwrap();
    let (pem, later) = (generate_pem(SigningAlgorithm::Es256), NOW.plus(60));
    let configured = || SigningKey::from_pem(pem.as_bytes(), SigningAlgorithm::Es256).unwrap();
    let kid = configured().kid().to_owned();
    assert_eq!(open(&store, &vault, configured(), later).await.unwrap().at(later).active().kid(), kid, "at once");
    let next = retire(&store, &vault, &random, &POLICY, later, &kid, (&kid, true)).await.unwrap().unwrap();
    let keys = open(&store, &vault, configured(), later).await.unwrap().at(later);
    assert_eq!(keys.active().kid(), next.kid);
    assert!(keys.jwks().keys.iter().all(|jwk| jwk.kid.as_deref() != Some(&kid)), "it is believed by nobody");
    assert_eq!(store.signing_keys().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_new_configured_key_is_published_first_where_the_present_one_can_go_on() {
    let (store, vault) = (store().await, vault(1));
    open(&store, &vault, new_key(), NOW).await.unwrap();
    let now = NOW.plus(10);
    let (present, _) = rotate(&store, &vault, &SystemRandom, &POLICY, now, Urgency::Now).await.unwrap();
    let configured = new_key();
    let kid = configured.kid().to_owned();
    let keys = open(&store, &vault, configured, now).await.unwrap();
    let turn = now.plus(POLICY.rotation.publish_ahead);
    assert_eq!(keys.at(now).active().kid(), present.kid);
    assert!(keys.at(now).jwks().keys.iter().any(|jwk| jwk.kid.as_deref() == Some(&kid)));
    assert_eq!(keys.at(turn.minus(1)).active().kid(), present.kid);
    assert_eq!(keys.at(turn).active().kid(), kid);
}

/// What a replica with the old file signs to the last is good for as long as it lives, by the keys of those with the new one.
#[tokio::test]
async fn the_last_token_of_a_replica_with_the_old_file_is_good_until_it_expires() {
    let (store, vault) = (store().await, vault(1));
    let turn = NOW.plus(60);
    let old = open(&store, &vault, new_key(), NOW).await.unwrap().at(NOW);
    let keys = open(&store, &vault, new_key(), turn).await.unwrap();
    let life = POLICY.rotation.token_life;
    let schedule = KeySchedule::new(store.signing_keys().await.unwrap(), life);
    let signs = |now: &i64| schedule.active(turn.plus(*now), |key| key.kid == old.active().kid()).is_some();
    let last = (0..10 * life).rev().find(signs).unwrap();
    assert!(last >= life, "there is time to start all replicas with the new file");
    let token = old.sign("JWT", &serde_json::json!({})).unwrap();
    assert!(keys.at(turn.plus(last + life)).verify(&token).is_ok());
}

/// The way to another file without haste: imported first, configured when it signs.
#[tokio::test]
async fn an_imported_key_that_is_configured_as_well_never_comes_back_as_a_new_one() {
    let (store, vault, random) = (store().await, vault(1), SystemRandom);
    open(&store, &vault, new_key(), NOW).await.unwrap();
    let pem = generate_pem(SigningAlgorithm::Es256);
    let configured = || SigningKey::from_pem(pem.as_bytes(), SigningAlgorithm::Es256).unwrap();
    let imported = import(&store, &vault, &random, &POLICY, NOW.plus(1), (&pem, true)).await.unwrap();
    let signs =
        open(&store, &vault, configured(), NOW.plus(2)).await.unwrap().at(NOW.plus(2)).active().kid().to_owned();
    assert_eq!(signs, imported.kid);
    let (next, _) = rotate(&store, &vault, &random, &POLICY, NOW.plus(3), Urgency::Now).await.unwrap();

    let later = NOW.plus(2 * LISTED);
    let life = POLICY.rotation.token_life;
    for _ in 0..2 {
        let tx = store.begin().await.unwrap();
        tidy(&tx, &KeySchedule::new(store.signing_keys().await.unwrap(), life), later).await.unwrap();
        tx.commit().await.unwrap();
    }
    let keys = open(&store, &vault, configured(), later).await.unwrap();
    for now in [later, later.plus(2 * POLICY.rotation.publish_ahead)] {
        assert_eq!(keys.at(now).active().kid(), next.kid);
    }
    let kept = store.signing_keys().await.unwrap().into_iter().find(|key| key.kid == imported.kid).unwrap();
    assert_eq!((kept.origin, kept.sealed_private_key), (KeyOrigin::Configuration, None));
}

async fn look_after(store: &Store, now: Timestamp) -> KeySchedule {
    let life = POLICY.rotation.token_life;
    let tx = store.begin().await.unwrap();
    tidy(&tx, &KeySchedule::new(tx.lock_signing_keys().await.unwrap(), life), now).await.unwrap();
    tx.commit().await.unwrap();
    KeySchedule::new(store.signing_keys().await.unwrap(), life)
}

/// What signs by the database alone, as in a replica that has another file.
fn signs(schedule: &KeySchedule, now: Timestamp) -> Option<&str> {
    schedule.active(now, |key| key.sealed_private_key.is_some()).map(|key| key.kid.as_str())
}

#[tokio::test]
async fn a_private_half_is_kept_for_a_day_longer_than_it_is_used_unless_it_leaked() {
    let (store, vault, random) = (store().await, vault(1), SystemRandom);
    open(&store, &vault, new_key(), NOW).await.unwrap();
    let (first, _) = rotate(&store, &vault, &random, &POLICY, NOW.plus(1), Urgency::Now).await.unwrap();
    let (second, _) = rotate(&store, &vault, &random, &POLICY, NOW.plus(2), Urgency::Usual).await.unwrap();
    // The clock runs a day ahead of any moment at which the first one signs, and is put right.
    let turn = second.active_from;
    for now in [NOW.plus(2), turn.minus(1)] {
        let schedule = look_after(&store, now.plus(RETENTION_SECONDS)).await;
        assert_eq!(signs(&schedule, now.plus(RETENTION_SECONDS)), Some(second.kid.as_str()));
        assert_eq!(signs(&schedule, now), Some(first.kid.as_str()), "what was to sign does");
    }
    let has_half = |schedule: &KeySchedule, kid: &str| {
        schedule.keys().iter().any(|key| key.kid == kid && key.sealed_private_key.is_some())
    };
    let schedule = look_after(&store, turn.plus(RETENTION_SECONDS)).await;
    assert!(!has_half(&schedule, &first.kid) && has_half(&schedule, &second.kid));

    // Retired or not, what has leaked is gone at once.
    let now = turn.plus(2 * RETENTION_SECONDS);
    let (third, _) = rotate(&store, &vault, &random, &POLICY, now, Urgency::Now).await.unwrap();
    let schedule = look_after(&store, now.plus(1)).await;
    assert!(has_half(&schedule, &second.kid) && has_half(&schedule, &third.kid));
    let (fourth, _) = rotate(&store, &vault, &random, &POLICY, now.plus(1), Urgency::Leaked).await.unwrap();
    let left = store.signing_keys().await.unwrap().into_iter().filter(|key| key.sealed_private_key.is_some());
    assert_eq!(left.map(|key| key.kid).collect::<Vec<_>>(), [fourth.kid]);
}

/// Where the next key stands in a file, the present one goes on where that file is not, and for as long its private half is of use.
#[tokio::test]
async fn a_private_half_is_kept_while_replicas_with_the_old_file_go_on_with_it() {
    let (store, vault, random) = (store().await, vault(1), SystemRandom);
    open(&store, &vault, new_key(), NOW).await.unwrap();
    let (present, _) = rotate(&store, &vault, &random, &POLICY, NOW.plus(1), Urgency::Now).await.unwrap();
    open(&store, &vault, new_key(), NOW.plus(2)).await.unwrap();
    let turn = NOW.plus(2 + POLICY.rotation.publish_ahead);
    let last = turn.plus(POLICY.rotation.token_life + 120 - 1);
    for now in [turn, last, last.plus(RETENTION_SECONDS)] {
        assert_eq!(signs(&look_after(&store, now).await, last), Some(present.kid.as_str()));
    }
    assert_eq!(signs(&look_after(&store, last.plus(1 + RETENTION_SECONDS)).await, last), None);
}

#[tokio::test]
async fn an_empty_database_holds_nothing_that_a_vault_has_to_open() {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    check(&store, &vault(1)).await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap().len(), 7, "nothing was written");
}

#[tokio::test]
async fn with_another_encryption_key_nothing_starts_and_nothing_is_written() {
    let store = store().await;
    let pem = generate_pem(SigningAlgorithm::Es256);
    let configured = || SigningKey::from_pem(pem.as_bytes(), SigningAlgorithm::Es256).unwrap();
    open(&store, &vault(1), configured(), NOW).await.unwrap();
    let (next, _) = rotate(&store, &vault(1), &SystemRandom, &POLICY, NOW.plus(1), Urgency::Now).await.unwrap();
    let before = store.signing_keys().await.unwrap();
    let refused = open(&store, &vault(2), configured(), NOW).await.err().unwrap().to_string();
    assert!(refused.contains(&next.kid) && refused.contains("AUTHGENT_ENCRYPTION_KEY"), "{refused}");
    rotate(&store, &vault(2), &SystemRandom, &POLICY, NOW, Urgency::Leaked).await.unwrap_err();
    import(&store, &vault(2), &SystemRandom, &POLICY, NOW, (&generate_pem(SigningAlgorithm::Es256), true))
        .await
        .unwrap_err();
    let refused = check(&store, &vault(2)).await.unwrap_err().to_string();
    assert!(refused.contains(&next.kid), "{refused}");
    assert_eq!(store.signing_keys().await.unwrap(), before);
    // The way out: the new key, with the former one at hand.
    reseal(&store, &vault(2), &SystemRandom).await.unwrap_err();
    let moved = reseal(&store, &vault(2).after(vault(1)), &SystemRandom).await.unwrap();
    assert_eq!(moved, (1, 0));
    let now = NOW.plus(1);
    assert_eq!(open(&store, &vault(2), configured(), now).await.unwrap().at(now).active().kid(), next.kid);
    open(&store, &vault(1), configured(), NOW).await.err().unwrap();
}

#[tokio::test]
async fn secrets_of_apps_tell_the_encryption_key_as_well() {
    let store = store().await;
    let user = User {
        id: Uuid::from_u128(1),
        email: Email::parse("ada@example.com").unwrap(),
        name: None,
        email_verified: true,
        password_hash: None,
        enabled: true,
        created_at: NOW,
    };
    let purpose = crate::service::second_factor::app::PURPOSE;
    let sealed_secret = vault(1).seal(&SystemRandom, purpose, b"secret").unwrap();
    let app = Totp { user_id: user.id, sealed_secret, confirmed_at: None, last_step: 0, created_at: NOW };
    let tx = store.begin().await.unwrap();
    tx.insert_user(&user).await.unwrap();
    tx.save_totp(&app).await.unwrap();
    tx.commit().await.unwrap();
    let refused = open(&store, &vault(2), new_key(), NOW).await.err().unwrap();
    assert!(matches!(refused, KeysError::SealedApps), "{refused}");
    let refused = check(&store, &vault(2)).await.unwrap_err();
    assert!(matches!(refused, KeysError::SealedApps), "before anything is written, too: {refused}");
    check(&store, &vault(1)).await.unwrap();
    assert_eq!(store.signing_keys().await.unwrap(), []);
    assert_eq!(reseal(&store, &vault(2).after(vault(1)), &SystemRandom).await.unwrap(), (0, 1));
    open(&store, &vault(2), new_key(), NOW).await.unwrap();
}
