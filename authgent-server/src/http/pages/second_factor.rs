//! The second step of a sign-in, and the passkey button.

use askama::Template;

use super::Layout;
use super::display::filters;
use super::texts::second_factor::SecondFactorTexts;

/// The passkey button of a page on which somebody signs in, for `static/passkeys.js`. Hidden until the script finds that the
/// browser knows passkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyButton {
    /// What it says.
    pub t: &'static SecondFactorTexts,
    /// Path of the endpoint that begins a ceremony; without `/options`, it ends it.
    pub endpoint: String,
    /// Goes back as a header; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Path and query to go to after sign-in.
    pub return_to: String,
}

/// `GET /login/second-factor`: asks for a code.
///
/// Both forms post `ticket`, `return_to`, `csrf_token` and one of `code` and `recovery_code`.
#[derive(Debug, Clone, Template)]
#[template(path = "second_factor.html")]
pub struct SecondFactorPage {
    /// The frame.
    pub layout: Layout,
    /// What it says.
    pub t: &'static SecondFactorTexts,
    /// Path that the forms post to.
    pub action: String,
    /// Goes back with the forms; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Names the right password that waits: a secret.
    pub ticket: String,
    /// Path and query to go to after sign-in.
    pub return_to: String,
    /// The sign-in page, to begin anew.
    pub sign_in_url: String,
    /// Why the last try failed, in words.
    pub error: Option<String>,
    /// Whether that try was with a recovery code: its form is open then.
    pub recovery: bool,
    /// The passkey button, where passkeys work here.
    pub passkey: Option<PasskeyButton>,
}
