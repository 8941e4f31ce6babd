use super::*;
use crate::crypto::pem::SigningAlgorithm::{self, Es256, Es384, Rs256};
use crate::crypto::test_keys::*;
use authgent_core::jwk::KeyParameters;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use authgent_core::token::{AccessTokenClaims, Audience};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use proptest::prelude::*;
use serde_json::{Value, json};

fn key(pem: &str, algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::from_pem(pem.as_bytes(), algorithm).unwrap()
}

fn public(pem: &str, algorithm: SigningAlgorithm) -> Arc<VerifyingKey> {
    let key = key(pem, algorithm);
    Arc::new(VerifyingKey::new(key.kid().to_owned(), algorithm, key.jwk().clone()).unwrap())
}

fn keyring() -> Keyring {
    Keyring::new(key(EC256, Es256).into(), vec![public(EC384, Es384), public(RSA_PKCS8, Rs256), public(EC256, Es256)])
        .unwrap()
}

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn bignum(part: &str) -> BigNum {
    BigNum::from_slice(&decode(part)).unwrap()
}

/// Checks a token against a published key with OpenSSL alone: another way than the keyring's in every step.
fn openssl_verifies(token: &str, jwks: &JwkSet) -> bool {
    let parts: Vec<_> = token.split('.').collect();
    let header: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
    let jwk = jwks.keys.iter().find(|jwk| jwk.kid.as_deref() == header["kid"].as_str()).unwrap();
    let signed = token.rsplit_once('.').unwrap().0.as_bytes();
    let signature = decode(parts[2]);
    match &jwk.key {
        KeyParameters::Ec { crv, x, y } => {
            let (nid, digest) = match crv.as_str() {
                "P-256" => (Nid::X9_62_PRIME256V1, openssl::sha::sha256(signed).to_vec()),
                _ => (Nid::SECP384R1, openssl::sha::sha384(signed).to_vec()),
            };
            let group = EcGroup::from_curve_name(nid).unwrap();
            let key = EcKey::from_public_key_affine_coordinates(&group, &bignum(x), &bignum(y)).unwrap();
            let (r, s) = signature.split_at(signature.len() / 2);
            let signature =
                EcdsaSig::from_private_components(BigNum::from_slice(r).unwrap(), BigNum::from_slice(s).unwrap());
            signature.unwrap().verify(&digest, &key).unwrap()
        }
        KeyParameters::Rsa { n, e } => {
            let key = PKey::from_rsa(Rsa::from_public_components(bignum(n), bignum(e)).unwrap()).unwrap();
            let mut verifier = openssl::sign::Verifier::new(MessageDigest::sha256(), &key).unwrap();
            verifier.verify_oneshot(&signature, signed).unwrap()
        }
        KeyParameters::Okp { .. } => panic!("no such key here"),
    }
}

/// A token with any header, signed by the given key.
fn forge(header: &Value, payload: &[u8], key: &SigningKey) -> String {
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(payload));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

#[test]
fn what_it_signs_verifies_here_and_with_openssl_alone() {
    for (pem, algorithm) in [(EC256, Es256), (EC384, Es384), (RSA_PKCS1, Rs256)] {
        let keyring = Keyring::new(key(pem, algorithm).into(), vec![]).unwrap();
        // A short r or s would show within some signatures; leading zeros must be kept.
        for number in 0..if algorithm == Es256 { 600 } else { 3 } {
            let token = keyring.sign("at+jwt", &json!({ "number": number })).unwrap();
            assert!(openssl_verifies(&token, keyring.jwks()), "{algorithm}");
            let (header, claims) = keyring.verify(&token).unwrap();
            assert_eq!((header.typ.as_deref(), header.alg.as_str()), (Some("at+jwt"), algorithm.as_str()));
            assert_eq!(claims, json!({ "number": number }));
        }
    }
}

#[test]
fn times_are_integers_and_the_scope_is_one_string() {
    let claims = AccessTokenClaims {
        iss: "https://auth.example.com".into(),
        sub: "u".into(),
        aud: Audience::One("https://mcp.example.com".into()),
        exp: Timestamp(1_790_000_300),
        iat: Timestamp(1_790_000_000),
        nbf: None,
        jti: "j".into(),
        client_id: "c".into(),
        scope: Scope::parse("mcp:write mcp:read").unwrap(),
        auth_time: None,
        extra: serde_json::Map::new(),
    };
    let token = keyring().sign(AT_JWT, &claims).unwrap();
    let payload = String::from_utf8(decode(token.split('.').nth(1).unwrap())).unwrap();
    assert!(payload.contains(r#""exp":1790000300,"iat":1790000000,"#), "{payload}");
    assert!(payload.contains(r#""scope":"mcp:read mcp:write""#), "{payload}");
}

#[test]
fn every_key_is_published_once_and_verifies_the_active_one_first() {
    let keyring = keyring();
    let names: Vec<_> = keyring.jwks().keys.iter().map(|jwk| jwk.alg.as_deref().unwrap()).collect();
    assert_eq!(names, ["ES256", "ES384", "RS256"]);
    assert!(!serde_json::to_string(keyring.jwks()).unwrap().contains("\"d\""));
    let old = Keyring::new(key(EC384, Es384).into(), vec![]).unwrap().sign("JWT", &json!({})).unwrap();
    assert!(keyring.verify(&old).is_ok());
    let foreign = Keyring::new(key(EC256_PKCS8, Es256).into(), vec![]).unwrap().sign("JWT", &json!({})).unwrap();
    assert_eq!(keyring.verify(&foreign), Err(VerifyError::UnknownKey));
}

#[test]
fn another_type_is_signed_as_well() {
    let token = keyring().sign("logout+jwt", &json!({})).unwrap();
    assert_eq!(keyring().verify(&token).unwrap().0.typ.as_deref(), Some("logout+jwt"));
}

#[test]
fn the_algorithm_is_the_key_s_own() {
    let (keyring, active, rsa) = (keyring(), key(EC256, Es256), key(RSA_PKCS8, Rs256));
    for alg in ["none", "None", "", "HS256", "ES384", "RS256", "es256"] {
        let header = json!({"alg": alg, "kid": active.kid()});
        assert_eq!(keyring.verify(&forge(&header, b"{}", &active)), Err(VerifyError::WrongAlgorithm), "{alg}");
        let unsigned = format!("{}.e30.", base64url(header.to_string().as_bytes()));
        assert_eq!(keyring.verify(&unsigned), Err(VerifyError::WrongAlgorithm), "{alg}");
    }
    // An HMAC keyed with the published RSA key, the classic confusion.
    let header = json!({"alg": "HS256", "kid": rsa.kid()});
    let signed = format!("{}.e30", base64url(header.to_string().as_bytes()));
    let public = serde_json::to_vec(rsa.jwk()).unwrap();
    let mac = crate::crypto::hash::hmac_sha256(&public, signed.as_bytes());
    assert_eq!(keyring.verify(&format!("{signed}.{}", base64url(&mac))), Err(VerifyError::WrongAlgorithm));
    // The algorithm of one key under the name of another.
    let header = json!({"alg": "ES256", "kid": active.kid()});
    assert_eq!(keyring.verify(&forge(&header, b"{}", &rsa)), Err(VerifyError::WrongSignature));
}

#[test]
fn malformed_tokens_are_told_apart() {
    let (keyring, active) = (keyring(), key(EC256, Es256));
    let good = json!({"alg": "ES256", "kid": active.kid()});
    let cases = [
        (String::new(), VerifyError::Malformed),
        ("a.b".into(), VerifyError::Malformed),
        ("a.b.c.d".into(), VerifyError::Malformed),
        ("....".into(), VerifyError::Malformed),
        ("a".repeat(LONGEST_TOKEN + 1), VerifyError::Malformed),
        (forge(&json!({"alg": "ES256"}), b"{}", &active), VerifyError::UnknownKey),
        (forge(&json!({"alg": "ES256", "kid": "other"}), b"{}", &active), VerifyError::UnknownKey),
        (forge(&json!({"kid": active.kid()}), b"{}", &active), VerifyError::Malformed),
        (forge(&json!([]), b"{}", &active), VerifyError::Malformed),
        (
            forge(&json!({"alg": "ES256", "kid": active.kid(), "crit": []}), b"{}", &active),
            VerifyError::CriticalExtension,
        ),
        (
            forge(&json!({"alg": "ES256", "kid": active.kid(), "crit": ["b64"], "b64": false}), b"{}", &active),
            VerifyError::CriticalExtension,
        ),
        (forge(&good, b"[]", &active), VerifyError::PayloadNotAnObject),
        (forge(&good, b"\xff", &active), VerifyError::PayloadNotAnObject),
        (forge(&good, b"", &active), VerifyError::PayloadNotAnObject),
        (format!("{}.e30.", base64url(good.to_string().as_bytes())), VerifyError::WrongSignature),
        (
            format!("{}.e30.{}", base64url(good.to_string().as_bytes()), base64url(&[0; 64])),
            VerifyError::WrongSignature,
        ),
        (forge(&good, b"{}", &active) + "=", VerifyError::Malformed),
    ];
    for (token, error) in cases {
        assert_eq!(keyring.verify(&token), Err(error), "{token:.80}");
    }
    let twice = format!(r#"{{"alg":"ES256","kid":"x","kid":"{}"}}"#, active.kid());
    let signed = format!("{}.e30", base64url(twice.as_bytes()));
    let token = format!("{signed}.{}", base64url(&active.sign(signed.as_bytes()).unwrap()));
    assert_eq!(keyring.verify(&token), Err(VerifyError::Malformed));
}

#[test]
fn absurd_claims_pass_through_without_a_panic() {
    let (keyring, active) = (keyring(), key(EC256, Es256));
    let header = json!({"alg": "ES256", "kid": active.kid()});
    let (_, claims) = keyring.verify(&forge(&header, br#"{"exp":1e300,"iat":-1e300}"#, &active)).unwrap();
    assert_eq!(claims["exp"], json!(1e300));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(keyring.verify(&forge(&header, deep.as_bytes(), &active)), Err(VerifyError::PayloadNotAnObject));
}

#[test]
fn debug_shows_names_alone() {
    let debug = format!("{:?}", keyring());
    assert!(debug.contains("kid") && !debug.contains("PKey") && !debug.contains("private"), "{debug}");
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(token in any::<String>(), parts in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,100}") {
        let keyring = Keyring::new(key(EC256, Es256).into(), vec![]).unwrap();
        prop_assert!(keyring.verify(&token).is_err());
        prop_assert!(keyring.verify(&parts).is_err());
    }

    #[test]
    fn a_changed_character_is_noticed(position in any::<prop::sample::Index>(), character in "[A-Za-z0-9_.-]") {
        let keyring = Keyring::new(key(EC256, Es256).into(), vec![]).unwrap();
        let token = keyring.sign("at+jwt", &json!({"sub": "somebody", "exp": 1_790_000_000})).unwrap();
        let position = position.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(position..=position, &character);
        prop_assert_eq!(keyring.verify(&changed).is_ok(), changed == token);
    }

    #[test]
    fn no_signature_makes_it_panic(signature in proptest::collection::vec(any::<u8>(), 0..140)) {
        for (pem, algorithm) in [(EC256, Es256), (EC384, Es384)] {
            let key = key(pem, algorithm);
            prop_assert!(!key.verifies(b"message", &signature));
        }
    }
}
