//! Things to store. A number makes each of a kind different.

use crate::domain::{
    Amr, AuthorizationCode, AuthorizationRequest, Client, ClientOrigin, Consent, Device, Email, Grant, GrantState,
    Interaction, InteractionState, RefreshToken, RefreshTokenState, Resource, ResourceScope, ResourceSource, Session,
    TokenHash, User,
};
use crate::store::Store;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::pkce::CodeVerifier;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::{Scope, ScopeToken};
use authgent_core::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000);

pub(super) fn hash(n: u8) -> TokenHash {
    TokenHash([n; 32])
}

pub(super) fn uri(text: &str) -> ResourceUri {
    ResourceUri::parse(text).unwrap()
}

pub(super) fn mcp() -> ResourceUri {
    uri("https://mcp.example.com/mcp")
}

pub(super) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(super) fn user(n: u128) -> User {
    User {
        id: Uuid::from_u128(n),
        email: Email::parse(&format!("Person{n}@Example.com")).unwrap(),
        name: Some(format!("Pérson \"{n}\" '; --")),
        email_verified: n % 2 == 1,
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into()),
        enabled: true,
        created_at: NOW,
    }
}

pub(super) fn client(id: &str) -> Client {
    let document = json!({"redirect_uris": ["http://localhost:1/cb", "https://x.example/cb"], "client_name": "Agent",
        "token_endpoint_auth_method": "client_secret_basic", "scope": "mcp:read"});
    let metadata = ClientMetadata::parse(document.as_object().unwrap()).unwrap();
    Client { secret_hash: Some(hash(9)), ..Client::new(id.into(), metadata, ClientOrigin::Registered, NOW) }
}

pub(super) fn resource(text: &str, aliases: &[&str], source: ResourceSource) -> Resource {
    let scope = |token: &str, default| ResourceScope {
        token: ScopeToken::parse(token).unwrap(),
        description: format!("Allows {token}"),
        default,
        dangerous: !default,
    };
    Resource {
        uri: uri(text),
        name: format!("Server at {text}"),
        scopes: vec![scope("mcp:write", false), scope("mcp:read", true)],
        aliases: aliases.iter().map(|alias| uri(alias)).collect(),
        profile_claims: vec!["email".into(), "name".into()],
        source,
    }
}

pub(super) fn session(n: u8, user: &User) -> Session {
    Session {
        id_hash: hash(n),
        user_id: user.id,
        auth_time: NOW,
        expires_at: NOW.plus(3600),
        amr: vec![Amr::Password, Amr::OneTimeCode, Amr::MultiFactor],
        last_seen_at: NOW,
        device: Device { address: Some("203.0.113.7".into()), user_agent: Some("Browser/1".into()) },
        upstream: None,
    }
}

pub(super) fn interaction(n: u8, session: &Session) -> Interaction {
    Interaction {
        ticket_hash: hash(n),
        session_hash: session.id_hash,
        user_id: session.user_id,
        auth_time: session.auth_time,
        request: AuthorizationRequest {
            client_id: "client".into(),
            redirect_uri: "http://localhost:4711/cb".into(),
            state: Some("a b&c=\u{e9}".into()),
            scope: scope("mcp:read mcp:write"),
            resource: mcp(),
            code_challenge: CodeVerifier::from_random([n; 32]).challenge(),
            nonce: None,
        },
        created_at: NOW,
        expires_at: NOW.plus(600),
        state: InteractionState::Pending,
    }
}

pub(super) fn consent(user: &User) -> Consent {
    Consent {
        user_id: user.id,
        client_id: "client".into(),
        resource: mcp(),
        scope: scope("mcp:read"),
        granted_at: NOW,
        first_granted_at: NOW,
        shown_hash: Some(hash(3)),
    }
}

pub(super) fn grant(n: u128, user: &User) -> Grant {
    Grant {
        id: Uuid::from_u128(n),
        user_id: user.id,
        client_id: "client".into(),
        resource: mcp(),
        scope: scope("mcp:read"),
        auth_time: NOW.minus(5),
        amr: vec![Amr::Key, Amr::UserPresence],
        session_hash: Some(hash(66)),
        created_at: NOW,
        state: GrantState::Live,
    }
}

pub(super) fn code(n: u8, grant: &Grant) -> AuthorizationCode {
    AuthorizationCode {
        code_hash: hash(n),
        grant_id: grant.id,
        client_id: grant.client_id.clone(),
        redirect_uri: "http://localhost:4711/cb".into(),
        code_challenge: CodeVerifier::from_random([n; 32]).challenge(),
        nonce: Some("n".into()),
        expires_at: grant.created_at.plus(600),
        consumed_at: None,
    }
}

pub(super) fn refresh_token(n: u8, grant: &Grant, created_at: Timestamp) -> RefreshToken {
    RefreshToken {
        token_hash: hash(n),
        grant_id: grant.id,
        created_at,
        expires_at: created_at.plus(86_400),
        state: RefreshTokenState::Live,
    }
}

/// A store with user 1, the client `client` and grant 1 with code 1 and refresh token 2, all of them live.
pub(super) async fn with_grant(store: &Store) -> (User, Grant) {
    let user = user(1);
    let grant = grant(1, &user);
    let write = store.begin().await.unwrap();
    write.insert_user(&user).await.unwrap();
    write.insert_client(&client("client")).await.unwrap();
    write.insert_grant(&grant).await.unwrap();
    write.insert_code(&code(1, &grant)).await.unwrap();
    write.insert_refresh_token(&refresh_token(2, &grant, NOW)).await.unwrap();
    write.commit().await.unwrap();
    (user, grant)
}
