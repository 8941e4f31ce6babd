//! The registration endpoint: RFC 7591, section 3; RFC 7592, section 3.

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
    /// What authorizes reading, changing and deleting this registration (RFC 7592, section 3). Not there where several
    /// installations of a client share one registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    /// Where it is read, changed and deleted (RFC 7592, section 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_client_uri: Option<String>,
    /// When the secret ends; 0 for never. There where a secret is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<Timestamp>,
    /// The metadata as it was registered, which may differ from what was asked for.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

/// The secrets are not shown.
impl std::fmt::Debug for RegistrationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationResponse")
            .field("client_id", &self.client_id)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
