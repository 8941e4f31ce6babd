//! What a person once agreed to.

use super::TokenHash;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What one person allows one client on one resource, remembered until it is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed.
    pub user_id: Uuid,
    /// To whom.
    pub client_id: String,
    /// On which resource, by its canonical URI.
    pub resource: ResourceUri,
    /// To what.
    pub scope: Scope,
    /// When the person last answered.
    pub granted_at: Timestamp,
    /// When the person first answered.
    pub first_granted_at: Timestamp,
    /// The hash of what the page showed; `None` where an earlier release asked. Where it would show something else, the
    /// person is asked again.
    pub shown_hash: Option<TokenHash>,
}

impl Consent {
    /// Whether everything in `scope` was agreed to, so that the person need not be asked again.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        scope.is_subset(&self.scope)
    }
}
