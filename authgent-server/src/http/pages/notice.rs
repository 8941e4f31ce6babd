//! Small pages: connected already, sign out, signed out.

use askama::Template;

use super::Layout;
use super::display::filters;

/// The consent form came a second time, after the client had fetched its token.
#[derive(Debug, Clone, Template)]
#[template(path = "connected.html")]
pub struct ConnectedPage {
    /// The frame.
    pub layout: Layout,
    /// The client's name.
    pub client_name: String,
    /// The resource's name for people.
    pub resource_name: String,
}

/// Asks before signing out; the form posts `csrf_token` and, where there is one, `return_to`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// The frame.
    pub layout: Layout,
    /// Path that the form posts to.
    pub action: String,
    /// Goes back with the form; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Who is signed in.
    pub user_email: String,
    /// Path and query to go to afterwards.
    pub return_to: Option<String>,
}

/// The session is over.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The frame.
    pub layout: Layout,
    /// Path of the sign-in page, to offer it.
    pub sign_in_url: Option<String>,
    /// Whether people sign in at providers, which do not hear of it.
    pub at_provider: bool,
}
