//! Public keys as JSON: RFC 7517, and their thumbprints: RFC 7638.

use crate::text::base64url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The members of a key that depend on its type (RFC 7518, section 6; RFC 8037, section 2). Public members only: private
/// ones are dropped when a key is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum KeyParameters {
    /// An elliptic curve key.
    #[serde(rename = "EC")]
    Ec {
        /// The curve: `P-256`, `P-384` or `P-521`.
        crv: String,
        /// The x coordinate, base64url.
        x: String,
        /// The y coordinate, base64url.
        y: String,
    },
    /// An RSA key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, base64url.
        n: String,
        /// The exponent, base64url.
        e: String,
    },
    /// An Edwards curve key.
    #[serde(rename = "OKP")]
    Okp {
        /// The curve: `Ed25519`.
        crv: String,
        /// The public key, base64url.
        x: String,
    },
}

/// A public key (RFC 7517, section 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `kty` and the members that belong to it.
    #[serde(flatten)]
    pub key: KeyParameters,
    /// The name of the key within its set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm that the key is for, such as `ES256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What the key is for: `sig` or `enc`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
}

impl PublicJwk {
    /// The SHA-256 thumbprint, base64url (RFC 7638, section 3). It depends on the key alone, not on `kid`, `alg` or `use`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The members in lexicographic order without white space, as RFC 7638, section 3.2 prescribes.
        let canonical = match &self.key {
            KeyParameters::Ec { crv, x, y } => {
                format!(r#"{{"crv":{},"kty":"EC","x":{},"y":{}}}"#, quoted(crv), quoted(x), quoted(y))
            }
            KeyParameters::Rsa { n, e } => format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, quoted(e), quoted(n)),
            KeyParameters::Okp { crv, x } => format!(r#"{{"crv":{},"kty":"OKP","x":{}}}"#, quoted(crv), quoted(x)),
        };
        base64url(Sha256::digest(canonical))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A set of public keys (RFC 7517, section 5).
///
/// Keys of an unknown type are left out when a set is read, as section 5 asks: a set stays readable when its owner
/// adds a key of a kind that did not exist when this was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys.
    #[serde(deserialize_with = "known_keys")]
    pub keys: Vec<PublicJwk>,
}

fn known_keys<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicJwk>, D::Error> {
    let values = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7638_section_3_1() {
        let key: PublicJwk = serde_json::from_str(concat!(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"#,
            r#"jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0"#,
            r#"zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg"#,
            r#"U8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
        ))
        .unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn unknown_keys_are_left_out_and_private_members_dropped() {
        let set: JwkSet = serde_json::from_str(
            r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"x"},{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"secret","use":"sig"}, 7]}"#,
        )
        .unwrap();
        assert_eq!(set.keys.len(), 1);
        assert!(!serde_json::to_string(&set).unwrap().contains("secret"));
    }
}
