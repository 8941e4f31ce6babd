use super::{AuthorizeError, Cause};
use crate::domain::Client;
use crate::service::parameters::Parameters;
use authgent_core::redirect_uri::RedirectUri;

/// The redirect URI: one that the client registered, equal but for a loopback port (OAuth 2.1, section 4.1.1;
/// RFC 8252, section 7.3).
pub(super) fn check_redirect_uri(client: &Client, parameters: &Parameters) -> Result<RedirectUri, AuthorizeError> {
    if parameters.repeats("redirect_uri") {
        return Err(AuthorizeError::Page(Cause::Repeated("redirect_uri")));
    }
    let presented = parameters.get("redirect_uri").ok_or(AuthorizeError::Page(Cause::RedirectUriMissing))?;
    RedirectUri::parse(presented)
        .ok()
        .filter(|_| client.metadata.accepts_redirect_uri(presented))
        .ok_or_else(|| AuthorizeError::Page(Cause::RedirectUriUnknown { presented: presented.to_owned() }))
}
