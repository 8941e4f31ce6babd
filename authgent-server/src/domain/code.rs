//! The authorization code that begins a grant: RFC 6749, section 4.1.2.

use super::TokenHash;
use authgent_core::pkce::CodeChallenge;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// An authorization code. Redeemed at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The hash of the code.
    pub code_hash: TokenHash,
    /// The grant that it begins.
    pub grant_id: Uuid,
    /// The only client that may redeem it.
    pub client_id: String,
    /// What the token request must repeat, letter by letter.
    pub redirect_uri: String,
    /// What the token request must prove (RFC 7636, section 4.6).
    pub code_challenge: CodeChallenge,
    /// What the ID token repeats.
    pub nonce: Option<String>,
    /// The first second in which it is no longer accepted.
    pub expires_at: Timestamp,
    /// When it was redeemed; a second redemption revokes the grant.
    pub consumed_at: Option<Timestamp>,
}

impl AuthorizationCode {
    /// Whether it is no longer accepted at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}
