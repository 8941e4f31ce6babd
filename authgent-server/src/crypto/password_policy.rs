//! Which new passwords are refused: short ones, and those that an attacker tries first. No rules on digits and capitals: they
//! make people choose worse ones (NIST SP 800-63B-4, section 3.1.1.2).
//!
//! What is tried first is the crate zxcvbn's judgement (MIT licence): its lists of the passwords, names and words that occur
//! most often in what was leaked, the usual disguises of them, rows of keys, dates, sequences and repetitions; and, as the
//! section above asks for, what has to do with the person and the site.

use super::password::normalized;
use secrecy::{ExposeSecret as _, SecretString};

/// The shortest password that is accepted, in characters.
pub const SHORTEST: usize = 8;

/// The longest password that is accepted, in bytes.
pub const LONGEST: usize = 1024;

/// A password that falls within so many well-ordered guesses is refused. The delays after wrong passwords
/// (`service::sign_in::throttle`) leave an attacker some 10 000 guesses a year; this is a hundred times that.
const GUESSES: u64 = 1_000_000;

/// From how many characters on a word of the person's or the site's counts: shorter ones are in every password.
const SHORTEST_WORD: usize = 3;

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Below [`SHORTEST`].
    #[error("a password needs at least {SHORTEST} characters")]
    TooShort,
    /// Above [`LONGEST`].
    #[error("a password has at most {LONGEST} bytes")]
    TooLong,
    /// Among those that are tried first.
    #[error(
        "this password is among the first that others try: choose a longer one, such as a few words that have nothing to do with each other"
    )]
    Common,
    /// Would be, by whoever knows the person or the site.
    #[error(
        "this password is too close to the name or e-mail address, or to the name of this site: choose one that nobody can guess from those"
    )]
    Personal,
}

/// Checks a new password. `known` is what an attacker knows: e-mail address and name of the person, name and host of the site.
/// Takes some milliseconds.
///
/// # Errors
/// [`PasswordRefused`].
pub fn check_new_password(password: &SecretString, known: &[&str]) -> Result<(), PasswordRefused> {
    if password.expose_secret().len() > LONGEST {
        return Err(PasswordRefused::TooLong);
    }
    let password = normalized(password);
    let password = password.expose_secret();
    if password.chars().count() < SHORTEST {
        return Err(PasswordRefused::TooShort);
    }
    // Spaces and signs between two halves that are the same make no guess harder.
    let bare = bare(password);
    let guessed = |words: &[&str]| {
        [password, &bare].into_iter().any(|password| zxcvbn::zxcvbn(password, words).guesses() < GUESSES)
    };
    if guessed(&[]) {
        return Err(PasswordRefused::Common);
    }
    let words = words(known);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if guessed(&words) {
        return Err(PasswordRefused::Personal);
    }
    Ok(())
}

/// The letters and digits alone.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Each text whole, its words, and the words as one.
fn words(known: &[&str]) -> Vec<String> {
    let parts = |text: &&str| {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        [(*text).to_owned(), bare(text)].into_iter().chain(parts.map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut words: Vec<String> = known.iter().flat_map(parts).collect();
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [&str; 4] = ["ada.lovelace@example.com", "Ada Lovelace", "Analytical Engines", "auth.example.com"];

    fn check(password: &str) -> Result<(), PasswordRefused> {
        check_new_password(&password.to_owned().into(), &KNOWN)
    }

    #[test]
    fn the_length_of_a_new_password() {
        assert_eq!(check("k7#qX9z"), Err(PasswordRefused::TooShort));
        assert_eq!(check("k7#qX9zv"), Ok(()));
        assert_eq!(check("kräöüßéñ"), Ok(()));
        assert_eq!(check(&"correct horse battery ".repeat(40)), Ok(()));
        assert_eq!(check(&"x".repeat(1025)), Err(PasswordRefused::TooLong));
    }

    #[test]
    fn what_is_tried_first_is_refused_in_any_disguise() {
        for common in [
            "password",
            "12345678",
            "PASSWORD",
            "p@ssw0rd",
            "Password1",
            "iloveyou",
            "qwertyuiop",
            "aaaaaaaa",
            "abcdefgh",
            "drowssap",
            "password password",
            "ｐａｓｓｗｏｒｄ",
            "19841984",
            "trustno1",
            "letmein!",
        ] {
            assert_eq!(check(common), Err(PasswordRefused::Common), "{common}");
        }
    }

    #[test]
    fn what_has_to_do_with_the_person_or_the_site_is_refused() {
        for personal in ["ada.lovelace@example.com", "ADALovelace", "l0velace", "Analytical1", "adalovelace1"] {
            assert!(matches!(check(personal), Err(PasswordRefused::Personal | PasswordRefused::Common)), "{personal}");
        }
        assert_eq!(check("ada.lovelace@example.com"), Err(PasswordRefused::Personal));
        assert_eq!(check_new_password(&"ada.lovelace@example.com".to_owned().into(), &[]), Ok(()));
    }

    #[test]
    fn nothing_has_to_be_in_a_password() {
        for good in
            ["correct horse battery staple", "lichtscheue quallen", "qmzkfhwtr", "83017462958", "пароль не из книги"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_makes_it_panic(password in "\\PC{0,60}", known in "\\PC{0,20}") {
            let _ = check_new_password(&password.into(), &[&known]);
        }
    }
}
