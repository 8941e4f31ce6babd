//! Where the signing key is.

use crate::crypto::pem::{KeyError, SigningAlgorithm, SigningKey};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::PathBuf;

/// Where the signing key is.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// In a file (`AUTHGENT_SIGNING_KEY`).
    File(PathBuf),
    /// In the settings themselves (`AUTHGENT_SIGNING_KEY_DATA`), as PEM.
    Data(SecretString),
}

impl KeySource {
    /// A key given as text. Where a line break could not be written, `\n` in two characters stands for it.
    pub(super) fn data(pem: &str) -> Self {
        Self::Data(pem.replace("\\r", "").replace("\\n", "\n").into())
    }

    /// The PEM text. It is wiped from memory when it is dropped.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`], naming the file.
    pub fn read(&self) -> Result<Zeroizing<String>, KeyError> {
        match self {
            Self::Data(pem) => Ok(Zeroizing::new(pem.expose_secret().to_owned())),
            Self::File(path) => match std::fs::read(path).map(Zeroizing::new) {
                // Comments around the key may be in any encoding; the key itself is ASCII.
                Ok(bytes) => Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())),
                Err(problem) => Err(KeyError::Unreadable { place: self.to_string(), problem }),
            },
        }
    }

    /// The key.
    ///
    /// # Errors
    /// [`KeyError`]: a sentence that names the place and what is wrong there.
    pub fn load(&self, algorithm: SigningAlgorithm) -> Result<SigningKey, KeyError> {
        SigningKey::from_pem(self.read()?.as_bytes(), algorithm)
            .map_err(|problem| KeyError::Unusable { place: self.to_string(), problem: Box::new(problem) })
    }
}

/// The place: never the key.
impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Data(_) => f.write_str("in AUTHGENT_SIGNING_KEY_DATA"),
        }
    }
}
