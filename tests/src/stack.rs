//! Authgent and the demo MCP server side by side, in this process.

use crate::server::free_port;
use anyhow::{Context as _, Result};
use authgent_core::issuer::Issuer;
use authgent_core::resource::ResourceUri;
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use authgent_server::config::Config;
use authgent_server::crypto::password::PasswordHasher;
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::crypto::random::{SystemRandom, secret, uuid_v7};
use authgent_server::domain::{Email, User};
use authgent_server::net::SystemResolver;
use authgent_server::startup::{Application, Dependencies};
use authgent_server::store::Store;
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

/// The person with an account on the stack.
pub const EMAIL: &str = "you@example.com";

/// Where the stack listens. Port 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Authgent.
    pub authgent: u16,
    /// The MCP server.
    pub mcp: u16,
}

/// A running stack, for as long as the process runs.
pub struct Stack {
    /// The issuer.
    pub issuer: String,
    /// The URL of the MCP server.
    pub mcp: String,
    /// The password of [`EMAIL`].
    pub password: String,
    /// Authgent's database.
    pub store: Store,
}

impl Stack {
    /// Starts both, with their databases in `directory`, a new key and a new password for [`EMAIL`].
    ///
    /// # Errors
    /// Where one of them does not start; the error says why.
    pub async fn start(directory: &Path, ports: Ports) -> Result<Self> {
        Self::start_with(directory, ports, &[]).await
    }

    /// The same, with further variables of Authgent's configuration.
    ///
    /// # Errors
    /// Where one of them does not start; the error says why.
    pub async fn start_with(directory: &Path, ports: Ports, further: &[(&str, &str)]) -> Result<Self> {
        let listener = TcpListener::bind(("localhost", ports.mcp)).context("mcp-demo cannot listen")?;
        let mcp_port = listener.local_addr()?.port();
        let authgent_port = if ports.authgent == 0 { free_port()? } else { ports.authgent };
        let issuer = format!("http://localhost:{authgent_port}");
        let mcp = format!("http://localhost:{mcp_port}/mcp");
        let dsn = |name: &str| format!("sqlite://{}/{name}.db", directory.display());
        let resource = json!([{"uri": mcp, "name": "Demo projects", "scope": [
            {"name": "mcp:read", "description": "See your projects", "default": true},
            {"name": "mcp:write", "description": "Create projects"},
            {"name": "admin", "description": "Delete any project, of any person"},
        ]}]);
        let mut variables: Vec<(String, String)> = [
            ("AUTHGENT_ISSUER", issuer.clone()),
            ("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256)),
            ("AUTHGENT_DB_DSN", dsn("authgent")),
            ("AUTHGENT_HOST", "localhost".to_owned()),
            ("AUTHGENT_PORT", authgent_port.to_string()),
            ("AUTHGENT_RESOURCES", resource.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        variables.extend(further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::load(None, variables)?.config;
        let dependencies = Dependencies {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            resolver: Arc::new(SystemResolver),
        };
        let application = Application::build(config, dependencies).await.context("Authgent does not start")?;
        tokio::spawn(application.run());
        let store = Store::connect(&dsn("authgent").into()).await?;
        let password = secret(&SystemRandom)[..16].to_owned();
        add_user(&store, &password).await?;

        let mut config = mcp_demo::config::Config::new(Issuer::parse(&issuer)?, ResourceUri::parse(&mcp)?);
        config.db_dsn = dsn("mcp-demo");
        let demo = mcp_demo::server::Server::start_on(listener, config).await.context("mcp-demo does not start")?;
        tokio::spawn(demo.run());
        Ok(Self { issuer, mcp, password, store })
    }
}

async fn add_user(store: &Store, password: &str) -> Result<()> {
    let now = SystemClock.now();
    let user = User {
        id: uuid_v7(&SystemRandom, now),
        email: Email::parse(EMAIL)?,
        name: Some("You".to_owned()),
        email_verified: true,
        password_hash: Some(PasswordHasher::new(1).hash(password.to_owned().into()).await?),
        enabled: true,
        created_at: now,
    };
    let tx = store.begin().await?;
    tx.insert_user(&user).await?;
    Ok(tx.commit().await?)
}
