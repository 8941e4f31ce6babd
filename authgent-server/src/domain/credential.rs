//! What a person signs in with beside a password.

use super::TokenHash;
use authgent_core::issuer::Issuer;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// A passkey (WebAuthn, section 4: public key credential source). Holds no secret: the private key never leaves the person's
/// device or password manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Our name for it.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The authenticator's name for it, unique among all people.
    pub credential_id: Vec<u8>,
    /// Public key, counter and flags, as `crypto::passkey` keeps them.
    pub credential: serde_json::Value,
    /// The person's name for it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

/// The secret that a person's authenticator app makes codes of (RFC 6238).
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    /// Whose it is.
    pub user_id: Uuid,
    /// The secret, sealed by `crypto::vault`.
    pub sealed_secret: Vec<u8>,
    /// When a first code proved that the app has it; `None`: it does not count yet.
    pub confirmed_at: Option<Timestamp>,
    /// The time step of the last code that was accepted: neither it nor an earlier one is accepted again (RFC 6238, section
    /// 5.2).
    pub last_step: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Totp");
        shown.field("user_id", &self.user_id).field("confirmed_at", &self.confirmed_at).finish_non_exhaustive()
    }
}

/// What a one-time link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// A new person chooses how to sign in.
    Invitation,
    /// A person who forgot their password chooses another one.
    PasswordReset,
}

impl LinkPurpose {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// The purpose of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invitation, Self::PasswordReset].into_iter().find(|known| known.as_str() == text)
    }

    /// How long such a link can be used, in seconds: a week for somebody who does not expect it, an hour for somebody who
    /// asked for it a moment ago.
    #[must_use]
    pub const fn lifetime(self) -> i64 {
        match self {
            Self::Invitation => 7 * 86_400,
            Self::PasswordReset => 3600,
        }
    }

    /// The path of such a link, below that of the issuer, up to its secret.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/invitation/",
            Self::PasswordReset => "/reset/",
        }
    }

    /// The address of a link. Made of the issuer alone: what a request calls its host is anybody's invention.
    #[must_use]
    pub fn url(self, issuer: &Issuer, token: &str) -> String {
        format!("{issuer}{}{token}", self.path())
    }
}

/// A link that lets whoever holds it choose how a person signs in. Good once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeLink {
    /// The hash of the secret in its address.
    pub token_hash: TokenHash,
    /// For whom it is.
    pub user_id: Uuid,
    /// What for.
    pub purpose: LinkPurpose,
    /// Whether it went to the person's e-mail address: using it then proves that the address is theirs.
    pub mailed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first second in which it is too late.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl OneTimeLink {
    /// A new link under the hash of its secret.
    #[must_use]
    pub fn new(token_hash: TokenHash, user_id: Uuid, purpose: LinkPurpose, mailed: bool, now: Timestamp) -> Self {
        let expires_at = now.plus(purpose.lifetime());
        Self { token_hash, user_id, purpose, mailed, created_at: now, expires_at, used_at: None }
    }

    /// Whether it can still be used at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

/// How often somebody failed to sign in as somebody, from where that is counted. Which of the two the key says, is
/// `service::sign_in`'s affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInFailures {
    /// The hash of what is counted.
    pub key_hash: TokenHash,
    /// How often, since the last success or since it was forgotten.
    pub failures: i64,
    /// The first second in which another try is listened to.
    pub blocked_until: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}
