//! Verifying a signature with a public key out of a JWKS: RFC 7515, section 5.2, RFC 7518, section 3.1.

use authgent_core::jwk::{KeyParameters, PublicJwk};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};

/// Bytes of the smallest RSA modulus (RFC 7518, section 3.3: 2048 bits or more).
const SMALLEST_RSA: usize = 256;

/// Why a key verifies nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It is for encryption.
    #[error("its use is {0:?}, expected \"sig\"")]
    Use(String),
    /// It is for another algorithm.
    #[error("its alg is {found:?}, the signature's is {expected:?}")]
    Algorithm {
        /// That of the key.
        found: String,
        /// That of the signature.
        expected: String,
    },
    /// The algorithm is `none`, symmetric or unknown.
    #[error("the algorithm {0:?} is not one of public keys")]
    UnknownAlgorithm(String),
    /// It is an RSA key of less than 2048 bits.
    #[error("its RSA modulus has {0} bits, expected 2048 or more")]
    TooSmall(usize),
    /// It is no sound key of its algorithm.
    #[error("it is no sound key for {0}")]
    Unsound(String),
}

/// A public key, ready to verify under one algorithm.
#[derive(Debug)]
pub struct JwkVerifier(Box<dyn JwsVerifier>);

impl JwkVerifier {
    /// Prepares `jwk` for signatures under `alg`.
    ///
    /// # Errors
    /// [`JwkError`] with what is wrong with the key.
    pub fn new(jwk: &PublicJwk, alg: &str) -> Result<Self, JwkError> {
        if let Some(key_use) = jwk.key_use.as_deref().filter(|key_use| *key_use != "sig") {
            return Err(JwkError::Use(key_use.to_owned()));
        }
        if let Some(found) = jwk.alg.as_deref().filter(|found| *found != alg) {
            return Err(JwkError::Algorithm { found: found.to_owned(), expected: alg.to_owned() });
        }
        if let KeyParameters::Rsa { n, .. } = &jwk.key {
            let modulus = URL_SAFE_NO_PAD.decode(n).map_err(|_| JwkError::Unsound(alg.to_owned()))?;
            let bytes = modulus.iter().skip_while(|byte| **byte == 0).count();
            if bytes < SMALLEST_RSA {
                return Err(JwkError::TooSmall(bytes * 8));
            }
        }
        verifier(jwk, alg).map(Self)
    }

    /// Whether `signature` over `message` is this key's.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}

fn verifier(jwk: &PublicJwk, alg: &str) -> Result<Box<dyn JwsVerifier>, JwkError> {
    let unsound = || JwkError::Unsound(alg.to_owned());
    let Ok(serde_json::Value::Object(mut members)) = serde_json::to_value(jwk) else { return Err(unsound()) };
    // The name of a key says nothing about a signature; josekit would compare it.
    members.remove("kid");
    let key = Jwk::from_map(members).map_err(|_| unsound())?;
    macro_rules! of {
        ($algorithm:expr) => {
            Box::new($algorithm.verifier_from_jwk(&key).map_err(|_| unsound())?) as Box<dyn JwsVerifier>
        };
    }
    Ok(match alg {
        "ES256" => of!(ES256),
        "ES384" => of!(ES384),
        "ES512" => of!(ES512),
        "RS256" => of!(RS256),
        "RS384" => of!(RS384),
        "RS512" => of!(RS512),
        "PS256" => of!(PS256),
        "PS384" => of!(PS384),
        "PS512" => of!(PS512),
        "EdDSA" => of!(EdDSA),
        other => return Err(JwkError::UnknownAlgorithm(other.to_owned())),
    })
}

/// The algorithm that a key without `alg` is most likely for.
#[must_use]
pub fn likely_algorithm(jwk: &PublicJwk) -> Option<&str> {
    if jwk.alg.is_some() {
        return jwk.alg.as_deref();
    }
    match &jwk.key {
        KeyParameters::Ec { crv, .. } => match crv.as_str() {
            "P-256" => Some("ES256"),
            "P-384" => Some("ES384"),
            "P-521" => Some("ES512"),
            _ => None,
        },
        KeyParameters::Rsa { .. } => Some("RS256"),
        KeyParameters::Okp { crv, .. } => (crv == "Ed25519").then_some("EdDSA"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use josekit::jwk::alg::ec::EcCurve;

    fn public(jwk: &Jwk) -> PublicJwk {
        serde_json::from_value(serde_json::to_value(jwk.to_public_key().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn a_signature_is_good_under_its_own_key_alone() {
        let pairs = [Jwk::generate_ec_key(EcCurve::P256).unwrap(), Jwk::generate_ec_key(EcCurve::P256).unwrap()];
        let signer = ES256.signer_from_jwk(&pairs[0]).unwrap();
        let signature = josekit::jws::JwsSigner::sign(&signer, b"message").unwrap();
        let [own, other] = pairs.map(|pair| JwkVerifier::new(&public(&pair), "ES256").unwrap());
        assert!(own.verifies(b"message", &signature));
        assert!(!own.verifies(b"another", &signature));
        assert!(!other.verifies(b"message", &signature));
    }

    #[test]
    fn unsound_keys_are_named() {
        let key = public(&Jwk::generate_ec_key(EcCurve::P256).unwrap());
        let error = |jwk: &PublicJwk, alg: &str| JwkVerifier::new(jwk, alg).unwrap_err().to_string();
        assert!(error(&PublicJwk { key_use: Some("enc".into()), ..key.clone() }, "ES256").contains("sig"));
        assert!(error(&PublicJwk { alg: Some("ES384".into()), ..key.clone() }, "ES256").contains("ES384"));
        assert!(error(&key, "none").contains("not one of public keys"));
        assert!(error(&key, "HS256").contains("not one of public keys"));
        assert!(error(&key, "RS256").contains("no sound key"));
        assert!(error(&public(&Jwk::generate_rsa_key(1024).unwrap()), "RS256").contains("1024 bits"));
    }
}
