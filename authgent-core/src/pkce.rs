//! Proof Key for Code Exchange: RFC 7636. Only `S256` exists here: OAuth 2.1 leaves no use for `plain`.

use crate::text::{Parsed, base64url, from_base64url, serde_as_string};
use sha2::{Digest, Sha256};
use std::fmt;

/// The one `code_challenge_method` that is accepted.
pub const S256: &str = "S256";

/// Why a text is no code verifier or challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// The verifier has not 43 to 128 characters.
    #[error("code_verifier must have 43 to 128 characters, this one has {0}")]
    VerifierLength(usize),
    /// The verifier holds a character other than `A-Z a-z 0-9 - . _ ~`.
    #[error("code_verifier may hold only A-Z a-z 0-9 - . _ ~")]
    VerifierCharacter,
    /// The challenge is not the unpadded base64url of 32 bytes.
    #[error("code_challenge must be the unpadded base64url of a SHA-256 value: 43 characters")]
    Challenge,
}

/// The secret that the client keeps between the authorization and the token request (RFC 7636, section 4.1).
///
/// Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeVerifier(String);

impl CodeVerifier {
    /// Parses a verifier: 43 to 128 of `A-Z a-z 0-9 - . _ ~`.
    ///
    /// # Errors
    /// [`PkceError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        let length = text.chars().count();
        if !(43..=128).contains(&length) {
            return Err(PkceError::VerifierLength(length));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) {
            return Err(PkceError::VerifierCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The verifier made of 32 random bytes, as RFC 7636, section 4.1 recommends.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(base64url(bytes))
    }

    /// The text that goes into the token request. It is a secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))` (RFC 7636, section 4.2).
    #[must_use]
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

/// What the authorization request carries in the verifier's place (RFC 7636, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Parses the `S256` form.
    ///
    /// # Errors
    /// [`PkceError::Challenge`] where it is not the unpadded base64url of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        let bytes = from_base64url(text).ok_or(PkceError::Challenge)?;
        bytes.try_into().map(Self).map_err(|_| PkceError::Challenge)
    }

    /// Whether `verifier` is the one that this challenge was made of (RFC 7636, section 4.6).
    ///
    /// The comparison needs no constant time: both sides are hashes, and a guess at one tells nothing of the verifier.
    #[must_use]
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        *self == verifier.challenge()
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(self.0))
    }
}

impl Parsed for CodeChallenge {
    type Error = PkceError;
}
serde_as_string!(CodeChallenge);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_7636_appendix_b() {
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = CodeVerifier::from_random(octets);
        assert_eq!(verifier.as_str(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge().to_string(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn lengths_and_characters_are_held() {
        assert_eq!(CodeVerifier::parse(&"a".repeat(42)), Err(PkceError::VerifierLength(42)));
        assert!(CodeVerifier::parse(&"a".repeat(43)).is_ok());
        assert!(CodeVerifier::parse(&"~".repeat(128)).is_ok());
        assert_eq!(CodeVerifier::parse(&"a".repeat(129)), Err(PkceError::VerifierLength(129)));
        assert_eq!(CodeVerifier::parse(&"+".repeat(43)), Err(PkceError::VerifierCharacter));
        for bad in ["", "plain", &"a".repeat(42), &"a".repeat(44), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="] {
            assert_eq!(CodeChallenge::parse(bad), Err(PkceError::Challenge), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_show_the_verifier() {
        let verifier = CodeVerifier::from_random([7; 32]);
        assert!(!format!("{verifier:?}").contains(verifier.as_str()));
    }

    proptest! {
        #[test]
        fn only_its_own_verifier_meets_a_challenge(a in "[A-Za-z0-9._~-]{43,128}", b in "[A-Za-z0-9._~-]{43,128}") {
            let (a, b) = (CodeVerifier::parse(&a).unwrap(), CodeVerifier::parse(&b).unwrap());
            let challenge = CodeChallenge::parse(&a.challenge().to_string()).unwrap();
            prop_assert!(challenge.is_met_by(&a));
            prop_assert_eq!(challenge.is_met_by(&b), a == b);
        }
    }
}
