//! The environment and the command line.

use authgent_core::issuer::{Issuer, IssuerError};
use authgent_core::resource::{ResourceError, ResourceUri};
use clap::Parser;
use url::Url;

/// Where the server listens where nothing else is said: every interface, because it often runs in a container.
pub const DEFAULT_HOST: &str = "0.0.0.0";
/// The port where nothing else is said.
pub const DEFAULT_PORT: u16 = 8000;
/// The database where nothing else is said: a file in the working directory.
pub const DEFAULT_DB_DSN: &str = "sqlite://mcp-demo.db";

/// Why a setting is refused. The message names the variable, the flag and the problem.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The issuer is none.
    #[error("AUTHGENT_ISSUER (--issuer): {0}")]
    Issuer(#[from] IssuerError),
    /// The audience is no resource indicator.
    #[error("MCP_AUDIENCE (--audience): {0}")]
    Audience(#[from] ResourceError),
    /// The audience is a URI that no browser and no client reaches over HTTP.
    #[error("MCP_AUDIENCE (--audience): {0:?} must begin with https:// or http://, such as http://localhost:8000/mcp")]
    AudienceScheme(String),
    /// The internal URL is more or less than scheme, host and port.
    #[error("AUTHGENT_INTERNAL_URL (--internal-url): {0:?} is not scheme, host and port, such as http://authgent:8080")]
    InternalUrl(String),
    /// An origin has a path or no scheme.
    #[error("MCP_ALLOWED_ORIGINS (--allowed-origins): {0:?} is not an origin such as https://app.example.com")]
    Origin(String),
}

/// What `mcp-demo` is called with. Every flag has an environment variable; the flag wins.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-demo",
    version,
    about = "A sample MCP server protected by Authgent: everybody has projects of their own.",
    after_help = "Over HTTP every request needs an access token of the issuer, made for the audience:\n  \
                  mcp:read   every request\n  \
                  mcp:write  create_project, in addition\n  \
                  admin      delete_project, in addition\n\n\
                  With --stdio the same tools serve the program that started this one, without a token."
)]
pub struct Arguments {
    /// Address to listen at.
    #[arg(long, env = "MCP_HOST", default_value = DEFAULT_HOST)]
    pub host: String,
    /// Port to listen at; 0 takes any free one.
    #[arg(long, env = "MCP_PORT", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Issuer of the tokens, letter by letter as Authgent is configured.
    #[arg(long, env = "AUTHGENT_ISSUER", default_value = "http://localhost:8080")]
    pub issuer: String,
    /// This server's own URL, letter by letter as it is registered with Authgent: the `aud` of its tokens.
    #[arg(long, env = "MCP_AUDIENCE", default_value = "http://localhost:8000/mcp")]
    pub audience: String,
    /// Where keys are fetched if the issuer's URL cannot be reached from here (Docker Compose). Tokens are still checked against the issuer.
    #[arg(long, env = "AUTHGENT_INTERNAL_URL", value_name = "URL")]
    pub internal_url: Option<String>,
    /// Database of the projects: sqlite:///absolute/path.db or sqlite://relative.db.
    #[arg(long, env = "MCP_DB_DSN", value_name = "DSN", default_value = DEFAULT_DB_DSN)]
    pub db_dsn: String,
    /// Origins of web pages that may call this server, separated by commas. Programs that are no browser need none.
    #[arg(long, env = "MCP_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// Serve the tools on stdin and stdout, without authorization; logs go to stderr.
    #[arg(long, conflicts_with = "health")]
    pub stdio: bool,
    /// Ask the server that runs with these settings whether it is alive, and exit with 0 or 1.
    #[arg(long)]
    pub health: bool,
}

impl Arguments {
    /// The settings of the HTTP server.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        let audience = ResourceUri::parse(&self.audience)?;
        if !is_http(audience.as_str()) {
            return Err(ConfigError::AudienceScheme(self.audience));
        }
        let mut config = Config::new(Issuer::parse(&self.issuer)?, audience);
        config.host = self.host;
        config.port = self.port;
        config.db_dsn = self.db_dsn;
        config.internal_url = match self.internal_url.as_deref().map(str::trim) {
            // Compose files pass a variable that is not set as an empty one.
            None | Some("") => None,
            Some(text) => Some(origin(text).ok_or_else(|| ConfigError::InternalUrl(text.to_owned()))?),
        };
        config.allowed_origins = self
            .allowed_origins
            .iter()
            .map(|origin| origin.trim())
            .filter(|origin| !origin.is_empty())
            .map(|text| origin(text).ok_or_else(|| ConfigError::Origin(text.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(config)
    }
}

/// The settings of the HTTP server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen at.
    pub host: String,
    /// Port to listen at; 0 takes any free one.
    pub port: u16,
    /// Issuer of the tokens.
    pub issuer: Issuer,
    /// This server's own URI: the `aud` of its tokens.
    pub audience: ResourceUri,
    /// Scheme, host and port where metadata and keys are fetched instead of at the issuer's own URL.
    pub internal_url: Option<String>,
    /// `sqlite:…` of the projects.
    pub db_dsn: String,
    /// Origins of web pages that may call, as browsers write them: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
}

impl Config {
    /// Settings for an issuer and an audience; the rest has the defaults of the command line.
    #[must_use]
    pub fn new(issuer: Issuer, audience: ResourceUri) -> Self {
        Self {
            host: DEFAULT_HOST.into(),
            port: DEFAULT_PORT,
            issuer,
            audience,
            internal_url: None,
            db_dsn: DEFAULT_DB_DSN.into(),
            allowed_origins: Vec::new(),
        }
    }

    /// The values of `Host` that are answered: the audience's, on any port since a proxy may stand before, and loopback.
    /// Another one means that somebody's web page made a browser believe that its own name leads here (DNS rebinding).
    #[must_use]
    pub fn allowed_hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
        let audience = Url::parse(self.audience.as_str()).ok();
        if let Some(host) = audience.as_ref().and_then(Url::host_str) {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

fn is_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// The origin that `text` is, perhaps with a slash behind it; `None` for anything else. `null`, which pages without an
/// origin send (a sandboxed frame, a local file), is none.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    (url.as_str().trim_end_matches('/') == origin).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        Arguments::try_parse_from(["mcp-demo"].iter().chain(arguments)).unwrap().into_config()
    }

    #[test]
    fn the_settings_become_types() {
        let config = config(&[
            "--issuer=https://auth.example.com",
            "--audience=https://mcp.example.com/mcp",
            "--internal-url=http://authgent:8080",
            "--allowed-origins=https://app.example.com/, http://localhost:6274",
            "--port=0",
        ])
        .unwrap();
        assert_eq!(config.issuer.as_str(), "https://auth.example.com");
        assert_eq!(config.allowed_origins, ["https://app.example.com", "http://localhost:6274"]);
        assert_eq!(config.internal_url.as_deref(), Some("http://authgent:8080"));
        assert_eq!(config.allowed_hosts(), ["localhost", "127.0.0.1", "::1", "mcp.example.com"]);
    }

    #[test]
    fn an_empty_variable_is_one_that_is_not_set() {
        let config = config(&["--internal-url=", "--allowed-origins="]).unwrap();
        assert_eq!(config.internal_url, None);
        assert_eq!(config.allowed_origins, [""; 0]);
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_variable() {
        for (argument, expected) in [
            ("--issuer=http://localhost:8080/", "AUTHGENT_ISSUER (--issuer): "),
            ("--audience=mcp", "MCP_AUDIENCE (--audience): "),
            ("--audience=ftp://mcp.example.com", "must begin with https://"),
            ("--internal-url=authgent:8080", "AUTHGENT_INTERNAL_URL (--internal-url): \"authgent:8080\""),
            ("--internal-url=http://authgent:8080/auth", "is not scheme, host and port"),
            ("--allowed-origins=https://app.example.com/page", "MCP_ALLOWED_ORIGINS (--allowed-origins): "),
            ("--allowed-origins=null", "is not an origin"),
        ] {
            let message = config(&[argument]).unwrap_err().to_string();
            assert!(message.contains(expected), "{argument}: {message}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
        assert!(
            Arguments::try_parse_from(["mcp-demo", "--no-auth"]).is_err(),
            "there is no way to leave the door open"
        );
    }
}
