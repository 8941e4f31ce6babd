//! Texts of the frame, and words that many pages use.

/// The frame, and words that many pages use.
#[derive(Debug, PartialEq, Eq)]
pub struct CommonTexts {
    /// At the foot: `{host}`.
    pub you_are_at: &'static str,
    /// Who is signed in: `{email}`.
    pub signed_in_as: &'static str,
    /// Link or button: ends the session.
    pub sign_out: &'static str,
    /// Link: leads to the sign-in page.
    pub sign_in: &'static str,
    /// Button: makes the change.
    pub save: &'static str,
    /// Link: leads back without a change.
    pub cancel: &'static str,
    /// Link: leads one page back.
    pub back: &'static str,
    /// Error: a form's token did not match.
    pub expired: &'static str,
}

/// English.
pub static EN: CommonTexts = CommonTexts {
    you_are_at: "You are at {host}",
    signed_in_as: "Signed in as {email}",
    sign_out: "Sign out",
    sign_in: "Sign in",
    save: "Save",
    cancel: "Cancel",
    back: "Back",
    expired: "This page was open for too long, or your browser blocks cookies. Please try again.",
};

/// German.
pub static DE: CommonTexts = CommonTexts {
    you_are_at: "Sie sind auf {host}",
    signed_in_as: "Angemeldet als {email}",
    sign_out: "Abmelden",
    sign_in: "Anmelden",
    save: "Speichern",
    cancel: "Abbrechen",
    back: "Zurück",
    expired: "Diese Seite war zu lange offen, oder Ihr Browser lässt keine Cookies zu. Bitte versuchen Sie es noch einmal.",
};
