//! `authgent serve` as it is shipped, with default settings, on a database of its own.

use crate::child::{self, Running};
use crate::client::{Connection, Endpoint};
use crate::disk;
use crate::load::{Chain, Work};
use anyhow::{Context as _, Result, ensure};
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::pkce::CodeVerifier;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use authgent_server::crypto::hash::{base64url, token_hash};
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::crypto::random::{SystemRandom, secret, uuid_v7};
use authgent_server::domain::client::LAST_USE_GRANULARITY;
use authgent_server::domain::{
    Amr, AuthorizationCode, Client, ClientOrigin, Email, Grant, GrantState, RefreshToken, RefreshTokenState, User,
};
use authgent_server::store::Store;
use authgent_tests::server::free_port;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What tokens are for.
pub(crate) const RESOURCE: &str = "http://localhost:8000/mcp";
/// What they allow.
pub(crate) const SCOPE: &str = "mcp:read";
/// Where codes go.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// What belongs to every code.
pub(crate) const VERIFIER: &str = "a-verifier-of-the-benchmark-which-is-no-secret-at-all";

const SERVICE: &str = "service";
const SECRET: &str = "the secret of the benchmark";
const PUBLIC: &str = "public";
/// Far enough ahead for every measurement.
const LIFETIME: i64 = 1_000_000;
/// How long access tokens live by default, in seconds.
const TOKEN_TTL: i64 = 300;
/// Rows of a transaction that fills a database.
const BATCH: usize = 5_000;

/// A database with a person and two clients, and what a server on it needs to know.
pub(crate) struct Site {
    /// The database.
    pub(crate) store: Store,
    /// The person.
    pub(crate) user: Uuid,
    dsn: String,
    key: String,
}

/// A server on a [`Site`].
pub(crate) struct Authgent {
    /// Its process.
    pub(crate) process: Running,
    /// From the start of the process to the first answer that it is ready.
    pub(crate) start: Duration,
    /// The token endpoint, of which it tells in its metadata.
    pub(crate) token: Endpoint,
    issuer: String,
}

impl Site {
    /// Makes the database.
    pub(crate) async fn new(dsn: String) -> Result<Self> {
        let store = Store::connect(&dsn.clone().into()).await?;
        store.migrate().await?;
        let now = SystemClock.now();
        let user = person("you@example.com")?;
        let metadata = |metadata: Value| anyhow::Ok(ClientMetadata::parse(metadata.as_object().context("an object")?)?);
        let service = metadata(
            json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"}),
        )?;
        let public = metadata(json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}))?;
        let tx = store.begin().await?;
        tx.insert_user(&user).await?;
        tx.insert_client(&Client {
            secret_hash: Some(token_hash(SECRET)),
            ..Client::new(SERVICE.to_owned(), service, ClientOrigin::Operator, now)
        })
        .await?;
        tx.insert_client(&Client::new(PUBLIC.to_owned(), public, ClientOrigin::Operator, now)).await?;
        tx.commit().await?;
        Ok(Self { store, user: user.id, dsn, key: generate_pem(SigningAlgorithm::Es256) })
    }

    /// Starts a server on it.
    pub(crate) async fn start(&self) -> Result<Authgent> {
        let port = free_port()?;
        self.start_at(&format!("http://localhost:{port}"), port).await
    }

    /// Starts another replica of a server.
    pub(crate) async fn start_beside(&self, first: &Authgent) -> Result<Authgent> {
        self.start_at(&first.issuer, free_port()?).await
    }

    async fn start_at(&self, issuer: &str, port: u16) -> Result<Authgent> {
        let mut command = Command::new(child::authgent()?);
        let resources = json!([{"uri": RESOURCE, "name": "Benchmark", "scope": [
            {"name": SCOPE, "description": "See your projects", "default": true}]}]);
        let kept =
            std::iter::once("PATH").chain(disk::VARIABLES).filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.arg("serve").env_clear().envs(kept).envs([
            ("AUTHGENT_ISSUER", issuer),
            ("AUTHGENT_SIGNING_KEY_DATA", &self.key),
            ("AUTHGENT_DB_DSN", &self.dsn),
            ("AUTHGENT_HOST", "127.0.0.1"),
            ("AUTHGENT_PORT", &port.to_string()),
            ("AUTHGENT_RESOURCES", &resources.to_string()),
        ]);
        let begin = Instant::now();
        let process = Running::start(&mut command)?;
        let here = format!("http://localhost:{port}");
        let start = child::ready(&format!("{here}/health/ready"), begin).await?;
        let metadata = Endpoint::parse(&format!("{here}/.well-known/oauth-authorization-server"))?;
        let mut connection = Connection::open(&metadata).await?;
        let (_, metadata) = connection.exchange(&metadata.get("")).await?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let token = metadata["token_endpoint"].as_str().context("token_endpoint")?;
        let token = Endpoint::parse(&token.replacen(issuer, &here, 1))?;
        Ok(Authgent { process, start, token, issuer: issuer.to_owned() })
    }

    /// The refresh tokens of so many grants, each from a code.
    pub(crate) async fn refresh_tokens(&self, count: usize, server: &Authgent) -> Result<VecDeque<String>> {
        let mut connection = Connection::open(&server.token).await?;
        let mut tokens = VecDeque::with_capacity(count);
        for request in self.exchanges(count, server).await? {
            let (status, body) = connection.exchange(&request).await?;
            ensure!(status == 200, "the token endpoint answered {status}: {}", String::from_utf8_lossy(&body));
            let body: Value = serde_json::from_slice(&body)?;
            tokens.push_back(body["refresh_token"].as_str().context("refresh_token")?.to_owned());
        }
        Ok(tokens)
    }

    /// Fills the database with people, with clients and with grants that have a live refresh token each. Gives `chains` of the tokens, each
    /// of another client and another person, from all over it.
    pub(crate) async fn grow(&self, clients: usize, grants: usize, chains: usize) -> Result<VecDeque<Chain>> {
        let now = SystemClock.now();
        let people = self.people(chains).await?;
        let metadata = json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"});
        let metadata = ClientMetadata::parse(metadata.as_object().context("an object")?)?;
        for begin in (0..clients).step_by(BATCH) {
            let tx = self.store.begin().await?;
            for number in begin..clients.min(begin + BATCH) {
                // As where each refreshes as often as access tokens live: its last use was noted within the hour, or is so now.
                let last = i64::try_from(number)? * 7919 % (LAST_USE_GRANULARITY + TOKEN_TTL);
                let client = Client::new(format!("client-{number}"), metadata.clone(), ClientOrigin::Registered, now);
                tx.insert_client(&Client { last_used_at: Some(now.minus(last)), ..client }).await?;
            }
            tx.commit().await?;
        }
        let mut kept = VecDeque::with_capacity(chains);
        for begin in (0..grants).step_by(BATCH) {
            let tx = self.store.begin().await?;
            for number in begin..grants.min(begin + BATCH) {
                // Those that are kept are each of another client, which has its other grants elsewhere.
                let client_id = format!("client-{}", (number + number / clients) * 7919 % clients);
                let user_id = people[number / (grants / chains) % people.len()];
                let grant = Grant { client_id, user_id, ..self.grant()? };
                let token = secret(&SystemRandom);
                tx.insert_grant(&grant).await?;
                tx.insert_refresh_token(&RefreshToken {
                    token_hash: token_hash(&token),
                    grant_id: grant.id,
                    created_at: now,
                    expires_at: now.plus(LIFETIME),
                    state: RefreshTokenState::Live,
                })
                .await?;
                if number % (grants / chains) == 0 {
                    // The proof of the family is not looked at while the token has a row.
                    let family = [&[1][..], grant.id.as_bytes(), &[0; 16]].concat();
                    let client_id = grant.client_id.into();
                    kept.push_back(Chain { client_id, refresh_token: base64url(&family) + &token });
                }
            }
            tx.commit().await?;
        }
        Ok(kept)
    }

    /// Adds so many people.
    async fn people(&self, count: usize) -> Result<Vec<Uuid>> {
        let mut people = Vec::with_capacity(count);
        let tx = self.store.begin().await?;
        for number in 0..count {
            let user = person(&format!("{number}@example.com"))?;
            tx.insert_user(&user).await?;
            people.push(user.id);
        }
        tx.commit().await?;
        Ok(people)
    }

    /// So many grants with a code each, as the requests that redeem them at `server`.
    pub(crate) async fn exchanges(&self, count: usize, server: &Authgent) -> Result<VecDeque<Vec<u8>>> {
        let expires_at = SystemClock.now().plus(LIFETIME);
        let challenge = CodeVerifier::parse(VERIFIER)?.challenge();
        let mut requests = VecDeque::with_capacity(count);
        let tx = self.store.begin().await?;
        for _ in 0..count {
            let code = secret(&SystemRandom);
            let grant = self.grant()?;
            tx.insert_grant(&grant).await?;
            tx.insert_code(&AuthorizationCode {
                code_hash: token_hash(&code),
                grant_id: grant.id,
                client_id: PUBLIC.to_owned(),
                redirect_uri: REDIRECT_URI.to_owned(),
                code_challenge: challenge,
                nonce: None,
                expires_at,
                consumed_at: None,
            })
            .await?;
            requests.push_back(server.token.form(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("client_id", PUBLIC),
                ("code_verifier", VERIFIER),
                ("resource", RESOURCE),
            ]));
        }
        tx.commit().await?;
        Ok(requests)
    }

    fn grant(&self) -> Result<Grant> {
        let now = SystemClock.now();
        Ok(Grant {
            id: uuid_v7(&SystemRandom, now),
            user_id: self.user,
            client_id: PUBLIC.to_owned(),
            resource: ResourceUri::parse(RESOURCE)?,
            scope: Scope::parse(SCOPE)?,
            auth_time: now,
            amr: vec![Amr::Password],
            session_hash: None,
            created_at: now,
            state: GrantState::Live,
        })
    }
}

fn person(email: &str) -> Result<User> {
    let now = SystemClock.now();
    Ok(User {
        id: uuid_v7(&SystemRandom, now),
        email: Email::parse(email)?,
        name: Some("You".to_owned()),
        email_verified: true,
        password_hash: None,
        enabled: true,
        created_at: now,
    })
}

impl Authgent {
    /// Another endpoint.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint> {
        Endpoint::parse(&format!("{}{path}", self.issuer))
    }

    /// The document at an endpoint.
    pub(crate) async fn document(&self, path: &str) -> Result<String> {
        let endpoint = self.endpoint(path)?;
        let mut connection = Connection::open(&endpoint).await?;
        let (status, body) = connection.exchange(&endpoint.get("")).await?;
        ensure!(status == 200, "{path} answered {status}");
        Ok(String::from_utf8(body.into_owned())?)
    }

    /// Tokens for a client that acts for itself.
    pub(crate) fn client_credentials(&self) -> Work {
        service(&self.token)
    }

    /// Refreshes of one client.
    pub(crate) fn chains(&self, tokens: VecDeque<String>) -> Work {
        chains(&self.token, PUBLIC, tokens)
    }

    /// Refreshes.
    pub(crate) fn refresh(&self, chains: VecDeque<Chain>) -> Work {
        refresh(&self.token, chains)
    }
}

/// The request of the client that acts for itself, whoever answers it.
pub(crate) fn service(token: &Endpoint) -> Work {
    client_credentials(token, SERVICE, SECRET)
}

/// The request of a client that acts for itself.
pub(crate) fn client_credentials(token: &Endpoint, client_id: &str, client_secret: &str) -> Work {
    Work::Same(token.form(&[
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", client_secret),
        ("scope", SCOPE),
        ("resource", RESOURCE),
    ]))
}

/// Refreshes of one public client, whoever answers them.
pub(crate) fn chains(token: &Endpoint, client_id: &str, tokens: VecDeque<String>) -> Work {
    let client_id: Rc<str> = client_id.into();
    let chain = |refresh_token| Chain { client_id: Rc::clone(&client_id), refresh_token };
    refresh(token, tokens.into_iter().map(chain).collect())
}

/// Refreshes of public clients.
fn refresh(token: &Endpoint, chains: VecDeque<Chain>) -> Work {
    let token = token.clone();
    let request = move |chain: &Chain| {
        token.form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &chain.refresh_token),
            ("client_id", &chain.client_id),
            ("resource", RESOURCE),
        ])
    };
    Work::Chains(chains, Box::new(request))
}
