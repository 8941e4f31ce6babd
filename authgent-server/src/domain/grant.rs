//! What one authorization gave, and whether it still holds.

use super::{Amr, TokenHash};
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// Why a grant no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// Its code was presented a second time (OAuth 2.1, section 4.1.3).
    CodeReused,
    /// A refresh token that had been replaced was presented again (OAuth 2.1, section 4.3.1).
    RefreshTokenReused,
    /// The client gave it back (RFC 7009).
    RevokedByClient,
    /// The person took it back.
    RevokedByUser,
    /// The person's account was disabled.
    UserDisabled,
    /// The client was disabled.
    ClientDisabled,
    /// The upstream provider signed the person out.
    UpstreamLogout,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::CodeReused,
        Self::RefreshTokenReused,
        Self::RevokedByClient,
        Self::RevokedByUser,
        Self::UserDisabled,
        Self::ClientDisabled,
        Self::UpstreamLogout,
    ];

    /// Its name in the database and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodeReused => "code_reused",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::RevokedByClient => "revoked_by_client",
            Self::RevokedByUser => "revoked_by_user",
            Self::UserDisabled => "user_disabled",
            Self::ClientDisabled => "client_disabled",
            Self::UpstreamLogout => "upstream_logout",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Whether a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// It holds.
    Live,
    /// It was ended and never holds again.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
}

/// What one person allowed one client in one authorization. Its code and its refresh tokens belong to it: they die with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its identifier, the first part of the `jti` of its access tokens.
    pub id: Uuid,
    /// Who allowed it.
    pub user_id: Uuid,
    /// To whom.
    pub client_id: String,
    /// On which resource, by its canonical URI.
    pub resource: ResourceUri,
    /// What.
    pub scope: Scope,
    /// When the person had signed in.
    pub auth_time: Timestamp,
    /// How.
    pub amr: Vec<Amr>,
    /// The session in which it was allowed. The session may have ended since.
    pub session_hash: Option<TokenHash>,
    /// When it was allowed.
    pub created_at: Timestamp,
    /// Whether it holds.
    pub state: GrantState,
}

impl Grant {
    /// Whether it holds.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == GrantState::Live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_back() {
        for reason in RevocationReason::ALL {
            assert_eq!(RevocationReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(RevocationReason::parse("because"), None);
    }
}
