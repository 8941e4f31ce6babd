//! `authgent client`

use super::Context;
use super::answer::{Answer, Failure, date, table};
use crate::crypto::hash::token_hash;
use crate::crypto::random::{secret, uuid_v4};
use crate::domain::{self, ClientOrigin, RevocationReason};
use crate::store::Store;
use authgent_core::metadata::client::{ClientMetadata, GrantType, TokenEndpointAuthMethod};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

const EXAMPLES: &str = "\
A program that acts for itself:
  authgent client add --name 'Nightly job' --confidential --grant-type client_credentials --scope mcp:read

An application that people use, without a secret (PKCE protects it):
  authgent client add --name 'My agent' --redirect-uri http://127.0.0.1/callback

A web application that keeps a secret:
  authgent client add --name 'Dashboard' --confidential --redirect-uri https://app.example.com/callback";

/// Applications that ask for tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Add one. Prints its `client_id` and, once only, its `client_secret`.
    Add(Add),
    /// Show all of them, those that registered themselves included.
    List,
    /// Honour its requests no longer, and revoke what it was granted.
    Disable {
        /// Its `client_id`.
        id: String,
    },
    /// Honour its requests again. What was revoked stays revoked.
    Enable {
        /// Its `client_id`.
        id: String,
    },
    /// Remove it, with everything that it was granted.
    Delete {
        /// Its `client_id`.
        id: String,
    },
}

/// Add an application.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Add {
    /// Its name, as the consent page shows it.
    #[arg(long)]
    name: String,
    /// Where people are sent back to. May be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// It can keep a secret, and gets one.
    #[arg(long)]
    confidential: bool,
    /// What it may use: authorization_code (with refresh_token) or client_credentials; the first where it is left out.
    /// May be repeated.
    #[arg(long = "grant-type", value_name = "GRANT", value_parser = parse_grant_type)]
    grant_types: Vec<GrantType>,
    /// The most that it may ask for with client_credentials, such as 'mcp:read mcp:write'. Without it, all that the resource
    /// has. What a person consents to is not limited by it.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
}

impl Client {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => add.run(context, &store).await,
            Self::List => list(&store).await,
            Self::Disable { id } => set_enabled(context, &store, &id, false).await,
            Self::Enable { id } => set_enabled(context, &store, &id, true).await,
            Self::Delete { id } => delete(&store, &id).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        let metadata = self.metadata()?;
        let random = &*context.dependencies.random;
        let client_secret = metadata.token_endpoint_auth_method.has_secret().then(|| secret(random));
        let client = domain::Client {
            secret_hash: client_secret.as_deref().map(token_hash),
            ..domain::Client::new(uuid_v4(random).to_string(), metadata, ClientOrigin::Operator, context.now())
        };
        let transaction = store.begin().await?;
        transaction.insert_client(&client).await?;
        transaction.commit().await?;
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
        let method = match self.confidential {
            true => TokenEndpointAuthMethod::ClientSecretBasic,
            false => TokenEndpointAuthMethod::None,
        };
        let mut document = Map::new();
        document.insert("client_name".into(), self.name.clone().into());
        document.insert("redirect_uris".into(), self.redirect_uris.clone().into());
        document.insert("token_endpoint_auth_method".into(), method.as_str().into());
        if !self.grant_types.is_empty() {
            let names: Vec<_> = self.grant_types.iter().map(|grant| Value::from(grant.as_str())).collect();
            document.insert("grant_types".into(), names.into());
        }
        if let Some(scope) = &self.scope {
            document.insert("scope".into(), scope.clone().into());
        }
        ClientMetadata::parse(&document).map_err(|error| Failure::new(format!("the client cannot be added: {error}")))
    }
}

fn parse_grant_type(name: &str) -> Result<GrantType, String> {
    GrantType::parse(name).ok_or_else(|| "must be authorization_code, refresh_token or client_credentials".to_owned())
}

async fn list(store: &Store) -> Result<Answer, Failure> {
    let clients = store.clients().await?;
    let rows: Vec<_> = clients
        .iter()
        .map(|client| {
            let kind = if client.secret_hash.is_some() { "confidential" } else { "public" };
            let state = if client.enabled { "enabled" } else { "disabled" };
            let used = client.last_used_at.map_or_else(|| "never".to_owned(), date);
            let from = client.origin.as_str().to_owned();
            [client.id.clone(), name(client).to_owned(), kind.to_owned(), state.to_owned(), from, used]
        })
        .collect();
    let text = table(["client_id", "name", "kind", "state", "from", "last used (UTC)"], &rows);
    Ok(Answer::new(clients.iter().map(as_json).collect(), text))
}

async fn set_enabled(context: &Context, store: &Store, id: &str, enabled: bool) -> Result<Answer, Failure> {
    let transaction = store.begin().await?;
    let Some(mut client) = transaction.client(id).await? else {
        return Err(unknown(id));
    };
    transaction.set_client_enabled(id, enabled).await?;
    if !enabled {
        transaction.revoke_grants_of_client(id, context.now(), RevocationReason::ClientDisabled).await?;
    }
    transaction.commit().await?;
    client.enabled = enabled;
    let text = if enabled { "may ask for tokens again" } else { "is disabled, and its grants are revoked" };
    Ok(Answer::new(as_json(&client), format!("{id} {text}")))
}

async fn delete(store: &Store, id: &str) -> Result<Answer, Failure> {
    let transaction = store.begin().await?;
    let Some(client) = transaction.client(id).await? else {
        return Err(unknown(id));
    };
    transaction.delete_client(id).await?;
    transaction.commit().await?;
    Ok(Answer::new(as_json(&client), format!("Deleted {id} ({})", name(&client))))
}

fn unknown(id: &str) -> Failure {
    Failure::new(format!("there is no client with the client_id {id}: `authgent client list` shows all of them"))
}

fn name(client: &domain::Client) -> &str {
    client.metadata.client_name.as_deref().unwrap_or("(no name)")
}

/// Its metadata, and what we know about it. Never a hash.
fn as_json(client: &domain::Client) -> Value {
    let mut json = json!({
        "client_id": client.id, "origin": client.origin.as_str(), "enabled": client.enabled,
        "created_at": client.created_at, "last_used_at": client.last_used_at,
    });
    // A struct of strings and lists is always an object.
    if let (Ok(Value::Object(metadata)), Some(json)) = (serde_json::to_value(&client.metadata), json.as_object_mut()) {
        json.extend(metadata);
    }
    json
}
