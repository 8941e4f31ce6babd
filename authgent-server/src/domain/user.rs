//! People.

use authgent_core::time::Timestamp;
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;
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
/// Two spellings that differ only in case, in their Unicode form or in how the host is written name one person:
/// [`Email::canonical`] is what they are found by.
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
        let canonical = text.split_once('@').filter(|_| !text.contains(is_forbidden)).and_then(|(name, host)| {
            let canonical = format!("{}@{}", fold(name)?, canonical_host(host)?);
            (canonical.matches('@').count() == 1 && !canonical.contains(is_forbidden)).then_some(canonical)
        });
        let canonical = canonical.ok_or_else(|| EmailError::Form(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), canonical })
    }

    /// The address as the person wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Equal for all spellings of one person, and unique among users: without case and compatibility forms (Unicode Standard,
    /// definition D146), the host as IDNA writes it for people (UTS 46).
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// What no address has. Characters that nobody sees would make two addresses of what reads as one.
fn is_forbidden(c: char) -> bool {
    let unseen = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    unseen || c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c)
}

/// A text without case and compatibility forms; `None` where nothing is left.
fn fold(text: &str) -> Option<String> {
    let fold = |text: &str| caseless::default_case_fold_str(text).nfkd().collect::<String>();
    // Twice, because what one step makes may have a case again.
    let folded = fold(&fold(&text.nfd().collect::<String>()));
    Some(folded.nfkc().collect::<String>()).filter(|folded| !folded.is_empty())
}

/// A host name in the form for people, whichever way it came. `localhost` counts: development accounts live there.
fn canonical_host(host: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(host).ok()?;
    let (host, readable) = idna::domain_to_unicode(&ascii);
    let whole = readable.is_ok() && host.split('.').all(|label| !label.is_empty());
    whole.then_some(host)
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
    fn addresses_that_look_the_same_are_the_same() {
        for spellings in [
            // Precomposed and decomposed, upper and lower case, wide letters, the host in Punycode.
            &["jürgen@münchen.example", "JU\u{308}RGEN@MÜNCHEN.example", "ｊürgen@xn--mnchen-3ya.example"][..],
            // Letters that lower case alone keeps apart.
            &["straße@example.com", "STRASSE@example.com", "STRAẞE@EXAMPLE.COM"],
            &["ΣΊΣΥΦΟΣ@example.gr", "σίσυφος@example.gr", "σίσυφοσ@example.gr"],
            &["oﬃce@example.com", "office@example.com"],
            &["ada@example。com", "ada@example.com"],
        ] {
            let canonical = |text: &&str| Email::parse(text).unwrap().canonical().to_owned();
            let first = canonical(&spellings[0]);
            assert!(spellings.iter().all(|text| canonical(text) == first), "{first}");
        }
        // Another letter is another person, however alike: Cyrillic а.
        assert_ne!(Email::parse("аda@example.com").unwrap().canonical(), "ada@example.com");
        for unseen in
            ["ad\u{200b}a@example.com", "ada\u{ad}@example.com", "\u{202e}ada@example.com", "ada@exam\u{200d}ple.com"]
        {
            assert!(Email::parse(unseen).is_err(), "{unseen:?}");
        }
        // What becomes something else by folding: a wide @ and a wide comma.
        for sly in ["ada＠evil@example.com", "ada，bob@example.com"] {
            assert!(Email::parse(sly).is_err(), "{sly}");
        }
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
                prop_assert_eq!(&Email::parse(email.as_str()).unwrap(), &email);
                let canonical = Email::parse(email.canonical()).unwrap();
                prop_assert_eq!(canonical.canonical(), email.canonical());
            }
        }
    }
}
