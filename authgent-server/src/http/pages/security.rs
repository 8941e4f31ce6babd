//! The ways to sign in: a section of the account's security page, and the pages that it leads to.

use askama::Template;

use super::Layout;
use super::account::AccountFrame;
use super::display::filters;
use super::qr::Qr;
use super::texts::security::SecurityTexts;

/// A passkey in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Our name for it, as in its paths.
    pub id: String,
    /// The person's name for it.
    pub name: String,
    /// The day on which it was added, as `2026-11-23`.
    pub added: String,
    /// The day of its last use.
    pub last_used: Option<String>,
}

/// An account at an upstream provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// What names it in the form.
    pub handle: String,
    /// The provider's name.
    pub provider: String,
    /// The address that the provider gave last.
    pub email: Option<String>,
    /// The day on which it was linked.
    pub added: String,
    /// The day of its last use.
    pub last_used: String,
}

/// What `account_methods.html` shows. A page that includes it has it in its field `methods`, and loads
/// `static/passkeys.js`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodsSection {
    /// What it says.
    pub t: &'static SecurityTexts,
    /// Path of the account, below which all forms post.
    pub base: String,
    /// Goes back with the forms; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// Why the last change was not made, in words.
    pub error: Option<String>,
    /// Whether people sign in with passwords and passkeys of this server: the rest is about those.
    pub local_accounts: bool,
    /// The accounts at upstream providers that are linked.
    pub identities: Vec<IdentityRow>,
    /// The upstream providers whose accounts can be linked: name, and the path that the form posts to.
    pub linkable: Vec<(String, String)>,
    /// Whether there is a password.
    pub password_set: bool,
    /// The passkeys, the oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// Whether passkeys work here.
    pub passkeys_work: bool,
    /// Whether an authenticator app is on.
    pub app_on: bool,
    /// How many recovery codes are left, in words; empty where no app is on.
    pub codes_left: String,
}

/// `GET /account/security`
#[derive(Debug, Clone, Template)]
#[template(path = "security.html")]
pub struct SecurityPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// The section.
    pub methods: MethodsSection,
}

/// `GET /account/totp`: an app is given its secret, and proves it with a first code.
#[derive(Clone, Template)]
#[template(path = "totp.html")]
pub struct TotpPage {
    /// The frame.
    pub layout: Layout,
    /// What it says.
    pub t: &'static SecurityTexts,
    /// Path of the account, below which all forms post.
    pub base: String,
    /// Goes back with the forms; equal to the cookie of the same purpose.
    pub csrf_token: String,
    /// The secret as a picture.
    pub qr: Option<Qr>,
    /// The secret as an address that opens an app.
    pub uri: String,
    /// The secret as text.
    pub secret: String,
    /// Why the last try failed, in words.
    pub error: Option<String>,
}

/// New recovery codes: the only time that they are shown.
#[derive(Clone, Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodesPage {
    /// The frame.
    pub layout: Layout,
    /// What it says.
    pub t: &'static SecurityTexts,
    /// Path of the account.
    pub base: String,
    /// The codes.
    pub codes: Vec<String>,
}
