//! Texts of the small pages: connected already, sign out, signed out.

/// What the small pages say.
#[derive(Debug, PartialEq, Eq)]
pub struct NoticeTexts {
    /// Title: the client has its token.
    pub connected_title: &'static str,
    /// Its heading: `{client}`.
    pub connected: &'static str,
    /// Below it: `{resource}`.
    pub connected_lead: &'static str,
    /// Title of the page that signs out.
    pub sign_out_title: &'static str,
    /// Its heading.
    pub sign_out: &'static str,
    /// Below it: `{email}`.
    pub sign_out_lead: &'static str,
    /// Its button.
    pub sign_out_button: &'static str,
    /// Title: the session is over.
    pub signed_out_title: &'static str,
    /// Its heading.
    pub signed_out: &'static str,
    /// Below it.
    pub signed_out_lead: &'static str,
    /// Below that, where people sign in at providers.
    pub still_at_provider: &'static str,
    /// Its link to the sign-in page.
    pub sign_in_again: &'static str,
}

/// English.
pub static EN: NoticeTexts = NoticeTexts {
    connected_title: "Connected",
    connected: "{client} is already connected",
    connected_lead: "It can use {resource} as you allowed. You can close this window.",
    sign_out_title: "Sign out",
    sign_out: "Sign out?",
    sign_out_lead: "You are signed in as {email}. Apps that you connected stay connected.",
    sign_out_button: "Sign out",
    signed_out_title: "Signed out",
    signed_out: "You are signed out",
    signed_out_lead: "Apps that you connected stay connected. You can close this window.",
    still_at_provider: "At your sign-in service you may still be signed in.",
    sign_in_again: "Sign in again",
};

/// German.
pub static DE: NoticeTexts = NoticeTexts {
    connected_title: "Verbunden",
    connected: "{client} ist schon verbunden",
    connected_lead: "Der Zugriff auf {resource} gilt so, wie Sie ihn erlaubt haben. Sie können dieses Fenster schließen.",
    sign_out_title: "Abmelden",
    sign_out: "Abmelden?",
    sign_out_lead: "Sie sind als {email} angemeldet. Apps, die Sie verbunden haben, bleiben verbunden.",
    sign_out_button: "Abmelden",
    signed_out_title: "Abgemeldet",
    signed_out: "Sie sind abgemeldet",
    signed_out_lead: "Apps, die Sie verbunden haben, bleiben verbunden. Sie können dieses Fenster schließen.",
    still_at_provider: "Bei Ihrem Anmeldedienst sind Sie vielleicht noch angemeldet.",
    sign_in_again: "Wieder anmelden",
};
