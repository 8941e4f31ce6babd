//! Other authorization servers, from `tests/bench/peers`. Of each no more is known than its issuer and its clients.

use crate::authgent::{REDIRECT_URI, RESOURCE, SCOPE, VERIFIER, chains, client_credentials};
use crate::child::Running;
use crate::client::Endpoint;
use crate::load::Work;
use anyhow::{Context as _, Result, ensure};
use authgent_core::pkce::CodeVerifier;
use authgent_tests::browser::{Browser, query};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use url::Url;

/// A running one.
pub(crate) struct Peer {
    /// Its process.
    pub(crate) process: Running,
    told: Told,
    token: Endpoint,
    metadata: Value,
    http: reqwest::Client,
}

/// What it tells when it listens.
#[derive(Deserialize)]
struct Told {
    program: String,
    issuer: String,
    service: Service,
    public: String,
}

#[derive(Deserialize)]
struct Service {
    client_id: String,
    client_secret: String,
}

/// The folder of the peers, with their packages in it.
fn installed() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers");
    if !folder.join("node_modules/.package-lock.json").is_file() {
        eprintln!("installing the peers in {}", folder.display());
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        let output = Command::new("npm").args(arguments).current_dir(&folder).output().context("npm")?;
        ensure!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(folder)
}

impl Peer {
    /// Starts the one of this name, after installing it where it is missing.
    pub(crate) async fn start(name: &str) -> Result<Self> {
        let folder = installed()?;
        let mut command = Command::new(folder.join("node_modules/.bin/node"));
        command.arg(format!("{name}.mjs")).current_dir(&folder).env("NODE_ENV", "production");
        let (process, line) = Running::start_and_listen(&mut command)?;
        let told: Told = serde_json::from_str(&line)?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/.well-known/oauth-authorization-server", told.issuer);
        let metadata: Value = http.get(url).send().await?.error_for_status()?.json().await?;
        let token = Endpoint::parse(metadata["token_endpoint"].as_str().context("token_endpoint")?)?;
        Ok(Self { process, told, token, metadata, http })
    }

    /// Its name and version, and of what runs it.
    pub(crate) fn program(&self) -> &str {
        &self.told.program
    }

    /// Its token endpoint.
    pub(crate) fn token(&self) -> &Endpoint {
        &self.token
    }

    /// Tokens for a client that acts for itself.
    pub(crate) fn client_credentials(&self) -> Work {
        client_credentials(&self.token, &self.told.service.client_id, &self.told.service.client_secret)
    }

    /// Refreshes, in so many chains.
    pub(crate) async fn chains(&self, count: usize) -> Result<Work> {
        let browser = Browser::new()?;
        let mut tokens = VecDeque::with_capacity(count);
        for _ in 0..count {
            tokens.push_back(self.refresh_token(&browser).await?);
        }
        Ok(chains(&self.token, &self.told.public, tokens))
    }

    async fn refresh_token(&self, browser: &Browser) -> Result<String> {
        let mut url = Url::parse(self.metadata["authorization_endpoint"].as_str().context("authorization_endpoint")?)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.told.public)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", SCOPE)
            .append_pair("resource", RESOURCE)
            .append_pair("code_challenge", &CodeVerifier::parse(VERIFIER)?.challenge().to_string())
            .append_pair("code_challenge_method", "S256");
        let page = browser.follow(browser.get(&url).await?).await?;
        let location = page.location().with_context(|| format!("no redirect from {}: {}", page.url, page.body))?;
        let code = query(&location, "code").with_context(|| format!("no code in {location}"))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", &self.told.public),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ];
        let token_endpoint = self.metadata["token_endpoint"].as_str().context("token_endpoint")?;
        let response = self.http.post(token_endpoint).form(&form).send().await?;
        let tokens: Value = response.error_for_status()?.json().await?;
        Ok(tokens["refresh_token"].as_str().with_context(|| format!("no refresh token in {tokens}"))?.to_owned())
    }
}
