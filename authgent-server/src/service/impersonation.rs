//! Clients that call themselves what another client is called, for which the operator vouches.
//!
//! Anybody may register under any name. What cannot be chosen freely is where the answer goes to and where a document
//! stands: a client with the name of another one, but without its hosts, is pointed out on the consent page.

use crate::domain::look_alike::{Likeness, likeness};
use crate::domain::{Client, ClientOrigin};
use crate::service::{Services, client_documents};
use crate::store::StoreError;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::metadata::client_document::ClientIdUrl;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};

/// How many clients of the operator and of documents are compared with.
const COMPARED: u64 = 500;

/// The client whose name another one uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imitated {
    /// Its name.
    pub name: String,
    /// Where it is at home: the host of its document, or the one that its answers go to.
    pub host: Option<String>,
    /// How like the names are.
    pub likeness: Likeness,
}

/// A client that is vouched for.
struct Known {
    name: String,
    hosts: Vec<String>,
}

impl Known {
    fn new(metadata: &ClientMetadata, document: Option<&ClientIdUrl>) -> Option<Self> {
        let of_redirects = metadata.redirect_uris.iter().filter_map(web_host);
        let hosts = document.map(|id| id.host().to_owned()).into_iter().chain(of_redirects).collect();
        Some(Self { name: metadata.client_name.clone()?, hosts })
    }
}

/// The client that `client` seems to be and is not; `None` where there is none, where the operator vouches for `client`
/// itself, and where nobody could tell: a program on the person's computer has no host that would give it away.
///
/// # Errors
/// [`StoreError`].
pub async fn imitated(
    services: &Services,
    client: &Client,
    redirect_uri: &RedirectUri,
) -> Result<Option<Imitated>, StoreError> {
    let settings = &services.settings;
    let Some(name) = client.metadata.client_name.as_deref().filter(|_| !settings.vouches_for(client)) else {
        return Ok(None);
    };
    let Some(home) = home(client, redirect_uri) else {
        return Ok(None);
    };
    let well_known = client_documents::well_known().filter(|(id, _)| settings.trusts_host(id.host()));
    let mut known: Vec<Known> = well_known.filter_map(|(id, metadata)| Known::new(&metadata, Some(&id))).collect();
    let others = services.store.clients_that_did_not_register(COMPARED).await?;
    for other in others.iter().filter(|other| other.enabled && settings.vouches_for(other)) {
        known.extend(Known::new(&other.metadata, ClientIdUrl::parse(&other.id).ok().as_ref()));
    }
    Ok(found(name, &home, known))
}

/// The host that says where a client is at home: that of its document, or the one that the answer goes to.
fn home(client: &Client, redirect_uri: &RedirectUri) -> Option<String> {
    match client.origin {
        ClientOrigin::Document => ClientIdUrl::parse(&client.id).ok().map(|id| id.host().to_owned()),
        ClientOrigin::Registered | ClientOrigin::Operator => web_host(redirect_uri),
    }
}

fn web_host(uri: &RedirectUri) -> Option<String> {
    let host = uri.host().filter(|_| uri.kind() == RedirectUriKind::Https)?;
    Some(host.split(':').next().unwrap_or_default().to_owned())
}

fn found(name: &str, home: &str, known: Vec<Known>) -> Option<Imitated> {
    let alike = known.into_iter().filter_map(|known| likeness(name, &known.name).map(|likeness| (likeness, known)));
    let mut alike: Vec<_> = alike.collect();
    // Claude at a host of Claude's is Claude, however it came here (claude.ai registers where there are no documents).
    if alike.iter().any(|(_, known)| known.hosts.iter().any(|host| host == home)) {
        return None;
    }
    alike.sort_by_key(|(likeness, _)| *likeness == Likeness::Within);
    let (likeness, known) = alike.into_iter().next()?;
    Some(Imitated { name: known.name, host: known.hosts.into_iter().next(), likeness })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, home: &str) -> Option<(String, Likeness)> {
        let known = |name: &str, host: &str| Known { name: name.into(), hosts: vec![host.into()] };
        let known = vec![known("Claude Code", "claude.ai"), known("Claude", "claude.ai"), known("Zed", "zed.dev")];
        super::found(name, home, known).map(|imitated| (imitated.name, imitated.likeness))
    }

    #[test]
    fn a_name_at_another_host_is_an_imitation() {
        assert_eq!(found("CIaude", "evil.example"), Some(("Claude".into(), Likeness::Same)));
        assert_eq!(found("claude code", "evil.example"), Some(("Claude Code".into(), Likeness::Same)));
        assert_eq!(found("Claude Helper", "evil.example"), Some(("Claude".into(), Likeness::Within)));
        assert_eq!(found("Zed", "claude.ai"), Some(("Zed".into(), Likeness::Same)));
    }

    #[test]
    fn a_name_at_its_own_host_is_not() {
        assert_eq!(found("Claude", "claude.ai"), None);
        assert_eq!(found("Claude Desktop", "claude.ai"), None);
        assert_eq!(found("Something else", "evil.example"), None);
    }
}
