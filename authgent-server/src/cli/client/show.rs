//! `authgent client list` and `authgent client show`

use super::{as_json, host, name, unknown};
use crate::cli::answer::{Answer, Failure, date, table};
use crate::domain::{Client, ClientOrigin};
use crate::store::Store;
use authgent_core::time::Timestamp;

pub(super) async fn list(store: &Store) -> Result<Answer, Failure> {
    let clients = store.clients().await?;
    let rows: Vec<_> = clients
        .iter()
        .map(|client| {
            let kind =
                if client.metadata.token_endpoint_auth_method.is_confidential() { "confidential" } else { "public" };
            [
                client.id.clone(),
                name(client).to_owned(),
                host(client).unwrap_or_default(),
                kind.to_owned(),
                state(client).to_owned(),
                client.origin.as_str().to_owned(),
                client.consent.as_str().to_owned(),
                last_use(client),
            ]
        })
        .collect();
    let text = table(["client_id", "name", "host", "kind", "state", "from", "consent", "last used (UTC)"], &rows);
    Ok(Answer::new(clients.iter().map(as_json).collect(), text))
}

pub(super) async fn show(store: &Store, id: &str, now: Timestamp) -> Result<Answer, Failure> {
    let client = store.client(id).await?.ok_or_else(|| unknown(id))?;
    let grants = store.live_grants_of_client(id).await?;
    let mut json = as_json(&client);
    json["live_grants"] = grants.into();
    json["fresh_until"] = client.fresh_until.map(|at| at.0).into();
    json["scope_limit"] = client.scope_limit.as_ref().map(ToString::to_string).into();
    json["shared"] = client.fingerprint.is_some().into();
    json["manages_itself"] = client.registration_token_hash.is_some().into();

    let from = match client.origin {
        ClientOrigin::Operator => "the operator made it".to_owned(),
        ClientOrigin::Registered if client.fingerprint.is_some() => {
            "it registered itself; every installation of it shares this one".to_owned()
        }
        ClientOrigin::Registered => "it registered itself".to_owned(),
        ClientOrigin::Document => format!("its document, {}", freshness(&client, now)),
    };
    let mut lines = vec![
        ("client_id", client.id.clone()),
        ("name", name(&client).to_owned()),
        ("from", from),
        ("state", state(&client).to_owned()),
        ("consent", client.consent.as_str().to_owned()),
        ("added", date(client.created_at)),
        ("last used", last_use(&client)),
        ("live grants", grants.to_string()),
    ];
    if let Some(limit) = &client.scope_limit {
        lines.push(("at most", limit.to_string()));
    }
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let head: String = lines.iter().map(|(label, value)| format!("{label:width$}  {value}\n")).collect();
    let metadata = serde_json::to_string_pretty(&client.metadata)?;
    Ok(Answer::new(json, format!("{head}metadata\n{metadata}")))
}

fn state(client: &Client) -> &'static str {
    if client.enabled { "enabled" } else { "disabled" }
}

fn last_use(client: &Client) -> String {
    client.last_used_at.map_or_else(|| "never".to_owned(), date)
}

fn freshness(client: &Client, now: Timestamp) -> String {
    match client.fresh_until {
        Some(until) if now < until => format!("fresh until {}", date(until)),
        Some(until) => format!("stale since {}: fetched again at its next request", date(until)),
        None => "fetched again at its next request".to_owned(),
    }
}
