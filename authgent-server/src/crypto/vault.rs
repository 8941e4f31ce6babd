//! What has to be kept and read again: sealed with AES-256-GCM (NIST SP 800-38D) before it goes to the database, so that
//! whoever reads the database alone holds nothing. The key never is in the database.

use super::hash::hmac_sha256;
use super::random::Random;
use openssl::md::Md;
use openssl::pkey::{Id, PKey};
use openssl::pkey_ctx::PkeyCtx;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use secrecy::zeroize::Zeroizing;

/// The form of what is sealed: this byte, nonce, ciphertext, tag.
const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was sealed with another key or for another purpose, or was changed.
    #[error("it was sealed with another key than AUTHGENT_ENCRYPTION_KEY or the signing key give, or it is damaged")]
    Foreign,
    /// The private key cannot be read.
    #[error("no key can be derived of the signing key")]
    Key,
    /// The library failed.
    #[error("sealing failed")]
    Library,
}

/// Seals and opens. What is sealed for one purpose does not open for another one.
pub struct Vault {
    key: Zeroizing<[u8; 32]>,
    /// What sealed before `key` did.
    former: Vec<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault under a key of its own.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key, former: Vec::new() }
    }

    /// The same vault, that also opens what another one has sealed: a key of its own that is set later locks nothing away.
    #[must_use]
    pub fn after(self, former: Self) -> Self {
        let mut keys = self.former;
        keys.push(former.key);
        keys.extend(former.former);
        Self { former: keys, ..self }
    }

    /// A vault under a key that is derived of a private key in PEM, in whatever form it is written: HKDF with SHA-256
    /// (RFC 5869). Another signing key is another vault.
    ///
    /// # Errors
    /// [`VaultError::Key`].
    pub fn derived(pem: &[u8]) -> Result<Self, VaultError> {
        let derive = || {
            // A callback, because OpenSSL would otherwise ask on the terminal for the password of an encrypted key.
            let key = PKey::private_key_from_pem_callback(pem, |_| Err(openssl::error::ErrorStack::get()))?;
            let material = Zeroizing::new(key.private_key_to_pkcs8()?);
            let mut hkdf = PkeyCtx::new_id(Id::HKDF)?;
            hkdf.derive_init()?;
            hkdf.set_hkdf_md(Md::sha256())?;
            hkdf.set_hkdf_key(&material)?;
            hkdf.add_hkdf_info(b"authgent vault")?;
            let mut derived = Zeroizing::new([0; 32]);
            hkdf.derive(Some(&mut *derived))?;
            Ok::<_, openssl::error::ErrorStack>(derived)
        };
        derive().map(Self::new).map_err(|_| VaultError::Key)
    }

    /// Seals `plain`. The same twice gives two texts.
    ///
    /// # Errors
    /// [`VaultError::Library`].
    pub fn seal(&self, random: &dyn Random, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let mut tag = [0; TAG];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &*self.key, Some(&nonce), purpose.as_bytes(), plain, &mut tag);
        let sealed = sealed.map_err(|_| VaultError::Library)?;
        Ok([&[VERSION][..], &nonce, &sealed, &tag].concat())
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose.
    ///
    /// # Errors
    /// [`VaultError::Foreign`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(VaultError::Foreign) };
        if rest.len() < NONCE + TAG {
            return Err(VaultError::Foreign);
        }
        let (nonce, rest) = rest.split_at(NONCE);
        let (text, tag) = rest.split_at(rest.len() - TAG);
        let open = |key: &Zeroizing<[u8; 32]>| {
            decrypt_aead(Cipher::aes_256_gcm(), &**key, Some(nonce), purpose.as_bytes(), text, tag).ok()
        };
        let opened = open(&self.key).or_else(|| self.former.iter().find_map(open));
        opened.map(Zeroizing::new).ok_or(VaultError::Foreign)
    }

    /// A code that only this vault can make for this message and purpose: every replica makes the same.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let key = Zeroizing::new(hmac_sha256(&*self.key, purpose.as_bytes()));
        hmac_sha256(&*key, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::pem::{SigningAlgorithm, generate_pem};
    use crate::crypto::random::SystemRandom;

    fn vault(n: u8) -> Vault {
        Vault::new(Zeroizing::new([n; 32]))
    }

    #[test]
    fn a_key_that_is_set_later_locks_nothing_away() {
        let pem = generate_pem(SigningAlgorithm::Es256);
        let before = Vault::derived(pem.as_bytes()).unwrap().seal(&SystemRandom, "totp", b"secret").unwrap();
        let own = || Vault::new(Zeroizing::new([7; 32]));
        let vault = own().after(Vault::derived(pem.as_bytes()).unwrap());
        assert_eq!(&**vault.open("totp", &before).unwrap(), b"secret");
        assert!(vault.open("other", &before).is_err(), "for its purpose alone");
        // What is sealed from now on needs no signing key.
        let after = vault.seal(&SystemRandom, "totp", b"secret").unwrap();
        assert_eq!(&**own().open("totp", &after).unwrap(), b"secret");
        assert!(own().open("totp", &before).is_err());
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_under_its_key_alone() {
        let sealed = vault(1).seal(&SystemRandom, "totp", b"secret").unwrap();
        assert_eq!(**vault(1).open("totp", &sealed).unwrap(), *b"secret");
        assert_ne!(vault(1).seal(&SystemRandom, "totp", b"secret").unwrap(), sealed);
        assert_eq!(vault(1).open("key", &sealed).unwrap_err(), VaultError::Foreign);
        assert_eq!(vault(2).open("totp", &sealed).unwrap_err(), VaultError::Foreign);
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert_eq!(vault(1).open("totp", &changed).unwrap_err(), VaultError::Foreign, "byte {n}");
            assert_eq!(vault(1).open("totp", &sealed[..n]).unwrap_err(), VaultError::Foreign, "cut at {n}");
        }
    }

    #[test]
    fn a_signing_key_gives_the_same_vault_every_time_and_another_one_another() {
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
            let pem = generate_pem(algorithm);
            let sealed = Vault::derived(pem.as_bytes()).unwrap().seal(&SystemRandom, "x", b"secret").unwrap();
            let commented = format!("a comment\n{pem}\n");
            assert!(Vault::derived(commented.as_bytes()).unwrap().open("x", &sealed).is_ok());
            let other = generate_pem(algorithm);
            assert!(Vault::derived(other.as_bytes()).unwrap().open("x", &sealed).is_err());
        }
        assert_eq!(Vault::derived(b"no key").unwrap_err(), VaultError::Key);
    }

    #[test]
    fn codes_differ_by_key_purpose_and_message() {
        let code = vault(1).mac("device", b"ada");
        assert_eq!(vault(1).mac("device", b"ada"), code);
        for other in [vault(2).mac("device", b"ada"), vault(1).mac("x", b"ada"), vault(1).mac("device", b"bob")] {
            assert_ne!(other, code);
        }
    }
}
