//! Cross-site request forgery: a form is believed only with a value that another site cannot know.
//!
//! The browser holds a random secret in a cookie; each form holds a hash of it, made with a key of the page's purpose.
//! Another site can neither read the cookie nor set it (`__Host-` over HTTPS), so it cannot write the form.

use super::cookie::{self, Name};
use crate::crypto::hash::{base64url, constant_time_eq, hmac_sha256, token_hash};
use crate::domain::TokenHash;
use crate::service::Services;
use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

/// The secret of this browser, and the value for its forms.
pub(super) struct Csrf {
    /// The value of the hidden field `csrf_token`.
    pub(super) token: String,
    /// To be set where the browser had none.
    pub(super) cookie: Option<Cookie<'static>>,
}

/// The token for a form of the page.
pub(super) fn for_form(services: &Services, request: &HttpRequest) -> Csrf {
    let issuer = &services.settings.issuer;
    match cookie::read(request, issuer, Name::Csrf) {
        Some(secret) => Csrf { token: token(&secret), cookie: None },
        None => {
            let (secret, _) = services.new_secret();
            Csrf { token: token(&secret), cookie: Some(cookie::set(issuer, Name::Csrf, secret, None)) }
        }
    }
}

/// The browser, by the hash of its secret: what is begun for it is of no use in another one. `None` where it has none yet.
pub(super) fn browser(services: &Services, request: &HttpRequest) -> Option<TokenHash> {
    cookie::read(request, &services.settings.issuer, Name::Csrf).map(|secret| token_hash(&secret))
}

/// As [`browser`]; a browser that has no secret gets one, to be set with the answer.
pub(super) fn browser_or_new(services: &Services, request: &HttpRequest) -> (TokenHash, Option<Cookie<'static>>) {
    match browser(services, request) {
        Some(browser) => (browser, None),
        None => {
            let (secret, hash) = services.new_secret();
            (hash, Some(cookie::set(&services.settings.issuer, Name::Csrf, secret, None)))
        }
    }
}

/// Whether the form came from a page that this browser asked for.
pub(super) fn is_genuine(services: &Services, request: &HttpRequest, presented: Option<&str>) -> bool {
    let secret = cookie::read(request, &services.settings.issuer, Name::Csrf);
    match (secret, presented) {
        (Some(secret), Some(presented)) => constant_time_eq(token(&secret).as_bytes(), presented.as_bytes()),
        _ => false,
    }
}

fn token(secret: &str) -> String {
    base64url(&hmac_sha256(secret.as_bytes(), b"csrf_token"))
}
