//! Private keys as people have them: PEM files in every form that OpenSSL writes.

use super::algorithm::{Curve, SMALLEST_RSA};
use super::hash::base64url;
use super::rsa_key;
use authgent_core::jwk::{KeyParameters, PublicJwk};
use josekit::jws::{ES256, ES384, JwsSigner, JwsVerifier, RS256};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use secrecy::zeroize::Zeroizing;
use std::fmt;

pub use super::algorithm::SigningAlgorithm;
pub use super::rsa_key::RsaFault;

/// Why a text is no signing key. Nothing of the key is in the message.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the signing key {place} cannot be read: {problem}")]
    Unreadable {
        /// Where the key should be.
        place: String,
        /// What the operating system says.
        problem: std::io::Error,
    },
    /// What was read cannot sign.
    #[error("the signing key {place} cannot be used: {problem}")]
    Unusable {
        /// Where the key is.
        place: String,
        /// Why.
        problem: Box<Self>,
    },
    /// There is no PEM block in it.
    #[error("it holds no PEM block such as -----BEGIN PRIVATE KEY-----")]
    NoPem,
    /// A block begins and does not end, or is not closed by its own label.
    #[error("its -----BEGIN {label}----- has no -----END {label}-----: the file seems to be cut off")]
    CutOff {
        /// What stands behind BEGIN.
        label: String,
    },
    /// A public key was given.
    #[error("it is a public key: the private key that belongs to it is needed")]
    PublicKey,
    /// A certificate was given.
    #[error("it is a certificate: the private key that belongs to it is needed")]
    Certificate,
    /// `openssl ecparam` without `-genkey` writes the name of the curve alone.
    #[error("it holds EC parameters and no key: `openssl ecparam -genkey` writes both")]
    ParametersOnly,
    /// A block of another kind, such as a certificate request.
    #[error("it holds a {label} and no private key")]
    OtherBlock {
        /// What stands behind BEGIN.
        label: String,
    },
    /// `ssh-keygen` wrote it.
    #[error("it is in the format of OpenSSH: `ssh-keygen -p -m PKCS8 -f FILE` converts it")]
    OpenSsh,
    /// It is encrypted. No password is ever asked for: a server has nobody to answer.
    #[error("it is encrypted: `openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW_FILE` removes the password")]
    Encrypted,
    /// It holds more than one private key.
    #[error("it holds {0} private keys, and it would be unclear which one signs")]
    SeveralKeys(usize),
    /// The block's content is no key.
    #[error("the content of its -----BEGIN {label}----- is damaged")]
    Damaged {
        /// What stands behind BEGIN.
        label: String,
    },
    /// The curve is written out as numbers instead of by its name.
    #[error(
        "it spells its curve out in explicit parameters, which are not accepted: \
         make the key with `-param_enc named_curve` (or leave `-param_enc` out)"
    )]
    ExplicitParameters,
    /// A key for another algorithm.
    #[error("it is {found}, but {algorithm} needs {}", algorithm.key_in_words())]
    WrongKey {
        /// What it is, in words.
        found: String,
        /// What it should sign with.
        algorithm: SigningAlgorithm,
    },
    /// RFC 7518, section 3.3.
    #[error("it is an RSA key of {bits} bits, but RS256 needs {SMALLEST_RSA} bits or more")]
    ShortRsa {
        /// Its length.
        bits: u32,
    },
    /// It is not as an RSA key has to be.
    #[error("it is an RSA key that is not safe to use: {0}")]
    UnsoundRsa(#[from] RsaFault),
    /// What it signs does not verify with its own public half.
    #[error("its private and its public half do not belong together")]
    Inconsistent,
    /// OpenSSL or josekit failed where they should not.
    #[error("the cryptographic library failed: {0}")]
    Library(String),
}

impl From<ErrorStack> for KeyError {
    fn from(error: ErrorStack) -> Self {
        Self::Library(error.to_string())
    }
}

impl From<josekit::JoseError> for KeyError {
    fn from(error: josekit::JoseError) -> Self {
        Self::Library(error.to_string())
    }
}

/// A private key, parsed once, and what is public about it. `Debug` shows the public name alone.
pub struct SigningKey {
    algorithm: SigningAlgorithm,
    kid: String,
    jwk: PublicJwk,
    signer: Box<dyn JwsSigner>,
    verifier: Box<dyn JwsVerifier>,
}

impl SigningKey {
    /// Reads a private key: SEC1 (`openssl ecparam -genkey`, with or without `-noout`), PKCS#1 or PKCS#8, with
    /// any line endings, with comments, attributes and blank lines around it.
    ///
    /// The key must be the right one for `algorithm`: the curve of ES256 and ES384 by name, RSA of 2048 bits or more
    /// for RS256, and a sound one ([`RsaFault`]). Never asks for a password.
    ///
    /// # Errors
    /// [`KeyError`], as a clause that can stand behind "the signing key FILE cannot be used:".
    pub fn from_pem(pem: &[u8], algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let block = private_block(&Zeroizing::new(String::from_utf8_lossy(pem).into_owned()))?;
        // The plain function would ask for a password on the terminal.
        let key = PKey::private_key_from_pem_callback(block.pem.as_bytes(), |_| Err(ErrorStack::get()))
            .map_err(|_| KeyError::Damaged { label: block.label.clone() })?;
        Self::from_key(&key, algorithm)
    }

    fn from_key(key: &PKeyRef<Private>, algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        let parameters = match algorithm.curve() {
            Some(curve) => ec_parameters(key, curve, algorithm)?,
            None => rsa_parameters(key, algorithm)?,
        };
        let private = Zeroizing::new(key.private_key_to_pkcs8()?);
        let public = key.public_key_to_der()?;
        let (signer, verifier): (Box<dyn JwsSigner>, Box<dyn JwsVerifier>) = match algorithm {
            SigningAlgorithm::Es256 => {
                (Box::new(ES256.signer_from_der(&*private)?), Box::new(ES256.verifier_from_der(public)?))
            }
            SigningAlgorithm::Es384 => {
                (Box::new(ES384.signer_from_der(&*private)?), Box::new(ES384.verifier_from_der(public)?))
            }
            SigningAlgorithm::Rs256 => {
                (Box::new(RS256.signer_from_der(&*private)?), Box::new(RS256.verifier_from_der(public)?))
            }
        };
        let mut jwk =
            PublicJwk { key: parameters, kid: None, alg: Some(algorithm.to_string()), key_use: Some("sig".into()) };
        let kid = jwk.thumbprint();
        jwk.kid = Some(kid.clone());
        let key = Self { algorithm, kid, jwk, signer, verifier };
        key.check_halves()?;
        Ok(key)
    }

    /// A file may hold a public half that is not the private one's: tokens would be signed that nobody can verify.
    fn check_halves(&self) -> Result<(), KeyError> {
        const MESSAGE: &[u8] = b"one half signs, the other verifies";
        let signature = self.signer.sign(MESSAGE).map_err(|_| KeyError::Inconsistent)?;
        self.verifier.verify(MESSAGE, &signature).map_err(|_| KeyError::Inconsistent)
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Its name: the thumbprint of its public half (RFC 7638), so that the same key has the same name everywhere.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half, with `kid`, `alg` and `use`.
    #[must_use]
    pub fn jwk(&self) -> &PublicJwk {
        &self.jwk
    }

    /// Signs bytes; the signature in the form of RFC 7518, section 3.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, josekit::JoseError> {
        self.signer.sign(message)
    }

    /// Whether `signature` is this key's for `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A new private key for `algorithm`, as PKCS#8 PEM. An RSA key has 2048 bits.
///
/// # Panics
/// Where OpenSSL has no randomness or no memory: there is no key to go on with.
#[must_use]
pub fn generate_pem(algorithm: SigningAlgorithm) -> String {
    let pem = generate(algorithm).and_then(|key| key.private_key_to_pem_pkcs8());
    String::from_utf8(pem.expect("OpenSSL generates a key")).expect("PEM is ASCII")
}

fn generate(algorithm: SigningAlgorithm) -> Result<PKey<Private>, ErrorStack> {
    match algorithm.curve() {
        Some(curve) => PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(curve.nid)?)?),
        None => PKey::from_rsa(Rsa::generate(SMALLEST_RSA)?),
    }
}

fn ec_parameters(key: &PKeyRef<Private>, curve: Curve, algorithm: SigningAlgorithm) -> Result<KeyParameters, KeyError> {
    let Ok(key) = key.ec_key() else {
        return Err(KeyError::WrongKey { found: in_words(key), algorithm });
    };
    let group = key.group();
    let named = group.asn1_flag() == Asn1Flag::NAMED_CURVE;
    let nid = group.curve_name().filter(|_| named).ok_or(KeyError::ExplicitParameters)?;
    if nid != curve.nid {
        return Err(KeyError::WrongKey { found: format!("an EC key on the curve {}", curve_in_words(nid)), algorithm });
    }
    let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
    key.public_key().affine_coordinates(group, &mut x, &mut y, &mut context)?;
    Ok(KeyParameters::Ec {
        crv: curve.name.into(),
        x: base64url(&x.to_vec_padded(curve.coordinate)?),
        y: base64url(&y.to_vec_padded(curve.coordinate)?),
    })
}

fn rsa_parameters(key: &PKeyRef<Private>, algorithm: SigningAlgorithm) -> Result<KeyParameters, KeyError> {
    let wrong = || KeyError::WrongKey { found: in_words(key), algorithm };
    // An RSASSA-PSS key cannot make the signatures of RS256.
    let rsa = key.rsa().ok().filter(|_| key.id() == Id::RSA).ok_or_else(wrong)?;
    let bits = key.bits();
    if bits < SMALLEST_RSA {
        return Err(KeyError::ShortRsa { bits });
    }
    rsa_key::check(&rsa)?;
    Ok(KeyParameters::Rsa { n: base64url(&rsa.n().to_vec()), e: base64url(&rsa.e().to_vec()) })
}

/// What a key is, for a message.
fn in_words(key: &PKeyRef<Private>) -> String {
    let name = match key.id() {
        Id::RSA => return format!("an RSA key of {} bits", key.bits()),
        Id::EC => return "an EC key".into(),
        Id::RSA_PSS => "an RSASSA-PSS key",
        Id::ED25519 => "an Ed25519 key",
        Id::ED448 => "an Ed448 key",
        Id::X25519 | Id::X448 | Id::DH => "a key for key agreement",
        Id::DSA => "a DSA key",
        _ => "a key of another kind",
    };
    name.into()
}

fn curve_in_words(nid: Nid) -> String {
    match nid {
        Nid::X9_62_PRIME256V1 => "P-256".into(),
        Nid::SECP384R1 => "P-384".into(),
        Nid::SECP521R1 => "P-521".into(),
        other => other.short_name().unwrap_or("without a name").into(),
    }
}

struct Block {
    label: String,
    pem: Zeroizing<String>,
}

/// The one private key among the PEM blocks of a text, without anything around it.
fn private_block(text: &str) -> Result<Block, KeyError> {
    let blocks = blocks(text)?;
    let count = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY")).count();
    if count > 1 {
        return Err(KeyError::SeveralKeys(count));
    }
    // Of what is there instead of a private key, the last is the most telling: parameters come first.
    let last = blocks.last().map(|block| block.label.clone());
    let Some(block) = blocks.into_iter().find(|block| block.label.ends_with("PRIVATE KEY")) else {
        return Err(match last.as_deref() {
            None => KeyError::NoPem,
            Some("EC PARAMETERS") => KeyError::ParametersOnly,
            Some(label) if label.ends_with("PUBLIC KEY") => KeyError::PublicKey,
            Some(label) if label.ends_with("CERTIFICATE") => KeyError::Certificate,
            Some(label) => KeyError::OtherBlock { label: label.into() },
        });
    };
    match block.label.as_str() {
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        "OPENSSH PRIVATE KEY" => Err(KeyError::OpenSsh),
        _ if block.pem.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED")) => {
            Err(KeyError::Encrypted)
        }
        _ => Ok(block),
    }
}

/// The PEM blocks of a text (RFC 7468), each line without the white space around it: keys arrive indented
/// from YAML and with the line endings of Windows.
fn blocks(text: &str) -> Result<Vec<Block>, KeyError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut pem = Zeroizing::new(String::with_capacity(text.len() + 1));
        pem.push_str(line);
        pem.push('\n');
        loop {
            let line = lines.next().filter(|line| !line.starts_with("-----BEGIN "));
            let line = line.ok_or_else(|| KeyError::CutOff { label: label.into() })?;
            pem.push_str(line);
            pem.push('\n');
            if line == end {
                break;
            }
        }
        blocks.push(Block { label: label.into(), pem });
    }
    Ok(blocks)
}

#[cfg(test)]
#[path = "pem_tests.rs"]
mod tests;
