//! The chain of refresh tokens that continues a grant: OAuth 2.1, section 4.3.

use super::TokenHash;
use authgent_core::time::Timestamp;
use std::fmt;
use uuid::Uuid;

/// Whether a refresh token was used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenState {
    /// It is the newest of its chain.
    Live,
    /// It was exchanged for its successor.
    Consumed {
        /// When: the grace for a client that lost the answer begins here.
        at: Timestamp,
        /// The key from which, together with this token, its successor is derived, so that the same successor can be
        /// handed out again although only hashes are stored. Useless without the token.
        successor_nonce: [u8; 32],
    },
}

impl fmt::Debug for RefreshTokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("Live"),
            Self::Consumed { at, .. } => f.debug_struct("Consumed").field("at", at).finish_non_exhaustive(),
        }
    }
}

/// A refresh token. Exchanged at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// The grant that it continues.
    pub grant_id: Uuid,
    /// When it was issued.
    pub created_at: Timestamp,
    /// The first second in which it is no longer accepted.
    pub expires_at: Timestamp,
    /// Whether it was used.
    pub state: RefreshTokenState,
}

impl RefreshToken {
    /// Whether it is no longer accepted at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_nonce() {
        let state = RefreshTokenState::Consumed { at: Timestamp(5), successor_nonce: [171; 32] };
        assert_eq!(format!("{state:?}"), "Consumed { at: Timestamp(5), .. }");
    }
}
