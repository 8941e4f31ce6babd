//! An authorization request that waits for a person's answer.

use super::TokenHash;
use authgent_core::pkce::CodeChallenge;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An authorization request whose every parameter was checked (RFC 6749, section 4.1.1; RFC 7636; RFC 8707).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes, letter by letter as the client sent it.
    pub redirect_uri: String,
    /// The client's own value, returned unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What is asked for, with the defaults of the resource filled in.
    pub scope: Scope,
    /// The canonical URI of the resource that it is asked for.
    pub resource: ResourceUri,
    /// What the token request must prove.
    pub code_challenge: CodeChallenge,
    /// The client's own value for the ID token (OpenID Connect Core, section 3.1.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// What became of an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InteractionState {
    /// The person has not answered.
    Pending,
    /// The person allowed it.
    Allowed {
        /// What came of it.
        grant_id: Uuid,
        /// The hash of the code that was sent, so that a second click leads to the same one.
        code_hash: TokenHash,
    },
    /// The person refused.
    Denied,
}

/// An authorization request on the consent page. Answered at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// The hash of the ticket in the page's URL.
    pub ticket_hash: TokenHash,
    /// The browser that it was shown to: the ticket is of no use in another one.
    pub session_hash: TokenHash,
    /// Who is asked.
    pub user_id: Uuid,
    /// When this person signed in.
    pub auth_time: Timestamp,
    /// What is asked.
    pub request: AuthorizationRequest,
    /// When the page was first shown.
    pub created_at: Timestamp,
    /// The first second in which an answer is too late.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: InteractionState,
}

impl Interaction {
    /// Whether it is too late to answer at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}
