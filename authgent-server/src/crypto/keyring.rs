//! The keys that sign tokens and the keys that still verify them.

use super::algorithm::SigningAlgorithm;
use super::hash::{base64url, token_hash};
use super::jwk_verifier::{JwkError, JwkVerifier};
use super::pem::SigningKey;
use authgent_core::jwk::{JwkSet, PublicJwk};
use authgent_core::token::{AT_JWT, TokenHeader};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest token that is looked at, in bytes. A token of ours is below two kilobytes.
const LONGEST_TOKEN: usize = 64 * 1024;

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims are not JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The library failed.
    #[error("signing failed")]
    Signature(#[source] josekit::JoseError),
}

/// Why a token is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is no JWS in compact form (RFC 7515, section 7.1).
    #[error("the token is not a JWT")]
    Malformed,
    /// Its `kid` is absent or names no key of ours.
    #[error("the token names no key of this server")]
    UnknownKey,
    /// Its `alg` is not that of the key: `none` and HMAC end here.
    #[error("the token names another algorithm than its key has")]
    WrongAlgorithm,
    /// It has a `crit` header, and nothing that may stand in there is supported (RFC 7515, section 4.1.11).
    #[error("the token has critical extensions, none of which is supported")]
    CriticalExtension,
    /// The signature is not the key's.
    #[error("the signature of the token is wrong")]
    WrongSignature,
    /// The signed payload is no JSON object (RFC 7519, section 7.2).
    #[error("the payload of the token is not a JSON object")]
    PayloadNotAnObject,
}

/// The public half of a key of ours.
#[derive(Debug)]
pub struct VerifyingKey {
    kid: String,
    algorithm: SigningAlgorithm,
    jwk: PublicJwk,
    verifier: JwkVerifier,
}

impl VerifyingKey {
    /// Reads a public key with its `kid`, for tokens of this algorithm.
    ///
    /// # Errors
    /// [`JwkError`] where it is no sound key for it.
    pub fn new(kid: String, algorithm: SigningAlgorithm, jwk: PublicJwk) -> Result<Self, JwkError> {
        let verifier = JwkVerifier::new(&jwk, algorithm.as_str())?;
        Ok(Self { kid, algorithm, jwk, verifier })
    }
}

/// One key that signs, and others that are published and verify: what was signed before a rotation stays good,
/// and what will be signed after it is known beforehand.
pub struct Keyring {
    active: Arc<SigningKey>,
    others: HashMap<String, Arc<VerifyingKey>>,
    jwks: JwkSet,
    /// The set as JSON, and its entity tag.
    document: (Bytes, String),
    /// Encoded headers of the active key for the types that are signed all the time.
    headers: [(&'static str, String); 2],
}

impl Keyring {
    /// A keyring. A key among `others` that is also `active`, or there twice, counts once.
    ///
    /// # Errors
    /// Where the public keys cannot be written as JSON.
    pub fn new(active: Arc<SigningKey>, others: Vec<Arc<VerifyingKey>>) -> Result<Self, serde_json::Error> {
        let mut jwks = JwkSet { keys: vec![active.jwk().clone()] };
        let mut by_kid = HashMap::new();
        for key in others {
            if key.kid != active.kid() && !by_kid.contains_key(&key.kid) {
                jwks.keys.push(key.jwk.clone());
                by_kid.insert(key.kid.clone(), key);
            }
        }
        let headers = [AT_JWT, "JWT"].map(|typ| (typ, encoded_header(&active, typ)));
        let body = serde_json::to_string(&jwks)?;
        let etag = format!("\"{}\"", base64url(&token_hash(&body).0[..12]));
        Ok(Self { active, others: by_kid, jwks, document: (body.into(), etag), headers })
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &SigningKey {
        &self.active
    }

    /// The public keys, the active one first (RFC 7517, section 5).
    #[must_use]
    pub fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// The public keys as JSON (RFC 7517, section 5).
    #[must_use]
    pub fn document(&self) -> Bytes {
        self.document.0.clone()
    }

    /// The entity tag of [`Keyring::document`], in quotes (RFC 9110, section 8.8.3).
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.document.1
    }

    /// A token of this `typ` with these claims, signed with the active key (RFC 7515, section 7.1).
    ///
    /// # Errors
    /// [`SignError`] where the claims are not JSON or the library fails.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let claims = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        let known = self.headers.iter().find(|(known, _)| *known == typ);
        let rare;
        let header = if let Some((_, header)) = known {
            header
        } else {
            rare = encoded_header(&self.active, typ);
            &rare
        };
        // The signature of RSA 4096, the longest, has 683 characters.
        let mut token = String::with_capacity(header.len() + claims.len().div_ceil(3) * 4 + 690);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.active.sign(token.as_bytes()).map_err(SignError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The header and the payload of a token that one of these keys signed.
    ///
    /// The key is the one that `kid` names, and the algorithm the key's own, whatever the token says. Looks at neither
    /// `typ` nor any claim: that is for `authgent_core::token::validate`, or for the caller.
    ///
    /// # Errors
    /// [`VerifyError`] naming the first thing that is wrong. Never panics, whatever the token is.
    pub fn verify(&self, token: &str) -> Result<(TokenHeader, serde_json::Value), VerifyError> {
        if token.len() > LONGEST_TOKEN {
            return Err(VerifyError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed);
        let (header, signature) = (read_header(&decode(header)?)?, decode(signature)?);
        let kid = header.kid.as_deref().ok_or(VerifyError::UnknownKey)?;
        let (algorithm, other) = if kid == self.active.kid() {
            (self.active.algorithm(), None)
        } else {
            let key = self.others.get(kid).ok_or(VerifyError::UnknownKey)?;
            (key.algorithm, Some(key))
        };
        if header.alg != algorithm.as_str() {
            return Err(VerifyError::WrongAlgorithm);
        }
        let signed = signed.as_bytes();
        let verifies = match other {
            None => self.active.verifies(signed, &signature),
            Some(key) => key.verifier.verifies(signed, &signature),
        };
        if !verifies {
            return Err(VerifyError::WrongSignature);
        }
        let payload: serde_json::Value =
            serde_json::from_slice(&decode(payload)?).map_err(|_| VerifyError::PayloadNotAnObject)?;
        if payload.is_object() { Ok((header, payload)) } else { Err(VerifyError::PayloadNotAnObject) }
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("active", &self.active).field("others", &self.others.keys()).finish()
    }
}

fn encoded_header(key: &SigningKey, typ: &str) -> String {
    let header = serde_json::json!({ "typ": typ, "alg": key.algorithm().as_str(), "kid": key.kid() }).to_string();
    base64url(header.as_bytes())
}

/// A member that is there twice is an error: readers disagree on which of the two counts.
fn read_header(json: &[u8]) -> Result<TokenHeader, VerifyError> {
    #[derive(Deserialize)]
    struct Critical {
        crit: Option<IgnoredAny>,
    }
    let header = serde_json::from_slice(json).map_err(|_| VerifyError::Malformed)?;
    match serde_json::from_slice::<Critical>(json) {
        Ok(Critical { crit: None }) => Ok(header),
        Ok(Critical { crit: Some(_) }) => Err(VerifyError::CriticalExtension),
        Err(_) => Err(VerifyError::Malformed),
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
