//! What a client does before it registers: it finds the authorization server, and looks at what that offers.

use super::fixture::{Fixture, Registration, ScopeSource, Way};
use super::resource::McpServer;
use super::step::{Step, Steps};
use crate::journey::PROTOCOL_VERSION;
use crate::server::TestServer;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What a client knows then.
pub(super) struct Known {
    /// The metadata of the authorization server.
    pub(super) metadata: Value,
    challenge: String,
    scopes_of_resource: String,
}

/// From the first refused call to the metadata at the first place that clients look at.
///
/// # Errors
/// Where something is missing that the client needs.
pub(super) async fn discover(way: &Way, server: &TestServer, mcp: &McpServer, steps: &mut Steps) -> Result<Known> {
    let resource = mcp.discover().await?;
    let url = format!("{}/.well-known/oauth-authorization-server", resource.issuer);
    let request = server.http.get(url).header("MCP-Protocol-Version", PROTOCOL_VERSION);
    let metadata: Value = request.send().await?.error_for_status()?.json().await?;
    let has = |member: &str, value: &str| {
        metadata[member].as_array().is_some_and(|values| values.iter().any(|found| found == value))
    };
    ensure!(metadata["issuer"] == *resource.issuer, "issuer: {}", metadata["issuer"]);
    ensure!(metadata["authorization_response_iss_parameter_supported"] == true, "iss is not advertised");
    ensure!(has("code_challenge_methods_supported", "S256"), "S256 is not offered");
    ensure!(has("scopes_supported", "offline_access"), "offline_access is not advertised");
    let method = way.authentication.as_str();
    ensure!(has("token_endpoint_auth_methods_supported", method), "{method} is not offered");
    match way.registration {
        Registration::Document { .. } => {
            // Claude and OpenCode take their documents only where both are there.
            ensure!(metadata["client_id_metadata_document_supported"] == true, "documents are not advertised");
            ensure!(has("token_endpoint_auth_methods_supported", "none"), "none is not offered");
        }
        Registration::Dynamic { .. } => {
            ensure!(metadata["registration_endpoint"].is_string(), "no registration_endpoint");
        }
        Registration::PreRegistered { .. } => {}
    }
    steps.insert(Step::Discovery);
    Ok(Known { metadata, challenge: resource.challenge, scopes_of_resource: resource.scopes_supported })
}

/// What a browser asks before it lets a page at `origin` make its requests.
///
/// # Errors
/// Where a request would be held back, or its answer.
pub(super) async fn preflight(origin: &str, server: &TestServer, steps: &mut Steps) -> Result<()> {
    for (path, method) in [
        ("/.well-known/oauth-authorization-server", "GET"),
        ("/.well-known/openid-configuration", "GET"),
        ("/.well-known/jwks.json", "GET"),
        ("/oauth/register", "POST"),
        ("/oauth/token", "POST"),
        ("/oauth/revoke", "POST"),
    ] {
        let response = server
            .http
            .request(reqwest::Method::OPTIONS, server.url(path))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", "authorization,content-type,mcp-protocol-version")
            .send()
            .await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase()
        };
        let allowed = [origin, "*"].contains(&header("access-control-allow-origin").as_str());
        ensure!(response.status().is_success() && allowed, "preflight of {path}: {}", response.status());
        for name in ["authorization", "content-type", "mcp-protocol-version"] {
            ensure!(header("access-control-allow-headers").contains(name), "preflight of {path}: {name}");
        }
    }
    let url = server.url("/.well-known/oauth-authorization-server");
    let response = server.http.get(url).header("Origin", origin).send().await?;
    ensure!(response.headers().contains_key("access-control-allow-origin"), "the metadata may not be read");
    steps.insert(Step::Preflight);
    Ok(())
}

impl Known {
    /// The scope of an authorization request, with `offline_access` where the client adds it.
    pub(super) fn scope(&self, source: ScopeSource, fixture: &Fixture) -> String {
        let scope = match source {
            ScopeSource::Challenge => self.challenge.clone(),
            ScopeSource::Resource => self.scopes_of_resource.clone(),
            ScopeSource::Server => {
                let scopes = self.metadata["scopes_supported"].as_array().into_iter().flatten();
                scopes.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
        };
        if fixture.authorization.offline_access { format!("{scope} offline_access") } else { scope }
    }

    /// Where a person is sent to.
    ///
    /// # Errors
    /// Where the metadata does not say.
    pub(super) fn authorization_endpoint(&self) -> Result<&str> {
        self.metadata["authorization_endpoint"].as_str().context("no authorization_endpoint")
    }
}
