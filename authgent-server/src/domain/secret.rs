//! The form in which machine-made secrets are kept.

use std::fmt;

/// The SHA-256 of a secret with 256 random bits: a code, a refresh token, a client secret, a session or interaction
/// ticket. Only this is stored, so that whoever reads the database holds nothing that he could present.
///
/// No slow hash is needed: there is nothing to guess. Its `Debug` form shows the first four bytes, enough to find a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The first four bytes in hexadecimal: names a row in a log without being of use to anybody.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes as the database takes them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}..)", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_four_bytes() {
        assert_eq!(format!("{:?}", TokenHash([0xAB; 32])), "TokenHash(abababab..)");
    }
}
