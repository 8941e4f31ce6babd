use super::{codes, options, tools};
use authgent_server::doctor::{Browser, Options, Report, examine};
use authgent_tests::stack::{EMAIL, Ports, Stack};
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;

/// A person who signs in, allows everything, and whose browser then comes back.
struct Person {
    password: String,
    /// Changes the address that the browser comes back to.
    detour: fn(String) -> String,
}

impl Browser for Person {
    fn open(&self, url: &str) {
        let (url, password, detour) = (url.to_owned(), self.password.clone(), self.detour);
        tokio::spawn(async move {
            let browser = authgent_tests::browser::Browser::new().unwrap();
            let location = browser.authorize(&url, EMAIL, &password).await.unwrap();
            browser.get(detour(location.into())).await.unwrap();
        });
    }
}

async fn stack() -> (Stack, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await.unwrap(), directory)
}

async fn sign_in(stack: &Stack, detour: fn(String) -> String, change: impl FnOnce(&mut Options)) -> Report {
    let mut options = Options { login: true, wait: Duration::from_secs(20), ..options(&stack.mcp) };
    change(&mut options);
    examine(&options, &tools(Person { password: stack.password.clone(), detour })).await
}

fn title<'a>(report: &'a Report, code: &str) -> &'a str {
    let text = || report.text(false);
    &report.findings().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code} in\n{}", text())).title
}

#[tokio::test]
async fn the_whole_way() {
    let (stack, _directory) = stack().await;
    let report = sign_in(&stack, |url| url, |_| ()).await;
    assert_eq!(report.exit_status(), 0, "{}", report.text(false));
    for code in ["login.iss", "login.exchange", "token.signature", "token.issuer", "token.audience", "token.claims"] {
        title(&report, code);
    }
    assert!(title(&report, "call.tools").contains("whoami"));
    assert_eq!(title(&report, "login.rotated"), "the refresh token rotates");
    assert!(title(&report, "login.registration").starts_with("registered as "));
    println!("{}", report.text(false));
}

#[tokio::test]
async fn neither_token_nor_code_is_shown() {
    let (stack, _directory) = stack().await;
    let report = sign_in(&stack, |url| url, |_| ()).await;
    let text = serde_json::to_string(&report).unwrap() + &report.text(true);
    // The header of every JWT begins so, and no part of one may stand here.
    assert!(!text.contains("eyJ"), "{text}");
    assert!(!text.contains("code="), "{text}");
}

#[tokio::test]
async fn what_it_took_is_given_back() {
    let (stack, _directory) = stack().await;
    for _ in 0..2 {
        let report = sign_in(&stack, |url| url, |_| ()).await;
        assert_eq!(title(&report, "login.revoked"), "the refresh token is revoked");
    }
    // Authgent lets the installations of one application share a client, which none of them can delete.
    assert_eq!(stack.store.clients().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_is_known_already() {
    let (stack, _directory) = stack().await;
    let metadata = json!({"client_name": "Known", "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"});
    let registered = reqwest::Client::builder().no_proxy().build().unwrap();
    let registered = registered.post(format!("{}/oauth/register", stack.issuer)).json(&metadata).send().await.unwrap();
    let client: serde_json::Value = registered.json().await.unwrap();
    let client_id = client["client_id"].as_str().unwrap().to_owned();
    let report = sign_in(&stack, |url| url, |options| options.client_id = Some(client_id.clone())).await;
    assert_eq!(report.exit_status(), 0, "{}", report.text(false));
    assert!(report.findings().all(|finding| finding.code != "login.registration"));
}

#[tokio::test]
async fn another_state_ends_the_sign_in() {
    let (stack, _directory) = stack().await;
    let report = sign_in(&stack, |url| url.replace("state=", "state=x"), |_| ()).await;
    assert!(codes(&report).contains("login.state"), "{}", report.text(false));
    assert!(report.findings().all(|finding| finding.code != "login.exchange"));
}

#[tokio::test]
async fn an_iss_that_is_missing_or_wrong_is_found() {
    let (stack, _directory) = stack().await;
    let report = sign_in(&stack, |url| url.replace("iss=", "other="), |_| ()).await;
    assert!(codes(&report).contains("login.iss_missing"), "{}", report.text(false));
    let report = sign_in(&stack, |url| url.replace("iss=http", "iss=https"), |_| ()).await;
    assert!(codes(&report).contains("login.iss_wrong"), "{}", report.text(false));
}

#[tokio::test]
async fn an_unknown_client_ends_in_the_browser() {
    let (stack, _directory) = stack().await;
    let change = |options: &mut Options| {
        options.client_id = Some("unknown".to_owned());
        options.wait = Duration::from_secs(1);
    };
    let mut options = Options { login: true, ..options(&stack.mcp) };
    change(&mut options);
    let report = examine(&options, &tools(super::Nobody)).await;
    assert!(codes(&report).contains("login.no_answer"), "{}", report.text(false));
}
