//! The key pair of clients that authenticate with assertions.

use anyhow::Result;
use authgent_core::time::Clock as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::{JwsHeader, RS256};
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use serde_json::{Value, json};
use uuid::Uuid;

const KEY_ID: &str = "matrix";

/// An RSA key.
pub(super) struct KeyPair(Rsa<Private>);

impl KeyPair {
    /// A new one.
    ///
    /// # Errors
    /// Where OpenSSL refuses.
    pub(super) fn generate() -> Result<Self> {
        Ok(Self(Rsa::generate(2048)?))
    }

    /// What stands at the client's `jwks_uri`.
    pub(super) fn jwks(&self) -> Value {
        let number = |number: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(number.to_vec());
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": number(self.0.n()), "e": number(self.0.e())
        }]})
    }

    /// A client assertion (RFC 7523, section 3) for `audience`, good for five minutes.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, clock: &crate::clock::TestClock) -> Result<String> {
        let mut header = JwsHeader::new();
        header.set_token_type("JWT");
        header.set_key_id(KEY_ID);
        let now = clock.now().0;
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 300, "jti": Uuid::new_v4()
        });
        let signer = RS256.signer_from_pem(self.0.private_key_to_pem()?)?;
        Ok(josekit::jws::serialize_compact(claims.to_string().as_bytes(), &header, &signer)?)
    }
}
