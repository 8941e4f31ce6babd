//! Resource indicators: RFC 8707, and the canonical server URI of the MCP authorization specification.

use crate::text::{Parsed, serde_as_string};
use std::fmt;
use url::Url;

/// Why a text is no resource indicator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// It is no absolute URI with a host.
    #[error("{0:?} is not an absolute URI such as https://mcp.example.com/mcp")]
    NotAbsolute(String),
    /// It has a fragment, which RFC 8707, section 2 forbids.
    #[error("the resource {0:?} must have no fragment")]
    Fragment(String),
    /// It carries a user name or a password.
    #[error("the resource {0:?} must carry no user name or password")]
    UserInfo(String),
}

/// The URI of a protected resource, kept exactly as it was written: it becomes the `aud` of tokens, which servers
/// compare as a string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUri(String);

impl ResourceUri {
    /// Parses a resource indicator (RFC 8707, section 2): an absolute URI without a fragment.
    ///
    /// # Errors
    /// [`ResourceError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        // A URL parser drops tabs and line ends and trims: what is kept verbatim must not hold any (RFC 3986, section 2).
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ResourceError::NotAbsolute(text.into()));
        }
        let url = Url::parse(text).map_err(|_| ResourceError::NotAbsolute(text.into()))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(ResourceError::NotAbsolute(text.into()));
        }
        if url.fragment().is_some() {
            return Err(ResourceError::Fragment(text.into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ResourceError::UserInfo(text.into()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI, letter by letter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two spellings of one server are equal: scheme and host in lower case, no default port,
    /// no trailing slash (MCP authorization, canonical server URI). For hints and comparison, never for `aud`.
    #[must_use]
    pub fn canonical(&self) -> String {
        match Url::parse(&self.0) {
            Ok(url) => {
                let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{}{}{query}", origin(&url), url.path().trim_end_matches('/'))
            }
            Err(_) => self.0.clone(),
        }
    }

    /// Whether both name the same resource: equal letter by letter, except that an empty path equals `/`
    /// (RFC 3986, section 6.2.3).
    ///
    /// The exception is for the TypeScript SDK (MCP Inspector and others): it passes the resource through the
    /// URL class of JavaScript, which turns `https://mcp.example.com` into `https://mcp.example.com/`.
    #[must_use]
    pub fn names_same(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.without_root_slash() == other.without_root_slash())
    }

    /// Its spelling without the slash of an otherwise empty path.
    #[must_use]
    pub fn without_root_slash(&self) -> &str {
        match self.0.split_once("://") {
            Some((_, rest)) if rest.find('/') == Some(rest.len() - 1) && !rest.contains('?') => {
                &self.0[..self.0.len() - 1]
            }
            _ => &self.0,
        }
    }

    /// Which of `known` was probably meant by `self`, where none is equal to it: one that differs only by a
    /// trailing slash, upper case or a default port; else by its port; else by its path.
    #[must_use]
    pub fn probably_meant<'a>(&self, known: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let wanted = Url::parse(&self.0).ok()?;
        known
            .into_iter()
            .filter_map(|candidate| {
                let url = Url::parse(&candidate.0).ok()?;
                let same_host = url.host_str() == wanted.host_str();
                let same_path =
                    url.path().trim_end_matches('/').eq_ignore_ascii_case(wanted.path().trim_end_matches('/'));
                let distance = if candidate.canonical().eq_ignore_ascii_case(&self.canonical()) {
                    0
                } else if same_host && same_path {
                    1
                } else if origin(&url) == origin(&wanted) {
                    2
                } else if same_host {
                    3
                } else {
                    return None;
                };
                Some((distance, candidate))
            })
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, candidate)| candidate)
    }
}

fn origin(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default().to_ascii_lowercase())
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parsed for ResourceUri {
    type Error = ResourceError;
}
serde_as_string!(ResourceUri);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resource(text: &str) -> ResourceUri {
        ResourceUri::parse(text).unwrap()
    }

    #[test]
    fn the_canonical_form_of_the_mcp_specification() {
        for (given, canonical) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("HTTPS://MCP.Example.com:443/Mcp/", "https://mcp.example.com/Mcp"),
            ("https://mcp.example.com:8443", "https://mcp.example.com:8443"),
            ("http://localhost:8000/mcp?x=1", "http://localhost:8000/mcp?x=1"),
        ] {
            assert_eq!(resource(given).canonical(), canonical);
            assert_eq!(resource(given).as_str(), given, "the URI itself stays as it was written");
        }
    }

    #[test]
    fn only_the_slash_of_an_empty_path_is_forgiven() {
        assert!(resource("https://mcp.example.com").names_same(&resource("https://mcp.example.com/")));
        assert!(resource("https://mcp.example.com:8443/").names_same(&resource("https://mcp.example.com:8443")));
        for other in ["https://mcp.example.com/mcp/", "https://MCP.example.com/mcp", "https://mcp.example.com:443/mcp"]
        {
            assert!(!resource("https://mcp.example.com/mcp").names_same(&resource(other)), "{other}");
        }
        assert!(!resource("https://mcp.example.com/?a=/").names_same(&resource("https://mcp.example.com/?a=")));
    }

    #[test]
    fn the_nearest_registered_resource_is_named() {
        let known = [
            resource("https://mcp.example.com/mcp"),
            resource("https://mcp.example.com/other"),
            resource("http://localhost:8000/mcp"),
        ];
        for (wanted, meant) in [
            ("https://mcp.example.com/mcp/", Some(0)),
            ("https://MCP.example.com/MCP", Some(0)),
            ("https://mcp.example.com:8443/other", Some(1)),
            ("https://mcp.example.com", Some(0)),
            ("http://localhost:9000", Some(2)),
            ("https://elsewhere.example.com/mcp", None),
        ] {
            assert_eq!(resource(wanted).probably_meant(&known), meant.map(|index: usize| &known[index]), "{wanted}");
        }
    }

    #[test]
    fn what_rfc_8707_forbids_is_refused() {
        for bad in [
            "https://x/\n",
            " https://x",
            "https://x/\u{1b}[31m",
            "https://x\t/",
            "",
            "/mcp",
            "mcp.example.com",
            "https://x/#f",
            "https://u:p@x/",
            "urn:x",
            "data:text/plain,x",
        ] {
            assert!(ResourceUri::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn canonical_is_idempotent_and_nothing_panics(text in "[hH]ttps?://[a-zA-Z0-9.]{1,12}(:[0-9]{1,4})?(/[a-z/]{0,6})?(\\?[a-z=/]{0,4})?|.{0,20}") {
            if let Ok(uri) = ResourceUri::parse(&text) {
                let canonical = ResourceUri::parse(&uri.canonical()).unwrap();
                prop_assert_eq!(canonical.canonical(), canonical.as_str());
                prop_assert!(uri.names_same(&uri));
                prop_assert_eq!(uri.probably_meant([&uri]), Some(&uri));
            }
        }
    }
}
