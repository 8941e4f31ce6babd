//! Redirect URIs: what may be registered, and which presented one equals a registered one.
//!
//! OAuth 2.1, section 4.1.3 and RFC 9700, section 4.1.3 ask for exact string comparison; RFC 8252, section 7.3 makes the
//! one exception, the port of a loopback address.

use crate::text::{Parsed, serde_as_string};
use std::fmt;
use url::Url;

/// The longest redirect URI that is accepted, in bytes.
pub const MAX_LENGTH: usize = 2048;

/// Schemes that would run code, read files or reach another program than an application's own.
const FORBIDDEN_SCHEMES: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "filesystem",
    "blob",
    "about",
    "view-source",
    "jar",
    "ws",
    "wss",
    "ftp",
    "ftps",
    "sftp",
    "ssh",
    "mailto",
    "tel",
    "sms",
    "urn",
    "chrome",
    "intent",
    "ms-msdt",
    "search-ms",
];

/// Why a text is no redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// It is longer than [`MAX_LENGTH`].
    #[error("a redirect URI must not be longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// It is no absolute URI.
    #[error("the redirect URI {0:?} is not absolute")]
    NotAbsolute(String),
    /// It holds a space, a control character or another one that no URI holds (RFC 3986, section 2).
    #[error("the redirect URI {0:?} holds a character that a URI must not hold")]
    Character(String),
    /// It has a fragment (RFC 6749, section 3.1.2).
    #[error("the redirect URI {0:?} must have no fragment")]
    Fragment(String),
    /// It carries a user name or a password, which hides the host from the person who reads it.
    #[error("the redirect URI {0:?} must carry no user name or password")]
    UserInfo(String),
    /// It is `http` to another host than this computer.
    #[error("the redirect URI {0:?} uses http, which is only for 127.0.0.1, [::1] and localhost: use https")]
    PlainHttp(String),
    /// Its scheme can do harm.
    #[error("the redirect URI {0:?} has a scheme that is never a client's")]
    Scheme(String),
}

/// How the answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectUriKind {
    /// `https` to a web server.
    Https,
    /// `http` to this very computer (RFC 8252, section 7.3).
    Loopback,
    /// A scheme that an application registered with the operating system, such as `cursor:` (RFC 8252, section 7.1).
    PrivateUseScheme,
}

/// A redirect URI that may be registered, kept exactly as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Parses a redirect URI: `https` to any host, `http` to a loopback host, or a private-use scheme.
    ///
    /// RFC 8252, section 7.1 wants a dot in a private-use scheme; none is demanded here, because `cursor://` and
    /// `vscode://` have none.
    ///
    /// # Errors
    /// [`RedirectUriError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        if text.len() > MAX_LENGTH {
            return Err(RedirectUriError::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) {
            return Err(RedirectUriError::Character(text.into()));
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute(text.into()))?;
        if text.contains('#') {
            return Err(RedirectUriError::Fragment(text.into()));
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).is_some_and(|a| a.contains('@')) {
            return Err(RedirectUriError::UserInfo(text.into()));
        }
        match url.scheme() {
            "https" if url.host_str().is_some() && authority(text).is_some() => Ok(Self(text.to_owned())),
            "https" => Err(RedirectUriError::NotAbsolute(text.into())),
            "http" if loopback_without_port(text).is_some() => Ok(Self(text.to_owned())),
            "http" => Err(RedirectUriError::PlainHttp(text.into())),
            scheme if FORBIDDEN_SCHEMES.contains(&scheme) => Err(RedirectUriError::Scheme(text.into())),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The URI, letter by letter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the answer reaches the client.
    #[must_use]
    pub fn kind(&self) -> RedirectUriKind {
        match self.scheme() {
            "https" => RedirectUriKind::Https,
            "http" => RedirectUriKind::Loopback,
            _ => RedirectUriKind::PrivateUseScheme,
        }
    }

    /// The scheme in the spelling of the URI, `https` and `http` in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        let scheme = self.0.split(':').next().unwrap_or_default();
        ["https", "http"].into_iter().find(|known| known.eq_ignore_ascii_case(scheme)).unwrap_or(scheme)
    }

    /// The host and port that a person is sent to, or `None` for a private-use scheme.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        if self.kind() == RedirectUriKind::PrivateUseScheme {
            return None;
        }
        let url = Url::parse(&self.0).ok()?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", url.host_str()?))
    }

    /// Whether a client that registered `self` may ask for `presented`: equal letter by letter, or, for `http` to a
    /// loopback host, equal but for the port (RFC 8252, section 7.3).
    ///
    /// `localhost` counts as a loopback host here although RFC 8252, section 8.3 advises against it: Claude Code, Gemini
    /// CLI and VS Code register it.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        if self.0 == presented {
            return true;
        }
        match (loopback_without_port(&self.0), loopback_without_port(presented)) {
            (Some(registered), Some(presented)) => registered == presented,
            _ => false,
        }
    }

    /// The URI with `parameters` added to its query, form-encoded (RFC 6749, section 4.1.2). A query that it has is kept.
    #[must_use]
    pub fn with_query<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let separator = match self.0.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{separator}{encoded}", self.0)
    }
}

/// What stands between `://` and the path.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    (!authority.is_empty()).then_some(authority)
}

/// Host and the part behind the port of an `http` URI to a loopback host, compared as they are written.
///
/// Works on the text and not on a parsed URL: a parser that maps `127.1`, `0x7f.1` or `%6c` onto `127.0.0.1` would
/// make an exact comparison inexact.
fn loopback_without_port(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| {
        authority.strip_prefix(host).is_some_and(|port| {
            port.is_empty()
                || port
                    .strip_prefix(':')
                    .is_some_and(|digits| digits.parse::<u16>().is_ok() && digits.bytes().all(|b| b.is_ascii_digit()))
        })
    })?;
    Some((host, tail))
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parsed for RedirectUri {
    type Error = RedirectUriError;
}
serde_as_string!(RedirectUri);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_real_clients_register_is_accepted() {
        for (uri, kind) in [
            ("https://claude.ai/api/mcp/auth_callback", RedirectUriKind::Https),
            ("http://localhost:8787/callback", RedirectUriKind::Loopback),
            ("http://127.0.0.1:33418/", RedirectUriKind::Loopback),
            ("http://127.0.0.1/", RedirectUriKind::Loopback),
            ("http://[::1]:5000/cb?x=1", RedirectUriKind::Loopback),
            ("cursor://anysphere.cursor-mcp/oauth/callback", RedirectUriKind::PrivateUseScheme),
            ("com.example.app:/oauth2redirect", RedirectUriKind::PrivateUseScheme),
        ] {
            assert_eq!(RedirectUri::parse(uri).map(|uri| uri.kind()), Ok(kind), "{uri}");
        }
    }

    #[test]
    fn what_does_harm_is_refused() {
        for bad in [
            "",
            "callback",
            "/callback",
            "https://",
            "https:///x",
            "https:evil.example",
            "https://x.example/#f",
            "https://x.example/#",
            "https://user@x.example/",
            "https://@x.example/",
            "https://a:b@x.example/",
            "http://x.example/cb",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://127.1/cb",
            "http://2130706433/",
            "http://localhost:99999/",
            "http://localhost:+80/",
            "http://localhost@evil.example/",
            "javascript:alert(1)",
            "JavaScript://x/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "blob:https://x/1",
            "https://x.example/a b",
            "https://x.example/\r\nSet-Cookie:a",
            "https://x.example\\@evil.example/",
            "https://x.example/é",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            RedirectUri::parse(&format!("https://x.example/{}", "a".repeat(3000))),
            Err(RedirectUriError::TooLong)
        );
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        let loopback = RedirectUri::parse("http://127.0.0.1/callback").unwrap();
        for good in ["http://127.0.0.1/callback", "http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback"] {
            assert!(loopback.matches(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:1/callback/",
            "http://127.0.0.1:1/Callback",
            "http://127.0.0.1:1/callback?x",
            "http://localhost:1/callback",
            "http://[::1]:1/callback",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:70000/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.1:1/callback#x",
        ] {
            assert!(!loopback.matches(bad), "{bad}");
        }
        let web = RedirectUri::parse("https://claude.ai/cb").unwrap();
        assert!(web.matches("https://claude.ai/cb") && !web.matches("https://claude.ai:8443/cb"));
        let slash = RedirectUri::parse("http://127.0.0.1:33418/").unwrap();
        assert!(slash.matches("http://127.0.0.1:51000/") && !slash.matches("http://127.0.0.1:51000"));
    }

    #[test]
    fn the_answer_is_added_to_the_query() {
        for (uri, expected) in [
            ("http://localhost/cb", "http://localhost/cb?code=a%26b&state=x+y"),
            ("http://localhost/cb?", "http://localhost/cb?code=a%26b&state=x+y"),
            ("https://x.example/cb?k=v", "https://x.example/cb?k=v&code=a%26b&state=x+y"),
            ("cursor://oauth", "cursor://oauth?code=a%26b&state=x+y"),
        ] {
            assert_eq!(RedirectUri::parse(uri).unwrap().with_query([("code", "a&b"), ("state", "x y")]), expected);
        }
    }

    proptest! {
        #[test]
        fn any_two_ports_match_and_nothing_else_does(a in any::<u16>(), b in any::<u16>(), path in "/[a-z]{0,8}", other in "/[a-z]{0,8}") {
            for host in ["127.0.0.1", "localhost", "[::1]"] {
                let registered = RedirectUri::parse(&format!("http://{host}:{a}{path}")).unwrap();
                let same_path = registered.matches(&format!("http://{host}:{b}{path}"));
                prop_assert!(same_path);
                let matched = registered.matches(&format!("http://{host}:{b}{other}"));
                prop_assert_eq!(matched, path == other);
            }
        }

        #[test]
        fn what_parses_matches_itself_and_nothing_panics(text in "(https?|[a-z.]{1,8})://.{0,20}|.{0,30}", other in ".{0,30}") {
            if let Ok(uri) = RedirectUri::parse(&text) {
                prop_assert!(uri.matches(&text));
                let _ = uri.host();
                if uri.kind() != RedirectUriKind::Loopback {
                    prop_assert_eq!(uri.matches(&other), text == other);
                }
            }
        }
    }
}
