//! The `Content-Security-Policy` of the pages.
//!
//! Nothing may load but our own style sheet and images, nothing may frame a page, and a form may only go
//! back to us. The last has an exception, for Chromium and Safari hold `form-action` against every redirect
//! that follows a submission (<https://github.com/w3c/webappsec-csp/issues/8>), and the sign-in and consent
//! forms exist to end at the client.

use std::borrow::Cow;

use url::Url;

/// Where the forms of a page lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms<'a> {
    /// The page has no form.
    None,
    /// To this server, which answers with a page of its own.
    Here,
    /// To this server, which may send the browser on to the client's redirect URI: the sign-in page of an
    /// authorization, and the consent page.
    ThenTo(&'a str),
}

/// Value of the `Content-Security-Policy` header for a page with these forms.
pub fn policy(forms: Forms<'_>) -> String {
    let mut policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; \
                      base-uri 'none'"
        .to_owned();
    if let Some(sources) = form_action(forms) {
        policy.push_str("; form-action ");
        policy.push_str(&sources);
    }
    policy
}

/// As [`policy`], for a page that loads a script of ours, which asks this server.
pub fn policy_with_script(forms: Forms<'_>) -> String {
    format!("{}; script-src 'self'; connect-src 'self'", policy(forms))
}

/// The sources of `form-action`, or `None` where the directive must be left out.
///
/// A redirect URI of a private-use scheme (RFC 8252 section 7.1) ends in an app, so naming its scheme is
/// enough. One of `http` or `https` need not be the end: claude.ai's callback sends the browser on to
/// `claude://…`, and many programs that listen on loopback send it on to a page of thanks. No list of ours
/// can name those hops, and a missing one makes the Allow button do nothing, without a word. What the
/// directive would guard against, a form that somebody injected, is kept out by escaping.
///
/// A redirect URI that is no absolute URL adds nothing: the policy is then the strict one.
pub fn form_action(forms: Forms<'_>) -> Option<Cow<'static, str>> {
    match forms {
        Forms::None => Some(Cow::Borrowed("'none'")),
        Forms::Here => Some(Cow::Borrowed("'self'")),
        Forms::ThenTo(redirect_uri) => match Url::parse(redirect_uri) {
            Err(_) => Some(Cow::Borrowed("'self'")),
            Ok(url) if matches!(url.scheme(), "http" | "https") => None,
            // The parser lets only letters, digits, `+`, `-` and `.` into a scheme (RFC 3986 section 3.1):
            // nothing that could end the source or the directive.
            Ok(url) => Some(Cow::Owned(format!("'self' {}:", url.scheme()))),
        },
    }
}

/// The redirect URI inside a `return_to` that leads to the authorization endpoint: what the sign-in page
/// passes to [`Forms::ThenTo`].
///
/// It has not been checked against the client's registration, and is good for the policy only.
pub fn redirect_uri_of(return_to: &str) -> Option<String> {
    let (_, query) = return_to.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "redirect_uri")
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn then_to(redirect_uri: &str) -> Option<String> {
        form_action(Forms::ThenTo(redirect_uri)).map(Cow::into_owned)
    }

    #[test]
    fn pages_that_stay_here_allow_nothing_else() {
        assert!(policy(Forms::None).ends_with("; form-action 'none'"));
        let policy = policy(Forms::Here);
        assert!(policy.ends_with("; form-action 'self'"));
        for directive in ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{directive} is missing: {policy}");
        }
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn a_page_with_a_script_allows_our_own_alone() {
        let policy = policy_with_script(Forms::Here);
        assert!(policy.starts_with(&super::policy(Forms::Here)));
        assert!(policy.ends_with("; script-src 'self'; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn a_private_scheme_is_named() {
        assert_eq!(then_to("cursor://anysphere.cursor-mcp/oauth/callback").unwrap(), "'self' cursor:");
        assert_eq!(then_to("com.example.app:/callback").unwrap(), "'self' com.example.app:");
        assert_eq!(then_to("VSCode-Insiders://x").unwrap(), "'self' vscode-insiders:");
    }

    #[test]
    fn web_and_loopback_redirects_may_go_on_from_there() {
        for uri in [
            "https://claude.ai/api/mcp/auth_callback",
            "http://127.0.0.1:4711/callback",
            "http://[::1]:4711/callback",
            "http://localhost:4711/callback",
        ] {
            assert_eq!(then_to(uri), None, "{uri}");
            assert!(!policy(Forms::ThenTo(uri)).contains("form-action"), "{uri}");
        }
    }

    #[test]
    fn no_redirect_uri_can_add_a_directive_or_a_source() {
        for uri in [
            "",
            "x",
            "/relative",
            "cursor;script-src 'unsafe-inline'://x",
            "cursor 'unsafe-inline'://x",
            "cursor:; script-src * 'unsafe-inline'",
            "cursor://x; script-src *",
            "cursor://x\r\nX-Injected: 1",
            "cu\nrsor: *",
            "*://x",
            "'unsafe-inline':x",
            "https://a;script-src *.example.com/",
            "https://*.example.com/; script-src *",
            "http://[::1]:1/;script-src *",
        ] {
            let policy = policy(Forms::ThenTo(uri));
            assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{uri}: {policy}");
            assert!(!policy.contains('*') && !policy.contains(['\r', '\n']), "{uri}: {policy}");
            assert!(policy.matches(';').count() <= 5, "{uri}: {policy}");
        }
    }

    #[test]
    fn the_redirect_uri_is_found_in_return_to() {
        let return_to = "/oauth/authorize?client_id=a&redirect_uri=cursor%3A%2F%2Fx%2Fcb&state=1";
        assert_eq!(redirect_uri_of(return_to).as_deref(), Some("cursor://x/cb"));
        assert_eq!(redirect_uri_of("/account"), None);
        assert_eq!(redirect_uri_of("/oauth/authorize?client_id=a"), None);
    }
}
