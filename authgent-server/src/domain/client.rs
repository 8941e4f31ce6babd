//! Applications that ask for tokens: RFC 6749, section 2; RFC 7591; client metadata documents.

use super::TokenHash;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;

/// How a client came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientOrigin {
    /// It registered itself (RFC 7591): nobody has vouched for its name.
    Registered,
    /// The operator made it.
    Operator,
    /// Its `client_id` is the URL of a document that it publishes: whoever holds that host has vouched for it.
    Document,
}

impl ClientOrigin {
    const ALL: &[Self] = &[Self::Registered, Self::Operator, Self::Document];

    /// Its name in the database and in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Operator => "operator",
            Self::Document => "document",
        }
    }

    /// The origin of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text)
    }
}

/// When a person is asked about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConsentMode {
    /// Until something changes, an answer is remembered.
    #[default]
    Remember,
    /// At every authorization.
    Always,
    /// Never: the operator's own application.
    Skip,
}

impl ConsentMode {
    /// Its name in the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remember => "remember",
            Self::Always => "always",
            Self::Skip => "skip",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Remember, Self::Always, Self::Skip].into_iter().find(|known| known.as_str() == text)
    }
}

/// An application that asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// What it said about itself, checked.
    pub metadata: ClientMetadata,
    /// The hash of its secret; `None` for a public client.
    pub secret_hash: Option<TokenHash>,
    /// How it came here.
    pub origin: ClientOrigin,
    /// `false`: none of its requests is honoured.
    pub enabled: bool,
    /// When it came.
    pub created_at: Timestamp,
    /// When it last received a token; `None` if never. Written seldom, so it may lag.
    pub last_used_at: Option<Timestamp>,
    /// The hash of what authorizes managing its registration (RFC 7592); `None` where nobody may.
    pub registration_token_hash: Option<TokenHash>,
    /// What identical registrations have in common, so that they fold into one; `None` where it is nobody else's.
    pub fingerprint: Option<TokenHash>,
    /// The most that it may ever be granted, where the operator limited its registration; `None` for no limit. Not what it
    /// registered for: that limits nothing.
    pub scope_limit: Option<Scope>,
    /// Until when its metadata count as fresh, where they come from a document; `None` otherwise.
    pub fresh_until: Option<Timestamp>,
    /// When clean-up looks at it next; `None` for never, as with those that the operator made.
    pub sweep_at: Option<Timestamp>,
    /// When people are asked about it.
    pub consent: ConsentMode,
}

/// How many seconds [`Client::last_used_at`] may lag behind: one hour. A busy client's row is therefore not written, and
/// not locked, at each of its requests.
pub const LAST_USE_GRANULARITY: i64 = 3600;

impl Client {
    /// A client that was never used, with nothing but its metadata.
    #[must_use]
    pub const fn new(id: String, metadata: ClientMetadata, origin: ClientOrigin, now: Timestamp) -> Self {
        Self {
            id,
            metadata,
            secret_hash: None,
            origin,
            enabled: true,
            created_at: now,
            last_used_at: None,
            registration_token_hash: None,
            fingerprint: None,
            scope_limit: None,
            fresh_until: None,
            sweep_at: None,
            consent: ConsentMode::Remember,
        }
    }

    /// Whether a use at `now` is worth writing down: the last one that was is an hour or more ago.
    #[must_use]
    pub fn last_use_is_stale(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.since(last) >= LAST_USE_GRANULARITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for origin in ClientOrigin::ALL.iter().copied() {
            assert_eq!(ClientOrigin::parse(origin.as_str()), Some(origin));
        }
        assert_eq!(ClientOrigin::parse("Operator"), None);
        for mode in [ConsentMode::Remember, ConsentMode::Always, ConsentMode::Skip] {
            assert_eq!(ConsentMode::parse(mode.as_str()), Some(mode));
        }
    }
}
