//! What every page has around its content.

use url::Url;

use super::assets;

/// The frame of a page: where its files are, and whose page it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Path below which all routes are mounted, without a trailing slash: empty for
    /// `https://auth.example.com`, `/auth` for `https://example.com/auth`.
    pub base: String,
    /// Name at the top of the page and in the window's title.
    pub site_name: String,
    /// Host of the issuer, with its port unless it is the scheme's own. Shown at the foot, so that a
    /// person can compare it with the address bar.
    pub host: String,
}

impl Layout {
    /// The frame for an issuer such as `https://example.com/auth`, under the name "Authgent".
    ///
    /// The issuer is validated at start-up; here, one that is no URL only costs the page its host line.
    pub fn for_issuer(issuer: &str) -> Self {
        let url = Url::parse(issuer).ok();
        let base = url.as_ref().map_or("", Url::path).trim_end_matches('/');
        let host = url.as_ref().and_then(Url::host_str).unwrap_or(issuer);
        Self {
            base: base.to_owned(),
            site_name: "Authgent".to_owned(),
            host: match url.as_ref().and_then(Url::port) {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
        }
    }

    /// Path at which the page's browser finds a static file, for example `/auth/assets/3f…/logo.svg`.
    pub fn asset_url(&self, name: &str) -> String {
        format!("{}{}", self.base, assets::path(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_host_come_from_the_issuer() {
        let frame = |issuer| {
            let layout = Layout::for_issuer(issuer);
            (layout.base, layout.host)
        };
        let expected = |base: &str, host: &str| (base.to_owned(), host.to_owned());
        assert_eq!(frame("https://auth.example.com"), expected("", "auth.example.com"));
        assert_eq!(frame("https://example.com/auth/"), expected("/auth", "example.com"));
        assert_eq!(frame("http://localhost:8080"), expected("", "localhost:8080"));
        assert_eq!(frame("http://[::1]:8080/a/b"), expected("/a/b", "[::1]:8080"));
    }
}
