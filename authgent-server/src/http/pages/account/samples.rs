//! The pages of the account with made-up data.

use askama::{Result, Template as _};

use super::super::Layout;
use super::super::texts::account_pages::{AccountPagesTexts, DE, EN};
use super::{
    AccessRow, AccessScope, AccountFrame, ApplicationRow, ApplicationsPage, DataPage, DeletedPage, EventRow,
    HistoryPage, ProfilePage, SessionRow, SessionsPage,
};

fn layout() -> Layout {
    Layout::for_issuer("https://auth.example.com")
}

fn frame(t: &'static AccountPagesTexts, page: &'static str) -> AccountFrame {
    AccountFrame {
        t,
        base: "/account".to_owned(),
        page,
        user_email: "ada@example.com".to_owned(),
        csrf_token: "csrf".to_owned(),
    }
}

/// The applications of a person, one of which was never asked about; every text of a stranger's is `name`.
pub fn applications(t: &'static AccountPagesTexts, name: &str) -> ApplicationsPage {
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
        layout: layout(),
        frame: frame(t, ""),
        applications: vec![
            row("claude", name, access(vec![scope("See your projects", false), scope("Delete any project", true)])),
            row("portal", "Company Portal", access(Vec::new())),
        ],
        access_ends: "A disconnected application cannot renew its access.".to_owned(),
    }
}

fn sessions(t: &'static AccountPagesTexts) -> SessionsPage {
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
    SessionsPage { layout: layout(), frame: frame(t, "/sessions"), sessions }
}

fn history(t: &'static AccountPagesTexts) -> HistoryPage {
    let row = |words: &str, device: &str| EventRow {
        words: words.to_owned(),
        at: "2026-11-23 07:05 UTC".to_owned(),
        device: device.to_owned(),
    };
    HistoryPage {
        layout: layout(),
        frame: frame(t, "/history"),
        events: vec![
            row("You allowed Claude to use Demo projects", "Firefox on Linux · 203.0.113.7"),
            row("A session was ended", ""),
        ],
        older: Some("/account/history?before=0198c7c2-6a0e-7d11-9f57-2f4f4a8a2f10".to_owned()),
    }
}

fn data(t: &'static AccountPagesTexts, deletion: bool, error: Option<&'static str>) -> DataPage {
    let confirm_label = "To confirm, type ada@example.com".to_owned();
    DataPage { layout: layout(), frame: frame(t, "/data"), deletion, confirm_label, error }
}

fn profile(t: &'static AccountPagesTexts, error: Option<&'static str>) -> ProfilePage {
    ProfilePage { layout: layout(), frame: frame(t, "/profile"), name: "Ada Lovelace".to_owned(), error }
}

/// Every page of the account.
///
/// # Errors
/// Where a template cannot be rendered.
pub fn all() -> Result<Vec<(&'static str, String)>> {
    let none = ApplicationsPage { applications: Vec::new(), ..applications(&EN, "") };
    Ok(vec![
        ("account-applications", applications(&EN, "Claude").render()?),
        ("account-applications-none", none.render()?),
        ("account-applications-de", applications(&DE, "Claude").render()?),
        ("account-sessions", sessions(&EN).render()?),
        ("account-history", history(&EN).render()?),
        ("account-history-de", history(&DE).render()?),
        ("account-data", data(&EN, true, None).render()?),
        ("account-data-wrong", data(&EN, true, Some(EN.delete_wrong)).render()?),
        ("account-data-no-deletion", data(&EN, false, None).render()?),
        ("account-deleted", DeletedPage { layout: layout(), t: &EN }.render()?),
        ("account-profile", profile(&EN, None).render()?),
        ("account-profile-wrong", profile(&EN, Some(EN.name_wrong)).render()?),
    ])
}

#[cfg(test)]
mod tests {
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
