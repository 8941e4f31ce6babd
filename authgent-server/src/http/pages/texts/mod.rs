//! What the pages say, in every language: one file per group of pages, each with its struct and one value per language.
//!
//! A text that one language lacks does not compile. A sentence with values has their names in braces, `{client}`; the filters of
//! [`sentence`] put them in. German speaks to people as «Sie».

pub mod account;
pub mod common;
pub mod consent;
pub mod errors;
pub mod home;
pub mod negotiate;
pub mod notice;
pub mod password;
pub mod second_factor;
pub mod security;
pub mod sentence;
pub mod sign_in;
#[cfg(test)]
mod tests;

pub use self::account::AccountTexts;
pub use self::common::CommonTexts;
pub use self::consent::ConsentTexts;
pub use self::errors::{ErrorTexts, ProblemTexts};
pub use self::home::HomeTexts;
pub use self::notice::NoticeTexts;
pub use self::password::PasswordTexts;
pub use self::second_factor::SecondFactorTexts;
pub use self::security::SecurityTexts;
pub use self::sign_in::SignInTexts;

/// Every text of every page in one language.
#[derive(Debug)]
pub struct Texts {
    /// The language, as the attribute `lang` has it (BCP 47).
    pub lang: &'static str,
    /// The frame, and words that many pages use.
    pub common: &'static CommonTexts,
    /// The sign-in page.
    pub sign_in: &'static SignInTexts,
    /// The consent page.
    pub consent: &'static ConsentTexts,
    /// The error page.
    pub errors: &'static ErrorTexts,
    /// Connected already, sign out, signed out.
    pub notice: &'static NoticeTexts,
    /// What stands at the issuer.
    pub home: &'static HomeTexts,
    /// The pages of the account.
    pub account: &'static AccountTexts,
    /// The pages on which a password is chosen, and the way there.
    pub password: &'static PasswordTexts,
    /// The second step of a sign-in, and the passkey button.
    pub second_factor: &'static SecondFactorTexts,
    /// Ways to sign in.
    pub security: &'static SecurityTexts,
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.lang == other.lang
    }
}

impl Eq for Texts {}

/// English.
pub static EN: Texts = Texts {
    lang: "en",
    common: &common::EN,
    sign_in: &sign_in::EN,
    consent: &consent::EN,
    errors: &errors::EN,
    notice: &notice::EN,
    home: &home::EN,
    account: &account::EN,
    password: &password::EN,
    second_factor: &second_factor::EN,
    security: &security::EN,
};

/// German.
pub static DE: Texts = Texts {
    lang: "de",
    common: &common::DE,
    sign_in: &sign_in::DE,
    consent: &consent::DE,
    errors: &errors::DE,
    notice: &notice::DE,
    home: &home::DE,
    account: &account::DE,
    password: &password::DE,
    second_factor: &second_factor::DE,
    security: &security::DE,
};

/// Every language there is. The first one is for whoever asks for none of them.
pub static ALL: [&Texts; 2] = [&EN, &DE];
