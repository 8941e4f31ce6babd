//! The registration endpoint: RFC 7591, section 3.

use crate::metadata::client::ClientMetadata;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A successful registration (RFC 7591, section 3.2.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationResponse {
    /// The identifier of the new client.
    pub client_id: String,
    /// Its secret, where it is a confidential client. It is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// When it was issued.
    pub client_id_issued_at: Timestamp,
    /// When the secret ends; 0 for never. There where a secret is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<Timestamp>,
    /// The metadata as it was registered, which may differ from what was asked for.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

/// The secret is not shown.
impl std::fmt::Debug for RegistrationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationResponse")
            .field("client_id", &self.client_id)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
