//! The pages on which a password is chosen, and the way there.

use askama::Template;

use super::Layout;
use super::display::filters;
use super::texts::password::PasswordTexts;

/// Why a password is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choosing {
    /// A new person, by an invitation.
    Invitation,
    /// By a link, in the place of a forgotten one.
    Reset,
    /// Signed in.
    Change,
}

/// `GET /invitation/{token}`, `/reset/{token}` and `/account/password`: asks for a new password.
///
/// The form posts `csrf_token`, `password` and `repeat`; an invitation `name` as well, a reset perhaps `revoke=on`, a change
/// perhaps `present`.
#[derive(Debug, Clone, Template)]
#[template(path = "choose_password.html")]
pub struct ChoosePasswordPage {
    /// The frame.
    pub layout: Layout,
    /// The language.
    pub t: &'static PasswordTexts,
    /// Path of the endpoint that gives an invited person a passkey instead, where passkeys work here.
    pub passkey: Option<String>,
    /// Why.
    pub choosing: Choosing,
    /// Path that the form posts to.
    pub action: String,
    /// Goes back with the form; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Whose password: shown, and for password managers to keep.
    pub email: String,
    /// The name to begin with, of an invited person.
    pub name: String,
    /// Whether the present password is asked for.
    pub asks_present: bool,
    /// Whether the box is ticked that disconnects applications.
    pub revoke: bool,
    /// Why the last try failed, in words.
    pub error: Option<&'static str>,
}

impl ChoosePasswordPage {
    fn title(&self) -> &'static str {
        match self.choosing {
            Choosing::Invitation => self.t.invitation_title,
            Choosing::Reset => self.t.reset_title,
            Choosing::Change => self.t.change_title,
        }
    }

    fn lead(&self) -> &'static str {
        match self.choosing {
            Choosing::Invitation => self.t.invitation_lead,
            Choosing::Reset => self.t.reset_lead,
            Choosing::Change => self.t.change_lead,
        }
    }

    fn save(&self) -> &'static str {
        if self.choosing == Choosing::Invitation { self.t.save_invitation } else { self.t.save }
    }
}

/// `GET /forgot`: asks for the e-mail address, or says whom to ask.
#[derive(Debug, Clone, Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage {
    /// The frame.
    pub layout: Layout,
    /// The language.
    pub t: &'static PasswordTexts,
    /// Path that the form posts to; `None` where no mail can be sent.
    pub action: Option<String>,
    /// Goes back with the form; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// The address to begin with.
    pub email: String,
    /// Why the last try failed, in words.
    pub error: Option<&'static str>,
}

/// A page that says one thing, and leads on.
#[derive(Debug, Clone, Template)]
#[template(path = "password_notice.html")]
pub struct PasswordNoticePage {
    /// The frame.
    pub layout: Layout,
    /// Title and heading.
    pub title: &'static str,
    /// Below it.
    pub lead: &'static str,
    /// Text and path of a link onward.
    pub link: Option<(&'static str, String)>,
}
