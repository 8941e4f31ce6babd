//! Protected resource metadata: RFC 9728.

use crate::config::Config;
use authgent_core::metadata::resource::{ProtectedResourceMetadata, WELL_KNOWN};
use url::Url;

/// The metadata of the configured resource (RFC 9728, section 2).
#[must_use]
pub fn document(config: &Config) -> ProtectedResourceMetadata {
    ProtectedResourceMetadata {
        resource: config.resource.as_str().to_owned(),
        authorization_servers: vec![config.issuer.as_str().to_owned()],
        scopes_supported: config.scopes_supported.iter().cloned().collect(),
        bearer_methods_supported: vec!["header".to_owned()],
        resource_name: config.resource_name.clone(),
        resource_documentation: config.resource_documentation.clone(),
    }
}

/// The paths at which it is served: with the resource's path behind the well-known one, as RFC 9728, section 3.1 says,
/// and without it, where clients look next (MCP authorization, protected resource metadata discovery).
#[must_use]
pub fn paths(config: &Config) -> Vec<String> {
    let mut paths = vec![WELL_KNOWN.to_owned()];
    let inserted = Url::parse(&config.metadata_url).map(|url| url.path().to_owned()).unwrap_or_default();
    if !inserted.is_empty() && inserted != WELL_KNOWN {
        paths.push(inserted);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_at_both_places() {
        let config = Config::builder("https://auth.example.com", "https://mcp.example.com/public/mcp");
        let config = config.required_scope("mcp:read").build().unwrap();
        assert_eq!(paths(&config), [WELL_KNOWN.to_owned(), format!("{WELL_KNOWN}/public/mcp")]);
        let document = serde_json::to_value(document(&config)).unwrap();
        assert_eq!(document["resource"], "https://mcp.example.com/public/mcp");
        assert_eq!(document["authorization_servers"], serde_json::json!(["https://auth.example.com"]));
        assert_eq!(document["scopes_supported"], serde_json::json!(["mcp:read"]));
        let root = Config::builder("https://auth.example.com", "https://mcp.example.com").build().unwrap();
        assert_eq!(paths(&root), [WELL_KNOWN.to_owned()]);
    }
}
