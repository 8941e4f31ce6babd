//! Texts of the second step of a sign-in, and of signing in with a passkey.

/// What the page of the second factor and the passkey button say.
#[derive(Debug, PartialEq, Eq)]
pub struct SecondFactorTexts {
    /// Title and heading of the page.
    pub title: &'static str,
    /// Title of the page after an error.
    pub title_again: &'static str,
    /// Below the heading.
    pub lead: &'static str,
    /// Label of the code.
    pub code: &'static str,
    /// Its button.
    pub go_on: &'static str,
    /// Opens the form for a recovery code.
    pub lost: &'static str,
    /// Label of the recovery code.
    pub recovery_code: &'static str,
    /// Help below that label.
    pub recovery_help: &'static str,
    /// Its button.
    pub use_recovery_code: &'static str,
    /// Error: the code is wrong.
    pub wrong: &'static str,
    /// Error: codes are put off.
    pub put_off: &'static str,
    /// Error: the form's token did not match.
    pub expired: &'static str,
    /// Error on the sign-in page: what waited is gone.
    pub gone: &'static str,
    /// Leads back to the beginning.
    pub start_again: &'static str,
    /// Button: signs in with a passkey.
    pub passkey: &'static str,
    /// Error: the passkey did not work.
    pub passkey_failed: &'static str,
    /// Error: the page is too old.
    pub passkey_expired: &'static str,
}

/// English.
pub static EN: SecondFactorTexts = SecondFactorTexts {
    title: "One more step",
    title_again: "Try again",
    lead: "Type the code that your authenticator app shows for this site.",
    code: "Code of six digits",
    go_on: "Sign in",
    lost: "I don’t have my app at hand",
    recovery_code: "Recovery code",
    recovery_help: "One of the codes that you kept when you turned the app on. Each works once.",
    use_recovery_code: "Use recovery code",
    wrong: "That code is not right, or it was used before. Wait for the next one and try again.",
    put_off: "There were too many wrong codes. Wait a while, or use a passkey or a recovery code.",
    expired: "This page was open for too long, or your browser blocks cookies. Please try again.",
    gone: "That took too long, or there were too many wrong codes. Please sign in again.",
    start_again: "Start again",
    passkey: "Sign in with a passkey",
    passkey_failed: "That did not work. Try again, or sign in another way.",
    passkey_expired: "This page was open for too long. Load it again, and then try again.",
};

/// German.
pub static DE: SecondFactorTexts = SecondFactorTexts {
    title: "Noch ein Schritt",
    title_again: "Noch einmal",
    lead: "Geben Sie den Code ein, den Ihre Authenticator-App für diese Seite zeigt.",
    code: "Code aus sechs Ziffern",
    go_on: "Anmelden",
    lost: "Ich habe meine App nicht zur Hand",
    recovery_code: "Wiederherstellungscode",
    recovery_help: "Einer der Codes, die Sie beim Einschalten der App aufbewahrt haben. Jeder gilt einmal.",
    use_recovery_code: "Wiederherstellungscode verwenden",
    wrong: "Dieser Code stimmt nicht oder wurde schon verwendet. Warten Sie auf den nächsten und versuchen Sie es noch einmal.",
    put_off: "Es gab zu viele falsche Codes. Warten Sie eine Weile, oder verwenden Sie einen Passkey oder einen Wiederherstellungscode.",
    expired: "Diese Seite war zu lange offen, oder Ihr Browser lässt keine Cookies zu. Bitte versuchen Sie es noch einmal.",
    gone: "Das hat zu lange gedauert, oder es gab zu viele falsche Codes. Bitte melden Sie sich noch einmal an.",
    start_again: "Von vorn beginnen",
    passkey: "Mit einem Passkey anmelden",
    passkey_failed: "Das hat nicht geklappt. Versuchen Sie es noch einmal, oder melden Sie sich anders an.",
    passkey_expired: "Diese Seite war zu lange offen. Laden Sie sie neu und versuchen Sie es dann noch einmal.",
};
