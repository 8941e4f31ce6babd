//! Protected servers: RFC 8707, RFC 9728.

use authgent_core::resource::ResourceUri;
use authgent_core::scope::{Scope, ScopeToken};
use serde::{Deserialize, Serialize};

/// The profile claims that access tokens for a resource carry where it does not say otherwise.
pub const DEFAULT_PROFILE_CLAIMS: [&str; 2] = ["email", "name"];

/// A scope that a resource knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceScope {
    /// The scope.
    pub token: ScopeToken,
    /// What it allows, in words for the person who is asked.
    pub description: String,
    /// Whether it is granted where a client names no scope.
    pub default: bool,
    /// Whether a person has to tick it: it deletes, pays, or speaks in their name.
    #[serde(default)]
    pub dangerous: bool,
}

/// Where a resource is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceSource {
    /// In the configuration file, which is applied as a whole at every start.
    Configuration,
    /// By the operator, with a command.
    Operator,
}

impl ResourceSource {
    /// Its name in the database and in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Operator => "operator",
        }
    }

    /// The source of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Configuration, Self::Operator].into_iter().find(|known| known.as_str() == text)
    }
}

/// A protected server that tokens can be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its canonical URI: the `aud` of its tokens.
    pub uri: ResourceUri,
    /// Its name for people.
    pub name: String,
    /// The scopes that it knows, in the order in which they are shown.
    pub scopes: Vec<ResourceScope>,
    /// Other URIs under which clients ask for it. Tokens carry [`Resource::uri`] all the same.
    pub aliases: Vec<ResourceUri>,
    /// Which claims about the person its access tokens carry.
    pub profile_claims: Vec<String>,
    /// Where it is described.
    pub source: ResourceSource,
}

impl Resource {
    /// Every scope that it knows.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scopes.iter().map(|scope| scope.token.clone()).collect()
    }

    /// The scopes that are granted where a client names none.
    #[must_use]
    pub fn default_scope(&self) -> Scope {
        self.scopes.iter().filter(|scope| scope.default).map(|scope| scope.token.clone()).collect()
    }

    /// The scopes that a person has to tick.
    #[must_use]
    pub fn dangerous_scope(&self) -> Scope {
        self.scopes.iter().filter(|scope| scope.dangerous).map(|scope| scope.token.clone()).collect()
    }

    /// Whether the resource calls a scope dangerous: a person has to tick it.
    #[must_use]
    pub fn is_dangerous(&self, token: &ScopeToken) -> bool {
        self.scopes.iter().any(|scope| scope.token == *token && scope.dangerous)
    }

    /// What `token` allows, in words; `None` where the resource does not know it.
    #[must_use]
    pub fn describe(&self, token: &ScopeToken) -> Option<&str> {
        self.scopes.iter().find(|scope| scope.token == *token).map(|scope| scope.description.as_str())
    }

    /// Whether a request that names `uri` means this resource: by its URI or an alias (see [`ResourceUri::names_same`]).
    #[must_use]
    pub fn answers_to(&self, uri: &ResourceUri) -> bool {
        self.names().any(|name| name.names_same(uri))
    }

    /// Its URI, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &ResourceUri> {
        std::iter::once(&self.uri).chain(&self.aliases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> ResourceUri {
        ResourceUri::parse(text).unwrap()
    }

    fn resource() -> Resource {
        let scope = |token: &str, description: &str, default| ResourceScope {
            token: ScopeToken::parse(token).unwrap(),
            description: description.into(),
            default,
            dangerous: false,
        };
        Resource {
            uri: uri("https://mcp.example.com/mcp"),
            name: "Projects".into(),
            scopes: vec![scope("mcp:read", "See your projects", true), scope("mcp:write", "Change them", false)],
            aliases: vec![uri("https://mcp.example.com")],
            profile_claims: DEFAULT_PROFILE_CLAIMS.map(str::to_owned).to_vec(),
            source: ResourceSource::Operator,
        }
    }

    #[test]
    fn scopes_are_known_described_and_granted_by_default() {
        let resource = resource();
        assert_eq!(resource.scope().to_string(), "mcp:read mcp:write");
        assert_eq!(resource.default_scope().to_string(), "mcp:read");
        assert_eq!(resource.describe(&ScopeToken::parse("mcp:write").unwrap()), Some("Change them"));
        assert_eq!(resource.describe(&ScopeToken::parse("admin").unwrap()), None);
    }

    #[test]
    fn a_resource_answers_to_its_uri_and_its_aliases_only() {
        let resource = resource();
        for name in ["https://mcp.example.com/mcp", "https://mcp.example.com", "https://mcp.example.com/"] {
            assert!(resource.answers_to(&uri(name)), "{name}");
        }
        for other in ["https://mcp.example.com/mcp/", "http://mcp.example.com/mcp", "https://mcp.example.com:8443"] {
            assert!(!resource.answers_to(&uri(other)), "{other}");
        }
    }

    #[test]
    fn names_read_back() {
        for source in [ResourceSource::Configuration, ResourceSource::Operator] {
            assert_eq!(ResourceSource::parse(source.as_str()), Some(source));
        }
        assert_eq!(ResourceSource::parse(""), None);
    }
}
