//! The main job, step by step, over real HTTP: what a client that has never seen the server does, and what a person does
//! beside it. `cargo demo --headless` prints it; the tests assert it.

use crate::browser::{Browser, query};
use anyhow::{Context as _, Result, bail, ensure};
use authgent_core::challenge::Challenge;
use authgent_core::metadata::resource::ProtectedResourceMetadata;
use authgent_core::metadata::server::AuthorizationServerMetadata;
use authgent_core::pkce::{CodeVerifier, S256};
use authgent_core::scope::Scope;
use authgent_core::wire::token::TokenResponse;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// The MCP revision that the journey speaks.
pub const PROTOCOL_VERSION: &str = "2026-07-28";

/// Where the client waits for its answer. Nobody listens there: the journey reads the redirect itself.
const REDIRECT_URI: &str = "http://127.0.0.1:7777/callback";

/// What a journey needs to know beforehand: the address of an MCP server, and a person's account.
pub struct Traveller {
    /// The URL of the MCP server.
    pub mcp: String,
    /// The issuer that it must name, where that is known.
    pub issuer: Option<String>,
    /// The e-mail address of the person.
    pub email: String,
    /// Their password.
    pub password: String,
}

/// Takes each step as it is done.
pub trait Narrator {
    /// A step begins: its title.
    fn step(&mut self, title: &str);
    /// What was sent or received, in one line. Never a secret.
    fn detail(&mut self, text: &str);
}

/// A client in the middle of its journey.
pub struct Journey<'a, N> {
    traveller: Traveller,
    narrator: &'a mut N,
    http: reqwest::Client,
    browser: Browser,
    server: AuthorizationServerMetadata,
    resource: ProtectedResourceMetadata,
    client_id: String,
    tokens: TokenResponse,
    scope: Scope,
}

/// Walks the whole journey.
///
/// # Errors
/// At the first step that goes otherwise than it must.
pub async fn walk<N: Narrator>(traveller: Traveller, narrator: &mut N) -> Result<()> {
    let mut journey = Journey::connect(traveller, narrator).await?;
    journey.whoami().await?;
    journey.step_up_and_create_a_project().await?;
    journey.refresh().await?;
    journey.revoke().await
}

impl<'a, N: Narrator> Journey<'a, N> {
    /// From the first refused request to an access token.
    async fn connect(traveller: Traveller, narrator: &'a mut N) -> Result<Self> {
        let http =
            reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(Duration::from_secs(30)).build()?;

        narrator.step("Call the MCP server without a token");
        let response = call(&http, &traveller.mcp, None, "whoami", json!({})).await?;
        let (status, challenge) = challenge_of(&response)?;
        narrator.detail(&format!("POST {} -> {status}", traveller.mcp));
        narrator.detail(&format!("WWW-Authenticate: {challenge}"));
        ensure!(
            status == StatusCode::UNAUTHORIZED && challenge.get("error").is_none(),
            "expected 401 without an error"
        );

        narrator.step("Discover the protected resource and its authorization server");
        let url = challenge.get("resource_metadata").context("the challenge names no resource_metadata")?;
        let resource: ProtectedResourceMetadata = get_json(&http, url).await?;
        narrator.detail(&format!(
            "GET {url} -> resource {}, authorization server {}",
            resource.resource,
            resource.authorization_servers.join(" ")
        ));
        ensure!(
            resource.resource == traveller.mcp,
            "the resource {} is not the URL that was called",
            resource.resource
        );
        let issuer = authgent_core::issuer::Issuer::parse(
            resource.authorization_servers.first().context("no authorization server")?,
        )?;
        let url = format!("{}{}", issuer.origin(), issuer.metadata_paths()[0]);
        let server: AuthorizationServerMetadata = get_json(&http, &url).await?;
        narrator.detail(&format!("GET {url} -> issuer {}", server.issuer));
        ensure!(server.issuer == issuer.as_str(), "the issuer must be equal letter by letter");
        ensure!(
            traveller.issuer.as_ref().is_none_or(|expected| *expected == server.issuer),
            "another issuer than expected"
        );
        ensure!(server.code_challenge_methods_supported.iter().any(|method| method == S256), "S256 is not offered");

        narrator.step("Register");
        let scope = challenge.get("scope").map(Scope::parse).transpose()?.unwrap_or_default();
        let metadata = json!({"client_name": "Authgent demo client", "redirect_uris": [REDIRECT_URI], "application_type": "native", "token_endpoint_auth_method": "none"});
        let endpoint = server.registration_endpoint.as_deref().context("no registration_endpoint")?;
        let response = http.post(endpoint).json(&metadata).send().await?;
        ensure!(response.status() == StatusCode::CREATED, "registration: {}", response.text().await?);
        let client_id = response.json::<Value>().await?["client_id"].as_str().context("no client_id")?.to_owned();
        narrator.detail(&format!("POST {endpoint} -> 201, client_id {client_id}"));

        let mut journey = Self {
            traveller,
            narrator,
            http,
            browser: Browser::new()?,
            server,
            resource,
            client_id,
            tokens: no_tokens(),
            scope: scope.clone(),
        };
        journey.authorize("Send the person to sign in and consent", &scope).await?;
        Ok(journey)
    }

    /// An authorization request, the person's answer, and the exchange of the code.
    async fn authorize(&mut self, title: &str, scope: &Scope) -> Result<()> {
        self.narrator.step(title);
        let mut random = [0; 32];
        openssl::rand::rand_bytes(&mut random)?;
        let verifier = CodeVerifier::from_random(random);
        let state = uuid::Uuid::new_v4().to_string();
        let mut url = Url::parse(self.server.authorization_endpoint.as_deref().context("no authorization_endpoint")?)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("state", &state)
            .append_pair("scope", &scope.to_string())
            .append_pair("resource", &self.resource.resource)
            .append_pair("code_challenge", &verifier.challenge().to_string())
            .append_pair("code_challenge_method", S256);
        self.narrator.detail(&format!(
            "GET {}?response_type=code&scope={scope}&resource={}&... as {}",
            strip(&url),
            self.resource.resource,
            self.traveller.email
        ));
        let location = self.browser.authorize(&url, &self.traveller.email, &self.traveller.password).await?;
        ensure!(strip(&location) == REDIRECT_URI, "redirected to {}", strip(&location));
        ensure!(query(&location, "state").as_deref() == Some(&state), "another state came back");
        ensure!(query(&location, "iss").as_deref() == Some(&self.server.issuer), "another iss came back (RFC 9207)");
        let code = query(&location, "code")
            .with_context(|| format!("no code: {:?}", query(&location, "error_description")))?;
        self.narrator.detail(&format!("303 {REDIRECT_URI}?code=...&state=...&iss={}", self.server.issuer));
        self.tokens = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", verifier.as_str()),
                ("resource", &self.resource.resource.clone()),
            ])
            .await?;
        self.scope = self.tokens.scope.clone().unwrap_or_default();
        self.narrator.detail(&format!(
            "POST token -> {} for {} s, scope {}",
            self.tokens.token_type,
            self.tokens.expires_in.unwrap_or_default(),
            self.scope
        ));
        Ok(())
    }

    async fn whoami(&mut self) -> Result<()> {
        self.narrator.step("Call whoami");
        let me = self.tool("whoami", json!({})).await?;
        self.narrator.detail(&me.to_string());
        ensure!(me["email"] == self.traveller.email, "whoami says {}", me["email"]);
        ensure!(
            me["audience"].to_string().contains(&self.resource.resource),
            "the token is for another audience: {}",
            me["audience"]
        );
        Ok(())
    }

    async fn step_up_and_create_a_project(&mut self) -> Result<()> {
        self.narrator.step("Call create_project without mcp:write");
        let arguments = json!({"name": "Analytical Engine", "description": "made by the journey"});
        let response =
            call(&self.http, &self.traveller.mcp, Some(&self.tokens.access_token), "create_project", arguments.clone())
                .await?;
        let (status, challenge) = challenge_of(&response)?;
        self.narrator.detail(&format!("POST {} -> {status}", self.traveller.mcp));
        self.narrator.detail(&format!("WWW-Authenticate: {challenge}"));
        ensure!(
            status == StatusCode::FORBIDDEN && challenge.get("error") == Some("insufficient_scope"),
            "expected 403 insufficient_scope"
        );

        let needed = Scope::parse(challenge.get("scope").context("the challenge names no scope")?)?;
        let union = self.scope.union(&needed);
        self.authorize("Step up: ask for what is missing as well", &union).await?;
        ensure!(union.is_subset(&self.scope), "granted {} instead of {union}", self.scope);

        self.narrator.step("Call create_project with mcp:write");
        let created = self.tool("create_project", arguments).await?;
        self.narrator.detail(&created.to_string());
        let projects = self.tool("list_projects", json!({})).await?;
        ensure!(projects.to_string().contains("Analytical Engine"), "the project is not listed: {projects}");
        Ok(())
    }

    async fn refresh(&mut self) -> Result<()> {
        self.narrator.step("Refresh");
        let refresh_token = self.tokens.refresh_token.clone().context("no refresh token")?;
        self.tokens = self
            .token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", &refresh_token),
                ("resource", &self.resource.resource.clone()),
            ])
            .await?;
        ensure!(
            self.tokens.refresh_token.as_deref().is_some_and(|next| next != refresh_token),
            "the refresh token did not rotate"
        );
        self.tool("whoami", json!({})).await?;
        self.narrator.detail("POST token -> a new access token and the next refresh token; whoami answers");
        Ok(())
    }

    async fn revoke(&mut self) -> Result<()> {
        self.narrator.step("Revoke the grant");
        let refresh_token = self.tokens.refresh_token.clone().context("no refresh token")?;
        let endpoint = self.server.revocation_endpoint.as_deref().context("no revocation_endpoint")?;
        let response = self
            .http
            .post(endpoint)
            .form(&[("token", refresh_token.as_str()), ("client_id", &self.client_id)])
            .send()
            .await?;
        ensure!(response.status() == StatusCode::OK, "revocation: {}", response.status());
        self.narrator.detail(&format!("POST {endpoint} -> 200"));
        let endpoint = self.server.token_endpoint.as_deref().context("no token_endpoint")?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh_token), ("client_id", &self.client_id)];
        let response = self.http.post(endpoint).form(&form).send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        ensure!(
            status == StatusCode::BAD_REQUEST && body["error"] == "invalid_grant",
            "a revoked token was answered with {status} {body}"
        );
        self.narrator.detail(&format!("POST {endpoint} with the revoked refresh token -> 400 {}", body["error"]));
        let life = self.tokens.expires_in.unwrap_or_default();
        self.narrator
            .detail(&format!("cut off: no further token is issued, and the last access token ends within {life} s"));
        Ok(())
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<TokenResponse> {
        let endpoint = self.server.token_endpoint.as_deref().context("no token_endpoint")?;
        let mut form = form.to_vec();
        form.push(("client_id", &self.client_id));
        let response = self.http.post(endpoint).form(&form).send().await?;
        ensure!(
            response.status() == StatusCode::OK,
            "the token endpoint answered {}: {}",
            response.status(),
            response.text().await?
        );
        Ok(response.json().await?)
    }

    async fn tool(&self, name: &str, arguments: Value) -> Result<Value> {
        let response = call(&self.http, &self.traveller.mcp, Some(&self.tokens.access_token), name, arguments).await?;
        result_of(response).await
    }
}

fn no_tokens() -> TokenResponse {
    TokenResponse {
        access_token: String::new(),
        token_type: String::new(),
        expires_in: None,
        refresh_token: None,
        scope: None,
        id_token: None,
    }
}

/// Calls a tool of an MCP server, statelessly as the revision 2026-07-28 does.
///
/// # Errors
/// Where no answer comes.
pub async fn call(
    http: &reqwest::Client,
    mcp: &str,
    token: Option<&str>,
    tool: &str,
    arguments: Value,
) -> Result<Response> {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
            "io.modelcontextprotocol/clientInfo": {"name": "authgent-demo", "version": env!("CARGO_PKG_VERSION")},
            "io.modelcontextprotocol/clientCapabilities": {},
        }},
    });
    let mut request = http
        .post(mcp)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", PROTOCOL_VERSION)
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Ok(request.send().await?)
}

/// The structured result of a tool call, out of JSON or an event stream.
///
/// # Errors
/// Where the call failed.
pub async fn result_of(response: Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    ensure!(status == StatusCode::OK, "the MCP server answered {status}: {text}");
    let json = match text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim)
        .find(|data| data.contains("\"jsonrpc\""))
    {
        Some(event) => event.to_owned(),
        None => text,
    };
    let message: Value = serde_json::from_str(&json)?;
    let result = &message["result"];
    if result["isError"] == true || result.is_null() {
        bail!("the tool failed: {message}");
    }
    match &result["structuredContent"] {
        Value::Null => Ok(serde_json::from_str(result["content"][0]["text"].as_str().unwrap_or_default())?),
        content => Ok(content.clone()),
    }
}

fn challenge_of(response: &Response) -> Result<(StatusCode, Challenge)> {
    let status = response.status();
    let header =
        response.headers().get("www-authenticate").with_context(|| format!("{status} without WWW-Authenticate"))?;
    let challenge = Challenge::parse(header.to_str()?)?.into_iter().next().context("an empty challenge")?;
    Ok((status, challenge))
}

async fn get_json<T: serde::de::DeserializeOwned>(http: &reqwest::Client, url: &str) -> Result<T> {
    let response = http.get(url).header("mcp-protocol-version", PROTOCOL_VERSION).send().await?;
    ensure!(response.status() == StatusCode::OK, "{url} answered {}", response.status());
    Ok(response.json().await?)
}

fn strip(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}
