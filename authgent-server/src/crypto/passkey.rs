//! Passkeys: Web Authentication Level 3, as a relying party.
//!
//! The only module that may use webauthn-rs. What a ceremony needs between its two halves leaves here as JSON, so that it
//! can be kept in the database and any replica may finish what another one began. A passkey is always discoverable and its
//! holder always verified: it is two factors, and nobody types an e-mail address.

use authgent_core::issuer::Issuer;
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};

/// Why a ceremony does not end well.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The browser sent something else than a credential.
    #[error("credential: not the JSON of a PublicKeyCredential (WebAuthn, section 5.1)")]
    Malformed,
    /// The authenticator keeps no key that it could find again by itself.
    #[error("the authenticator made a key that is not discoverable")]
    NotDiscoverable,
    /// Somebody holds this key already.
    #[error("the key is registered already")]
    Known,
    /// A counter did not grow: the key may have been copied.
    #[error("the signature counter of the key did not grow")]
    Copied,
    /// Whoever touched the authenticator was not verified.
    #[error("the authenticator did not verify its holder")]
    NotVerified,
    /// Another step of WebAuthn, section 7.1 or 7.2, failed.
    #[error("the ceremony was refused: {0}")]
    Refused(&'static str),
    /// What we kept cannot be read.
    #[error("what was kept of the ceremony or of the passkey cannot be read")]
    Unreadable,
}

/// The first half of a ceremony.
pub struct Ceremony {
    /// For the browser: `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
    /// For us, and nobody else, until the browser answers.
    pub state: Value,
}

impl std::fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ceremony")
    }
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// Public key, counter and flags.
    pub credential: Value,
}

/// An assertion whose signature has not been checked: whose it says it is.
#[derive(Debug)]
pub struct Assertion {
    /// Whose.
    pub user_id: Uuid,
    answer: PublicKeyCredential,
}

impl Assertion {
    /// Reads what `navigator.credentials.get()` gave (WebAuthn, section 5.1.4).
    ///
    /// # Errors
    /// [`PasskeyError::Malformed`], also where the authenticator does not say whose key it used.
    pub fn parse(answer: &Value) -> Result<Self, PasskeyError> {
        let answer = PublicKeyCredential::deserialize_from(answer)?;
        let user_id = answer.get_user_unique_id().and_then(|id| Uuid::from_slice(id).ok());
        Ok(Self { user_id: user_id.ok_or(PasskeyError::Malformed)?, answer })
    }

    /// The authenticator's name for the key.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        self.answer.get_credential_id()
    }
}

trait FromAnswer: serde::de::DeserializeOwned {
    /// The text of the error would quote what was sent.
    fn deserialize_from(answer: &Value) -> Result<Self, PasskeyError> {
        Self::deserialize(answer).map_err(|_| PasskeyError::Malformed)
    }
}

impl FromAnswer for PublicKeyCredential {}
impl FromAnswer for RegisterPublicKeyCredential {}

/// The relying party.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    webauthn: Webauthn,
}

impl RelyingParty {
    /// For the issuer: its host is the RP ID, its origin the only one that may answer. `None` where the host is an address:
    /// browsers make passkeys for names alone (WebAuthn, section 5.1.3).
    #[must_use]
    pub fn new(issuer: &Issuer) -> Option<Self> {
        let origin = Url::parse(issuer.origin()).ok()?;
        let webauthn = WebauthnBuilder::new(origin.domain()?, &origin).and_then(WebauthnBuilder::build).ok()?;
        Some(Self { webauthn })
    }

    /// Begins to make a passkey for a person (WebAuthn, section 7.1). An authenticator that holds one of `known` refuses.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`] where the library fails.
    pub fn begin_registration(
        &self,
        user_id: Uuid,
        user_name: &str,
        display_name: &str,
        known: &[Vec<u8>],
    ) -> Result<Ceremony, PasskeyError> {
        let (mut options, state) = self
            .webauthn
            .start_passkey_registration(user_id, user_name, display_name, Some(known.to_vec()))
            .map_err(|error| refused(&error))?;
        // The library's default is a key that only works after an e-mail address was typed.
        if let Some(selection) = options.public_key.authenticator_selection.as_mut() {
            selection.require_resident_key = true;
        }
        let mut options = json(&options.public_key)?;
        options["authenticatorSelection"]["residentKey"] = "required".into();
        Ok(Ceremony { options, state: json(&state)? })
    }

    /// Ends it with what `navigator.credentials.create()` gave.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn finish_registration(&self, answer: &Value, state: &Value) -> Result<NewKey, PasskeyError> {
        let answer = RegisterPublicKeyCredential::deserialize_from(answer)?;
        let state: PasskeyRegistration = read(state)?;
        if answer.extensions.cred_props.as_ref().is_some_and(|properties| properties.rk == Some(false)) {
            return Err(PasskeyError::NotDiscoverable);
        }
        let passkey = self.webauthn.finish_passkey_registration(&answer, &state).map_err(|error| refused(&error))?;
        Ok(NewKey { credential_id: passkey.cred_id().to_vec(), credential: json(&passkey)? })
    }

    /// Begins a sign-in with whichever passkey the person chooses (WebAuthn, section 7.2).
    ///
    /// # Errors
    /// [`PasskeyError::Refused`] where the library fails.
    pub fn begin_authentication(&self) -> Result<Ceremony, PasskeyError> {
        let (options, state) = self.webauthn.start_discoverable_authentication().map_err(|error| refused(&error))?;
        Ok(Ceremony { options: json(&options.public_key)?, state: json(&state)? })
    }

    /// Ends it: checks the assertion against the `credential` that is kept of its key, and gives what is to be kept now.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn finish_authentication(
        &self,
        assertion: &Assertion,
        state: &Value,
        credential: &Value,
    ) -> Result<Value, PasskeyError> {
        let state: DiscoverableAuthentication = read(state)?;
        let mut passkey: Passkey = read(credential)?;
        let outcome = self
            .webauthn
            .finish_discoverable_authentication_v2(&assertion.answer, state, Credential::from(passkey.clone()))
            .map_err(|error| refused(&error))?;
        if !outcome.user_verified() {
            return Err(PasskeyError::NotVerified);
        }
        passkey.update_credential(&outcome);
        json(&passkey)
    }
}

fn json(value: &impl serde::Serialize) -> Result<Value, PasskeyError> {
    serde_json::to_value(value).map_err(|_| PasskeyError::Unreadable)
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, PasskeyError> {
    T::deserialize(value).map_err(|_| PasskeyError::Unreadable)
}

/// The step that failed, in words that repeat nothing of what was sent.
fn refused(error: &WebauthnError) -> PasskeyError {
    PasskeyError::Refused(match error {
        WebauthnError::CredentialPossibleCompromise => return PasskeyError::Copied,
        WebauthnError::UserNotVerified => return PasskeyError::NotVerified,
        WebauthnError::ParseBase64Failure(_)
        | WebauthnError::ParseCBORFailure(_)
        | WebauthnError::ParseJSONFailure(_)
        | WebauthnError::ParseNOMFailure
        | WebauthnError::ParseInsufficientBytesAvailable => return PasskeyError::Malformed,
        WebauthnError::InvalidClientDataType => "it answers the other kind of ceremony",
        WebauthnError::MismatchedChallenge => "it answers another challenge",
        WebauthnError::InvalidRPOrigin => "it was made for another origin",
        WebauthnError::InvalidRPIDHash => "it was made for another RP ID",
        WebauthnError::CredentialCrossOrigin => "it was made in a frame of another origin",
        WebauthnError::UserNotPresent => "nobody was present",
        WebauthnError::CredentialAlteredAlgFromRequest => "the key is of an algorithm that was not asked for",
        WebauthnError::CredentialBackupEligibilityInconsistent | WebauthnError::CredentialMayNotBeHardwareBound => {
            "what it says of its backup cannot be"
        }
        WebauthnError::AuthenticationFailure | WebauthnError::SignatureInvalid => "the signature is wrong",
        _ => "it breaks another rule of WebAuthn",
    })
}
