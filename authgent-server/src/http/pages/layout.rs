//! What every page has around its content.

use actix_web::HttpRequest;
use url::Url;

use super::assets;
use super::texts::{self, Texts};
use crate::domain::Branding;
use crate::http::language;
use crate::service::Services;

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
    /// Path of the logo.
    pub logo_url: String,
    /// Path of the style sheet with the operator's accent colour, where there is one.
    pub accent_url: Option<String>,
    /// What the page says, in the language of the person.
    pub texts: &'static Texts,
}

impl Layout {
    /// The frame of the page that answers a request, in the language that the person's browser prefers.
    pub(in crate::http) fn new(services: &Services, request: &HttpRequest) -> Self {
        let frame = Self { texts: language::of(request), ..Self::for_issuer(services.settings.issuer.as_str()) };
        frame.branded(&services.settings.branding)
    }

    /// The frame for an issuer such as `https://example.com/auth`, under the name "Authgent" and in English.
    ///
    /// The issuer is validated at start-up; here, one that is no URL only costs the page its host line.
    pub fn for_issuer(issuer: &str) -> Self {
        let url = Url::parse(issuer).ok();
        let base = url.as_ref().map_or("", Url::path).trim_end_matches('/');
        let host = url.as_ref().and_then(Url::host_str).unwrap_or(issuer);
        Self {
            logo_url: format!("{base}{}", assets::path("logo.svg")),
            accent_url: None,
            base: base.to_owned(),
            site_name: "Authgent".to_owned(),
            host: match url.as_ref().and_then(Url::port) {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            texts: &texts::EN,
        }
    }

    /// The same frame with the operator's name, logo and colour.
    pub fn branded(mut self, branding: &Branding) -> Self {
        let file = |name: &str| format!("{}{}/{}/{name}", self.base, assets::FOLDER, branding.version());
        let logo_url = branding.logo.as_ref().map(|logo| file(logo.kind.file_name()));
        self.accent_url = branding.accent.map(|_| file(assets::BRAND_STYLES));
        self.logo_url = logo_url.unwrap_or(self.logo_url);
        branding.name.clone_into(&mut self.site_name);
        self
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
