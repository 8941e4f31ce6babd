//! A deployment: one database, one server or two, some people and two clients.

use crate::caller::Caller;
use crate::database::Database;
use crate::power::{Disk, Power};
use crate::seeded::Seeded;
use crate::server::{Program, Server, port};
use crate::world::{CALLBACK, GRACE, RESOURCE, World};
use anyhow::{Context as _, Result};
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::crypto::random::{SystemRandom, secret};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// What is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) is_postgres: bool,
    pub(crate) servers: usize,
}

impl Setting {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match (self.is_postgres, self.servers) {
            (false, _) => "SQLite",
            (true, 1) => "PostgreSQL",
            (true, _) => "PostgreSQL, two servers",
        }
    }
}

/// It runs until it is dropped.
pub(crate) struct Site {
    pub(crate) setting: Setting,
    pub(crate) servers: Vec<Server>,
    pub(crate) database: Database,
    /// That can be lost; on SQLite.
    pub(crate) power: Option<Power>,
    pub(crate) world: Arc<World>,
    pub(crate) http: reqwest::Client,
    /// What the operator runs commands with.
    pub(crate) program: Program,
    pub(crate) directory: TempDir,
}

impl Site {
    /// Starts everything, with so many people and two clients, as an operator would.
    pub(crate) async fn start(
        binary: &Path,
        setting: Setting,
        people: u64,
        disk: Option<(Disk, Seeded)>,
    ) -> Result<Self> {
        Self::with(&vec![binary; setting.servers], setting, people, disk).await
    }

    /// The same with a place and a program for each of more servers, of which those of the setting come first and are started.
    pub(crate) async fn with(
        binaries: &[&Path],
        setting: Setting,
        people: u64,
        disk: Option<(Disk, Seeded)>,
    ) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("authgent-crash-").tempdir()?;
        let database = if setting.is_postgres { Database::postgres()? } else { Database::sqlite(directory.path()) };
        let power = disk.map(|(disk, seeded)| Power::of(disk, seeded, directory.path())).transpose()?;
        let mut ports = Vec::new();
        for _ in binaries {
            ports.push(port(&ports)?);
        }
        let program = Program {
            binary: binaries.first().context("no program")?.to_path_buf(),
            variables: [variables(ports[0], database.dsn()), power.as_ref().map(Power::variables).unwrap_or_default()]
                .concat(),
            directory: directory.path().to_owned(),
        };
        let with = |binary: &Path| Program { binary: binary.to_owned(), ..program.clone() };
        let mut servers: Vec<Server> =
            binaries.iter().zip(&ports).map(|(binary, port)| Server::new(&with(binary), *port)).collect();
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(5));
        let http = http.build()?;
        for server in servers.iter_mut().take(setting.servers) {
            server.start(&http).await?;
        }
        let password = secret(&SystemRandom)[..20].to_owned();
        for number in 0..people {
            program.run(&["user", "add", &email(number), "--password-stdin"], &password).await?;
        }
        let web = program.run(&["client", "add", "--name", "Web", "--redirect-uri", CALLBACK, "--json"], "").await?;
        let nightly =
            ["client", "add", "--name", "Nightly", "--confidential", "--grant-type", "client_credentials", "--json"];
        let nightly = program.run(&nightly, "").await?;
        let (web, nightly): (Value, Value) = (serde_json::from_str(&web)?, serde_json::from_str(&nightly)?);
        let text = |json: &Value, name: &str| json[name].as_str().map(ToOwned::to_owned).context(name.to_owned());
        let bases = servers.iter().map(Server::base).collect();
        let nightly = (text(&nightly, "client_id")?, text(&nightly, "client_secret")?);
        let world = Arc::new(World::new(bases, text(&web, "client_id")?, nightly, password));
        world.serve(&(0..setting.servers).collect::<Vec<_>>());
        if let Some(power) = &power {
            power.ensure_noted()?;
        }
        Ok(Self { setting, servers, database, power, world, http, program, directory })
    }

    pub(crate) fn caller(&self, seeded: Seeded) -> Result<Caller> {
        Caller::new(Arc::clone(&self.world), seeded)
    }
}

/// The people, each of whom has a client of their own.
pub(crate) fn email(number: u64) -> String {
    format!("person-{number}@example.com")
}

fn variables(port: u16, dsn: &str) -> Vec<(String, String)> {
    let resource = json!([{"uri": RESOURCE, "name": "Projects", "scope": [
        {"name": "mcp:read", "description": "See your projects", "default": true},
    ]}]);
    let variables = [
        ("AUTHGENT_ISSUER", format!("http://localhost:{port}")),
        ("AUTHGENT_SIGNING_KEY_DATA", generate_pem(SigningAlgorithm::Es256)),
        ("AUTHGENT_DB_DSN", dsn.to_owned()),
        ("AUTHGENT_HOST", "localhost".to_owned()),
        ("AUTHGENT_RESOURCES", resource.to_string()),
        ("AUTHGENT_TOKEN_TTL", "3600".to_owned()),
        ("AUTHGENT_REFRESH_GRACE", GRACE.as_secs().to_string()),
        // Everybody signs in from one address.
        ("AUTHGENT_SIGN_IN_RATE", "0".to_owned()),
        ("AUTHGENT_LOG_FORMAT", "json".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}
