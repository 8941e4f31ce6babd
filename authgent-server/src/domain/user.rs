//! People.

use authgent_core::time::Timestamp;
use std::fmt;
use uuid::Uuid;

/// The longest e-mail address, in characters (RFC 5321, section 4.5.3.1, as erratum 1690 to RFC 3696 reads it).
const MAX_EMAIL: usize = 254;

/// Why a text is no e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// It is empty.
    #[error("the e-mail address is empty")]
    Empty,
    /// It has not one name, one `@` and one host.
    #[error("{0:?} is no e-mail address such as you@example.com")]
    Form(String),
    /// It is longer than any address can be.
    #[error("the e-mail address is longer than {MAX_EMAIL} characters")]
    TooLong,
}

/// The e-mail address of a person.
///
/// Two spellings that differ only in case name one person: [`Email::canonical`] is what they are found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email {
    text: String,
    canonical: String,
}

impl Email {
    /// Parses an address; white space around it is dropped.
    ///
    /// Not checked: whether the address exists, nor the quoted forms of RFC 5321, which nobody types.
    ///
    /// # Errors
    /// [`EmailError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.chars().count() > MAX_EMAIL {
            return Err(EmailError::TooLong);
        }
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
        match text.split_once('@') {
            Some((name, host)) if !name.is_empty() && is_host(host) && !text.contains(forbidden) => {
                Ok(Self { text: text.to_owned(), canonical: text.to_lowercase() })
            }
            _ => Err(EmailError::Form(text.to_owned())),
        }
    }

    /// The address as the person wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address in lower case: equal for all spellings of one person, and unique among users.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// `localhost` counts: development accounts live there.
fn is_host(host: &str) -> bool {
    !host.is_empty() && !host.contains('@') && host.split('.').all(|label| !label.is_empty())
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A person who signs in here.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of every token made for this person. Never changes and is never given to somebody else.
    pub id: Uuid,
    /// Where the person is known by.
    pub email: Email,
    /// The name for people.
    pub name: Option<String>,
    /// Whether the address is known to be theirs: somebody who holds it used a link that was sent there, an upstream
    /// provider said so, or the operator did.
    pub email_verified: bool,
    /// The password, as Argon2id in PHC string format; `None` where they have none.
    pub password_hash: Option<String>,
    /// `false`: may not sign in, and sessions and grants are not honoured.
    pub enabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email.text)
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_address_have_one_canonical_form() {
        let email = Email::parse("  Ada.Lovelace@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "Ada.Lovelace@Example.COM");
        assert_eq!(email.canonical(), "ada.lovelace@example.com");
        assert_eq!(email.canonical(), Email::parse("ada.lovelace@example.com").unwrap().canonical());
        assert!(Email::parse("root@localhost").is_ok());
        assert!(Email::parse("jürgen+mcp@münchen.example").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(Email::parse(" "), Err(EmailError::Empty));
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(300))), Err(EmailError::TooLong));
        for bad in
            ["ada", "@example.com", "ada@", "a@b@c", "a b@c", "a@b..c", "a@.c", "a\n@b", "<a@b>", "a@b,c@d", "a\0@b"]
        {
            assert_eq!(Email::parse(bad), Err(EmailError::Form(bad.into())), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let user = User {
            id: Uuid::nil(),
            email: Email::parse("a@b").unwrap(),
            name: None,
            email_verified: false,
            password_hash: Some("$argon2id$secret".into()),
            enabled: true,
            created_at: Timestamp(1),
        };
        assert!(!format!("{user:?}").contains("argon2"));
    }

    proptest! {
        #[test]
        fn what_parses_parses_again(text in "\\PC{0,12}@\\PC{0,12}|.{0,20}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
            }
        }
    }
}
