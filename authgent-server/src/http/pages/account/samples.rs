//! The pages of the account with made-up data.

use askama::{Result, Template as _};

use super::super::Layout;
use super::super::texts::Texts;
use super::{
    AccessRow, AccessScope, AccountFrame, ApplicationRow, ApplicationsPage, DataPage, DeletedPage, EventRow,
    HistoryPage, ProfilePage, SessionRow, SessionsPage,
};

fn layout(texts: &'static Texts) -> Layout {
    Layout { texts, ..Layout::for_issuer("https://auth.example.com") }
}

/// The frame of a page; `page` is what follows `/account` in its path.
pub fn frame(page: &'static str) -> AccountFrame {
    AccountFrame {
        base: "/account".to_owned(),
        page,
        user_email: "ada@example.com".to_owned(),
        csrf_token: "csrf".to_owned(),
    }
}

/// The applications of a person, one of which was never asked about; every text of a stranger's is `name`.
pub fn applications(t: &'static Texts, name: &str) -> ApplicationsPage {
    let scope = |words: &str, dangerous| AccessScope { words: words.to_owned(), dangerous };
    let access = |scopes| AccessRow {
        heading: "On Demo projects it may".to_owned(),
        uri: "https://mcp.example.com/mcp".to_owned(),
        scopes,
    };
    let row = |id: &str, name: &str, access| ApplicationRow {
        id: id.to_owned(),
        name: name.to_owned(),
        standing: "Published by claude.ai".to_owned(),
        access: vec![access],
        first: "2026-11-02 09:12 UTC".to_owned(),
        last: "2026-11-23 07:05 UTC".to_owned(),
        live: "in 2 places".to_owned(),
    };
    ApplicationsPage {
        layout: layout(t),
        frame: frame(""),
        applications: vec![
            row("claude", name, access(vec![scope("See your projects", false), scope("Delete any project", true)])),
            row("portal", "Company Portal", access(Vec::new())),
        ],
        access_ends: "A disconnected application cannot renew its access.".to_owned(),
    }
}

fn sessions(t: &'static Texts) -> SessionsPage {
    let row = |handle: &str, device: &str, address: Option<&str>, current| SessionRow {
        handle: handle.to_owned(),
        device: device.to_owned(),
        address: address.map(str::to_owned),
        signed_in: "2026-11-23 06:00 UTC".to_owned(),
        last: "2026-11-23 07:05 UTC".to_owned(),
        current,
    };
    let sessions =
        vec![row("a", "Firefox on Linux", Some("203.0.113.7"), true), row("b", "Safari on iPhone", None, false)];
    SessionsPage { layout: layout(t), frame: frame("/sessions"), sessions }
}

fn history(t: &'static Texts) -> HistoryPage {
    let row = |words: &str, device: &str| EventRow {
        words: words.to_owned(),
        at: "2026-11-23 07:05 UTC".to_owned(),
        device: device.to_owned(),
    };
    HistoryPage {
        layout: layout(t),
        frame: frame("/history"),
        events: vec![
            row("You allowed Claude to use Demo projects", "Firefox on Linux · 203.0.113.7"),
            row("A session was ended", ""),
        ],
        older: Some("/account/history?before=0198c7c2-6a0e-7d11-9f57-2f4f4a8a2f10".to_owned()),
    }
}

fn data(t: &'static Texts, deletion: bool, error: Option<&'static str>) -> DataPage {
    let confirm_label = "To confirm, type ada@example.com".to_owned();
    DataPage { layout: layout(t), frame: frame("/data"), deletion, confirm_label, error }
}

fn profile(t: &'static Texts, error: Option<&'static str>) -> ProfilePage {
    ProfilePage { layout: layout(t), frame: frame("/profile"), name: "Ada Lovelace".to_owned(), provider: None, error }
}

/// Every page of the account in a language.
///
/// # Errors
/// Where a template cannot be rendered.
pub fn all(t: &'static Texts) -> Result<Vec<(&'static str, String)>> {
    let none = ApplicationsPage { applications: Vec::new(), ..applications(t, "") };
    Ok(vec![
        ("account-applications", applications(t, "Claude").render()?),
        ("account-applications-none", none.render()?),
        ("account-sessions", sessions(t).render()?),
        ("account-history", history(t).render()?),
        ("account-data", data(t, true, None).render()?),
        ("account-data-wrong", data(t, true, Some(t.account.delete_wrong)).render()?),
        ("account-data-no-deletion", data(t, false, None).render()?),
        ("account-deleted", DeletedPage { layout: layout(t) }.render()?),
        ("account-profile", profile(t, None).render()?),
        (
            "account-profile-provider",
            ProfilePage { provider: Some("Example Corp".to_owned()), ..profile(t, None) }.render()?,
        ),
        ("account-profile-wrong", profile(t, Some(t.account.name_wrong)).render()?),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::super::texts::{DE, EN};
    use super::*;

    #[test]
    fn the_page_that_is_shown_is_marked_and_hostile_names_stay_text() {
        let html = sessions(&EN).render().unwrap();
        assert_eq!(html.matches(r#"aria-current="page""#).count(), 1);
        assert!(html.contains(r#"<a href="/account/sessions" aria-current="page">"#));
        let html = applications(&EN, "\"'><script>alert(1)</script>\u{202e}").render().unwrap();
        assert!(!html.contains("<script") && !html.contains('\u{202e}'));
    }

    #[test]
    fn an_account_can_be_deleted_only_where_the_operator_lets_people() {
        assert!(data(&EN, true, None).render().unwrap().contains("/account/data/delete"));
        assert!(!data(&EN, false, None).render().unwrap().contains("/account/data/delete"));
    }

    #[test]
    fn this_browser_is_marked_and_not_to_be_ended() {
        let html = sessions(&DE).render().unwrap();
        assert_eq!(html.matches("Dieser Browser").count(), 1);
        assert_eq!(html.matches(r#"name="session""#).count(), 1);
    }
}
