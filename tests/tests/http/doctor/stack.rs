use super::{codes, report};
use authgent_server::doctor::{Kind, Severity};
use authgent_tests::server::TestServer;
use authgent_tests::stack::{Ports, Stack};

/// What is due to plain http on this machine, and a hint for FastMCP.
const NOTES: [&str; 3] = ["discovery.loopback_http", "keys.not_rs256", "reach.loopback_http"];

#[tokio::test]
async fn the_demo_behind_authgent_has_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await.unwrap();
    let report = report(&stack.mcp).await;
    assert_eq!(codes(&report), NOTES.into(), "{}", report.text(false));
    assert_eq!((report.kind, report.verdict), (Kind::McpServer, Severity::Info));
    println!("{}", report.text(false));
}

#[tokio::test]
async fn authgent_alone_has_no_fault_also_below_a_path() {
    for path in ["", "/tenant"] {
        let server = TestServer::setup().path(path).start().await.unwrap();
        let report = report(&server.issuer).await;
        assert_eq!(codes(&report), NOTES.into(), "{}", report.text(false));
        assert_eq!(report.kind, Kind::AuthorizationServer);
    }
}

#[tokio::test]
async fn the_host_without_the_path_is_told_what_to_type() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await.unwrap();
    let report = report(stack.mcp.trim_end_matches("/mcp")).await;
    let mismatch = report.findings().find(|finding| finding.code == "resource.mismatch").unwrap();
    assert!(mismatch.remedy.contains(&format!("If {} is what people should type, type that.", stack.mcp)));
    assert!(report.findings().any(|finding| finding.code == "challenge.no_endpoint"));
}
