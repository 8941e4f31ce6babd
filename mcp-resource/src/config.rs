//! What is protected, by which issuer's tokens, and under which rules.

use authgent_core::issuer::{Issuer, IssuerError};
use authgent_core::metadata::resource::metadata_url;
use authgent_core::resource::{ResourceError, ResourceUri};
use authgent_core::scope::{Scope, ScopeError};
use authgent_core::token::validate::Expected;
use std::collections::HashMap;
use url::{Host, Url};

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1). `none` and HMAC cannot be expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256, and a key of 2048 bits or more.
    Rs256,
    /// EdDSA with Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The name in `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name, or `None` where it is none of these.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Es256, Self::Es384, Self::Rs256, Self::EdDsa].into_iter().find(|known| known.as_str() == name)
    }
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The issuer is none.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The resource, or an alias of it, is no resource indicator.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// A scope holds a character that scopes cannot hold.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// No algorithm is left.
    #[error("at least one signature algorithm must be allowed, such as Algorithm::Es256")]
    NoAlgorithm,
    /// The internal URL is no origin.
    #[error("the internal URL {0:?} must be scheme, host and port, such as http://authgent:8080")]
    InternalUrl(String),
    /// The JWKS URI is no URL.
    #[error("the JWKS URI {0:?} must be an absolute http or https URL")]
    JwksUri(String),
    /// An allowed origin is none.
    #[error("the origin {0:?} must be scheme, host and port, such as https://app.example.com")]
    Origin(String),
}

/// A checked configuration. Made by [`Config::builder`].
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) issuer: Issuer,
    pub(crate) resource: ResourceUri,
    pub(crate) internal_origin: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) expected: Expected,
    pub(crate) required_scope: Scope,
    pub(crate) tools: HashMap<String, Scope>,
    pub(crate) deny_unlisted_tools: bool,
    pub(crate) scopes_supported: Scope,
    pub(crate) resource_name: Option<String>,
    pub(crate) resource_documentation: Option<String>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) loopback_origins: bool,
    pub(crate) token_cache_size: u64,
    pub(crate) jwks_ttl: u32,
    pub(crate) jwks_refetch_interval: u32,
    pub(crate) max_body_bytes: usize,
    pub(crate) metadata_url: String,
}

impl Config {
    /// Begins a configuration: `issuer` is compared with `iss` letter by letter, `resource` is the canonical URI of the
    /// protected server and thereby the `aud` of its tokens. Both are checked by [`ConfigBuilder::build`].
    pub fn builder(issuer: impl Into<String>, resource: impl Into<String>) -> ConfigBuilder {
        ConfigBuilder {
            issuer: issuer.into(),
            resource: resource.into(),
            audience_aliases: Vec::new(),
            internal_url: None,
            jwks_uri: None,
            algorithms: vec![Algorithm::Es256],
            leeway: 30,
            required_scope: Vec::new(),
            tools: Vec::new(),
            deny_unlisted_tools: false,
            required_claims: Vec::new(),
            scopes_supported: Vec::new(),
            resource_name: None,
            resource_documentation: None,
            allowed_origins: Vec::new(),
            loopback_origins: None,
            token_cache_size: 10_000,
            jwks_ttl: 300,
            jwks_refetch_interval: 10,
            max_body_bytes: 4 * 1024 * 1024,
        }
    }

    /// The issuer whose tokens are accepted.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The protected resource.
    #[must_use]
    pub fn resource(&self) -> &ResourceUri {
        &self.resource
    }

    /// The URL of the protected resource metadata, as challenges name it (RFC 9728, section 5.1).
    #[must_use]
    pub fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// The scopes that every request needs.
    #[must_use]
    pub fn required_scope(&self) -> &Scope {
        &self.required_scope
    }

    /// The largest request body, in bytes.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Whether a page of this origin may call the server (MCP transports, security warning on `Origin`).
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
            || (self.loopback_origins
                && Url::parse(origin).is_ok_and(|url| is_loopback(&url) && is_origin(&url, origin)))
    }
}

/// Collects a [`Config`]. Every setting has a default; what is wrong is said by [`ConfigBuilder::build`].
#[derive(Debug, Clone)]
#[must_use = "nothing is configured before `build`"]
pub struct ConfigBuilder {
    issuer: String,
    resource: String,
    audience_aliases: Vec<String>,
    internal_url: Option<String>,
    jwks_uri: Option<String>,
    algorithms: Vec<Algorithm>,
    leeway: u32,
    required_scope: Vec<String>,
    tools: Vec<(String, String)>,
    deny_unlisted_tools: bool,
    required_claims: Vec<String>,
    scopes_supported: Vec<String>,
    resource_name: Option<String>,
    resource_documentation: Option<String>,
    allowed_origins: Vec<String>,
    loopback_origins: Option<bool>,
    token_cache_size: u64,
    jwks_ttl: u32,
    jwks_refetch_interval: u32,
    max_body_bytes: usize,
}

impl ConfigBuilder {
    /// A further `aud` that is accepted: another name under which clients know this server.
    pub fn audience_alias(mut self, uri: impl Into<String>) -> Self {
        self.audience_aliases.push(uri.into());
        self
    }

    /// Where metadata and keys are fetched when the issuer's public URL cannot be reached from here, such as
    /// `http://authgent:8080` inside a compose network. Tokens are still checked against the issuer.
    pub fn internal_url(mut self, origin: impl Into<String>) -> Self {
        self.internal_url = Some(origin.into());
        self
    }

    /// Where the keys are. Without it, the issuer's metadata says so (RFC 8414, section 2). It is fetched as it
    /// stands here, whatever [`Self::internal_url`] says.
    pub fn jwks_uri(mut self, uri: impl Into<String>) -> Self {
        self.jwks_uri = Some(uri.into());
        self
    }

    /// The algorithms that a token may be signed with; [`Algorithm::Es256`] alone by default.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How many seconds the issuer's clock and ours may differ, at either end of a token's life. 30 by default:
    /// more than machines with NTP ever differ, a tenth of the usual life of an access token.
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.leeway = seconds;
        self
    }

    /// A scope, or several with spaces between, that every request needs.
    pub fn required_scope(mut self, scope: impl Into<String>) -> Self {
        self.required_scope.push(scope.into());
        self
    }

    /// The scopes that calling `tool` needs beyond those of every request, with spaces between. Named twice, a
    /// tool needs both.
    pub fn tool(mut self, tool: impl Into<String>, scope: impl Into<String>) -> Self {
        self.tools.push((tool.into(), scope.into()));
        self
    }

    /// Whether a tool that [`Self::tool`] does not name is refused. Off by default: such a tool needs the scopes of
    /// every request only. Where it is on, name open tools with an empty scope.
    pub fn deny_unlisted_tools(mut self, deny: bool) -> Self {
        self.deny_unlisted_tools = deny;
        self
    }

    /// A claim that tokens must have beyond those of RFC 9068, such as `email`.
    pub fn required_claim(mut self, claim: impl Into<String>) -> Self {
        self.required_claims.push(claim.into());
        self
    }

    /// The scopes that the metadata names: what a client should ask for at first. The required scopes by default.
    pub fn scopes_supported(mut self, scope: impl Into<String>) -> Self {
        self.scopes_supported.push(scope.into());
        self
    }

    /// The name of the server for people, in its metadata.
    pub fn resource_name(mut self, name: impl Into<String>) -> Self {
        self.resource_name = Some(name.into());
        self
    }

    /// Where people read about the server, in its metadata.
    pub fn resource_documentation(mut self, url: impl Into<String>) -> Self {
        self.resource_documentation = Some(url.into());
        self
    }

    /// An origin whose pages may call the server, such as `https://app.example.com`. The origin of the resource
    /// always may. Requests without `Origin` do not come from a page and are not concerned.
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Whether pages from any port of `localhost`, `127.0.0.1` and `[::1]` may call the server, as the MCP Inspector
    /// does. By default they may where the resource itself is such an address. A page that has tricked a name server
    /// into pointing at this machine keeps its own origin, so it stays outside either way.
    pub fn loopback_origins(mut self, allow: bool) -> Self {
        self.loopback_origins = Some(allow);
        self
    }

    /// How many verified tokens are remembered; 10 000 by default, about a kilobyte each. 0 remembers none.
    pub fn token_cache_size(mut self, tokens: u64) -> Self {
        self.token_cache_size = tokens;
        self
    }

    /// After how many seconds keys are fetched again, behind the back of requests; 300 by default. A key that the
    /// issuer has withdrawn is accepted for this long at most, while the issuer can be reached.
    pub fn jwks_ttl(mut self, seconds: u32) -> Self {
        self.jwks_ttl = seconds;
        self
    }

    /// How many seconds lie at least between two fetches that unknown keys cause, so that made-up tokens cannot make
    /// this server flood the issuer; 10 by default.
    pub fn jwks_refetch_interval(mut self, seconds: u32) -> Self {
        self.jwks_refetch_interval = seconds;
        self
    }

    /// The largest request body, in bytes; 4 MiB by default.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting that is wrong.
    pub fn build(self) -> Result<Config, ConfigError> {
        let issuer = Issuer::parse(&self.issuer)?;
        let resource = ResourceUri::parse(&self.resource)?;
        let resource_url = Url::parse(&self.resource).map_err(|_| ResourceError::NotAbsolute(self.resource.clone()))?;
        if self.algorithms.is_empty() {
            return Err(ConfigError::NoAlgorithm);
        }
        let mut audiences = vec![resource.as_str().to_owned()];
        for alias in self.audience_aliases {
            ResourceUri::parse(&alias)?;
            audiences.push(alias);
        }
        let required_scope = Scope::parse(&self.required_scope.join(" "))?;
        let named = Scope::parse(&self.scopes_supported.join(" "))?;
        let mut tools: HashMap<String, Scope> = HashMap::new();
        for (tool, scope) in self.tools {
            let needed = tools.entry(tool).or_default();
            *needed = needed.union(&Scope::parse(&scope)?);
        }
        let mut allowed_origins = vec![resource_url.origin().ascii_serialization()];
        for text in self.allowed_origins {
            allowed_origins.push(origin(&text).ok_or(ConfigError::Origin(text))?);
        }
        let internal_origin = match self.internal_url {
            None => None,
            Some(text) => Some(origin(&text).ok_or(ConfigError::InternalUrl(text))?),
        };
        if let Some(uri) = &self.jwks_uri
            && !Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            return Err(ConfigError::JwksUri(uri.clone()));
        }
        Ok(Config {
            metadata_url: metadata_url(&resource),
            expected: Expected {
                issuer: issuer.clone(),
                audiences,
                leeway: self.leeway,
                required_claims: self.required_claims,
            },
            scopes_supported: if named.is_empty() { required_scope.clone() } else { named },
            issuer,
            resource,
            internal_origin,
            jwks_uri: self.jwks_uri,
            algorithms: self.algorithms,
            required_scope,
            tools,
            deny_unlisted_tools: self.deny_unlisted_tools,
            resource_name: self.resource_name,
            resource_documentation: self.resource_documentation,
            allowed_origins,
            loopback_origins: self.loopback_origins.unwrap_or_else(|| is_loopback(&resource_url)),
            token_cache_size: self.token_cache_size,
            jwks_ttl: self.jwks_ttl,
            jwks_refetch_interval: self.jwks_refetch_interval,
            max_body_bytes: self.max_body_bytes,
        })
    }
}

/// The origin in `text`, a slash behind it tolerated, or `None` where it holds more or less than one.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let origin = url.origin().ascii_serialization();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && bare && anonymous).then_some(origin)
}

fn is_origin(url: &Url, text: &str) -> bool {
    url.origin().ascii_serialization() == text
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(resource: &str) -> ConfigBuilder {
        Config::builder("https://auth.example.com", resource)
    }

    #[test]
    fn names_what_is_wrong() {
        let wrong = |builder: ConfigBuilder| builder.build().unwrap_err();
        assert!(matches!(wrong(config("mcp.example.com")), ConfigError::Resource(_)));
        assert!(matches!(wrong(Config::builder("https://a/", "https://b")), ConfigError::Issuer(_)));
        let good = || config("https://mcp.example.com/mcp");
        assert!(matches!(wrong(good().required_scope("a\"b")), ConfigError::Scope(_)));
        assert!(matches!(wrong(good().algorithms([])), ConfigError::NoAlgorithm));
        assert!(matches!(wrong(good().internal_url("http://a/b")), ConfigError::InternalUrl(_)));
        assert!(matches!(wrong(good().jwks_uri("file:///etc/passwd")), ConfigError::JwksUri(_)));
        assert!(matches!(wrong(good().allowed_origin("null")), ConfigError::Origin(_)));
    }

    #[test]
    fn pages_of_other_origins_stay_outside() {
        let public = config("https://mcp.example.com/mcp").allowed_origin("https://app.example.com/").build().unwrap();
        assert!(public.allows_origin("https://mcp.example.com"));
        assert!(public.allows_origin("https://app.example.com"));
        for foreign in
            ["https://evil.example.com", "null", "", "http://localhost:6274", "https://mcp.example.com.evil.org"]
        {
            assert!(!public.allows_origin(foreign), "{foreign}");
        }
        let local = config("http://localhost:8000/mcp").build().unwrap();
        assert!(local.allows_origin("http://localhost:6274"));
        assert!(local.allows_origin("http://127.0.0.1:6274"));
        assert!(!local.allows_origin("http://localhost.evil.org"));
        assert!(!local.allows_origin("http://evil.org"));
        assert!(
            !config("http://localhost:8000/mcp")
                .loopback_origins(false)
                .build()
                .unwrap()
                .allows_origin("http://localhost:1")
        );
    }
}
