//! Keys, signatures, hashes and randomness.
//!
//! The only module that may use josekit and OpenSSL. Of josekit it takes the signers and verifiers alone: claims are
//! serialised with serde, because josekit's own payload type writes times as floats.

mod algorithm;
pub mod client_assertion;
pub mod hash;
pub mod jwk_verifier;
pub mod keyring;
pub mod passkey;
pub mod password;
pub mod password_policy;
pub mod pem;
pub mod random;
pub mod recovery_code;
mod rsa_key;
pub mod totp;
pub mod vault;

#[cfg(test)]
mod test_keys;
