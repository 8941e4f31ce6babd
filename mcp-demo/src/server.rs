//! actix-web: the guard of `mcp-resource`, rmcp behind it, and the same tools over stdio.

use crate::config::Config;
use crate::health;
use crate::projects::{OpenError, Projects};
use crate::sessions::{self, SessionOwners};
use crate::tools::{Access, BASE_SCOPE, TOOL_SCOPES, Tools};
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpServer, web};
use mcp_resource::actix::{McpAuth, metadata_routes};
use mcp_resource::{Authenticator, VerifiedToken};
use rmcp::ServiceExt;
use rmcp_actix_web::transport::{CancellationToken, LocalSessionManager, StreamableHttpService};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Where rmcp is mounted.
pub const PATH: &str = "/mcp";

/// How long running calls may take once the server is told to stop; event streams, which never end by themselves, are
/// ended then.
const GRACE: Duration = Duration::from_secs(2);
/// After how many seconds a stop no longer waits for anybody.
const SHUTDOWN_TIMEOUT: u64 = 5;
/// The largest request: a description of 2000 characters, however it is escaped, fits many times.
const MAX_BODY: usize = 256 * 1024;

/// Why the server does not start. Each is a sentence that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The address cannot be listened at.
    #[error("cannot listen at {host}:{port} (MCP_HOST, MCP_PORT): {source}")]
    Listen {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// The guard refuses its configuration.
    #[error(transparent)]
    Guard(#[from] mcp_resource::ConfigError),
    /// The guard cannot be made.
    #[error("the guard of the server cannot be made: {0}")]
    Authenticator(#[from] mcp_resource::jwks::FetchError),
    /// actix-web failed to start.
    #[error("the HTTP server cannot be started: {0}")]
    Http(io::Error),
    /// The client on stdin and stdout did not begin as the protocol says.
    #[error("the program on stdin does not speak MCP: {0}")]
    Stdio(String),
}

/// A server that runs. Dropping it stops it at once; [`Server::stop`] lets running calls end.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    streams: CancellationToken,
    running: Option<JoinHandle<io::Result<()>>>,
    projects: Projects,
}

impl Server {
    /// Opens the database and serves. When this returns, requests are answered. Port 0 takes a free one:
    /// [`Server::address`] tells which.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listener = TcpListener::bind((config.host.as_str(), config.port)).map_err(|source| StartError::Listen {
            host: config.host.clone(),
            port: config.port,
            source,
        })?;
        Self::start_on(listener, config).await
    }

    /// Serves on `listener`, instead of at the address of `config`: for a caller that must know the port before it
    /// can tell the audience.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_on(listener: TcpListener, config: Config) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(StartError::Http)?;
        let projects = Projects::open(&config.db_dsn).await?;
        let streams = CancellationToken::new();
        let server = http_server(listener, &config, projects.clone(), streams.clone())?;
        tracing::info!(
            %address,
            resource = config.audience.as_str(),
            issuer = config.issuer.as_str(),
            "MCP server at {}", config.audience
        );
        let handle = server.handle();
        Ok(Self { address, handle, streams, running: Some(tokio::spawn(server)), projects })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or Ctrl-C, then stops as [`Server::stop`] does.
    ///
    /// # Errors
    /// Where actix-web fails, or no signal can be waited for.
    pub async fn run(mut self) -> io::Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        tokio::select! {
            ended = &mut running => return ended.map_err(io::Error::other)?,
            signal = termination() => tracing::info!(signal = signal?, "stopping"),
        }
        self.running = Some(running);
        self.stop().await
    }

    /// Takes no further connection, lets running calls end, ends event streams, and closes the database.
    ///
    /// # Errors
    /// Where actix-web failed meanwhile.
    pub async fn stop(mut self) -> io::Result<()> {
        let stopped = self.handle.stop(true);
        tokio::pin!(stopped);
        if tokio::time::timeout(GRACE, &mut stopped).await.is_err() {
            self.streams.cancel();
            stopped.await;
        }
        let result = match self.running.take() {
            Some(running) => running.await.map_err(io::Error::other)?,
            None => Ok(()),
        };
        self.projects.clone().close().await;
        result
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.streams.cancel();
        // The command is sent by the call; the future would only wait for it.
        drop(self.handle.stop(false));
    }
}

fn http_server(
    listener: TcpListener,
    config: &Config,
    projects: Projects,
    streams: CancellationToken,
) -> Result<actix_web::dev::Server, StartError> {
    // Made here, not in the closure: actix-web calls that once per worker, and all workers share sessions and keys.
    let authenticator = guard(config)?;
    let sessions = Arc::new(LocalSessionManager::default());
    let owners = web::Data::new(SessionOwners::new(sessions.clone()));
    let tools = Tools::new(projects, Access::Token);
    let mcp = StreamableHttpService::builder()
        .service_factory(Arc::new(move || Ok(tools.clone())))
        .session_manager(sessions)
        .allowed_hosts(config.allowed_hosts())
        .json_response(true)
        .max_request_body_bytes(MAX_BODY)
        .cancellation_token(streams)
        .on_request_fn(|request, extensions| {
            if let Some(token) = request.extensions().get::<VerifiedToken>() {
                extensions.insert(token.clone());
            }
        })
        .build();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(log_request))
            .app_data(owners.clone())
            .route(health::PATH, web::get().to(health::live))
            .configure(metadata_routes(&authenticator))
            .service(
                web::scope(PATH)
                    .service(mcp.clone().scope())
                    // The last one wrapped is the first one asked.
                    .wrap(from_fn(sessions::bind_to_subject))
                    .wrap(McpAuth::new(authenticator.clone())),
            )
    });
    Ok(server.listen(listener).map_err(StartError::Http)?.disable_signals().shutdown_timeout(SHUTDOWN_TIMEOUT).run())
}

/// The rules: which tokens are accepted, and which scopes a request needs.
fn guard(config: &Config) -> Result<Authenticator, StartError> {
    let mut rules = mcp_resource::Config::builder(config.issuer.as_str(), config.audience.as_str())
        .resource_name("Authgent demo")
        // Also what the metadata tells clients to ask for at first: they come back for more when a tool wants it.
        .required_scope(BASE_SCOPE)
        .max_body_bytes(MAX_BODY);
    for (tool, scope) in TOOL_SCOPES {
        rules = rules.tool(tool, scope);
    }
    for origin in &config.allowed_origins {
        rules = rules.allowed_origin(origin);
    }
    if let Some(origin) = &config.internal_url {
        rules = rules.internal_url(origin);
    }
    Ok(Authenticator::new(rules.build()?)?)
}

/// One line per request, without its query: a client that breaks the rules may have put a token there.
async fn log_request(
    request: ServiceRequest,
    next: Next<impl actix_web::body::MessageBody>,
) -> Result<ServiceResponse<impl actix_web::body::MessageBody>, Error> {
    let begin = Instant::now();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    if path == health::PATH {
        tracing::debug!(http.method = %method, http.path = path, http.status = status, milliseconds, "request");
    } else {
        tracing::info!(http.method = %method, http.path = path, http.status = status, milliseconds, "request");
    }
    Ok(response)
}

/// Serves the tools to the program that started this one, until it closes stdin or the process is told to stop.
/// There is no token: projects belong to the local user.
///
/// # Errors
/// [`StartError`].
pub async fn serve_stdio(db_dsn: &str) -> Result<(), StartError> {
    let projects = Projects::open(db_dsn).await?;
    let tools = Tools::new(projects.clone(), Access::Local);
    let service =
        tools.serve(rmcp::transport::stdio_pipes()).await.map_err(|error| StartError::Stdio(error.to_string()))?;
    let stop = service.cancellation_token();
    let waiting = service.waiting();
    tokio::pin!(waiting);
    let ended = tokio::select! {
        ended = &mut waiting => ended,
        _ = termination() => {
            stop.cancel();
            waiting.await
        }
    };
    projects.close().await;
    ended.map(drop).map_err(|error| StartError::Stdio(error.to_string()))
}

/// Waits for the signal that container runtimes and service managers send, or for Ctrl-C.
async fn termination() -> io::Result<&'static str> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok("SIGTERM"),
            interrupt = tokio::signal::ctrl_c() => interrupt.map(|()| "SIGINT"),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
