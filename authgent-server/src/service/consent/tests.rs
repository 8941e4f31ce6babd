//! A second click that shares its commit with the first one.

use super::*;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::crypto::pem::{SigningAlgorithm, generate_pem};
use crate::crypto::random::SystemRandom;
use crate::domain::{Amr, AuthorizationRequest, Device, Email, Session, TokenHash, User};
use crate::net::SystemResolver;
use crate::startup::{Application, Dependencies};
use crate::store::Store;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::pkce::CodeVerifier;
use authgent_core::resource::ResourceUri;
use authgent_core::time::Clock;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const REDIRECT_URI: &str = "https://client.example.com/cb";
const RESOURCE: &str = "https://mcp.example.com/mcp";

async fn services(file: &Path) -> Arc<Services> {
    let resources = json!([{"uri": RESOURCE, "name": "Demo", "scope": [{"name": "mcp:read", "description": "See"}]}]);
    let variables = [
        ("AUTHGENT_ISSUER", "http://localhost:8080"),
        ("AUTHGENT_SIGNING_KEY_DATA", &generate_pem(SigningAlgorithm::Es256)),
        ("AUTHGENT_DB_DSN", &format!("sqlite://{}", file.display())),
        ("AUTHGENT_HOST", "localhost"),
        ("AUTHGENT_PORT", "0"),
        ("AUTHGENT_RESOURCES", &resources.to_string()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, variables).unwrap().config;
    let clock = Arc::new(SystemClock.now());
    let dependencies = Dependencies { clock, random: Arc::new(SystemRandom), resolver: Arc::new(SystemResolver) };
    Application::build(config, dependencies).await.unwrap().services()
}

async fn signed_in(services: &Services) -> SignedIn {
    let now = services.now();
    let user = User {
        id: Uuid::from_u128(1),
        email: Email::parse("ada@example.com").unwrap(),
        name: None,
        email_verified: true,
        password_hash: None,
        enabled: true,
        created_at: now,
    };
    let session = Session {
        id_hash: TokenHash([1; 32]),
        user_id: user.id,
        auth_time: now,
        expires_at: now.plus(3600),
        amr: vec![Amr::Password],
        last_seen_at: now,
        device: Device::default(),
        upstream: None,
    };
    let metadata = json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"});
    let metadata = ClientMetadata::parse(metadata.as_object().unwrap()).unwrap();
    let tx = services.store.begin().await.unwrap();
    tx.insert_user(&user).await.unwrap();
    tx.insert_session(&session).await.unwrap();
    tx.insert_client(&Client::new("client".into(), metadata, ClientOrigin::Operator, now)).await.unwrap();
    tx.commit().await.unwrap();
    SignedIn { session, user }
}

/// A page that asks, and what a yes makes of it. The code is there already.
async fn asked(services: &Services, signed_in: &SignedIn, ticket: &str) -> InteractionState {
    let request = AuthorizationRequest {
        client_id: "client".into(),
        redirect_uri: REDIRECT_URI.into(),
        state: None,
        scope: Scope::parse("mcp:read").unwrap(),
        resource: ResourceUri::parse(RESOURCE).unwrap(),
        code_challenge: CodeVerifier::from_random([1; 32]).challenge(),
        nonce: None,
    };
    let (now, (_, code_hash)) = (services.now(), code_from_ticket(ticket));
    let tx = services.store.begin().await.unwrap();
    let grant_id = issue_code(services, &tx, signed_in, &request, &request.scope, code_hash).await.unwrap();
    let interaction = Interaction {
        ticket_hash: token_hash(ticket),
        session_hash: signed_in.session.id_hash,
        user_id: signed_in.user.id,
        auth_time: now,
        request,
        created_at: now,
        expires_at: now.plus(600),
        state: InteractionState::Pending,
    };
    tx.insert_interaction(&interaction).await.unwrap();
    tx.commit().await.unwrap();
    InteractionState::Allowed { grant_id, code_hash }
}

/// The second of two clicks, where what the first one did is lost.
async fn click(
    services: &Arc<Services>,
    file: &Path,
    signed_in: &SignedIn,
    ticket: &str,
    first: InteractionState,
    second: Decision,
) -> Result<Answered, ConsentError> {
    // While somebody else writes, both wait for one transaction.
    let other = Store::connect(&format!("sqlite://{}", file.display()).into()).await.unwrap();
    let held = other.begin().await.unwrap();
    let first = tokio::spawn({
        let (services, ticket) = (Arc::clone(services), token_hash(ticket));
        async move {
            let tx = services.store.begin().await.unwrap();
            assert!(tx.answer_interaction(&ticket, &first).await.unwrap());
            tx.spoil_commit().await;
            tx.commit().await.unwrap_err();
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = tokio::spawn({
        let (services, signed_in, ticket) = (Arc::clone(services), signed_in.clone(), ticket.to_owned());
        async move { answer(&services, &signed_in, &ticket, &second).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(held);
    first.await.unwrap();
    second.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_by_a_click_that_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authgent.db");
    let services = services(&file).await;
    let signed_in = signed_in(&services).await;
    let mut refused = 0;
    // On a busy machine the two do not always meet in one transaction.
    for n in 0..10 {
        let ticket = format!("ticket {n}");
        let allowed = asked(&services, &signed_in, &ticket).await;
        let (first, second) = match n % 2 {
            0 => (allowed, Decision::Allow(Scope::parse("mcp:read").unwrap())),
            _ => (InteractionState::Denied, Decision::Deny),
        };
        match click(&services, &file, &signed_in, &ticket, first, second).await {
            Ok(answered) => {
                let interaction = services.store.interaction(&token_hash(&ticket)).await.unwrap().unwrap();
                assert_ne!(interaction.state, InteractionState::Pending, "nothing is behind {answered:?}");
            }
            Err(ConsentError::Store(error)) if error.is_unavailable() => refused += 1,
            // They did not meet, and the second one finds the code that is there already.
            Err(ConsentError::Store(StoreError::Conflict { .. })) => {}
            Err(error) => panic!("{error}"),
        }
        // Whoever comes while the connection is replaced is refused.
        while services.store.begin().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(refused > 0);
}
