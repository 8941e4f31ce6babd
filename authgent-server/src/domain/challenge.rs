//! What waits for an answer while a person signs in: used once, soon, and by the browser that it was made for.

use super::TokenHash;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// A new passkey (WebAuthn, section 7.1).
    PasskeyRegistration,
    /// A sign-in with a passkey (WebAuthn, section 7.2).
    PasskeyAuthentication,
    /// The second factor after a right password.
    SecondFactor,
    /// The answer of an upstream provider: OpenID Connect's `state`.
    Upstream,
}

impl ChallengeKind {
    const ALL: [Self; 4] = [Self::PasskeyRegistration, Self::PasskeyAuthentication, Self::SecondFactor, Self::Upstream];

    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasskeyRegistration => "passkey_registration",
            Self::PasskeyAuthentication => "passkey_authentication",
            Self::SecondFactor => "second_factor",
            Self::Upstream => "upstream",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// A step of a sign-in that is not finished. Taken once.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The hash of the secret that names it.
    pub id_hash: TokenHash,
    /// What is waited for.
    pub kind: ChallengeKind,
    /// The browser that it was made for, by the hash of a secret in a cookie: in another one it is of no use.
    pub browser_hash: Option<TokenHash>,
    /// Whom it is about, where that is known.
    pub user_id: Option<Uuid>,
    /// What the step needs to go on. May be worth something to a thief of the database for as long as it lives: a ceremony's
    /// challenge, never a password or a code.
    pub data: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first second in which an answer is too late.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Challenge");
        shown.field("id_hash", &self.id_hash).field("kind", &self.kind).field("user_id", &self.user_id);
        shown.field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
