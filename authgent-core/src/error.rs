//! Error codes and the JSON object that carries them.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $wire:literal,)*) => {
        /// The registered error codes that an authorization server or a protected resource answers with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum OAuthErrorCode {
            $($(#[$doc])* #[serde(rename = $wire)] $variant,)*
        }

        impl OAuthErrorCode {
            /// Every code, in the order of the specifications.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is written on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }
        }
    };
}

error_codes! {
    /// A parameter is missing, repeated, malformed or of an unsupported value (RFC 6749, sections 4.1.2.1 and 5.2).
    InvalidRequest = "invalid_request",
    /// Client authentication failed, or the client is unknown (RFC 6749, section 5.2).
    InvalidClient = "invalid_client",
    /// The code or refresh token is invalid, expired, revoked, or another client's (RFC 6749, section 5.2).
    InvalidGrant = "invalid_grant",
    /// The client may not use this grant type (RFC 6749, section 5.2).
    UnauthorizedClient = "unauthorized_client",
    /// The person or the server refused (RFC 6749, section 4.1.2.1).
    AccessDenied = "access_denied",
    /// The server does not know this grant type (RFC 6749, section 5.2).
    UnsupportedGrantType = "unsupported_grant_type",
    /// Only `code` is supported (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type",
    /// The scope is unknown, malformed, or more than was granted (RFC 6749, section 5.2).
    InvalidScope = "invalid_scope",
    /// The server met a condition that it did not expect (RFC 6749, section 4.1.2.1).
    ServerError = "server_error",
    /// The server is overloaded or being maintained: try again later (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable",
    /// The access token is expired, revoked, malformed, or meant for somebody else (RFC 6750, section 3.1).
    InvalidToken = "invalid_token",
    /// The access token lacks a scope that the request needs (RFC 6750, section 3.1).
    InsufficientScope = "insufficient_scope",
    /// The server does not revoke tokens of this type (RFC 7009, section 2.2.1).
    UnsupportedTokenType = "unsupported_token_type",
    /// A redirect URI of a registration is not acceptable (RFC 7591, section 3.2.2).
    InvalidRedirectUri = "invalid_redirect_uri",
    /// A field of the client metadata is not acceptable (RFC 7591, section 3.2.2).
    InvalidClientMetadata = "invalid_client_metadata",
    /// The `resource` is unknown, malformed or missing (RFC 8707, section 2).
    InvalidTarget = "invalid_target",
    /// `prompt=none`, but the person is not signed in (OpenID Connect Core, section 3.1.2.6).
    LoginRequired = "login_required",
    /// `prompt=none`, but the person has not consented (OpenID Connect Core, section 3.1.2.6).
    ConsentRequired = "consent_required",
    /// `prompt=none`, but something has to be asked (OpenID Connect Core, section 3.1.2.6).
    InteractionRequired = "interaction_required",
    /// The `request` parameter is not supported (OpenID Connect Core, section 3.1.2.6).
    RequestNotSupported = "request_not_supported",
    /// The `request_uri` parameter is not supported (OpenID Connect Core, section 3.1.2.6).
    RequestUriNotSupported = "request_uri_not_supported",
    /// The `registration` parameter is not supported (OpenID Connect Core, section 3.1.2.6).
    RegistrationNotSupported = "registration_not_supported",
    /// The person cannot sign in as surely as was asked (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements`; RFC 9470, section 5).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements",
}

impl fmt::Display for OAuthErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error object of RFC 6749, section 5.2, which RFC 7009, RFC 7591 and RFC 7662 use as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// The code for programs.
    pub error: OAuthErrorCode,
    /// What is wrong, for the person who writes the client. Printable ASCII without `"` and `\`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

impl ErrorResponse {
    /// An error with a description. Characters that RFC 6749, section 5.2 forbids in it are replaced:
    /// double quotes and backslashes by `'` and `/`, whatever is not printable ASCII by `?`.
    #[must_use]
    pub fn new(error: OAuthErrorCode, description: impl AsRef<str>) -> Self {
        Self { error, error_description: Some(printable(description.as_ref())) }
    }
}

/// Maps a text onto the characters that `error_description` may hold: `%x20-21 / %x23-5B / %x5D-7E`.
/// RFC 6749, section 5.2; RFC 6750, section 3.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            '\u{2014}' | '\u{2013}' => '-',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_serialise_as_their_wire_form() {
        for code in OAuthErrorCode::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<OAuthErrorCode>(&json).unwrap(), *code);
        }
    }

    proptest! {
        #[test]
        fn a_description_holds_only_what_rfc_6749_allows(text in any::<String>()) {
            let response = ErrorResponse::new(OAuthErrorCode::InvalidRequest, &text);
            let description = response.error_description.unwrap();
            prop_assert!(description.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
            prop_assert_eq!(description.chars().count(), text.chars().count());
        }
    }
}
