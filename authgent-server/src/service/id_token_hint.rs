//! `id_token_hint`: an ID token that comes back from a client, to say whom it is about. OpenID Connect Core, section 3.1.2.1;
//! RP-Initiated Logout 1.0, section 2.

use super::Services;
use super::token::ID_TOKEN;
use crate::crypto::keyring::VerifyError;
use crate::service::sign_in::SignedIn;
use authgent_core::time::Timestamp;
use authgent_core::token::IdTokenClaims;
use uuid::Uuid;

/// Whom an ID token of ours is about. That it has expired does not matter for a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The person.
    pub user_id: Uuid,
    /// The client that it was issued to.
    pub client_id: String,
    /// When the person had signed in.
    pub auth_time: Option<Timestamp>,
}

/// Why a text is no hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// No key of ours signed it: another issuer, `alg` `none`, or nonsense.
    #[error("id_token_hint: {0}")]
    Signature(#[from] VerifyError),
    /// It is another JWT of ours, such as an access token, or names another issuer.
    #[error("id_token_hint is not an ID token of this server")]
    NotAnIdToken,
    /// It was issued to another client.
    #[error("id_token_hint was issued to another client")]
    OtherClient,
}

impl IdTokenHint {
    /// Reads a hint, and checks its signature, type and issuer.
    ///
    /// Does *not* look at `exp`: clients keep the token of the last sign-in for exactly this.
    ///
    /// # Errors
    /// [`HintError`].
    pub fn read(services: &Services, token: &str) -> Result<Self, HintError> {
        let (header, claims) = services.keyring().verify(token)?;
        let claims: IdTokenClaims = serde_json::from_value(claims).map_err(|_| HintError::NotAnIdToken)?;
        let is_ours = header.typ.as_deref() == Some(ID_TOKEN) && claims.iss == services.settings.issuer.as_str();
        match (claims.sub.parse(), claims.aud.as_slice()) {
            (Ok(user_id), [client_id]) if is_ours => {
                Ok(Self { user_id, client_id: client_id.clone(), auth_time: claims.auth_time })
            }
            _ => Err(HintError::NotAnIdToken),
        }
    }

    /// The same, issued to this client.
    ///
    /// # Errors
    /// [`HintError`].
    pub fn read_of(services: &Services, token: &str, client_id: &str) -> Result<Self, HintError> {
        let hint = Self::read(services, token)?;
        if hint.client_id == client_id { Ok(hint) } else { Err(HintError::OtherClient) }
    }

    /// Whether it came out of this very session, not out of an earlier one of the same person.
    #[must_use]
    pub fn is_of_session(&self, signed_in: &SignedIn) -> bool {
        self.user_id == signed_in.user.id && self.auth_time == Some(signed_in.session.auth_time)
    }
}
