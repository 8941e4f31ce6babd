//! The MCP server that the clients of the matrix want to reach: the demo, protected by the server under test.

use crate::journey::{PROTOCOL_VERSION, call, result_of};
use crate::server::TestServer;
use anyhow::{Context as _, Result, ensure};
use authgent_core::challenge::Challenge;
use authgent_core::issuer::Issuer;
use authgent_core::metadata::resource::ProtectedResourceMetadata;
use authgent_core::resource::ResourceUri;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::net::TcpListener;
use tempfile::TempDir;

/// A port that is taken for an MCP server which does not run yet: its URL has to be known before its issuer starts.
pub(super) struct Place {
    listener: TcpListener,
    url: String,
}

impl Place {
    /// A free one.
    ///
    /// # Errors
    /// Where the machine has none.
    pub(super) fn take() -> Result<Self> {
        let listener = TcpListener::bind("localhost:0")?;
        let url = format!("http://localhost:{}/mcp", listener.local_addr()?.port());
        Ok(Self { listener, url })
    }

    /// The resources of the issuer: this server, and another one whose scopes clients may ask for by mistake.
    pub(super) fn resources(&self) -> Value {
        json!([
            {"uri": self.url, "name": "Demo projects", "scope": [
                {"name": "mcp:read", "description": "See your projects", "default": true},
                {"name": "mcp:write", "description": "Create projects"},
                {"name": "admin", "description": "Delete any project"},
            ]},
            {"uri": "https://other.example.com/mcp", "name": "Another server", "scope": [
                {"name": "other:use", "description": "Use the other server", "default": true},
            ]},
        ])
    }

    /// Starts the MCP server there.
    ///
    /// # Errors
    /// Where it does not start.
    pub(super) async fn serve(self, issuer: &TestServer) -> Result<McpServer> {
        let directory = TempDir::new()?;
        let (issuer_url, resource) = (Issuer::parse(&issuer.issuer)?, ResourceUri::parse(&self.url)?);
        let mut config = mcp_demo::config::Config::new(issuer_url, resource);
        config.db_dsn = format!("sqlite://{}/mcp-demo.db", directory.path().display());
        let server = mcp_demo::server::Server::start_on(self.listener, config).await?;
        Ok(McpServer { url: self.url, http: issuer.http.clone(), _server: server, _directory: directory })
    }
}

/// A running MCP server. It stops when it is dropped.
pub(super) struct McpServer {
    /// Its URL, which is the resource.
    pub(super) url: String,
    http: reqwest::Client,
    _server: mcp_demo::server::Server,
    _directory: TempDir,
}

/// What a client learns from a resource before it has a token.
pub(super) struct Discovered {
    /// The scope of the challenge.
    pub(super) challenge: String,
    /// The scopes that its metadata lists.
    pub(super) scopes_supported: String,
    /// Its first authorization server.
    pub(super) issuer: String,
}

impl McpServer {
    /// A call without a token, and the metadata that the challenge leads to (RFC 9728, section 5).
    ///
    /// # Errors
    /// Where anything is missing, or the metadata is of another resource.
    pub(super) async fn discover(&self) -> Result<Discovered> {
        let response = call(&self.http, &self.url, None, "whoami", json!({})).await?;
        ensure!(response.status() == StatusCode::UNAUTHORIZED, "without a token: {}", response.status());
        let challenge = challenge_of(&response)?;
        let url = challenge.get("resource_metadata").context("no resource_metadata in the challenge")?;
        let request = self.http.get(url).header("MCP-Protocol-Version", PROTOCOL_VERSION);
        let metadata: ProtectedResourceMetadata = request.send().await?.error_for_status()?.json().await?;
        ensure!(metadata.resource == self.url, "the metadata is of {}", metadata.resource);
        Ok(Discovered {
            challenge: challenge.get("scope").context("no scope in the challenge")?.to_owned(),
            scopes_supported: metadata.scopes_supported.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            issuer: metadata.authorization_servers.first().context("no authorization server")?.clone(),
        })
    }

    /// Calls a tool that every token may call.
    ///
    /// # Errors
    /// Where it answers otherwise.
    pub(super) async fn whoami(&self, access_token: &str) -> Result<Value> {
        result_of(call(&self.http, &self.url, Some(access_token), "whoami", json!({})).await?).await
    }

    /// Calls a tool that needs more. Gives the scope that is missing, if it is.
    ///
    /// # Errors
    /// Where it answers neither with a result nor with a challenge (RFC 6750, section 3.1).
    pub(super) async fn create_project(&self, access_token: &str) -> Result<Option<String>> {
        let arguments = json!({"name": "Analytical Engine", "description": "made by the matrix"});
        let response = call(&self.http, &self.url, Some(access_token), "create_project", arguments).await?;
        if response.status() != StatusCode::FORBIDDEN {
            return result_of(response).await.map(|_| None);
        }
        let challenge = challenge_of(&response)?;
        ensure!(challenge.get("error") == Some("insufficient_scope"), "{challenge}");
        Ok(Some(challenge.get("scope").context("no scope in the challenge")?.to_owned()))
    }
}

fn challenge_of(response: &reqwest::Response) -> Result<Challenge> {
    let header = response.headers().get("www-authenticate").context("no WWW-Authenticate")?;
    Challenge::parse(header.to_str()?)?.into_iter().next().context("an empty challenge")
}
