//! `authgent client add`

use super::{as_json, name};
use crate::cli::Context;
use crate::cli::answer::{Answer, Failure};
use crate::crypto::hash::token_hash;
use crate::crypto::random::{secret, uuid_v4};
use crate::domain::{self, ClientOrigin, ConsentMode};
use crate::store::Store;
use authgent_core::metadata::client::{ClientMetadata, GrantType, TokenEndpointAuthMethod};
use clap::Args;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
A program that acts for itself:
  authgent client add --name 'Nightly job' --confidential --grant-type client_credentials --scope mcp:read

The same with a key of its own in the place of a secret:
  authgent client add --name 'Nightly job' --grant-type client_credentials --jwks-file nightly-job.jwks.json

An application that people use, without a secret (PKCE protects it):
  authgent client add --name 'My agent' --redirect-uri http://127.0.0.1/callback

A web application that keeps a secret:
  authgent client add --name 'Dashboard' --confidential --redirect-uri https://app.example.com/callback \\
    --post-logout-redirect-uri https://app.example.com/";

/// Add an application.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Add {
    /// Its name, as the consent page shows it.
    #[arg(long)]
    name: String,
    /// Where people are sent back to. May be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where people may be sent to after they signed out, letter by letter. May be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// It can keep a secret, and gets one. Short for --auth-method client_secret_basic.
    #[arg(long, conflicts_with_all = ["auth_method", "jwks_file", "jwks_uri"])]
    confidential: bool,
    /// How it authenticates: none, client_secret_basic, client_secret_post or private_key_jwt. Where it is left out: with its
    /// key where there is one, otherwise not at all.
    #[arg(long, value_name = "METHOD", value_parser = parse_auth_method)]
    auth_method: Option<TokenEndpointAuthMethod>,
    /// A file with its public keys, a JSON Web Key Set.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// The https URL of its public keys.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// What it may use: authorization_code (with refresh_token) or client_credentials; the first where it is left out.
    /// May be repeated.
    #[arg(long = "grant-type", value_name = "GRANT", value_parser = parse_grant_type)]
    grant_types: Vec<GrantType>,
    /// The most that it may ask for with client_credentials, such as 'mcp:read mcp:write'. Without it, all that the resource
    /// has. What a person consents to is not limited by it.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// When people are asked about it: `remember` until something changes, `always`, or `skip` for an application of your own.
    /// Scopes that a resource calls dangerous are asked about all the same.
    #[arg(long, value_name = "MODE", default_value = "remember", value_parser = super::parse_consent)]
    consent: ConsentMode,
}

impl Add {
    pub(super) async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        let metadata = self.metadata()?;
        let random = &*context.dependencies.random;
        let client_secret = metadata.token_endpoint_auth_method.has_secret().then(|| secret(random));
        let client = domain::Client {
            secret_hash: client_secret.as_deref().map(token_hash),
            consent: self.consent,
            ..domain::Client::new(uuid_v4(random).to_string(), metadata, ClientOrigin::Operator, context.now())
        };
        context.change(store, async |tx| Ok(tx.insert_client(&client).await?)).await?;
        let mut json = as_json(&client);
        let mut text = format!("Added {}\nclient_id      {}", name(&client), client.id);
        if let Some(client_secret) = client_secret {
            text.push_str(&format!(
                "\nclient_secret  {client_secret}\nThe secret is shown this once: only its hash is kept."
            ));
            json["client_secret"] = client_secret.into();
        }
        Ok(Answer::new(json, text))
    }

    /// Through the same checks as a client that registers itself (RFC 7591).
    fn metadata(&self) -> Result<ClientMetadata, Failure> {
        let has_keys = self.jwks_file.is_some() || self.jwks_uri.is_some();
        let method = self.auth_method.unwrap_or(match (self.confidential, has_keys) {
            (true, _) => TokenEndpointAuthMethod::ClientSecretBasic,
            (false, true) => TokenEndpointAuthMethod::PrivateKeyJwt,
            (false, false) => TokenEndpointAuthMethod::None,
        });
        let mut document = Map::new();
        document.insert("client_name".into(), self.name.clone().into());
        document.insert("redirect_uris".into(), self.redirect_uris.clone().into());
        document.insert("post_logout_redirect_uris".into(), self.post_logout_redirect_uris.clone().into());
        document.insert("token_endpoint_auth_method".into(), method.as_str().into());
        if let Some(file) = &self.jwks_file {
            document.insert("jwks".into(), read_json(file)?);
        }
        if let Some(uri) = &self.jwks_uri {
            document.insert("jwks_uri".into(), uri.clone().into());
        }
        if !self.grant_types.is_empty() {
            let names: Vec<_> = self.grant_types.iter().map(|grant| Value::from(grant.as_str())).collect();
            document.insert("grant_types".into(), names.into());
        }
        if let Some(scope) = &self.scope {
            document.insert("scope".into(), scope.clone().into());
        }
        let needs_keys = self.auth_method == Some(TokenEndpointAuthMethod::PrivateKeyJwt);
        if needs_keys && self.jwks_file.is_none() && self.jwks_uri.is_none() {
            return Err(Failure::new("--auth-method private_key_jwt needs --jwks-file or --jwks-uri"));
        }
        ClientMetadata::parse(&document).map_err(|error| Failure::new(format!("the client cannot be added: {error}")))
    }
}

fn read_json(file: &Path) -> Result<Value, Failure> {
    let failure = |problem: String| Failure::new(format!("{} {problem}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| failure(format!("cannot be read: {error}")))?;
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(failure("is a key in PEM: expected a JSON Web Key Set with the public key".to_owned()));
    }
    serde_json::from_slice(&bytes).map_err(|error| failure(format!("is no JSON Web Key Set: {error}")))
}

fn parse_grant_type(name: &str) -> Result<GrantType, String> {
    GrantType::parse(name).ok_or_else(|| "must be authorization_code, refresh_token or client_credentials".to_owned())
}

fn parse_auth_method(name: &str) -> Result<TokenEndpointAuthMethod, String> {
    TokenEndpointAuthMethod::parse(name).ok_or_else(|| {
        let known: Vec<_> = TokenEndpointAuthMethod::ALL.iter().map(|method| method.as_str()).collect();
        format!("must be one of {}", known.join(", "))
    })
}
