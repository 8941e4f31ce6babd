//! What a consent page showed, so that the person is asked again when it would show something else.

use crate::crypto::hash::token_hash;
use crate::domain::{Client, Consent, Resource, TokenHash};
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};
use authgent_core::scope::Scope;
use url::Url;

/// How many bytes of a hash are kept of each part. An answer is worth what one person allowed one client; nobody finds a
/// second text with 64 equal bits for that.
const PART: usize = 8;

/// What is not as it was when the person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// What the client calls itself, or its website.
    Client,
    /// Where the answer goes.
    Destination,
    /// What the server is called.
    Resource,
    /// What the permissions say, or which of them are dangerous.
    Scopes,
}

impl Change {
    const ALL: [Self; 4] = [Self::Client, Self::Destination, Self::Resource, Self::Scopes];
}

/// The hash of what a page shows about these scopes: a quarter each for the client, the destination, the resource and the
/// scopes.
#[must_use]
pub fn hash(client: &Client, redirect_uri: &RedirectUri, resource: &Resource, scope: &Scope) -> TokenHash {
    let website = client.metadata.client_uri.as_deref().and_then(host);
    let scopes = scope.iter().filter_map(|token| {
        let description = resource.describe(token)?;
        Some([token.to_string(), description.to_owned(), resource.is_dangerous(token).to_string()])
    });
    let parts = [
        vec![client.metadata.client_name.clone().unwrap_or_default(), website.unwrap_or_default()],
        vec![destination(redirect_uri)],
        vec![resource.name.clone()],
        scopes.flatten().collect(),
    ];
    let mut hash = [0; 4 * PART];
    for (part, texts) in hash.chunks_exact_mut(PART).zip(parts) {
        part.copy_from_slice(&token_hash(&unambiguous(&texts)).0[..PART]);
    }
    TokenHash(hash)
}

/// What has changed since the person answered. Nothing where an earlier release asked, which did not write down what it showed.
#[must_use]
pub fn changes(consent: &Consent, client: &Client, redirect_uri: &RedirectUri, resource: &Resource) -> Vec<Change> {
    let Some(shown) = consent.shown_hash else { return Vec::new() };
    let now = hash(client, redirect_uri, resource, &consent.scope);
    let parts = shown.0.chunks_exact(PART).zip(now.0.chunks_exact(PART)).zip(Change::ALL);
    parts.filter(|((before, now), _)| before != now).map(|(_, change)| change).collect()
}

/// The host; for what does not lead to the web, the kind of destination: the port of a program changes each time.
fn destination(redirect_uri: &RedirectUri) -> String {
    match redirect_uri.kind() {
        RedirectUriKind::Loopback => "loopback".to_owned(),
        RedirectUriKind::PrivateUseScheme => format!("{}:", redirect_uri.scheme()),
        RedirectUriKind::Https => redirect_uri.host().unwrap_or_default(),
    }
}

fn host(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(str::to_owned)
}

/// The texts with their lengths before them, so that no two lists look the same.
fn unambiguous(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{}:{text}", text.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientOrigin, ResourceScope, ResourceSource};
    use authgent_core::metadata::client::ClientMetadata;
    use authgent_core::resource::ResourceUri;
    use authgent_core::scope::ScopeToken;
    use authgent_core::time::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    fn client(name: &str) -> Client {
        let document = json!({"client_name": name, "redirect_uris": ["https://a.example/cb"]});
        let metadata = ClientMetadata::parse(document.as_object().unwrap()).unwrap();
        Client::new("client".into(), metadata, ClientOrigin::Registered, Timestamp(1))
    }

    fn resource(name: &str, description: &str, dangerous: bool) -> Resource {
        let scope = |token: &str, description: &str, dangerous| ResourceScope {
            token: ScopeToken::parse(token).unwrap(),
            description: description.into(),
            default: false,
            dangerous,
        };
        Resource {
            uri: ResourceUri::parse("https://mcp.example.com").unwrap(),
            name: name.into(),
            scopes: vec![scope("read", description, dangerous), scope("write", "Change things", false)],
            aliases: Vec::new(),
            profile_claims: Vec::new(),
            source: ResourceSource::Operator,
        }
    }

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    #[test]
    fn each_change_is_named_and_nothing_else_counts() {
        let scope = Scope::parse("read").unwrap();
        let (known, at, server) = (client("Agent"), uri("https://a.example/cb"), resource("Server", "Read", false));
        let consent = Consent {
            user_id: Uuid::nil(),
            client_id: known.id.clone(),
            resource: server.uri.clone(),
            scope: scope.clone(),
            granted_at: Timestamp(1),
            first_granted_at: Timestamp(1),
            shown_hash: Some(hash(&known, &at, &server, &scope)),
        };
        let changed = |client: &Client, uri: &RedirectUri, server: &Resource| changes(&consent, client, uri, server);
        assert_eq!(changed(&known, &at, &server), []);
        assert_eq!(changed(&known, &uri("https://a.example/other"), &server), [], "the same host");
        assert_eq!(changed(&client("Agent 2"), &at, &server), [Change::Client]);
        assert_eq!(changed(&known, &uri("https://b.example/cb"), &server), [Change::Destination]);
        assert_eq!(changed(&known, &at, &resource("Other", "Read", false)), [Change::Resource]);
        assert_eq!(changed(&known, &at, &resource("Server", "Read all", false)), [Change::Scopes]);
        assert_eq!(changed(&known, &at, &resource("Server", "Read", true)), [Change::Scopes]);
        let mut other = resource("Server", "Read", false);
        other.scopes[1].description = "Another scope's words".into();
        assert_eq!(changed(&known, &at, &other), [], "what was not allowed does not matter");
        let both = changed(&client("x"), &at, &resource("x", "Read", false));
        assert_eq!(both, [Change::Client, Change::Resource]);
        let earlier = Consent { shown_hash: None, ..consent };
        assert_eq!(changes(&earlier, &client("x"), &at, &server), []);
    }

    #[test]
    fn the_port_of_a_program_does_not_count() {
        let server = resource("Server", "Read", false);
        let of = |text: &str| hash(&client("Agent"), &uri(text), &server, &Scope::default());
        assert_eq!(of("http://127.0.0.1:1/cb"), of("http://127.0.0.1:2/cb"));
        assert_ne!(of("http://127.0.0.1:1/cb"), of("https://a.example/cb"));
    }
}
