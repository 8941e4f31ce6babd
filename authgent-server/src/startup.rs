//! Wires the layers together: the one place that sees them all.

use crate::clock::SystemClock;
use crate::config::{BrandingConfig, Config};
use crate::crypto::passkey::RelyingParty;
use crate::crypto::password::PasswordHasher;
use crate::crypto::pem::{KeyError, SigningKey};
use crate::crypto::random::{Random, Sequence};
use crate::crypto::vault::{Vault, VaultError};
use crate::domain::{Branding, Logo, RotationPolicy};
use crate::http::{RegistrationRate, SignInRate, application};
use crate::net::{Fetcher, FetcherSettings, MailError, Mailer, Resolve, UpstreamClient};
use crate::service::client_documents::{ClientDocuments, DocumentPolicy};
use crate::service::client_keys::ClientKeys;
use crate::service::deployment::{self, DeploymentError};
use crate::service::in_order::{OfStore, in_order};
use crate::service::keys::{self, KeyPolicy, Keys, KeysError};
use crate::service::memory::Memory;
use crate::service::stalls::Stalls;
use crate::service::upstream::{self, Upstream};
use crate::service::{Services, Settings, cleanup, upkeep, uses};
use crate::store::{Store, StoreError, http_threads};
use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use authgent_core::issuer::Issuer;
use authgent_core::time::Clock;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long running requests may take to end after the signal to stop, in seconds.
const SHUTDOWN_SECONDS: u64 = 20;
/// How long a stop waits for what is written beside the requests, and can be written later.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often what a start changes is tried, each time as often as a request would try it.
const PATIENCE: u32 = 16;

/// How long a connection may rest: longer than proxies keep theirs to us, so that none sends a request into one that closes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How many passwords are hashed at once. Each takes 19 MiB and a core for some 20 ms.
fn password_permits() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// What a test puts another in the place of.
#[derive(Clone)]
pub struct Dependencies {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness of secrets.
    pub random: Arc<dyn Random>,
    /// What host names lead to.
    pub resolver: Arc<dyn Resolve>,
}

/// Why the server does not start. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The signing key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No key for what is sealed can be derived of the signing key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database is another deployment's.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The keys of the database are not usable.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database is not usable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificates of the authority for private hosts are not usable.
    #[error("the file {file} of AUTHGENT_CLIENT_DOCUMENT_CA_FILE cannot be used: {problem}")]
    Authority {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The operator's logo is not usable.
    #[error("the file {file} of AUTHGENT_LOGO cannot be used: {problem}")]
    Logo {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The client that makes requests cannot be made.
    #[error("requests to others cannot be made: {0}")]
    Fetcher(String),
    /// The mail server of the settings cannot be used.
    #[error("mail cannot be sent with AUTHGENT_SMTP_URL and AUTHGENT_MAIL_FROM: {0}")]
    Mail(#[from] MailError),
    /// The address is taken or not ours.
    #[error(
        "cannot listen at {address}: {source}; is another server running there? Choose another port with AUTHGENT_PORT"
    )]
    Listen {
        /// Where.
        address: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The server stopped because of an error.
    #[error("the server stopped: {0}")]
    Run(#[source] std::io::Error),
}

/// A server that listens and is ready to run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    services: Arc<Services>,
}

impl Application {
    /// Opens, checks and migrates the database, applies the configured resources, reads the key, and listens. Others may do so at the
    /// same moment.
    ///
    /// # Errors
    /// [`StartupError`], before anything is served. Nothing was written where the database is another program's, of a later version,
    /// too old or another deployment's, or where the vault does not open what is in it.
    pub async fn build(config: Config, dependencies: Dependencies) -> Result<Self, StartupError> {
        let key: Arc<SigningKey> = Arc::new(config.signing_key.load(config.signing_alg)?);
        let vault = vault(&config)?;
        let key_policy = key_policy(&config);
        let (now, random) = (dependencies.clock.now(), &*dependencies.random);
        let store = Store::connect(&config.db_dsn).await?;
        check_database(&store, &config.issuer, &vault, random).await?;
        store.migrate().await?;
        // Before anything of the configuration: of two that are the first at once, one has to give way.
        patiently(random, || deployment::note(&store, &config.issuer, now)).await?;
        replace_resources(&store, &config, random).await?;
        warn_of_limits(&store, &config, random).await?;
        let keys = patiently(random, || Keys::open(&store, &vault, random, &key, &key_policy, now)).await?;

        let listener = listen(&config)?;
        let address = listener.local_addr().map_err(StartupError::Run)?;
        let services = Arc::new(Services {
            store,
            memory: Memory::default(),
            // The machine's own clock, which a test does not move: that time was set is no stall.
            stalls: Stalls::start(Arc::new(SystemClock)).map_err(StartupError::Run)?,
            keys,
            key_policy,
            vault,
            relying_party: RelyingParty::new(&config.issuer),
            passwords: PasswordHasher::new(password_permits()),
            clock: dependencies.clock,
            random: dependencies.random,
            fetcher: Arc::new(fetcher(&config, dependencies.resolver)?),
            client_documents: ClientDocuments::new(document_policy(&config)),
            client_keys: ClientKeys::default(),
            mailer: config.mail.as_ref().map(Mailer::new).transpose()?,
            events: Sequence::default(),
            upstream: Upstream::new(UpstreamClient::default()),
            settings: settings(&config)?,
        });
        let data = web::Data::from(Arc::clone(&services));
        // Counted once for all threads.
        let sign_in_rate = web::Data::new(SignInRate::new(config.sign_in_rate, config.trusted_proxies.clone()));
        let rate = RegistrationRate::new(config.registration.rate, config.trusted_proxies);
        let rate = web::Data::new(rate);
        let server = HttpServer::new(move || application(data.clone(), rate.clone(), sign_in_rate.clone()))
            .workers(http_threads())
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .keep_alive(KEEP_ALIVE)
            .listen(listener)
            .map_err(StartupError::Run)?
            .run();
        tracing::info!(%address, issuer = %services.settings.issuer, "listening");
        if !services.settings.identity_providers.is_empty() {
            // Beside the start: a provider that is down, or named wrongly, is in the log before somebody wants to sign in.
            tokio::spawn(upstream::look_at_all(Arc::clone(&services)));
        }
        Ok(Self { server, address, services })
    }

    /// Where it listens; the port is the real one where the configuration said 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What serves, for tests that ask it directly.
    #[must_use]
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(&self.services)
    }

    /// Stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGINT or SIGTERM, then finishes what has begun.
    ///
    /// # Errors
    /// [`StartupError::Run`] where the server fails.
    pub async fn run(self) -> Result<(), StartupError> {
        let beside = [
            tokio::spawn(cleanup::run(Arc::clone(&self.services))),
            tokio::spawn(upkeep::run(Arc::clone(&self.services))),
            tokio::spawn(uses::run(Arc::clone(&self.services))),
        ];
        let outcome = self.server.await.map_err(StartupError::Run);
        for task in beside {
            task.abort();
            // Until it is over: what it had begun to write waits again then.
            drop(task.await);
        }
        if !matches!(timeout(FAREWELL, self.services.write_uses()).await, Ok(Ok(()))) {
            tracing::warn!("that clients were used could not be written");
        }
        // SQLite then folds its write-ahead log into the file, so that a copy of the file is whole.
        self.services.store.close().await;
        outcome
    }
}

/// What stops a start before anything is written.
async fn check_database(
    store: &Store,
    issuer: &Issuer,
    vault: &Vault,
    random: &dyn Random,
) -> Result<(), StartupError> {
    // First, since another deployment mostly has other keys as well.
    patiently(random, || deployment::check(store, issuer)).await?;
    Ok(patiently(random, || keys::check(store, vault)).await?)
}

/// Applies the configuration's resources. A replica that starts at the same moment may be in the way.
async fn replace_resources(store: &Store, config: &Config, random: &dyn Random) -> Result<(), StoreError> {
    let replace = || async {
        let tx = store.begin().await?;
        tx.replace_configured_resources(&config.resources).await?;
        tx.commit().await
    };
    patiently(random, replace).await
}

/// Does `work` [`in_order`], and so several times: of many replicas that start at once on a database that is strict, one gets on at a
/// time, and nobody waits for their answer.
async fn patiently<T, E: OfStore, F: Future<Output = Result<T, E>>>(
    random: &dyn Random,
    work: impl Fn() -> F,
) -> Result<T, E> {
    for _ in 1..PATIENCE {
        let outcome = in_order(random, &work).await;
        let failed = outcome.as_ref().err().and_then(OfStore::of_store);
        if !matches!(failed, Some(StoreError::SerializationFailure { .. })) {
            return outcome;
        }
    }
    in_order(random, &work).await
}

fn listen(config: &Config) -> Result<TcpListener, StartupError> {
    let address = format!("{}:{}", config.host, config.port);
    let listen = || {
        let listener = TcpListener::bind((config.host.as_str(), config.port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| StartupError::Listen { address, source })
}

/// A limit for a resource that nobody has, or of a scope that it has not, limits nothing: whoever wrote it should know.
async fn warn_of_limits(store: &Store, config: &Config, random: &dyn Random) -> Result<(), StartupError> {
    let resources = patiently(random, || store.resources()).await?;
    for entry in &config.group_scopes {
        let (uri, group) = (&entry.resource, &entry.group);
        let Some(resource) = resources.iter().find(|resource| resource.uri.names_same(uri)) else {
            tracing::warn!(resource = %uri, group, "AUTHGENT_GROUP_SCOPES names a resource that is not registered: nothing is limited by that");
            continue;
        };
        let unknown = entry.scope.iter().find(|token| resource.describe(token).is_none());
        if let Some(scope) = unknown {
            tracing::warn!(resource = %uri, group, %scope, "AUTHGENT_GROUP_SCOPES names a scope that the resource does not have");
        }
    }
    Ok(())
}

/// Under the key of the settings, or one that is derived of the signing key: what was sealed before the setting was made opens
/// until the signing key is replaced.
pub(crate) fn vault(config: &Config) -> Result<Vault, StartupError> {
    let derived = Vault::derived(config.signing_key.read()?.as_bytes())?;
    Ok(match &config.encryption_key {
        Some(key) => Vault::new(key.clone().into_bytes()).after(derived),
        None => derived,
    })
}

/// A key is published for as long before it signs as the settings say, but not for longer than half of its life.
pub(crate) fn key_policy(config: &Config) -> KeyPolicy {
    let period = i64::from(config.key_rotation_days) * 86_400;
    let ahead = i64::from(config.key_publish_ahead);
    let publish_ahead = if period == 0 { ahead } else { ahead.min(period / 2) };
    let token_life = i64::from(config.token_ttl.max(config.id_token_ttl));
    KeyPolicy { algorithm: config.signing_alg, rotation: RotationPolicy { period, publish_ahead, token_life } }
}

fn settings(config: &Config) -> Result<Settings, StartupError> {
    Ok(Settings {
        issuer: config.issuer.clone(),
        token_ttl: config.token_ttl,
        refresh_ttl: config.refresh_ttl,
        refresh_grace: config.refresh_grace,
        id_token_ttl: config.id_token_ttl,
        code_ttl: config.code_ttl,
        session_ttl: config.session_ttl,
        client_documents: config.client_documents.enabled,
        verified_domains: config.client_documents.verified_domains.clone(),
        registration: config.registration.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        group_scopes: config.group_scopes.clone(),
        account_deletion: config.account_deletion,
        identity_providers: config.idp.providers.clone(),
        idp_callback_path: config.idp.callback_path.clone(),
        local_accounts: config.idp.local_accounts,
        branding: Arc::new(branding(&config.branding)?),
    })
}

fn branding(config: &BrandingConfig) -> Result<Branding, StartupError> {
    let logo = config.logo.as_deref().map(|path| {
        let unusable = |problem| StartupError::Logo { file: path.display().to_string(), problem };
        let mut body = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
        // One byte more than is allowed tells that it is too large, however large it is.
        let read = file.take(Logo::LIMIT as u64 + 1).read_to_end(&mut body);
        read.map_err(|error| unusable(error.to_string()))?;
        Logo::new(body).map_err(unusable)
    });
    Ok(Branding { name: config.name.clone(), logo: logo.transpose()?, accent: config.accent_color })
}

fn fetcher(config: &Config, resolver: Arc<dyn Resolve>) -> Result<Fetcher, StartupError> {
    let file = config.client_documents.ca_file.as_deref();
    let authority =
        |path: &Path, problem: String| StartupError::Authority { file: path.display().to_string(), problem };
    let read = |path: &Path| std::fs::read(path).map_err(|error| authority(path, error.to_string()));
    let private_ca = file.map(read).transpose()?;
    let settings = FetcherSettings { private_hosts: config.client_documents.private_hosts.clone(), private_ca };
    Fetcher::new(settings, resolver).map_err(|error| match file {
        Some(path) => authority(path, error.to_string()),
        None => StartupError::Fetcher(error.to_string()),
    })
}

fn document_policy(config: &Config) -> DocumentPolicy {
    DocumentPolicy {
        allowed_domains: config.client_documents.allowed_domains.clone(),
        denied_domains: config.client_documents.denied_domains.clone(),
        copies: config.client_documents.copies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::pem::{SigningAlgorithm, generate_pem};
    use crate::crypto::random::SystemRandom;
    use crate::domain::{Challenge, ChallengeKind, Client, ClientOrigin};
    use crate::net::SystemResolver;
    use crate::store::tests::on_a_strict_database;
    use authgent_core::metadata::client::ClientMetadata;
    use authgent_core::time::Timestamp;
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    /// An application at `now`, on a database of its own.
    async fn application(now: Timestamp) -> Application {
        application_on("sqlite::memory:", now).await
    }

    async fn application_on(dsn: &str, now: Timestamp) -> Application {
        let variables = [
            ("AUTHGENT_ISSUER", "http://localhost:8080"),
            ("AUTHGENT_SIGNING_KEY_DATA", &generate_pem(SigningAlgorithm::Es256)),
            ("AUTHGENT_DB_DSN", dsn),
            ("AUTHGENT_HOST", "localhost"),
            ("AUTHGENT_PORT", "0"),
            ("AUTHGENT_CLIENT_UNFINISHED_TTL", "600"),
            ("AUTHGENT_CLIENT_UNUSED_TTL", "6000"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load(None, variables).unwrap().config;
        let dependencies =
            Dependencies { clock: Arc::new(now), random: Arc::new(SystemRandom), resolver: Arc::new(SystemResolver) };
        Application::build(config, dependencies).await.unwrap()
    }

    /// Clients that were made and used so many seconds ago.
    async fn add_clients(services: &Services, clients: &[(&str, i64, Option<i64>)]) {
        let metadata = json!({"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"});
        let metadata = ClientMetadata::parse(metadata.as_object().unwrap()).unwrap();
        let (tx, now) = (services.store.begin().await.unwrap(), services.now());
        for (id, created, used) in clients {
            let client = Client::new((*id).into(), metadata.clone(), ClientOrigin::Registered, now.minus(*created));
            let last_used_at = used.map(|ago| now.minus(ago));
            tx.insert_client(&Client { last_used_at, sweep_at: Some(now), ..client }).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn clean_up_removes_clients_after_the_times_of_the_settings() {
        let application = application(SystemClock.now()).await;
        let services = &application.services;
        let clients =
            [("unfinished", 600, None), ("new", 599, None), ("unused", 9000, Some(6000)), ("used", 9000, Some(5999))];
        add_clients(services, &clients).await;
        assert_eq!(cleanup::round(services).await.unwrap(), 2);
        let mut left: Vec<_> = services.store.clients().await.unwrap().into_iter().map(|client| client.id).collect();
        left.sort();
        assert_eq!(left, ["new", "used"]);
    }

    #[tokio::test]
    async fn what_has_expired_goes_although_clients_cannot_be_removed() {
        let now = SystemClock.now();
        let application = application(now).await;
        let services = &application.services;
        add_clients(services, &[("unfinished", 600, None)]).await;
        let (_, id_hash) = services.new_secret();
        let kind = ChallengeKind::PasskeyAuthentication;
        let expired = Challenge {
            id_hash,
            kind,
            browser_hash: None,
            user_id: None,
            data: json!({}),
            created_at: now.minus(600),
            expires_at: now.minus(1),
        };
        let tx = services.store.begin().await.unwrap();
        tx.insert_challenge(&expired).await.unwrap();
        tx.commit().await.unwrap();
        services.store.refuse_to_remove_clients().await;
        let failed = cleanup::round(services).await.unwrap_err().to_string();
        assert!(failed.contains("refused"), "{failed}");
        assert_eq!(services.store.challenge(&id_hash, kind, now.minus(300)).await.unwrap(), None);
    }

    /// A request is what finds out, on each replica at the same moment.
    #[tokio::test]
    async fn a_key_is_made_where_none_signs_although_others_come_first() {
        on_a_strict_database(async |dsn| {
            let now = SystemClock.now();
            let application = application_on(dsn.expose_secret(), now).await;
            let services = &application.services;
            let first = services.keyring().active().kid().to_owned();
            let tx = services.store.begin().await.unwrap();
            assert!(tx.withdraw_signing_key(&first, now).await.unwrap());
            tx.commit().await.unwrap();
            services.store.refuse_changes(2).await;
            services.view().await.unwrap();
            assert!(services.store.refuse_changes(0).await > 2);
            assert_ne!(services.keyring().active().kid(), first);
            assert_eq!(services.store.signing_keys().await.unwrap().len(), 2);
        })
        .await;
    }
}
