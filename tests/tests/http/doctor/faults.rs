use super::{Nobody, codes, expected, options, report, tools};
use authgent_server::doctor::{Browser, Kind, Options, Severity, Tools, examine};
use authgent_server::net::probe::Probe;
use authgent_tests::broken::faults::{Fault, all, healthy, of_sign_in};
use authgent_tests::broken::{BrokenServers, Side};
use std::time::Duration;

/// What is said of healthy servers on this machine: notes, of which none is a fault.
const HEALTHY: [&str; 3] = ["reach.loopback_http", "discovery.loopback_http", "keys.not_rs256"];

/// What stops the walk takes with it what would have been said later.
fn without_later_stages(code: &str) -> &'static [&'static str] {
    match code {
        "challenge.open" | "reach.redirect" => &[],
        "resource.missing"
        | "resource.redirect"
        | "resource.not_json"
        | "resource.no_authorization_servers"
        | "discovery.issuer_url" => &["-discovery.loopback_http", "-keys.not_rs256"],
        "discovery.missing" | "discovery.redirect" | "discovery.not_json" | "keys.unreachable" | "keys.no_jwks_uri" => {
            &["-keys.not_rs256"]
        }
        _ => &[],
    }
}

#[tokio::test]
async fn healthy_servers_have_no_fault() {
    let servers = BrokenServers::start(healthy).await.unwrap();
    let report = report(&servers.mcp).await;
    assert_eq!(codes(&report), expected(&HEALTHY, &[]), "{}", report.text(false));
    assert_eq!((report.kind, report.verdict, report.exit_status()), (Kind::McpServer, Severity::Info, 0));
}

#[tokio::test]
async fn each_fault_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for fault in all() {
        let servers = BrokenServers::start(fault.edit).await.unwrap();
        let report = report(&servers.mcp).await;
        let adjusted = [fault.codes, without_later_stages(fault.codes[0])].concat();
        if codes(&report) != expected(&HEALTHY, &adjusted) {
            wrong.push(format!("{}: expected {adjusted:?}, found {:?}", fault.name, codes(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A person who is signed in everywhere: the browser follows the redirect at once.
struct SignedIn;

impl Browser for SignedIn {
    fn open(&self, url: &str) {
        let url = url.to_owned();
        tokio::spawn(async move {
            let browser = authgent_tests::browser::Browser::new().unwrap();
            let page = browser.get(url).await.unwrap();
            browser.get(page.location().unwrap()).await.unwrap();
        });
    }
}

#[tokio::test]
async fn each_fault_of_a_sign_in_is_found_and_nothing_else() {
    let healthy = Fault { name: "nothing", codes: &[], edit: healthy };
    let mut wrong = Vec::new();
    for fault in of_sign_in().into_iter().chain([healthy]) {
        let servers = BrokenServers::start(fault.edit).await.unwrap();
        let options = Options { login: true, wait: Duration::from_secs(20), ..options(&servers.mcp) };
        let report = examine(&options, &tools(SignedIn)).await;
        let expected = expected(&[&HEALTHY[..], &["token.opaque"]].concat(), fault.codes);
        if codes(&report) != expected {
            wrong.push(format!("{}: expected {expected:?}, found {:?}", fault.name, codes(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_registration_is_deleted_where_the_server_can_do_that() {
    let servers = BrokenServers::start(healthy).await.unwrap();
    let options = Options { login: true, wait: Duration::from_secs(20), ..options(&servers.mcp) };
    let report = examine(&options, &tools(SignedIn)).await;
    assert!(report.findings().any(|finding| finding.code == "login.deleted"), "{}", report.text(false));
}

#[tokio::test]
async fn an_issuer_is_recognised_and_its_faults_are_found() {
    let servers = BrokenServers::start(healthy).await.unwrap();
    let healthy = report(&servers.issuer).await;
    assert_eq!(healthy.kind, Kind::AuthorizationServer);
    assert_eq!(codes(&healthy), expected(&HEALTHY, &[]), "{}", healthy.text(false));

    let servers = BrokenServers::start(|asked, answer| {
        if asked.is_server_metadata() {
            answer.body["issuer"] = format!("{}/", asked.issuer).into();
        }
    });
    let servers = servers.await.unwrap();
    let slash = report(&servers.issuer).await;
    assert_eq!(codes(&slash), expected(&HEALTHY, &["discovery.issuer_trailing_slash"]), "{}", slash.text(false));
    assert_eq!(slash.exit_status(), 4);
}

#[tokio::test]
async fn nobody_answers() {
    let report = report("http://localhost:1/mcp").await;
    assert_eq!(codes(&report), ["reach.connection"].into());
    assert_eq!(report.exit_status(), 4);
}

#[tokio::test]
async fn tls_fails() {
    let servers = BrokenServers::start(healthy).await.unwrap();
    let report = report(&servers.mcp.replace("http://", "https://")).await;
    assert_eq!(codes(&report), ["reach.tls"].into(), "{}", report.text(false));
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let probe = Probe::with_patience(None, Duration::from_millis(100)).unwrap();
    let report = examine(&options(&url), &Tools { probe, ..tools(Nobody) }).await;
    assert_eq!(codes(&report), ["reach.timeout"].into(), "{}", report.text(false));
}

#[tokio::test]
async fn the_seeds_connection_error() {
    let servers = BrokenServers::start(healthy).await.unwrap();
    servers.stop_issuer().await;
    let report = report(&servers.mcp).await;
    let expected = expected(&HEALTHY, &["discovery.connection", "-keys.not_rs256"]);
    assert_eq!(codes(&report), expected, "{}", report.text(false));
    let finding = report.findings().find(|finding| finding.code == "discovery.connection").unwrap();
    assert_eq!(finding.title, "ConnectionError — Cannot connect to authorization_server_url");
    assert!(finding.found.contains("refused"), "{}", finding.found);
    assert!(finding.at.starts_with(&servers.issuer), "{}", finding.at);
    assert!(finding.remedy.contains("service name (http://authgent:8080)"), "{}", finding.remedy);
}

#[tokio::test]
async fn warnings_and_errors_have_exit_statuses_of_their_own() {
    let servers = BrokenServers::start(|asked, answer| {
        if asked.is(Side::Mcp, "OPTIONS", "/mcp") {
            answer.status = 401;
        }
    });
    assert_eq!(report(&servers.await.unwrap().mcp).await.exit_status(), 3);
}

#[tokio::test]
async fn each_finding_says_all_that_there_is_to_say() {
    let servers = BrokenServers::start(|asked, answer| {
        if asked.is_resource_metadata() {
            answer.body["resource"] = format!("{}/", asked.mcp).into();
        }
    });
    let servers = servers.await.unwrap();
    let report = serde_json::to_value(report(&servers.mcp).await).unwrap();
    assert_eq!(report["verdict"], "error");
    let findings = report["stages"].as_array().unwrap().iter().flat_map(|stage| stage["findings"].as_array().unwrap());
    let finding = findings.into_iter().find(|finding| finding["code"] == "resource.mismatch").unwrap();
    assert_eq!(finding["expected"], servers.mcp);
    assert_eq!(finding["found"], format!("{}/: one has a trailing slash", servers.mcp));
    assert!(finding["breaks"].as_str().unwrap().contains("claude.ai and Claude Code"));
    assert!(finding["remedy"].as_str().unwrap().contains("FastMCP: base_url"));
}
