//! Protected resource metadata: RFC 9728.

use crate::resource::ResourceUri;
use crate::scope::ScopeToken;
use serde::{Deserialize, Serialize};

/// Where the metadata of a resource begins (RFC 9728, section 3).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata document (RFC 9728, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The resource. claude.ai wants it equal to the URL that the person typed.
    pub resource: String,
    /// The issuers that may issue tokens for it, at least one. claude.ai uses the first.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// The scopes that a client should ask for at first: the smallest set, never `offline_access` (MCP authorization).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<ScopeToken>,
    /// How tokens are sent: `["header"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
}

/// The URL of the metadata of `resource`: the well-known path stands between host and path (RFC 9728, section 3.1).
#[must_use]
pub fn metadata_url(resource: &ResourceUri) -> String {
    let text = resource.as_str();
    let start = text.find("://").map_or(0, |scheme| scheme + 3);
    let end = text[start..].find(['/', '?']).map_or(text.len(), |path| start + path);
    let (origin, rest) = text.split_at(end);
    // RFC 9728, section 3.1: a terminating slash of the host is removed before the insertion.
    let rest = if rest == "/" { "" } else { rest };
    format!("{origin}{WELL_KNOWN}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_9728() {
        for (resource, url) in [
            ("https://resource.example.com", "https://resource.example.com/.well-known/oauth-protected-resource"),
            ("https://resource.example.com/", "https://resource.example.com/.well-known/oauth-protected-resource"),
            (
                "https://resource.example.com/resource1",
                "https://resource.example.com/.well-known/oauth-protected-resource/resource1",
            ),
            (
                "http://localhost:8000/public/mcp",
                "http://localhost:8000/.well-known/oauth-protected-resource/public/mcp",
            ),
            (
                "https://resource.example.com?k=v",
                "https://resource.example.com/.well-known/oauth-protected-resource?k=v",
            ),
        ] {
            assert_eq!(metadata_url(&ResourceUri::parse(resource).unwrap()), url);
        }
    }
}
