//! The sign-in page.

use askama::Template;

use crate::domain::Acr;

use super::display::filters;
use super::{Layout, PasskeyButton};

/// `GET /login`: asks for email and password.
///
/// The form posts `email`, `password`, `return_to` and `csrf_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The frame.
    pub layout: Layout,
    /// Path that the form posts to.
    pub action: String,
    /// Goes back with the form; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Path and query to go to after sign-in.
    pub return_to: String,
    /// Email to begin with: what was typed before, or a hint from the client. May be empty.
    pub email: String,
    /// Why the last try failed, in words.
    pub error: Option<String>,
    /// Name of the client that waits for this sign-in.
    pub client_name: Option<String>,
    /// A line of help above the form, for example where a development server printed the password.
    pub hint: Option<String>,
    /// The passkey button, where passkeys work here.
    pub passkey: Option<PasskeyButton>,
}

impl SignInPage {
    /// What to say where the client asks for a sign-in that is surer than by password alone.
    pub const fn hint_for(demand: Acr) -> Option<&'static str> {
        match demand {
            Acr::Single => None,
            Acr::Multi => {
                Some("This app asks for a second step: sign in with a passkey, or with a password and a code.")
            }
            Acr::PhishingResistant => Some("This app asks you to sign in with a passkey."),
        }
    }

    /// The one answer to an unknown email, a wrong password and a disabled person alike, so that it tells
    /// nobody which emails exist.
    pub const WRONG_CREDENTIALS: &str = "That email and password do not match. Please try again.";
    /// The form's token did not match: cookies are off, or the page is old.
    pub const EXPIRED: &str = "This page was open for too long, or your browser blocks cookies. Please try again.";
    /// After too many wrong passwords, whether there is such an account or not.
    pub const BLOCKED: &str = "There were too many wrong passwords for this email. Please wait a while and try again, or \
                               choose a new password.";
    /// The server is checking as many passwords as it can.
    pub const BUSY: &str = "Too many people are signing in right now. Please try again in a moment.";
}
