//! The resources of the file: `[[resource]]`, or `AUTHGENT_RESOURCES` as a JSON array of the same shape.

use crate::domain::{DEFAULT_PROFILE_CLAIMS, Resource, ResourceScope, ResourceSource};
use authgent_core::resource::ResourceUri;
use authgent_core::scope::ScopeToken;
use serde::Deserialize;

/// A `[[resource]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceTable {
    uri: String,
    name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    profile_claims: Option<Vec<String>>,
    #[serde(default)]
    scope: Vec<ScopeTable>,
}

/// A `[[resource.scope]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeTable {
    name: String,
    description: Option<String>,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    dangerous: bool,
}

/// Checks the tables one by one and against each other. The error continues "NAME …".
pub(super) fn resources(tables: Vec<ResourceTable>) -> Result<Vec<Resource>, String> {
    let mut resources: Vec<Resource> = Vec::with_capacity(tables.len());
    for table in tables {
        let resource = resource(table)?;
        for name in resource.names() {
            if let Some(other) = resources.iter().find(|other| other.answers_to(name)) {
                return Err(format!("names {name} twice, for {} and for {}", other.uri, resource.uri));
            }
        }
        resources.push(resource);
    }
    Ok(resources)
}

fn resource(table: ResourceTable) -> Result<Resource, String> {
    let uri = parse_uri(&table.uri)?;
    let mut scopes: Vec<ResourceScope> = Vec::with_capacity(table.scope.len());
    for scope in table.scope {
        let token = ScopeToken::parse(&scope.name).map_err(|error| format!("has a wrong scope in {uri}: {error}"))?;
        if scopes.iter().any(|known| known.token == token) {
            return Err(format!("names the scope {token} of {uri} twice"));
        }
        let description = scope.description.unwrap_or_else(|| scope.name.clone());
        scopes.push(ResourceScope { token, description, default: scope.default, dangerous: scope.dangerous });
    }
    Ok(Resource {
        name: table.name.unwrap_or_else(|| uri.to_string()),
        aliases: table.aliases.iter().map(|alias| parse_uri(alias)).collect::<Result<_, _>>()?,
        profile_claims: table.profile_claims.unwrap_or_else(|| DEFAULT_PROFILE_CLAIMS.map(str::to_owned).to_vec()),
        uri,
        scopes,
        source: ResourceSource::Configuration,
    })
}

fn parse_uri(text: &str) -> Result<ResourceUri, String> {
    ResourceUri::parse(text).map_err(|error| format!("has a wrong URI: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(tables: Value) -> Result<Vec<Resource>, String> {
        resources(serde_json::from_value(tables).map_err(|error| error.to_string())?)
    }

    #[test]
    fn a_uri_is_enough() {
        let parsed = parse(json!([{"uri": "https://mcp.example.com/mcp"}])).unwrap();
        assert_eq!(parsed[0].name, "https://mcp.example.com/mcp");
        assert_eq!(parsed[0].profile_claims, ["email", "name"]);
        assert!(parsed[0].scopes.is_empty() && parsed[0].source == ResourceSource::Configuration);
    }

    #[test]
    fn a_scope_is_dangerous_where_it_says_so() {
        let scopes = json!([{"name": "read"}, {"name": "delete", "dangerous": true}]);
        let parsed = parse(json!([{"uri": "https://a", "scope": scopes}])).unwrap();
        let dangerous: Vec<_> = parsed[0].scopes.iter().map(|scope| scope.dangerous).collect();
        assert_eq!(dangerous, [false, true]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (tables, problem) in [
            (json!([{}]), "missing field `uri`"),
            (
                json!([{"uri": "mcp"}]),
                "has a wrong URI: \"mcp\" is not an absolute URI such as https://mcp.example.com/mcp",
            ),
            (
                json!([{"uri": "https://a", "scope": [{"name": "a b"}]}]),
                "has a wrong scope in https://a: the scope \"a b\" holds a character other than printable ASCII without space, quote and backslash",
            ),
            (
                json!([{"uri": "https://a", "scope": [{"name": "x"}, {"name": "x"}]}]),
                "names the scope x of https://a twice",
            ),
            (
                json!([{"uri": "https://a"}, {"uri": "https://b", "aliases": ["https://a/"]}]),
                "names https://a/ twice, for https://a and for https://b",
            ),
        ] {
            assert_eq!(parse(tables).unwrap_err(), problem);
        }
        let unknown = parse(json!([{"uri": "https://a", "scopes": []}])).unwrap_err();
        assert!(unknown.starts_with("unknown field `scopes`, expected one of `uri`"), "{unknown}");
    }
}
