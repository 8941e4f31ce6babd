//! Where a person goes after signing in: the one place that decides it.

use crate::service::Services;
use crate::service::parameters::Parameters;

/// An authorization request of ours, a page of the account, or the home page, and nowhere else, whatever the address says
/// (RFC 9700, section 4.11: open redirects).
#[derive(Debug, Clone)]
pub(super) enum ReturnTo {
    /// An authorization request.
    Authorize(Parameters),
    /// A page of the account: what follows `/account` in its path.
    Account(String),
    /// The home page.
    Home,
}

impl ReturnTo {
    pub(super) fn parse(services: &Services, return_to: Option<&str>) -> Self {
        Self::below(services.settings.issuer.path(), return_to.unwrap_or_default())
    }

    fn below(base: &str, return_to: &str) -> Self {
        let Some(path) = return_to.strip_prefix(base) else { return Self::Home };
        if let Some(query) = path.strip_prefix("/oauth/authorize?") {
            return Self::Authorize(Parameters::parse(query.as_bytes()));
        }
        match path.strip_prefix("/account") {
            Some(page) if is_page(page) => Self::Account(page.to_owned()),
            _ => Self::Home,
        }
    }

    /// The parameters of the authorization request that waits, where one does.
    pub(super) fn parameters(&self) -> Option<&Parameters> {
        match self {
            Self::Authorize(parameters) => Some(parameters),
            Self::Account(_) | Self::Home => None,
        }
    }

    /// Made anew out of what was understood: nothing else of the text that came in is used.
    pub(super) fn location(&self, services: &Services) -> String {
        let base = services.settings.issuer.path();
        match self {
            Self::Authorize(parameters) => format!("{base}/oauth/authorize?{}", parameters.encode()),
            Self::Account(page) => format!("{base}/account{page}"),
            Self::Home => format!("{base}/"),
        }
    }
}

/// Nothing, or names with a slash before each.
fn is_page(page: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    page.is_empty() || page.strip_prefix('/').is_some_and(|names| names.split('/').all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_account_and_authorization_requests_are_known() {
        assert!(matches!(ReturnTo::below("", "/oauth/authorize?client_id=x"), ReturnTo::Authorize(_)));
        assert!(matches!(ReturnTo::below("/t", "/t/oauth/authorize?client_id=x"), ReturnTo::Authorize(_)));
        for (path, page) in [("/account", ""), ("/account/sessions", "/sessions"), ("/account/a/b-c", "/a/b-c")] {
            assert!(matches!(ReturnTo::below("", path), ReturnTo::Account(known) if known == page), "{path}");
        }
    }

    #[test]
    fn everything_else_leads_home() {
        for elsewhere in [
            "",
            "/",
            "https://evil.example/oauth/authorize?x",
            "//evil.example/account",
            "/account@evil.example",
            "/account.evil.example",
            "/account//evil.example",
            "/account/../logout",
            "/account/a?b=c",
            "/account/\\evil.example",
            "/account/a\r\nSet-Cookie: x",
            "/logout",
            "/oauth/authorize",
        ] {
            assert!(matches!(ReturnTo::below("", elsewhere), ReturnTo::Home), "{elsewhere:?}");
        }
        assert!(matches!(ReturnTo::below("/t", "/account"), ReturnTo::Home));
        assert!(matches!(ReturnTo::below("/t", "/tx/account"), ReturnTo::Home));
    }
}
