//! Patterns of hosts and of redirect URIs, as operators write them.

use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};
use std::fmt;
use url::{Host, Url};

/// Whether a URL leads to the machine that it is opened on: what goes there needs no TLS.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether nobody on the way can read or change what goes to a URL: it is `https`, or stays on this machine.
#[must_use]
pub fn is_protected(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// `app.example.com`, that host alone; or `*.example.com`, each host below `example.com` but not itself. Ports do not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    domain: String,
    below: bool,
}

/// A text is no [`HostPattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host such as app.example.com, or *.example.com for every host below it")]
pub struct HostPatternError(String);

impl HostPattern {
    /// Reads a pattern; letters count in lower case.
    ///
    /// # Errors
    /// [`HostPatternError`] naming the text.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let (below, domain) = text.strip_prefix("*.").map_or((false, text), |domain| (true, domain));
        let sound = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !domain.split('.').all(sound) {
            return Err(HostPatternError(text.to_owned()));
        }
        Ok(Self { domain: domain.to_ascii_lowercase(), below })
    }

    /// Whether a host, without its port and in ASCII form, is one of those.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.below {
            host.strip_suffix(&self.domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.domain
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.domain)
    }
}

/// Which redirect URIs a client may register by itself: `https://app.example.com` or `https://*.example.com` for web
/// addresses, `http://localhost`, `http://127.0.0.1` or `http://[::1]` for programs on the person's computer (any port and
/// path), `cursor:` for a private-use scheme.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RedirectPattern {
    /// `https` to these hosts.
    Https(HostPattern),
    /// `http` to this loopback host.
    Loopback(String),
    /// This private-use scheme.
    Scheme(String),
}

/// A text is no [`RedirectPattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither https://HOST, https://*.DOMAIN, http://localhost, http://127.0.0.1, http://[::1] nor SCHEME:"
)]
pub struct RedirectPatternError(String);

impl RedirectPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`RedirectPatternError`] naming the text.
    pub fn parse(text: &str) -> Result<Self, RedirectPatternError> {
        let wrong = || RedirectPatternError(text.to_owned());
        if let Some(host) = text.strip_prefix("https://") {
            return HostPattern::parse(host.trim_end_matches('/')).map(Self::Https).map_err(|_| wrong());
        }
        if let Some(host) = text.strip_prefix("http://") {
            let host = host.trim_end_matches('/');
            let known = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
            return if known { Ok(Self::Loopback(host.to_owned())) } else { Err(wrong()) };
        }
        let scheme = text.strip_suffix("://").or_else(|| text.strip_suffix(':')).ok_or_else(wrong)?;
        let sound = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
        if sound { Ok(Self::Scheme(scheme.to_ascii_lowercase())) } else { Err(wrong()) }
    }

    /// Whether it allows a redirect URI.
    #[must_use]
    pub fn matches(&self, uri: &RedirectUri) -> bool {
        let host = || Url::parse(uri.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned));
        match (self, uri.kind()) {
            (Self::Https(pattern), RedirectUriKind::Https) => host().is_some_and(|host| pattern.matches(&host)),
            (Self::Loopback(known), RedirectUriKind::Loopback) => host().as_ref() == Some(known),
            (Self::Scheme(scheme), RedirectUriKind::PrivateUseScheme) => uri.scheme().eq_ignore_ascii_case(scheme),
            _ => false,
        }
    }
}

impl fmt::Display for RedirectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(pattern) => write!(f, "https://{pattern}"),
            Self::Loopback(host) => write!(f, "http://{host}"),
            Self::Scheme(scheme) => write!(f, "{scheme}:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stays_on_this_machine_needs_no_tls() {
        let url = |text: &str| Url::parse(text).unwrap();
        for text in
            ["https://a.example", "http://localhost:1/x", "http://a.localhost", "http://127.9.9.9", "http://[::1]:1"]
        {
            assert!(is_protected(&url(text)), "{text}");
        }
        for text in
            ["http://a.example", "http://10.0.0.1", "http://localhost.example", "ftp://localhost", "javascript:x"]
        {
            assert!(!is_protected(&url(text)), "{text}");
        }
    }

    #[test]
    fn a_star_means_the_hosts_below() {
        let exact = HostPattern::parse("App.example.com").unwrap();
        assert!(exact.matches("app.EXAMPLE.com") && !exact.matches("x.app.example.com"));
        let below = HostPattern::parse("*.example.com").unwrap();
        assert!(below.matches("a.example.com") && below.matches("a.b.example.com"));
        for foreign in ["example.com", ".example.com", "badexample.com", "example.com.evil.example", ""] {
            assert!(!below.matches(foreign), "{foreign}");
        }
        for bad in ["", "*", "*.", "https://example.com", "example.com:443", "a..b", "*.*.example.com", "exa mple.com"]
        {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_kind_of_redirect_has_its_pattern() {
        let matches = |pattern: &str, uri: &str| {
            RedirectPattern::parse(pattern).unwrap().matches(&RedirectUri::parse(uri).unwrap())
        };
        assert!(matches("https://claude.ai", "https://claude.ai/api/mcp/auth_callback"));
        assert!(matches("https://*.example.com", "https://a.example.com:8443/cb"));
        assert!(matches("http://127.0.0.1", "http://127.0.0.1:4711/cb") && matches("http://[::1]/", "http://[::1]:1/"));
        assert!(matches("cursor:", "cursor://anysphere.cursor-mcp/oauth/callback") && matches("Cursor://", "cursor:x"));
        assert!(!matches("https://claude.ai", "https://claude.ai.evil.example/cb"));
        assert!(!matches("https://claude.ai", "http://localhost/claude.ai"));
        assert!(!matches("http://localhost", "http://127.0.0.1/cb") && !matches("cursor:", "cursorx://a"));
        for bad in ["claude.ai", "https:", "http://example.com", "http://localhost:80", "1a:", "a b:", "*"] {
            assert!(RedirectPattern::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "(https://(\\*\\.)?[a-z]{1,5}\\.[a-z]{2,3}|http://localhost|[a-z]{2,9}:)") {
            let pattern = RedirectPattern::parse(&text).unwrap();
            prop_assert_eq!(RedirectPattern::parse(&pattern.to_string()).unwrap(), pattern);
        }
    }
}
