//! A person's signed-in browser.

use super::TokenHash;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// A signed-in browser: the cookie holds the secret, this its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of the secret in the cookie.
    pub id_hash: TokenHash,
    /// Who signed in.
    pub user_id: Uuid,
    /// When: the `auth_time` of tokens (OpenID Connect Core, section 2).
    pub auth_time: Timestamp,
    /// The first second in which it no longer holds.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether it no longer holds at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}
