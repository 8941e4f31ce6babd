//! The authorization code flow of a client, with every parameter within a test's reach.

use crate::browser::{Browser, query};
use crate::server::{PASSWORD, RESOURCE, TestServer};
use anyhow::{Context as _, Result};
use authgent_core::pkce::CodeVerifier;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

/// The redirect URI of the clients that [`Flow::new`] registers.
pub const REDIRECT_URI: &str = "http://127.0.0.1/callback";
/// The one that it presents: another port, as native applications do.
pub const PRESENTED_REDIRECT_URI: &str = "http://127.0.0.1:49152/callback";
/// The redirect URI of the client of [`Flow::on_the_web`].
pub const WEB_REDIRECT_URI: &str = "https://agent.example.com/callback";
/// The person who signs in.
pub const EMAIL: &str = "ada@example.com";

/// A client in the middle of its flow.
pub struct Flow<'a> {
    /// The server.
    pub server: &'a TestServer,
    /// The person's browser.
    pub browser: Browser,
    /// The client.
    pub client_id: String,
    /// Its verifier.
    pub verifier: CodeVerifier,
    /// The parameters of the authorization request.
    pub parameters: Vec<(String, String)>,
}

impl<'a> Flow<'a> {
    /// A public client that has registered itself, and a person with an account.
    ///
    /// # Errors
    /// Where the server refuses either.
    pub async fn new(server: &'a TestServer) -> Result<Self> {
        Self::person(server).await?;
        let client_id = server.public_client(REDIRECT_URI).await?;
        Self::of_client(server, &client_id)
    }

    /// The same of a client on the web: what is allowed to it is remembered, because the address proves who gets the code.
    ///
    /// # Errors
    /// Where the server refuses either.
    pub async fn on_the_web(server: &'a TestServer) -> Result<Self> {
        Self::person(server).await?;
        let client_id = server.public_client(WEB_REDIRECT_URI).await?;
        Ok(Self::of_client(server, &client_id)?.with("redirect_uri", WEB_REDIRECT_URI))
    }

    async fn person(server: &TestServer) -> Result<()> {
        if server.store.user_by_email(&authgent_server::domain::Email::parse(EMAIL)?).await?.is_none() {
            server.add_user(EMAIL).await?;
        }
        Ok(())
    }

    /// The flow of a client that exists.
    ///
    /// # Errors
    /// Where no browser can be made.
    pub fn of_client(server: &'a TestServer, client_id: &str) -> Result<Self> {
        let mut random = [0; 32];
        random[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        let verifier = CodeVerifier::from_random(random);
        let challenge = verifier.challenge().to_string();
        let parameters = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", PRESENTED_REDIRECT_URI),
            ("state", "a state & more"),
            ("scope", "mcp:read"),
            ("resource", RESOURCE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(Self { server, browser: Browser::new()?, client_id: client_id.to_owned(), verifier, parameters })
    }

    /// Changes a parameter of the authorization request, or adds it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Changes a parameter of the authorization request, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    /// Leaves a parameter out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self
    }

    /// Sends a parameter twice.
    #[must_use]
    pub fn with_another(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The URL of the authorization request.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        format!("{}?{query}", self.server.url("/oauth/authorize"))
    }

    /// The person signs in and allows everything; gives the redirect back to the client.
    ///
    /// # Errors
    /// Where a page says something else.
    pub async fn redirected(&self) -> Result<Url> {
        self.browser.authorize(self.authorize_url(), EMAIL, PASSWORD).await
    }

    /// The same, and gives the code.
    ///
    /// # Errors
    /// Where the redirect carries none.
    pub async fn code(&self) -> Result<String> {
        let location = self.redirected().await?;
        query(&location, "code").with_context(|| format!("no code in {location}"))
    }

    /// The form of the token request for `code`.
    #[must_use]
    pub fn exchange_form<'b>(&'b self, code: &'b str) -> Vec<(&'b str, &'b str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", PRESENTED_REDIRECT_URI),
            ("client_id", &self.client_id),
            ("code_verifier", self.verifier.as_str()),
            ("resource", RESOURCE),
        ]
    }

    /// Exchanges a code. Gives status and body.
    ///
    /// # Errors
    /// Where no answer comes.
    pub async fn exchange(&self, code: &str) -> Result<(u16, Value)> {
        self.server.post("/oauth/token", &self.exchange_form(code)).await
    }

    /// The whole flow; gives the tokens.
    ///
    /// # Errors
    /// Where any step fails.
    pub async fn tokens(&self) -> Result<Value> {
        let (status, body) = self.exchange(&self.code().await?).await?;
        anyhow::ensure!(status == 200, "{status}: {body}");
        Ok(body)
    }

    /// Refreshes. Gives status and body.
    ///
    /// # Errors
    /// Where no answer comes.
    pub async fn refresh(&self, refresh_token: &str) -> Result<(u16, Value)> {
        self.server
            .post(
                "/oauth/token",
                &[("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", &self.client_id)],
            )
            .await
    }
}

/// The payload of a JWT, unverified.
///
/// # Errors
/// Where it is none.
pub fn payload(token: &str) -> Result<Value> {
    part(token, 1)
}

/// The header of a JWT.
///
/// # Errors
/// Where it is none.
pub fn header(token: &str) -> Result<Value> {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Result<Value> {
    use base64::Engine as _;
    let part = token.split('.').nth(index).context("three parts")?;
    Ok(serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part)?)?)
}

/// A forgery of a JWT: the same claims under `alg` `none`, without a signature (RFC 7519, section 6).
///
/// # Errors
/// Where it is no JWT.
pub fn without_signature(token: &str) -> Result<String> {
    use base64::Engine as _;
    let mut header = header(token)?;
    header["alg"] = "none".into();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string());
    Ok(format!("{header}.{}.", token.split('.').nth(1).context("three parts")?))
}
