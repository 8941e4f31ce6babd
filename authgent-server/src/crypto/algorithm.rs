//! The signature algorithms that are supported.

use super::hash::base64url;
use openssl::nid::Nid;
use sha2::{Digest as _, Sha256, Sha384};
use std::fmt;
use std::str::FromStr;

/// The smallest RSA key, in bits (RFC 7518, section 3.3).
pub(super) const SMALLEST_RSA: u32 = 2048;

/// An algorithm that tokens are signed with (RFC 7518, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl SigningAlgorithm {
    /// Every algorithm that is supported.
    pub const ALL: &[Self] = &[Self::Es256, Self::Es384, Self::Rs256];

    /// Its registered name: the `alg` of a token and of a key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
        }
    }

    /// The `at_hash` of an access token beside an ID token that is signed with this algorithm: the left half of the
    /// token's hash, by the hash function of the signature (OpenID Connect Core, section 3.1.3.6).
    #[must_use]
    pub fn at_hash(self, access_token: &str) -> String {
        match self {
            Self::Es256 | Self::Rs256 => base64url(&Sha256::digest(access_token)[..16]),
            Self::Es384 => base64url(&Sha384::digest(access_token)[..24]),
        }
    }

    /// What a key for it is, in words.
    pub(super) const fn key_in_words(self) -> &'static str {
        match self {
            Self::Es256 => "an EC key on the curve P-256",
            Self::Es384 => "an EC key on the curve P-384",
            Self::Rs256 => "an RSA key of 2048 bits or more",
        }
    }

    pub(super) const fn curve(self) -> Option<Curve> {
        match self {
            Self::Es256 => Some(Curve { nid: Nid::X9_62_PRIME256V1, name: "P-256", coordinate: 32 }),
            Self::Es384 => Some(Curve { nid: Nid::SECP384R1, name: "P-384", coordinate: 48 }),
            Self::Rs256 => None,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name is of no algorithm that is supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be ES256, ES384 or RS256")]
pub struct UnknownAlgorithm;

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|known| known.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

/// The curve of an ECDSA algorithm.
#[derive(Clone, Copy)]
pub(super) struct Curve {
    /// OpenSSL's name for it.
    pub(super) nid: Nid,
    /// Its name in a JWK (RFC 7518, section 6.2.1.1).
    pub(super) name: &'static str,
    /// Length of a coordinate, in bytes.
    pub(super) coordinate: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_half_of_the_hash_of_the_signature() {
        // OpenID Connect Core, appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(SigningAlgorithm::Rs256.at_hash(token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(SigningAlgorithm::Es256.at_hash(token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(SigningAlgorithm::Es384.at_hash(token).len(), 32, "24 bytes of SHA-384");
    }
}
