//! Who may register a client, and for how long it stays: RFC 7591, section 1.1 and 5.

use super::TokenHash;
use super::patterns::RedirectPattern;
use authgent_core::redirect_uri::RedirectUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// Who may register a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everybody.
    Open,
    /// Everybody whose redirect URIs are approved.
    ApprovedRedirects,
    /// Whoever has an initial access token.
    Token,
    /// Nobody.
    Off,
}

/// Dynamic client registration, as the operator wants it.
#[derive(Debug, Clone)]
pub struct RegistrationPolicy {
    /// Who may register.
    pub mode: RegistrationMode,
    /// The redirect URIs that are approved.
    pub approved_redirects: Vec<RedirectPattern>,
    /// How many registrations an address may make in a minute; 0 for any number.
    pub rate: u32,
    /// After how many seconds a client is removed that never finished a sign-in.
    pub unfinished_ttl: u32,
    /// After how many seconds without use a client is removed.
    pub unused_ttl: u32,
}

impl RegistrationPolicy {
    /// The first redirect URI that no pattern approves, where the mode asks for that.
    #[must_use]
    pub fn unapproved<'a>(&self, uris: &'a [RedirectUri]) -> Option<&'a RedirectUri> {
        let approved = |uri: &RedirectUri| self.approved_redirects.iter().any(|pattern| pattern.matches(uri));
        uris.iter().find(|uri| self.mode == RegistrationMode::ApprovedRedirects && !approved(uri))
    }
}

/// What authorizes registering a client (RFC 7591, section 3). The operator makes it and hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialAccessToken {
    /// What the operator revokes it by.
    pub id: Uuid,
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// What it is for, in the operator's words.
    pub name: Option<String>,
    /// The most that its clients may ever be granted; `None` for no limit.
    pub scope_limit: Option<Scope>,
    /// How many registrations it has authorized.
    pub uses: i64,
    /// How many it may authorize; `None` for any number.
    pub max_uses: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no longer; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When the operator revoked it.
    pub revoked_at: Option<Timestamp>,
}

/// What an initial access token is good for at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialAccessTokenState {
    /// It authorizes a registration.
    Usable,
    /// It has authorized as many as it may.
    UsedUp,
    /// Its time is over.
    Expired,
    /// The operator revoked it.
    Revoked,
}

impl InitialAccessTokenState {
    /// Its name for people and in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::UsedUp => "used up",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl InitialAccessToken {
    /// What it is good for at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> InitialAccessTokenState {
        if self.revoked_at.is_some() {
            InitialAccessTokenState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            InitialAccessTokenState::Expired
        } else if self.max_uses.is_some_and(|most| self.uses >= most) {
            InitialAccessTokenState::UsedUp
        } else {
            InitialAccessTokenState::Usable
        }
    }
}
