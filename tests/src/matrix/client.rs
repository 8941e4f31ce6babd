//! A client at the token endpoint: the forms that it posts, and how it authenticates.

use super::fixture::{Authentication, Fixture};
use super::keys::KeyPair;
use crate::server::TestServer;
use anyhow::{Context as _, Result};
use serde_json::Value;

/// A client that is registered.
pub(super) struct Client<'a> {
    pub(super) server: &'a TestServer,
    pub(super) fixture: &'a Fixture,
    pub(super) resource: &'a str,
    pub(super) keys: &'a KeyPair,
    pub(super) id: String,
    pub(super) secret: Option<String>,
    pub(super) authentication: Authentication,
}

impl<'a> Client<'a> {
    /// Somebody who says to be this client, and has other keys.
    pub(super) fn with_keys(&self, keys: &'a KeyPair) -> Self {
        Self { id: self.id.clone(), secret: self.secret.clone(), keys, ..*self }
    }

    /// Exchanges a code. Gives status and body.
    ///
    /// # Errors
    /// Where no answer comes.
    pub(super) async fn exchange(&self, code: &str, redirect_uri: &str, verifier: &str) -> Result<(u16, Value)> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        if self.fixture.token.resource {
            form.push(("resource", self.resource));
        }
        self.post(form, &self.server.issuer).await
    }

    /// Refreshes as the client does, or without `resource`. Gives status and body.
    ///
    /// # Errors
    /// Where no answer comes.
    pub(super) async fn refresh(&self, tokens: &Value, with_resource: bool) -> Result<(u16, Value)> {
        let refresh_token = tokens["refresh_token"].as_str().context("no refresh_token")?;
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        if with_resource {
            form.push(("resource", self.resource));
        }
        if let (true, Some(scope)) = (self.fixture.refresh.scope, tokens["scope"].as_str()) {
            form.push(("scope", scope));
        }
        // Both audiences have been seen: the issuer, and the token endpoint here.
        self.post(form, &self.server.url("/oauth/token")).await
    }

    async fn post(&self, mut form: Vec<(&str, &str)>, audience: &str) -> Result<(u16, Value)> {
        let secret = || self.secret.as_deref().context("the server gave no secret");
        let assertion;
        let mut basic = None;
        match self.authentication {
            Authentication::None => form.push(("client_id", &self.id)),
            Authentication::ClientSecretPost => {
                form.push(("client_id", &self.id));
                form.push(("client_secret", secret()?));
            }
            Authentication::ClientSecretBasic => {
                basic = Some((self.id.as_str(), secret()?));
                if self.fixture.token.client_id_beside_basic {
                    form.push(("client_id", &self.id));
                }
            }
            Authentication::PrivateKeyJwt => {
                assertion = self.keys.assertion(&self.id, audience, &self.server.clock)?;
                form.push(("client_id", &self.id));
                form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                form.push(("client_assertion", &assertion));
            }
        }
        self.server.post_as("/oauth/token", &form, basic).await
    }
}
