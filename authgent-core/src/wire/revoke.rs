//! The revocation endpoint: RFC 7009.

use serde::{Deserialize, Serialize};

/// `token_type_hint` (RFC 7009, section 2.1). It only says where to look first; an unknown value is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenTypeHint {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
}

impl TokenTypeHint {
    /// Reads a hint; `None` for an unknown one, which the server may ignore (RFC 7009, section 2.2.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "access_token" => Some(Self::AccessToken),
            "refresh_token" => Some(Self::RefreshToken),
            _ => None,
        }
    }
}
