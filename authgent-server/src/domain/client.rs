//! Applications that ask for tokens: RFC 6749, section 2; RFC 7591.

use super::TokenHash;
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::time::Timestamp;

/// How a client came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientOrigin {
    /// It registered itself (RFC 7591): nobody has vouched for its name.
    Registered,
    /// The operator made it.
    Operator,
}

impl ClientOrigin {
    /// Its name in the database and in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Operator => "operator",
        }
    }

    /// The origin of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Registered, Self::Operator].into_iter().find(|known| known.as_str() == text)
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
}

/// How many seconds [`Client::last_used_at`] may lag behind: one hour. A busy client's row is therefore not written, and
/// not locked, at each of its requests.
pub const LAST_USE_GRANULARITY: i64 = 3600;

impl Client {
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
        for origin in [ClientOrigin::Registered, ClientOrigin::Operator] {
            assert_eq!(ClientOrigin::parse(origin.as_str()), Some(origin));
        }
        assert_eq!(ClientOrigin::parse("Operator"), None);
    }
}
