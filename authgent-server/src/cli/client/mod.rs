//! `authgent client`

mod add;
mod show;

use super::Context;
use super::answer::{Answer, Failure};
use crate::domain::{self, ClientOrigin, ConsentMode, RevocationReason};
use crate::store::{Store, WriteTransaction};
use authgent_core::metadata::client_document::ClientIdUrl;
use clap::Subcommand;
use serde_json::{Value, json};

/// Applications that ask for tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Add one. Prints its `client_id` and, once only, its `client_secret`.
    Add(add::Add),
    /// Show all of them, those that registered themselves or publish a document included.
    List,
    /// Show everything that is known about one.
    Show {
        /// Its `client_id`.
        id: String,
    },
    /// Change how it is treated.
    Set {
        /// Its `client_id`.
        id: String,
        /// When people are asked about it: `remember` until something changes, `always`, or `skip`, which is for clients that
        /// `client add` made. Scopes that a resource calls dangerous are asked about all the same.
        #[arg(long, value_name = "MODE", value_parser = parse_consent)]
        consent: ConsentMode,
    },
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
    /// Remove it, with everything that it was granted. One that registered itself can register again, one that publishes a
    /// document comes back by itself: disable it to keep it out.
    #[command(visible_alias = "remove")]
    Delete {
        /// Its `client_id`.
        id: String,
    },
}

impl Client {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => add.run(context, &store).await,
            Self::List => show::list(&store).await,
            Self::Show { id } => show::show(&store, &id, context.now()).await,
            Self::Set { id, consent } => set_consent(context, &store, &id, consent).await,
            Self::Disable { id } => set_enabled(context, &store, &id, false).await,
            Self::Enable { id } => set_enabled(context, &store, &id, true).await,
            Self::Delete { id } => delete(context, &store, &id).await,
        }
    }
}

/// First the client, then its grants: it is refused from the first commit on, however many grants there are to revoke.
async fn set_enabled(context: &Context, store: &Store, id: &str, enabled: bool) -> Result<Answer, Failure> {
    let mut client = enable(context, store, id, enabled).await?;
    if !enabled {
        let revoke = async |tx: &WriteTransaction| {
            tx.take_your_time().await?;
            tx.revoke_grants_of_client(id, context.now(), RevocationReason::ClientDisabled).await?;
            Ok(())
        };
        context.change(store, revoke).await?;
    }
    client.enabled = enabled;
    let text = if enabled { "may ask for tokens again" } else { "is disabled, and its grants are revoked" };
    Ok(Answer::new(as_json(&client), format!("{id} {text}")))
}

/// The client as it was before.
async fn enable(context: &Context, store: &Store, id: &str, enabled: bool) -> Result<domain::Client, Failure> {
    let set = async |tx: &WriteTransaction| {
        let client = tx.client(id).await?.ok_or_else(|| unknown(id))?;
        tx.set_client_enabled(id, enabled).await?;
        Ok(client)
    };
    context.change(store, set).await
}

/// How many grants go in one transaction.
const GRANTS_AT_ONCE: u64 = 1000;

async fn set_consent(context: &Context, store: &Store, id: &str, consent: ConsentMode) -> Result<Answer, Failure> {
    let set = async |tx: &WriteTransaction| {
        let client = tx.client(id).await?.ok_or_else(|| unknown(id))?;
        if consent == ConsentMode::Skip && client.origin != ClientOrigin::Operator {
            let sentence = format!(
                "{id} is not yours: only a client that `authgent client add` made may skip consent, because anybody could pretend \
                 to be another one"
            );
            return Err(Failure::new(sentence));
        }
        tx.set_client_consent(id, consent).await?;
        Ok(client)
    };
    let mut client = context.change(store, set).await?;
    client.consent = consent;
    let text = match consent {
        ConsentMode::Remember => "asks people until they have answered, and again when something changes",
        ConsentMode::Always => "asks people each time",
        ConsentMode::Skip => "asks people for nothing but scopes that are dangerous",
    };
    Ok(Answer::new(as_json(&client), format!("{id} {text}")))
}

fn parse_consent(name: &str) -> Result<ConsentMode, String> {
    ConsentMode::parse(name).ok_or_else(|| "must be remember, always or skip".to_owned())
}

/// Its grants go first, some at a time, so that nobody waits for a client with a million of them. It gets no more meanwhile.
async fn delete(context: &Context, store: &Store, id: &str) -> Result<Answer, Failure> {
    let client = enable(context, store, id, false).await?;
    let some = async |tx: &WriteTransaction| Ok(tx.delete_grants_of_client(id, GRANTS_AT_ONCE).await?);
    while context.change(store, some).await? >= GRANTS_AT_ONCE {}
    let rest = async |tx: &WriteTransaction| {
        tx.take_your_time().await?;
        Ok(tx.delete_client(id).await?)
    };
    context.change(store, rest).await?;
    let mut text = format!("Deleted {id} ({})", name(&client));
    if client.origin == ClientOrigin::Document {
        text.push_str(
            "\nIt comes back at its next request. To keep it out, name its host in AUTHGENT_CLIENT_DOCUMENT_DENIED_DOMAINS or, \
             instead of deleting it, use `authgent client disable`.",
        );
    }
    Ok(Answer::new(as_json(&client), text))
}

fn unknown(id: &str) -> Failure {
    Failure::new(format!("there is no client with the client_id {id}: `authgent client list` shows all of them"))
}

fn name(client: &domain::Client) -> &str {
    client.metadata.client_name.as_deref().unwrap_or("(no name)")
}

/// Who publishes its document or, for the others, where its answers go: what tells two clients of one name apart.
fn host(client: &domain::Client) -> Option<String> {
    if client.origin == ClientOrigin::Document {
        return ClientIdUrl::parse(&client.id).ok().map(|id| id.host().to_owned());
    }
    let uri = client.metadata.redirect_uris.first()?;
    Some(uri.host().unwrap_or_else(|| format!("{}:", uri.scheme())))
}

/// Its metadata, and what we know about it. Never a hash.
fn as_json(client: &domain::Client) -> Value {
    let mut json = json!({
        "client_id": client.id, "origin": client.origin.as_str(), "host": host(client), "enabled": client.enabled,
        "consent": client.consent.as_str(),
        "created_at": client.created_at, "last_used_at": client.last_used_at,
    });
    // A struct of strings and lists is always an object.
    if let (Ok(Value::Object(metadata)), Some(json)) = (serde_json::to_value(&client.metadata), json.as_object_mut()) {
        json.extend(metadata);
    }
    json
}
