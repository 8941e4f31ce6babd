use super::SigningAlgorithm::{Es256, Es384, Rs256};
use super::*;
use crate::crypto::test_keys::*;
use proptest::prelude::*;

fn load(pem: &str, algorithm: SigningAlgorithm) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(pem.as_bytes(), algorithm)
}

fn refusal(pem: &str, algorithm: SigningAlgorithm) -> String {
    load(pem, algorithm).unwrap_err().to_string()
}

#[test]
fn every_form_that_openssl_writes_is_read() {
    for (pem, algorithm) in [
        (EC256, Es256),
        (EC256_WITH_PARAMETERS, Es256),
        (EC256_PKCS8, Es256),
        (EC384, Es384),
        (RSA_PKCS1, Rs256),
        (RSA_PKCS8, Rs256),
    ] {
        let key = load(pem, algorithm).unwrap();
        assert_eq!((key.algorithm(), key.kid().len()), (algorithm, 43));
        assert_eq!(key.jwk().kid.as_deref(), Some(key.kid()));
    }
}

#[test]
fn what_stands_around_a_key_does_not_matter() {
    let kid = load(EC256, Es256).unwrap().kid().to_owned();
    let indented: String = EC256.lines().map(|line| format!("    {line}  \n")).collect();
    for variant in [
        EC256.replace('\n', "\r\n"),
        format!("\u{feff}# our key, 2026\nBag Attributes\n    friendlyName: signing\n\n{EC256}\n\n  \n"),
        EC256.trim_end().to_owned(),
        format!("{EC256_PARAMETERS_ONLY}{EC256}"),
        format!("{EC256}{EC256_PUBLIC}"),
        format!("{CERTIFICATE}{EC256}"),
        indented,
    ] {
        assert_eq!(load(&variant, Es256).unwrap().kid(), kid, "{variant}");
    }
    let mut latin1 = b"cl\xe9 de signature\n".to_vec();
    latin1.extend_from_slice(EC256.as_bytes());
    assert_eq!(SigningKey::from_pem(&latin1, Es256).unwrap().kid(), kid);
}

#[test]
fn whatever_is_no_key_for_the_algorithm_is_refused_in_words() {
    for (pem, algorithm, sentence) in [
        ("", Es256, "it holds no PEM block such as -----BEGIN PRIVATE KEY-----"),
        ("not a key", Es256, "it holds no PEM block such as -----BEGIN PRIVATE KEY-----"),
        (EC256_PUBLIC, Es256, "it is a public key: the private key that belongs to it is needed"),
        (CERTIFICATE, Es256, "it is a certificate: the private key that belongs to it is needed"),
        (EC256_PARAMETERS_ONLY, Es256, "it holds EC parameters and no key: `openssl ecparam -genkey` writes both"),
        (OPENSSH, Es256, "it is in the format of OpenSSH: `ssh-keygen -p -m PKCS8 -f FILE` converts it"),
        (EC384, Es256, "it is an EC key on the curve P-384, but ES256 needs an EC key on the curve P-256"),
        (EC256, Es384, "it is an EC key on the curve P-256, but ES384 needs an EC key on the curve P-384"),
        (EC521, Es384, "it is an EC key on the curve P-521, but ES384 needs an EC key on the curve P-384"),
        (EC256, Rs256, "it is an EC key, but RS256 needs an RSA key of 2048 bits or more"),
        (RSA_PKCS8, Es256, "it is an RSA key of 2048 bits, but ES256 needs an EC key on the curve P-256"),
        (ED25519, Es256, "it is an Ed25519 key, but ES256 needs an EC key on the curve P-256"),
        (RSA_PSS, Rs256, "it is an RSASSA-PSS key, but RS256 needs an RSA key of 2048 bits or more"),
        (RSA_1024, Rs256, "it is an RSA key of 1024 bits, but RS256 needs 2048 bits or more"),
    ] {
        assert_eq!(refusal(pem, algorithm), sentence);
    }
    let explicit = refusal(EC256_EXPLICIT, Es256);
    assert!(explicit.starts_with("it spells its curve out in explicit parameters"), "{explicit}");
    let two = format!("{EC256}{EC256_PKCS8}");
    assert_eq!(refusal(&two, Es256), "it holds 2 private keys, and it would be unclear which one signs");
}

#[test]
fn an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password() {
    for pem in [EC256_ENCRYPTED_PKCS8, EC256_ENCRYPTED_SEC1] {
        assert!(matches!(load(pem, Es256), Err(KeyError::Encrypted)));
    }
}

#[test]
fn a_damaged_key_is_refused_without_a_word_of_its_content() {
    let cut = EC256.rsplit_once("-----END").unwrap().0;
    assert!(refusal(cut, Es256).contains("the file seems to be cut off"));
    assert!(refusal(&format!("{cut}{EC256}"), Es256).contains("the file seems to be cut off"));
    let body = EC256.lines().nth(1).unwrap();
    let damaged = EC256.replace(body, &body.to_ascii_lowercase());
    let sentence = refusal(&damaged, Es256);
    assert_eq!(sentence, "the content of its -----BEGIN EC PRIVATE KEY----- is damaged");
    let swapped = EC256.replace("EC PRIVATE KEY", "RSA PRIVATE KEY");
    assert!(matches!(load(&swapped, Es256), Err(KeyError::Damaged { .. } | KeyError::WrongKey { .. })));
}

#[test]
fn halves_of_two_keys_are_refused() {
    let key = |pem: &str| PKey::private_key_from_pem(pem.as_bytes()).unwrap().ec_key().unwrap();
    let (mut first, second) =
        (key(EC256).private_key_to_der().unwrap(), key(EC256_PKCS8).private_key_to_der().unwrap());
    // The public point is the end of a SEC1 key.
    let point = first.len() - 64;
    first[point..].copy_from_slice(&second[point..]);
    let pem = format!(
        "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
        openssl::base64::encode_block(&first)
    );
    assert!(matches!(load(&pem, Es256), Err(KeyError::Inconsistent | KeyError::Damaged { .. })));
}

#[test]
fn a_generated_key_is_pkcs8_and_reads_back() {
    for algorithm in SigningAlgorithm::ALL {
        let pem = generate_pem(*algorithm);
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
        assert_eq!(load(&pem, *algorithm).unwrap().jwk().alg.as_deref(), Some(algorithm.as_str()));
    }
    assert_ne!(generate_pem(Es256), generate_pem(Es256));
}

#[test]
fn debug_and_errors_show_nothing_private() {
    let key = load(EC256, Es256).unwrap();
    let debug = format!("{key:?}");
    assert_eq!(debug, format!("SigningKey {{ algorithm: Es256, kid: {:?}, .. }}", key.kid()));
    let jwk = serde_json::to_value(key.jwk()).unwrap();
    let mut members: Vec<_> = jwk.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
}

#[test]
fn coordinates_keep_their_leading_zeros() {
    // The public point of this private key begins with a zero byte in x (found by counting up).
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = BigNumContext::new().unwrap();
    let key = (2_u32..).find_map(|number| {
        let private = BigNum::from_u32(number).unwrap();
        let mut public = openssl::ec::EcPoint::new(&group).unwrap();
        public.mul_generator2(&group, &private, &mut context).unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        public.affine_coordinates(&group, &mut x, &mut y, &mut context).unwrap();
        (x.num_bytes() < 32).then(|| EcKey::from_private_components(&group, &private, &public).unwrap())
    });
    let key = SigningKey::from_key(&PKey::from_ec_key(key.unwrap()).unwrap(), Es256).unwrap();
    let KeyParameters::Ec { x, y, .. } = &key.jwk().key else { panic!("an EC key") };
    assert_eq!((x.len(), y.len()), (43, 43));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), label in "[A-Z ]{0,20}", body in "[A-Za-z0-9+/=\\n]{0,200}") {
        let _ = load(&text, Es256);
        let _ = load(&format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----"), Es256);
        let _ = load(&format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"), Rs256);
    }
}
