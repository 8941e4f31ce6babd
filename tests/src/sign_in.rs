//! A small client whose person sits at a real browser: it prints an address, and waits at a loopback port for the answer.

use crate::browser::query;
use anyhow::{Context as _, Result, bail, ensure};
use authgent_core::challenge::Challenge;
use authgent_core::issuer::Issuer;
use authgent_core::metadata::resource::ProtectedResourceMetadata;
use authgent_core::metadata::server::AuthorizationServerMetadata;
use authgent_core::pkce::{CodeVerifier, S256};
use authgent_core::wire::token::TokenResponse;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

const DONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Connected</title>\
    <p>The demo client is connected. You can close this window and look at the terminal.</p></html>";

/// A sign-in that has begun.
pub struct SignIn {
    http: reqwest::Client,
    server: AuthorizationServerMetadata,
    resource: String,
    client_id: String,
    redirect_uri: String,
    verifier: CodeVerifier,
    state: String,
    url: Url,
    listener: TcpListener,
}

impl SignIn {
    /// Discovers the issuer of an MCP server, registers, and listens for the answer.
    ///
    /// # Errors
    /// Where a server says something unexpected.
    pub async fn begin(mcp: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?;
        let response = http.post(mcp).json(&json!({})).send().await?;
        let header = response.headers().get("www-authenticate").context("no challenge")?.to_str()?;
        let challenge = Challenge::parse(header)?.into_iter().next().context("an empty challenge")?;
        let resource: ProtectedResourceMetadata =
            http.get(challenge.get("resource_metadata").context("no resource_metadata")?).send().await?.json().await?;
        let issuer = Issuer::parse(resource.authorization_servers.first().context("no authorization server")?)?;
        let server: AuthorizationServerMetadata =
            http.get(format!("{}{}", issuer.origin(), issuer.metadata_paths()[0])).send().await?.json().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let redirect_uri = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
        let metadata = json!({"client_name": "Authgent demo client", "redirect_uris": [redirect_uri], "application_type": "native", "token_endpoint_auth_method": "none"});
        let endpoint = server.registration_endpoint.as_deref().context("no registration_endpoint")?;
        let client: Value = http.post(endpoint).json(&metadata).send().await?.error_for_status()?.json().await?;
        let client_id = client["client_id"].as_str().context("no client_id")?.to_owned();
        let mut random = [0; 32];
        openssl::rand::rand_bytes(&mut random)?;
        let (verifier, state) = (CodeVerifier::from_random(random), uuid::Uuid::new_v4().to_string());
        let mut url = Url::parse(server.authorization_endpoint.as_deref().context("no authorization_endpoint")?)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("state", &state)
            .append_pair("scope", challenge.get("scope").unwrap_or_default())
            .append_pair("resource", &resource.resource)
            .append_pair("code_challenge", &verifier.challenge().to_string())
            .append_pair("code_challenge_method", S256);
        Ok(Self { http, server, resource: resource.resource, client_id, redirect_uri, verifier, state, url, listener })
    }

    /// The address that the person opens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Waits for the person, and gives the access token.
    ///
    /// # Errors
    /// Where the person refuses, or the answer is not good.
    pub async fn finish(self) -> Result<String> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // Browsers ask for an icon as well, and open connections that they never use.
            let Ok(Some(answer)) =
                tokio::time::timeout(Duration::from_secs(5), self.answer(stream)).await.unwrap_or(Ok(None))
            else {
                continue;
            };
            return self.exchange(&answer).await;
        }
    }

    async fn answer(&self, stream: TcpStream) -> Result<Option<Url>> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let target = line.split(' ').nth(1).unwrap_or_default();
        let answer = Url::parse(&self.redirect_uri)?.join(target).ok().filter(|url| url.path() == "/callback");
        let (status, body) = if answer.is_some() { ("200 OK", DONE) } else { ("404 Not Found", "") };
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await?;
        stream.flush().await?;
        Ok(answer)
    }

    async fn exchange(&self, answer: &Url) -> Result<String> {
        ensure!(query(answer, "state").as_deref() == Some(&self.state), "another state came back");
        ensure!(query(answer, "iss").as_deref() == Some(&self.server.issuer), "another iss came back");
        let Some(code) = query(answer, "code") else {
            bail!("{}", query(answer, "error_description").unwrap_or_else(|| "refused".to_owned()))
        };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &self.redirect_uri),
            ("client_id", &self.client_id),
            ("code_verifier", self.verifier.as_str()),
            ("resource", &self.resource),
        ];
        let endpoint = self.server.token_endpoint.as_deref().context("no token_endpoint")?;
        let tokens: TokenResponse =
            self.http.post(endpoint).form(&form).send().await?.error_for_status()?.json().await?;
        Ok(tokens.access_token)
    }
}
