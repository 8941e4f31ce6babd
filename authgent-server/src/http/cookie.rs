//! The cookies: the session of a person, the secret behind the forms, and in which accounts the browser signed in before.

use crate::crypto::hash::{base64url, token_hash};
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use authgent_core::issuer::Issuer;

/// Which cookie.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    /// The session of a person who is signed in.
    Session,
    /// What ties a form to the browser that asked for it.
    Csrf,
    /// In which accounts the browser signed in before.
    Device,
}

impl Name {
    /// Over HTTPS the prefix `__Host-`: the browser then takes the cookie from no other host and no plain connection
    /// (RFC 6265bis, section 4.1.3.2).
    fn text(self, issuer: &Issuer) -> String {
        let name = match self {
            Self::Session => "authgent_session",
            Self::Csrf => "authgent_csrf",
            Self::Device => "authgent_device",
        };
        // Cookies know neither path nor port: two issuers on one host would sign people out of each other.
        let has_port = issuer.origin().rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let own = if has_port || !issuer.path().is_empty() {
            format!("_{}", base64url(&token_hash(issuer.as_str()).0[..6]))
        } else {
            String::new()
        };
        if issuer.is_https() { format!("__Host-{name}{own}") } else { format!("{name}{own}") }
    }
}

/// The value that the browser sent.
pub(super) fn read(request: &HttpRequest, issuer: &Issuer, name: Name) -> Option<String> {
    request.cookie(&name.text(issuer)).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// A cookie for `ttl` seconds, or until the browser closes.
///
/// `SameSite=Lax`, not `Strict`: the client's redirect to the authorization endpoint comes from another site and must
/// find the person signed in.
pub(super) fn set(issuer: &Issuer, name: Name, value: String, ttl: Option<u32>) -> Cookie<'static> {
    let mut cookie = Cookie::build(name.text(issuer), value)
        .path("/")
        .http_only(true)
        .secure(issuer.is_https())
        .same_site(SameSite::Lax)
        .finish();
    if let Some(ttl) = ttl {
        cookie.set_max_age(Duration::seconds(i64::from(ttl)));
    }
    cookie
}

/// A cookie that removes itself.
pub(super) fn remove(issuer: &Issuer, name: Name) -> Cookie<'static> {
    set(issuer, name, String::new(), Some(0))
}
