//! The userinfo endpoint: OpenID Connect Core, section 5.3.

use serde::{Deserialize, Serialize};

/// Claims about the person behind an access token (OpenID Connect Core, section 5.1). What may not be told, or is not
/// known, is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfoResponse {
    /// The person: equal to `sub` in the ID token.
    pub sub: String,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}
