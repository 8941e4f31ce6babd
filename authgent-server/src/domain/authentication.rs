//! How a person proved who they are: RFC 8176 and OpenID Connect Core, section 2.

use std::fmt;

/// A way in which a person proved who they are, by its name in `amr` (RFC 8176, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amr {
    /// A password.
    Password,
    /// A one-time code, also a recovery code.
    OneTimeCode,
    /// A key that a device or a password manager holds: a passkey.
    Key,
    /// Somebody was there, and touched the key.
    UserPresence,
    /// More than one factor. A passkey whose holder was verified by a fingerprint or a PIN is two.
    MultiFactor,
    /// Another provider's word. RFC 8176 has no name for it; this one is in common use.
    Federated,
}

impl Amr {
    const ALL: [Self; 6] =
        [Self::Password, Self::OneTimeCode, Self::Key, Self::UserPresence, Self::MultiFactor, Self::Federated];

    /// Its name in tokens and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimeCode => "otp",
            Self::Key => "swk",
            Self::UserPresence => "user",
            Self::MultiFactor => "mfa",
            Self::Federated => "fed",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The ways in a list with spaces between, as the database keeps them; `None` where one is unknown.
    #[must_use]
    pub fn parse_list(text: &str) -> Option<Vec<Self>> {
        text.split_ascii_whitespace().map(Self::parse).collect()
    }

    /// The reverse of [`Amr::parse_list`].
    #[must_use]
    pub fn list(ways: &[Self]) -> String {
        ways.iter().map(|way| way.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// How sure a sign-in is: the `acr` of tokens. Ordered from the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acr {
    /// One factor, or another provider's word.
    Single,
    /// Two factors.
    Multi,
    /// Two factors, one of them a key: nothing that can be typed at the wrong place is enough.
    PhishingResistant,
}

impl Acr {
    /// Every level, the weakest first.
    pub const ALL: [Self; 3] = [Self::Single, Self::Multi, Self::PhishingResistant];

    /// What these ways of proof amount to.
    #[must_use]
    pub fn of(ways: &[Amr]) -> Self {
        match (ways.contains(&Amr::MultiFactor), ways.contains(&Amr::Key)) {
            (true, true) => Self::PhishingResistant,
            (true, false) => Self::Multi,
            (false, _) => Self::Single,
        }
    }

    /// Its name in tokens. `phr` is of OpenID Connect Extended Authentication Profile ACR Values 1.0, section 2.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "urn:authgent:acr:single",
            Self::Multi => "urn:authgent:acr:multi",
            Self::PhishingResistant => "phr",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert_eq!(Amr::parse_list(&Amr::list(&Amr::ALL)), Some(Amr::ALL.to_vec()));
        assert_eq!(Amr::parse_list(""), Some(Vec::new()));
        assert_eq!(Amr::parse_list("pwd magic"), None);
        for acr in Acr::ALL {
            assert_eq!(Acr::parse(acr.as_str()), Some(acr));
        }
    }

    #[test]
    fn ways_of_proof_amount_to_a_level() {
        assert_eq!(Acr::of(&[]), Acr::Single);
        assert_eq!(Acr::of(&[Amr::Password]), Acr::Single);
        assert_eq!(Acr::of(&[Amr::Federated]), Acr::Single);
        assert_eq!(Acr::of(&[Amr::Password, Amr::OneTimeCode, Amr::MultiFactor]), Acr::Multi);
        assert_eq!(
            Acr::of(&[Amr::Key, Amr::UserPresence]),
            Acr::Single,
            "a key that anybody could use who holds the device"
        );
        assert_eq!(Acr::of(&[Amr::Key, Amr::UserPresence, Amr::MultiFactor]), Acr::PhishingResistant);
        assert!(Acr::Single < Acr::Multi && Acr::Multi < Acr::PhishingResistant);
    }
}
