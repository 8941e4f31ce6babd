//! Clients that call themselves what another client is called, for which the operator vouches.
//!
//! Anybody may register under any name. What cannot be chosen freely is where the answer goes to and where a document
//! stands: a client with the name of another one, but without its hosts, is pointed out on the consent page.

use crate::domain::look_alike::{Likeness, Name};
use crate::domain::{Client, ClientOrigin};
use crate::service::{Services, client_documents};
use crate::store::StoreError;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::metadata::client_document::ClientIdUrl;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};

/// How many clients of the operator and of documents are compared with.
const COMPARED: u64 = 500;
/// Hosts that belong to whoever publishes at another one: claude.ai also sends people back to claude.com.
const SIBLINGS: [(&str, &str); 1] = [("claude.ai", "claude.com")];

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
    /// The host of its document.
    publisher: Option<String>,
    /// The hosts that its answers go to.
    returns_to: Vec<String>,
}

impl Known {
    fn new(metadata: &ClientMetadata, document: Option<&ClientIdUrl>) -> Option<Self> {
        Some(Self {
            name: metadata.client_name.clone()?,
            publisher: document.map(|id| id.host().to_owned()),
            returns_to: metadata.redirect_uris.iter().filter_map(web_host).collect(),
        })
    }

    /// Whether a client at this host is this client's owner's. Below the host of a document is the same owner; below a host
    /// that answers go to may be anybody, where it has many tenants.
    fn is_at_home(&self, host: &str) -> bool {
        let below =
            |publisher: &str| host.strip_suffix(publisher).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let sibling = |publisher: &str| SIBLINGS.contains(&(publisher, host));
        self.publisher.as_deref().is_some_and(|publisher| below(publisher) || sibling(publisher))
            || self.returns_to.iter().any(|known| known == host)
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
    let url = url::Url::parse(uri.as_str()).ok().filter(|_| uri.kind() == RedirectUriKind::Https)?;
    url.host_str().map(str::to_owned)
}

fn found(name: &str, home: &str, known: Vec<Known>) -> Option<Imitated> {
    let name = Name::new(name);
    let likeness = |known: &Known| name.likeness(&Name::new(&known.name));
    let mut alike: Vec<_> = known.into_iter().filter_map(|known| Some((likeness(&known)?, known))).collect();
    // Claude at a host of Claude's is Claude, however it came here (claude.ai registers where there are no documents).
    if alike.iter().any(|(_, known)| known.is_at_home(home)) {
        return None;
    }
    alike.sort_by_key(|(likeness, _)| *likeness == Likeness::Within);
    let (likeness, Known { name, publisher, returns_to }) = alike.into_iter().next()?;
    Some(Imitated { name, host: publisher.or_else(|| returns_to.into_iter().next()), likeness })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, home: &str) -> Option<(String, Likeness)> {
        let published = |name: &str, host: &str| Known {
            name: name.into(),
            publisher: Some(host.into()),
            returns_to: vec!["tenants.example".into()],
        };
        let known = vec![
            published("Claude Code", "claude.ai"),
            published("Claude", "claude.ai"),
            published("Zed", "zed.dev"),
            published("Visual Studio Code", "vscode.dev"),
        ];
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
        assert_eq!(found("Claude", "claude.com"), None);
        assert_eq!(found("Visual Studio Code - Insiders", "insiders.vscode.dev"), None);
        assert_eq!(found("Visual Studio Code", "tenants.example"), None);
        assert_eq!(found("Something else", "evil.example"), None);
    }

    #[test]
    fn a_host_that_looks_like_its_own_is_not() {
        for host in ["evilvscode.dev", "vscode.dev.evil.example", "evil.tenants.example", "claude.com.evil.example"] {
            assert_eq!(
                found("Visual Studio Code", host),
                Some(("Visual Studio Code".into(), Likeness::Same)),
                "{host}"
            );
        }
    }
}
