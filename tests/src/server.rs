//! A real Authgent on a real SQLite file or a real PostgreSQL, on a port of its own.

use crate::clock::TestClock;
use crate::documents::DocumentServer;
use crate::postgres::{self, Database};
use anyhow::{Context as _, Result};
use authgent_core::redirect_uri::RedirectUri;
use authgent_core::time::Clock as _;
use authgent_server::config::Config;
use authgent_server::crypto::password::PasswordHasher;
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::crypto::random::{SystemRandom, secret};
use authgent_server::domain::{Client, ClientOrigin, Email, Grant, RefreshToken, User};
use authgent_server::net::{Resolve, SystemResolver};
use authgent_server::service::Services;
use authgent_server::startup::{Application, Dependencies, StartupError};
use authgent_server::store::{Store, StoreError, WriteTransaction};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// The password of every user that a test makes.
pub const PASSWORD: &str = "correct horse battery staple";
/// The resource that every test server has: `mcp:read` by default, `mcp:write` and `admin` beside it.
pub const RESOURCE: &str = "http://localhost:8000/mcp";
/// A second resource, whose only scope is `other:use`, with an alias.
pub const OTHER_RESOURCE: &str = "https://other.example.com/mcp";

/// A running server. It stops when it is dropped.
pub struct TestServer {
    /// Its issuer, where it listens.
    pub issuer: String,
    /// Its time.
    pub clock: TestClock,
    /// Its database.
    pub store: Store,
    /// Where that is, for a second server on it.
    pub dsn: String,
    /// A client without cookies and redirects, for everything that is no page.
    pub http: reqwest::Client,
    handle: actix_web::dev::ServerHandle,
    services: Arc<Services>,
    _directory: TempDir,
    _database: Option<Arc<Database>>,
}

/// Settings of a server to be started.
#[derive(Clone)]
pub struct Setup {
    variables: Vec<(String, String)>,
    path: String,
    resolver: Arc<dyn Resolve>,
    ca_pem: Option<Vec<u8>>,
    database: Option<Arc<Database>>,
    clock: Option<TestClock>,
}

impl Setup {
    /// Takes a database of its own on the PostgreSQL of the tests. Every server that is started from a clone shares it, as
    /// replicas do. `None` where PostgreSQL is not installed: then there is nothing to test.
    ///
    /// # Errors
    /// Where no database can be made.
    pub fn postgres(mut self) -> Result<Option<Self>> {
        let Some(server) = postgres::shared() else { return Ok(None) };
        self.database = Some(Arc::new(server.database()?));
        Ok(Some(self))
    }

    /// As [`Setup::postgres`], on a database that behaves as those do which only speak PostgreSQL's protocol.
    ///
    /// # Errors
    /// Where no database can be made.
    pub fn strict_postgres(mut self) -> Result<Option<Self>> {
        let Some(server) = postgres::shared() else { return Ok(None) };
        self.database = Some(Arc::new(server.strict_database()?));
        Ok(Some(self))
    }

    /// Starts it at the time of `clock`, which it shares with whoever else has it.
    #[must_use]
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Sets a variable of the configuration.
    #[must_use]
    pub fn with(mut self, variable: &str, value: impl std::fmt::Display) -> Self {
        self.variables.push((variable.to_owned(), value.to_string()));
        self
    }

    /// Gives the issuer a path, such as `/tenant`.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Lets client metadata documents and keys of clients be fetched from `web`, and nothing from elsewhere.
    #[must_use]
    pub fn documents(mut self, web: &DocumentServer) -> Self {
        self.resolver = web.resolver();
        self.ca_pem = Some(web.ca_pem().to_vec());
        self.with("AUTHGENT_CLIENT_DOCUMENT_PRIVATE_HOSTS", web.settings().private_hosts.join(" "))
    }

    /// Starts it.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start(self) -> Result<TestServer> {
        let chosen = self.variables.iter().any(|(name, _)| name == "AUTHGENT_PORT");
        for _ in 0..5 {
            match self.clone().start_once().await {
                // Somebody took the port between the look and the use: another one then.
                Err(error) if !chosen && matches!(error.downcast_ref(), Some(StartupError::Listen { .. })) => {}
                outcome => return outcome,
            }
        }
        self.start_once().await
    }

    async fn start_once(self) -> Result<TestServer> {
        let directory = TempDir::new()?;
        let port = free_port()?;
        let issuer = format!("http://localhost:{port}{}", self.path);
        let chosen =
            self.variables.iter().rev().find(|(name, _)| name == "AUTHGENT_DB_DSN").map(|(_, dsn)| dsn.clone());
        let dsn = chosen
            .or_else(|| self.database.as_ref().map(|database| database.dsn().to_owned()))
            .unwrap_or_else(|| format!("sqlite://{}/authgent.db", directory.path().display()));
        let mut variables: Vec<(String, String)> = [
            ("AUTHGENT_ISSUER", issuer.clone()),
            ("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256)),
            ("AUTHGENT_DB_DSN", dsn.clone()),
            ("AUTHGENT_HOST", "localhost".to_owned()),
            ("AUTHGENT_PORT", port.to_string()),
            ("AUTHGENT_RESOURCES", resources().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        if let Some(ca_pem) = self.ca_pem {
            let path = directory.path().join("ca.pem");
            std::fs::write(&path, ca_pem)?;
            variables.push(("AUTHGENT_CLIENT_DOCUMENT_CA_FILE".to_owned(), path.display().to_string()));
        }
        variables.extend(self.variables);
        let config = Config::load(None, variables)?.config;
        let clock = self.clock.unwrap_or_default();
        let dependencies =
            Dependencies { clock: Arc::new(clock.clone()), random: Arc::new(SystemRandom), resolver: self.resolver };
        let application = Application::build(config, dependencies).await?;
        let (handle, services) = (application.handle(), application.services());
        tokio::spawn(application.run());
        let http =
            reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;
        let store = Store::connect(&dsn.clone().into()).await?;
        let (_directory, _database) = (directory, self.database);
        Ok(TestServer { issuer, clock, store, dsn, http, handle, services, _directory, _database })
    }
}

impl TestServer {
    /// A server with the defaults.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start() -> Result<Self> {
        Self::setup().start().await
    }

    /// A server whose settings can be changed first.
    #[must_use]
    pub fn setup() -> Setup {
        Setup {
            variables: Vec::new(),
            path: String::new(),
            resolver: Arc::new(SystemResolver),
            ca_pem: None,
            database: None,
            clock: None,
        }
    }

    /// The URL of an endpoint.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Adds a person whose password is [`PASSWORD`].
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn add_user(&self, email: &str) -> Result<Uuid> {
        let user = User {
            id: Uuid::now_v7(),
            email: Email::parse(email)?,
            name: Some("Ada Lovelace".to_owned()),
            email_verified: true,
            password_hash: Some(PasswordHasher::new(1).hash(PASSWORD.to_owned().into()).await?),
            enabled: true,
            created_at: self.clock.now(),
        };
        let tx = self.store.begin().await?;
        tx.insert_user(&user).await?;
        tx.commit().await?;
        Ok(user.id)
    }

    /// Adds a client as `authgent client add` does: `metadata` is client metadata. Gives its identifier and secret.
    ///
    /// # Errors
    /// Where the metadata or the database refuse.
    pub async fn add_client(&self, metadata: Value) -> Result<(String, Option<String>)> {
        let metadata =
            authgent_core::metadata::client::ClientMetadata::parse(metadata.as_object().context("an object")?)?;
        let client_secret = metadata.token_endpoint_auth_method.has_secret().then(|| secret(&SystemRandom));
        let client = Client {
            secret_hash: client_secret.as_deref().map(authgent_server::crypto::hash::token_hash),
            ..Client::new(Uuid::new_v4().to_string(), metadata, ClientOrigin::Operator, self.clock.now())
        };
        let tx = self.store.begin().await?;
        tx.insert_client(&client).await?;
        tx.commit().await?;
        Ok((client.id, client_secret))
    }

    /// Registers a client over HTTP. Gives status and body.
    ///
    /// # Errors
    /// Where no answer comes, or one that is not JSON.
    pub async fn register(&self, metadata: &Value) -> Result<(u16, Value)> {
        let response = self.http.post(self.url("/oauth/register")).json(metadata).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Registers a public client with one redirect URI, each time another one. Gives its identifier.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn public_client(&self, redirect_uri: &str) -> Result<String> {
        RedirectUri::parse(redirect_uri)?;
        // Without something of its own, it would fold into the last one.
        let metadata = json!({"client_name": "Test client", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none",
            "software_id": Uuid::new_v4()});
        let (status, body) = self.register(&metadata).await?;
        anyhow::ensure!(status == 201, "{status}: {body}");
        Ok(body["client_id"].as_str().context("client_id")?.to_owned())
    }

    /// The row of a refresh token and its grant. It is stored under the hash of its last 43 characters.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn refresh_token(&self, token: &str) -> Result<Option<(RefreshToken, Grant)>> {
        let (_, secret) = token.split_at_checked(44).context("a refresh token has 87 characters")?;
        let hash = authgent_server::crypto::hash::token_hash(secret);
        Ok(self.store.refresh_token_with_grant(&hash).await?)
    }

    /// Writes which clients were used, as happens every second.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write_uses(&self) -> Result<()> {
        Ok(self.services.write_uses().await?)
    }

    /// Removes what is over by the server's clock, as the server does every five minutes.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn clean_up(&self) -> Result<()> {
        authgent_server::service::cleanup::round(&self.services).await?;
        Ok(())
    }

    /// Makes the next signing key where it is due by the server's clock, and forgets those that are over, as the server does every
    /// half minute.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn look_after_keys(&self) -> Result<()> {
        self.services.rotate_keys_when_due().await?;
        Ok(())
    }

    /// Sends a request, and has somebody else's `change` become visible while it is under way: after what the request reads
    /// first, and before what it writes.
    ///
    /// # Errors
    /// Where the database refuses the change.
    pub async fn meanwhile<T>(
        &self,
        change: impl AsyncFnOnce(&WriteTransaction) -> Result<(), StoreError>,
        request: impl Future<Output = T>,
    ) -> Result<T> {
        let tx = self.store.begin().await?;
        change(&tx).await?;
        // SQLite lets nobody else write until then; PostgreSQL lets those wait who look at what is changed.
        let commit = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            tx.commit().await
        };
        let (answer, committed) = tokio::join!(request, commit);
        committed?;
        Ok(answer)
    }

    /// Posts a form, as a client does. Gives status and JSON body (null where it is empty).
    ///
    /// # Errors
    /// Where no answer comes, or one that is not JSON.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        self.post_as(path, form, None).await
    }

    /// Posts a form with HTTP Basic authentication.
    ///
    /// # Errors
    /// Where no answer comes, or one that is not JSON.
    pub async fn post_as(
        &self,
        path: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<(u16, Value)> {
        let mut request = self.http.post(self.url(path)).form(form);
        if let Some((client_id, client_secret)) = basic {
            request = request.basic_auth(client_id, Some(client_secret));
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok((status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? }))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The future stops the server when it is polled, but sends the signal when it is made.
        drop(self.handle.stop(false));
    }
}

fn resources() -> Value {
    json!([
        {"uri": RESOURCE, "name": "Demo projects", "scope": [
            {"name": "mcp:read", "description": "See your projects", "default": true},
            {"name": "mcp:write", "description": "Create projects"},
            {"name": "admin", "description": "Delete any project"},
        ]},
        {"uri": OTHER_RESOURCE, "name": "Another server", "aliases": ["https://other.example.com"], "scope": [
            {"name": "other:use", "description": "Use the other server", "default": true},
        ]},
    ])
}

/// A port that nobody listens at. Somebody else may take it before it is used: be ready to try again.
///
/// # Errors
/// Where the machine has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("localhost:0")?.local_addr()?.port())
}
