//! The pages of the account: each has the fields `layout` and `frame`, and a template that extends `account.html`.

pub mod device_words;
pub mod samples;

use askama::Template;

use super::Layout;
use super::display::filters;
use super::texts::AccountTexts;

/// What every page of the account has around its content.
#[derive(Debug, Clone)]
pub struct AccountFrame {
    /// Path of the account, below which all pages are.
    pub base: String,
    /// Which of them this is: what follows `base` in its path.
    pub page: &'static str,
    /// Who is signed in.
    pub user_email: String,
    /// Goes back with the forms; equal to the cookie of the same purpose.
    pub csrf_token: String,
}

impl AccountFrame {
    /// The pages there are: what follows `base`, and the name.
    pub(super) const fn pages(t: &AccountTexts) -> [(&'static str, &'static str); 6] {
        [
            ("", t.applications),
            ("/security", t.security),
            ("/sessions", t.sessions),
            ("/history", t.history),
            ("/profile", t.profile),
            ("/data", t.data),
        ]
    }
}

/// A scope of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessScope {
    /// What it allows, in words.
    pub words: String,
    /// Whether the resource calls it dangerous.
    pub dangerous: bool,
}

/// What an application may do on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRow {
    /// "On this server it may".
    pub heading: String,
    /// The resource's canonical URI.
    pub uri: String,
    /// What.
    pub scopes: Vec<AccessScope>,
}

/// A connected application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRow {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who stands behind it, in words.
    pub standing: String,
    /// Where it may do what.
    pub access: Vec<AccessRow>,
    /// When it was first connected.
    pub first: String,
    /// When it was last used.
    pub last: String,
    /// How many tokens it has, in words.
    pub live: String,
}

/// `GET /account`
#[derive(Debug, Clone, Template)]
#[template(path = "account_applications.html")]
pub struct ApplicationsPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// The applications.
    pub applications: Vec<ApplicationRow>,
    /// What disconnecting does.
    pub access_ends: String,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// What names it in the form.
    pub handle: String,
    /// The browser and the system.
    pub device: String,
    /// The address of last use.
    pub address: Option<String>,
    /// When it began.
    pub signed_in: String,
    /// When it was last used.
    pub last: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// `GET /account/sessions`
#[derive(Debug, Clone, Template)]
#[template(path = "account_sessions.html")]
pub struct SessionsPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// The sessions, the one that was used last first.
    pub sessions: Vec<SessionRow>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// What, in words.
    pub words: String,
    /// When.
    pub at: String,
    /// From which browser and address.
    pub device: String,
}

/// `GET /account/history`
#[derive(Debug, Clone, Template)]
#[template(path = "account_history.html")]
pub struct HistoryPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// What happened, the latest first.
    pub events: Vec<EventRow>,
    /// Where the older events are, if there are more.
    pub older: Option<String>,
}

/// `GET /account/data`
#[derive(Debug, Clone, Template)]
#[template(path = "account_data.html")]
pub struct DataPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// Whether the account can be deleted here.
    pub deletion: bool,
    /// Label of the field that confirms it.
    pub confirm_label: String,
    /// Why it was not deleted.
    pub error: Option<&'static str>,
}

/// After the deletion of an account.
#[derive(Debug, Clone, Template)]
#[template(path = "account_deleted.html")]
pub struct DeletedPage {
    /// The frame.
    pub layout: Layout,
}

/// `GET /account/profile`
#[derive(Debug, Clone, Template)]
#[template(path = "account_profile.html")]
pub struct ProfilePage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The frame of the account.
    pub frame: AccountFrame,
    /// The name.
    pub name: String,
    /// The provider that says it, where one does: it is then not to be changed here.
    pub provider: Option<String>,
    /// Why it was not changed.
    pub error: Option<&'static str>,
}
