//! The sign-in page.

use askama::Template;

use crate::domain::Acr;

use super::display::filters;
use super::texts::Texts;
use super::{Layout, PasskeyButton};

/// A button that leads to an upstream provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderButton {
    /// The provider's name for people.
    pub name: String,
    /// Path that its form posts to.
    pub action: String,
}

/// `GET /login`: asks who somebody is, in every way that this server knows.
///
/// The password's form posts `email`, `password`, `return_to` and `csrf_token`; a provider's form the last two.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The frame.
    pub layout: Layout,
    /// Path that the password's form posts to.
    pub action: String,
    /// Goes back with the forms; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Path and query to go to after sign-in.
    pub return_to: String,
    /// Email to begin with: what was typed before, or a hint from the client. May be empty.
    pub email: String,
    /// Why the last try failed, in words.
    pub error: Option<String>,
    /// Name of the client that waits for this sign-in.
    pub client_name: Option<String>,
    /// A line of help above the form: where a development server printed the password, or that a new one was set.
    pub hint: Option<String>,
    /// The passkey button, where passkeys work here.
    pub passkey: Option<PasskeyButton>,
    /// Whether people have passwords here: without, there is no form for one.
    pub passwords: bool,
    /// The upstream providers.
    pub providers: Vec<ProviderButton>,
    /// Page that mails a link for a new password, where mail can be sent.
    pub forgot_url: Option<String>,
}

impl SignInPage {
    /// What to say where the client asks for a sign-in that is surer than by password alone.
    pub const fn hint_for(texts: &Texts, demand: Acr) -> Option<&'static str> {
        match demand {
            Acr::Single => None,
            Acr::Multi => Some(texts.sign_in.second_step),
            Acr::PhishingResistant => Some(texts.sign_in.needs_passkey),
        }
    }
}
