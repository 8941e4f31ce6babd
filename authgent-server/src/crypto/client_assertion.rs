//! The signature of a client's assertion: RFC 7523, section 3, point 9; RFC 7515, section 5.2.

use super::jwk_verifier::JwkVerifier;
use authgent_core::jwk::{KeyParameters, PublicJwk};
use authgent_core::metadata::client::ASSERTION_ALGORITHMS;

/// How many keys are tried where the assertion names none.
const MOST_TRIED: usize = 8;

/// Why a signature is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The algorithm is symmetric, unknown, or weak.
    #[error("its alg must be one of {}", ASSERTION_ALGORITHMS.join(", "))]
    Algorithm,
    /// No key of the client has this name, or fits the algorithm.
    #[error("the client has no key for its kid and alg")]
    NoKey,
    /// No fitting key verifies it.
    #[error("its signature is not that of a key of the client")]
    Wrong,
}

/// Checks that one of `keys` made `signature` over `message`. The key that `kid` names, or where it names none, every one
/// that fits the algorithm.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    keys: &[PublicJwk],
    alg: &str,
    kid: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    if !ASSERTION_ALGORITHMS.contains(&alg) {
        return Err(SignatureError::Algorithm);
    }
    let named = keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid).filter(|key| fits(key, alg));
    let mut verifiers = named.filter_map(|key| JwkVerifier::new(key, alg).ok()).take(MOST_TRIED).peekable();
    if verifiers.peek().is_none() {
        return Err(SignatureError::NoKey);
    }
    if verifiers.any(|verifier| verifier.verifies(message, signature)) { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// Whether the key is of the type and curve that the algorithm prescribes (RFC 7518, section 3.1; RFC 8037, section 3.1).
fn fits(key: &PublicJwk, alg: &str) -> bool {
    match &key.key {
        KeyParameters::Rsa { .. } => alg == "RS256",
        KeyParameters::Ec { crv, .. } => matches!((crv.as_str(), alg), ("P-256", "ES256") | ("P-384", "ES384")),
        KeyParameters::Okp { crv, .. } => crv == "Ed25519" && alg == "EdDSA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use josekit::jwk::Jwk;
    use josekit::jwk::alg::ec::EcCurve;
    use josekit::jwk::alg::ed::EdCurve;
    use josekit::jws::{ES256, ES384, EdDSA, HS256, JwsSigner, RS256};

    fn public(jwk: &Jwk, kid: &str) -> PublicJwk {
        let key: PublicJwk =
            serde_json::from_value(serde_json::to_value(jwk.to_public_key().unwrap()).unwrap()).unwrap();
        PublicJwk { kid: Some(kid.into()), alg: None, ..key }
    }

    fn ec() -> Jwk {
        Jwk::generate_ec_key(EcCurve::P256).unwrap()
    }

    #[test]
    fn each_algorithm_has_its_kind_of_key() {
        let pairs = [
            ("ES256", ec()),
            ("ES384", Jwk::generate_ec_key(EcCurve::P384).unwrap()),
            ("RS256", Jwk::generate_rsa_key(2048).unwrap()),
            ("EdDSA", Jwk::generate_ed_key(EdCurve::Ed25519).unwrap()),
        ];
        let keys: Vec<_> = pairs.iter().map(|(alg, pair)| public(pair, alg)).collect();
        for (alg, pair) in &pairs {
            let signer: Box<dyn JwsSigner> = match *alg {
                "ES256" => Box::new(ES256.signer_from_jwk(pair).unwrap()),
                "ES384" => Box::new(ES384.signer_from_jwk(pair).unwrap()),
                "RS256" => Box::new(RS256.signer_from_jwk(pair).unwrap()),
                _ => Box::new(EdDSA.signer_from_jwk(pair).unwrap()),
            };
            let signature = signer.sign(b"m").unwrap();
            assert_eq!(verify(&keys, alg, None, b"m", &signature), Ok(()), "{alg}");
            assert_eq!(verify(&keys, alg, Some(alg), b"m", &signature), Ok(()), "{alg}");
            assert_eq!(verify(&keys, alg, None, b"n", &signature), Err(SignatureError::Wrong), "{alg}");
            assert_eq!(verify(&keys, alg, Some("unknown"), b"m", &signature), Err(SignatureError::NoKey), "{alg}");
            let other = if *alg == "ES256" { "RS256" } else { "ES256" };
            assert_eq!(verify(&keys, alg, Some(other), b"m", &signature), Err(SignatureError::NoKey), "{alg}");
        }
    }

    #[test]
    fn a_public_key_is_no_shared_secret_and_ed448_no_ed25519() {
        let key = public(&ec(), "k");
        let secret = serde_json::to_vec(&key).unwrap();
        let signature = HS256.signer_from_bytes(&secret).unwrap().sign(b"m").unwrap();
        for alg in ["HS256", "none", "", "RS384", "PS256", "es256"] {
            assert_eq!(verify(std::slice::from_ref(&key), alg, None, b"m", &signature), Err(SignatureError::Algorithm));
        }
        let pair = Jwk::generate_ed_key(EdCurve::Ed448).unwrap();
        let signature = EdDSA.signer_from_jwk(&pair).unwrap().sign(b"m").unwrap();
        assert_eq!(verify(&[public(&pair, "k")], "EdDSA", None, b"m", &signature), Err(SignatureError::NoKey));
    }

    #[test]
    fn small_keys_and_keys_for_encryption_verify_nothing() {
        let small = Jwk::generate_rsa_key(1024).unwrap();
        assert_eq!(verify(&[public(&small, "k")], "RS256", None, b"m", b"s"), Err(SignatureError::NoKey));
        let pair = ec();
        let signature = ES256.signer_from_jwk(&pair).unwrap().sign(b"m").unwrap();
        let encryption = PublicJwk { key_use: Some("enc".into()), ..public(&pair, "k") };
        assert_eq!(verify(&[encryption], "ES256", None, b"m", &signature), Err(SignatureError::NoKey));
    }

    #[test]
    fn without_a_name_no_more_than_eight_keys_are_tried() {
        let mut pairs: Vec<_> = (0..9).map(|_| ec()).collect();
        let last = pairs.pop().unwrap();
        let signature = ES256.signer_from_jwk(&last).unwrap().sign(b"m").unwrap();
        let mut keys: Vec<_> = pairs.iter().map(|pair| public(pair, "k")).collect();
        keys.push(public(&last, "last"));
        assert_eq!(verify(&keys, "ES256", None, b"m", &signature), Err(SignatureError::Wrong));
        assert_eq!(verify(&keys, "ES256", Some("last"), b"m", &signature), Ok(()));
        assert_eq!(verify(&keys[1..], "ES256", None, b"m", &signature), Ok(()));
    }
}
