//! Issuer identifiers: RFC 8414, section 2, and where their metadata is found.

use crate::text::{Parsed, serde_as_string};
use std::fmt;
use url::Url;

/// Why a text is no issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It is no absolute URL.
    #[error("{0:?} is not an absolute URL such as https://auth.example.com")]
    NotAbsolute(String),
    /// Its scheme is neither `https` nor `http`.
    #[error("the issuer {0:?} must begin with https:// (or http:// for a machine of your own)")]
    Scheme(String),
    /// It has a query, a fragment or user information.
    #[error("the issuer {0:?} must have no query, fragment or user information")]
    Component(String),
    /// It ends with a slash. Clients compare the issuer as a string, and many drop a trailing slash first.
    #[error("the issuer {0:?} must not end with a slash: clients compare it letter by letter")]
    TrailingSlash(String),
}

/// The identifier of an authorization server, kept exactly as it was written: clients compare it as a string
/// (RFC 8414, section 3.3; RFC 9207, section 2.4).
///
/// `http` is accepted, because development and compose networks use it; whether it is safe in a deployment
/// is for the deployment to check.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    origin: String,
    path: String,
}

impl Issuer {
    /// Parses an issuer.
    ///
    /// # Errors
    /// [`IssuerError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        // A URL parser drops tabs and line ends and trims: what is kept verbatim must not hold any (RFC 3986, section 2).
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IssuerError::NotAbsolute(text.into()));
        }
        let url = Url::parse(text).map_err(|_| IssuerError::NotAbsolute(text.into()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(IssuerError::Scheme(text.into()));
        }
        let user_info = !url.username().is_empty() || url.password().is_some();
        if url.query().is_some() || url.fragment().is_some() || user_info {
            return Err(IssuerError::Component(text.into()));
        }
        if text.ends_with('/') {
            return Err(IssuerError::TrailingSlash(text.into()));
        }
        let path = match url.path() {
            "/" => String::new(),
            path => path.to_owned(),
        };
        Ok(Self { text: text.to_owned(), origin: url.origin().ascii_serialization(), path })
    }

    /// The issuer, letter by letter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, such as `https://auth.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The path without a trailing slash: empty, or `/tenant`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The URL of one of its endpoints: the issuer with `path`, which begins with a slash, behind it.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The places where a client looks for metadata, in the order of the MCP specification
    /// (authorization server discovery): RFC 8414 by insertion, OpenID Connect by insertion, and, for an issuer
    /// with a path, OpenID Connect by appending.
    #[must_use]
    pub fn metadata_paths(&self) -> Vec<String> {
        let mut paths = vec![
            format!("/.well-known/oauth-authorization-server{}", self.path),
            format!("/.well-known/openid-configuration{}", self.path),
        ];
        if !self.path.is_empty() {
            paths.push(format!("{}/.well-known/openid-configuration", self.path));
        }
        paths
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Parsed for Issuer {
    type Error = IssuerError;
}
serde_as_string!(Issuer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_the_mcp_specification_says() {
        let root = Issuer::parse("https://auth.example.com").unwrap();
        assert_eq!(
            root.metadata_paths(),
            ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
        );
        let tenant = Issuer::parse("https://auth.example.com/t1").unwrap();
        assert_eq!(
            tenant.metadata_paths(),
            [
                "/.well-known/oauth-authorization-server/t1",
                "/.well-known/openid-configuration/t1",
                "/t1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(tenant.endpoint("/oauth/token"), "https://auth.example.com/t1/oauth/token");
    }

    #[test]
    fn what_clients_would_compare_differently_is_refused() {
        for (bad, expected) in [
            ("https://auth.example.com/", "slash"),
            ("https://auth.example.com/t1/", "slash"),
            ("https://auth.example.com?x=1", "query"),
            ("https://auth.example.com#f", "query"),
            ("https://user@auth.example.com", "user"),
            ("ftp://auth.example.com", "https://"),
            ("auth.example.com", "absolute"),
            (" https://auth.example.com", "absolute"),
            ("https://auth.example.com\n", "absolute"),
            ("", "absolute"),
        ] {
            let message = Issuer::parse(bad).unwrap_err().to_string();
            assert!(message.contains(expected), "{bad}: {message}");
        }
        assert_eq!(Issuer::parse("HTTPS://Auth.example.com:443").unwrap().as_str(), "HTTPS://Auth.example.com:443");
    }
}
