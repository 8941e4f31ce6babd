//! A person's signed-in browser.

use super::{Amr, Device, TokenHash};
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
    /// How.
    pub amr: Vec<Amr>,
    /// When it was last used. Written seldom, so it may lag by [`Session::USE_GRANULARITY`].
    pub last_seen_at: Timestamp,
    /// From where it was last used.
    pub device: Device,
    /// The upstream provider's session that it hangs on, where it does.
    pub upstream: Option<UpstreamSession>,
}

/// A session at an upstream provider: when it ends there, ours ends (OpenID Connect Back-Channel Logout 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSession {
    /// The provider's `iss`.
    pub issuer: String,
    /// The provider's name for the session, where it gave one.
    pub sid: Option<String>,
}

impl Session {
    /// How many seconds [`Session::last_seen_at`] may lag behind: five minutes.
    pub const USE_GRANULARITY: i64 = 300;

    /// Whether it no longer holds at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}
