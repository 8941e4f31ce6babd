//! A passkey in software, and the browser's side of its ceremonies: what WebAuthn, sections 5.1.3 and 5.1.4, would hand to the
//! page. Every field can be made to lie.

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use serde_json::{Value, json};

/// The user was present (WebAuthn, section 6.1: flags).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// An authenticator with one discoverable ES256 key.
#[derive(Clone)]
pub struct Authenticator {
    /// Where the browser says that it is.
    pub origin: String,
    /// The RP ID that the key is for.
    pub rp_id: String,
    /// Whether it says that its holder was verified.
    pub user_verified: bool,
    /// The counter that it shows next; grows with each use, unless it is zero.
    pub counter: u32,
    /// Whose key it says it is.
    pub user_handle: Vec<u8>,
    /// Its name for the key.
    pub credential_id: Vec<u8>,
    /// What it says about whether the key is discoverable.
    pub discoverable: bool,
    /// The private key.
    pub key: EcKey<Private>,
}

impl Authenticator {
    /// An authenticator without a key, in a browser that has a page of `issuer` open.
    ///
    /// # Errors
    /// Where the issuer is no URL, or OpenSSL fails.
    pub fn new(issuer: &str) -> Result<Self> {
        let url = url::Url::parse(issuer)?;
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            rp_id: url.host_str().context("a host")?.to_owned(),
            user_verified: true,
            counter: 1,
            user_handle: Vec::new(),
            credential_id: uuid::Uuid::new_v4().as_bytes().to_vec(),
            discoverable: true,
            key: EcKey::generate(&group)?,
        })
    }

    /// Answers `navigator.credentials.create()` with these options.
    ///
    /// # Errors
    /// Where the options are none.
    pub fn create(&mut self, options: &Value) -> Result<Value> {
        self.user_handle = decode(&options["user"]["id"])?;
        let mut data = self.authenticator_data(HAS_KEY);
        data.extend([0; 16]); // AAGUID: none
        data.extend(u16::try_from(self.credential_id.len())?.to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.public_key()?);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        attestation.extend(u16::try_from(data.len())?.to_be_bytes());
        attestation.extend(&data);
        Ok(json!({
            "id": encode(&self.credential_id),
            "rawId": encode(&self.credential_id),
            "type": "public-key",
            "clientExtensionResults": { "credProps": { "rk": self.discoverable } },
            "response": {
                "clientDataJSON": encode(&self.client_data("webauthn.create", options)?),
                "attestationObject": encode(&attestation),
                "transports": ["internal", "something-of-the-future"],
            },
        }))
    }

    /// Answers `navigator.credentials.get()` with these options.
    ///
    /// # Errors
    /// Where the options are none.
    pub fn get(&mut self, options: &Value) -> Result<Value> {
        let data = self.authenticator_data(0);
        let client_data = self.client_data("webauthn.get", options)?;
        let key = PKey::from_ec_key(self.key.clone())?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.update(&data)?;
        signer.update(&sha256(&client_data))?;
        Ok(json!({
            "id": encode(&self.credential_id),
            "rawId": encode(&self.credential_id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client_data),
                "authenticatorData": encode(&data),
                "signature": encode(&signer.sign_to_vec()?),
                "userHandle": encode(&self.user_handle),
            },
        }))
    }

    /// WebAuthn, section 6.1.
    fn authenticator_data(&mut self, more_flags: u8) -> Vec<u8> {
        let mut data = sha256(self.rp_id.as_bytes()).to_vec();
        data.push(PRESENT | more_flags | if self.user_verified { VERIFIED } else { 0 });
        data.extend(self.counter.to_be_bytes());
        if self.counter > 0 {
            self.counter += 1;
        }
        data
    }

    /// WebAuthn, section 5.8.1.
    fn client_data(&self, kind: &str, options: &Value) -> Result<Vec<u8>> {
        let challenge = options["challenge"].as_str().context("a challenge")?;
        Ok(serde_json::to_vec(
            &json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }),
        )?)
    }

    /// The public key in COSE (RFC 9053, section 7.1.1): kty EC2, alg ES256, crv P-256, x, y.
    fn public_key(&self) -> Result<Vec<u8>> {
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        let mut context = BigNumContext::new()?;
        self.key.public_key().affine_coordinates(self.key.group(), &mut x, &mut y, &mut context)?;
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(x.to_vec_padded(32)?);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(y.to_vec_padded(32)?);
        Ok(cose)
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Result<Vec<u8>> {
    Ok(URL_SAFE_NO_PAD.decode(text.as_str().context("base64url")?)?)
}
