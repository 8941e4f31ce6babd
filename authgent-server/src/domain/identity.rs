//! People as upstream OpenID providers know them.

use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What one upstream provider calls one person of ours. The pair of issuer and subject is all that identifies anybody there
/// (OpenID Connect Core, section 5.7): an e-mail address changes hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's `iss`, letter by letter.
    pub issuer: String,
    /// The person's `sub` there, or what the configuration says identifies people there.
    pub subject: String,
    /// Who it is here.
    pub user_id: Uuid,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The e-mail address that the provider gave last, verified or not.
    pub email: Option<String>,
    /// The groups that the provider named last. They limit what the person may grant.
    pub groups: Vec<String>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When the person last signed in by it.
    pub last_used_at: Timestamp,
}
