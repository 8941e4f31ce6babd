//! What the clients were told, in the order in which they were told it.

use authgent_server::crypto::hash::token_hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The tokens of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) refresh: String,
    pub(crate) access: String,
}

/// What a request was about whose outcome nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Rotation,
    Exchange,
    Revocation,
}

/// Something that a client did or was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A code brought tokens.
    CodeAccepted { code: String, tokens: Tokens },
    /// A code brought `invalid_grant`.
    CodeRefused { code: String },
    /// A refresh token brought tokens.
    Rotated { presented: String, tokens: Tokens },
    /// A refresh token brought `invalid_grant`.
    Refused { presented: String },
    /// A client begins to end what this token belongs to: from now on it may be dead.
    EndAsked { token: String },
    /// The same by presenting a code that was accepted before.
    ReplayAsked { code: String },
    /// The end was acknowledged: from now on it must be dead.
    Ended { token: String },
    /// An access token that belongs to no grant was issued.
    Issued { access: String },
    /// What introspection said of an access token.
    Looked { access: String, active: bool },
    /// The signature of an access token fits no published key.
    Forged { access: String },
    /// No answer came (`lost`), or 503: it may have been done or not.
    Unanswered { about: About, secret: String, lost: bool },
    /// An answer that an honest server does not give here.
    Strange { what: String },
    /// The server did not come back in time.
    GaveUp { what: String },
}

/// An event, and how many there were when the request was sent that it answers.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) sent: usize,
    pub(crate) event: Event,
}

/// All that happened.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Arc<Entry>>>,
}

impl Journal {
    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Adds the answer to a request that was sent when there were `sent` events.
    pub(crate) fn answered(&self, sent: usize, event: Event) {
        lock(&self.entries).push(Arc::new(Entry { sent, event }));
    }

    /// Adds something that is no answer.
    pub(crate) fn push(&self, event: Event) {
        self.answered(self.len(), event);
    }

    /// All events so far.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.entries).clone()
    }
}

/// A lock that a panic elsewhere does not take away.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a secret is called in a report: the beginning of its hash, by which its row is found.
pub(crate) fn name(secret: &str) -> String {
    hex(&token_hash(secret_of(secret)).0[..4])
}

/// The key of a secret's row.
pub(crate) fn hash(secret: &str) -> String {
    hex(&token_hash(secret_of(secret)).0)
}

/// What a refresh token ends with; before it stands what all tokens of a grant have in common. Of a code it is all.
pub(crate) fn secret_of(token: &str) -> &str {
    token.get(token.len().saturating_sub(43)..).unwrap_or(token)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
