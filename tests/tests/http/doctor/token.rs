//! The seed's troubleshooting: each of its four errors, with a token that was given.
//! (That the authorization server is not reached without any token is in `faults`.)

use super::{Nobody, codes, options, tools};
use authgent_core::issuer::Issuer;
use authgent_core::resource::ResourceUri;
use authgent_server::doctor::{Finding, Options, Report, examine};
use mcp_resource::testing::TestIssuer;
use serde_json::{Value, json};
use std::net::TcpListener;
use tempfile::TempDir;

/// The demo behind an issuer that signs whatever a test wants.
struct Demo {
    url: String,
    issuer: TestIssuer,
    _server: mcp_demo::server::Server,
    _directory: TempDir,
}

impl Demo {
    async fn start() -> Self {
        Self::start_behind(TestIssuer::start().await.unwrap(), |_| ()).await
    }

    async fn start_behind(issuer: TestIssuer, change: impl FnOnce(&mut mcp_demo::config::Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("localhost:0").unwrap();
        let url = format!("http://localhost:{}/mcp", listener.local_addr().unwrap().port());
        let mut config =
            mcp_demo::config::Config::new(Issuer::parse(issuer.url()).unwrap(), ResourceUri::parse(&url).unwrap());
        config.db_dsn = format!("sqlite://{}/mcp-demo.db", directory.path().display());
        change(&mut config);
        let server = mcp_demo::server::Server::start_on(listener, config).await.unwrap();
        Self { url, issuer, _server: server, _directory: directory }
    }

    fn claims(&self) -> Value {
        self.issuer.claims(&self.url, "mcp:read")
    }

    async fn examine(&self, token: &str, scope: Option<&str>) -> Report {
        let options =
            Options { token: Some(token.to_owned().into()), scope: scope.map(str::to_owned), ..options(&self.url) };
        let report = examine(&options, &tools(Nobody)).await;
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains(token), "the token is shown");
        report
    }
}

fn finding<'a>(report: &'a Report, code: &str) -> &'a Finding {
    report
        .findings()
        .find(|finding| finding.code == code)
        .unwrap_or_else(|| panic!("no {code}:\n{}", report.text(false)))
}

fn of_token(report: &Report) -> Vec<&'static str> {
    codes(report).into_iter().filter(|code| code.starts_with("token.") || code.starts_with("call.")).collect()
}

#[tokio::test]
async fn a_good_token_is_read_and_used() {
    let demo = Demo::start().await;
    let report = demo.examine(&demo.issuer.sign(&demo.claims()).unwrap(), None).await;
    assert_eq!(of_token(&report), Vec::<&str>::new(), "{}", report.text(false));
    assert!(finding(&report, "call.tools").title.contains("create_project"));
    assert!(finding(&report, "call.initialize").title.contains("mcp-demo"));
    assert!(finding(&report, "token.read").found.contains(&demo.url));
}

#[tokio::test]
async fn token_expired() {
    let demo = Demo::start().await;
    let mut claims = demo.claims();
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() - 3600);
    let report = demo.examine(&demo.issuer.sign(&claims).unwrap(), None).await;
    assert_eq!(of_token(&report), ["call.token_expired", "token.expired"], "{}", report.text(false));
    let own = finding(&report, "token.expired");
    assert_eq!(own.title, "token_expired — JWT exp claim is in the past");
    assert!(
        own.remedy.contains("NTP") && own.remedy.contains("refresh") && own.remedy.contains("SDK"),
        "{}",
        own.remedy
    );
    assert_eq!(finding(&report, "call.token_expired").found, "401: token_expired — JWT exp claim is in the past");
}

#[tokio::test]
async fn invalid_audience() {
    let demo = Demo::start().await;
    let mut claims = demo.claims();
    claims["aud"] = json!(format!("{}/", demo.url));
    let report = demo.examine(&demo.issuer.sign(&claims).unwrap(), None).await;
    assert_eq!(of_token(&report), ["call.invalid_audience", "token.audience"], "{}", report.text(false));
    let own = finding(&report, "token.audience");
    assert_eq!(own.title, format!("invalid_audience — expected \"{}\"", demo.url));
    assert_eq!(own.found, format!("{}/: one has a trailing slash", demo.url));
    assert!(own.remedy.starts_with("They differ by the trailing slash alone"), "{}", own.remedy);
    let said = finding(&report, "call.invalid_audience");
    assert_eq!(said.found, format!("401: invalid_audience — expected \"{}\"", demo.url));
}

#[tokio::test]
async fn insufficient_scope() {
    let demo = Demo::start().await;
    let mut claims = demo.claims();
    claims["scope"] = json!("mcp:write");
    let report = demo.examine(&demo.issuer.sign(&claims).unwrap(), None).await;
    assert_eq!(of_token(&report), ["call.insufficient_scope"], "{}", report.text(false));
    let said = finding(&report, "call.insufficient_scope");
    assert_eq!(said.found, "403: insufficient_scope — required scope \"mcp:read\" not present");
    assert!(said.remedy.starts_with("The server wants: mcp:read."), "{}", said.remedy);
    assert!(said.remedy.contains("consent page"), "{}", said.remedy);

    let report = demo.examine(&demo.issuer.sign(&demo.claims()).unwrap(), Some("mcp:read mcp:write")).await;
    assert_eq!(of_token(&report), ["token.scope"], "{}", report.text(false));
    let own = finding(&report, "token.scope");
    assert_eq!(own.title, "insufficient_scope — required scope \"mcp:write\" not present");
}

#[tokio::test]
async fn connection_error() {
    let issuer = TestIssuer::start().await.unwrap();
    let token_of = |demo: &Demo| demo.issuer.sign(&demo.claims()).unwrap();
    // As in a container: the issuer is reached from here, but not from where the MCP server runs.
    let demo = Demo::start_behind(issuer, |config| config.internal_url = Some("http://localhost:1".to_owned())).await;
    let report = demo.examine(&token_of(&demo), None).await;
    assert_eq!(of_token(&report), ["call.connection_error"], "{}", report.text(false));
    let said = finding(&report, "call.connection_error");
    assert!(said.found.contains("ConnectionError — Cannot connect to authorization_server_url"), "{}", said.found);
    assert!(said.remedy.contains("AUTHGENT_INTERNAL_URL"), "{}", said.remedy);
}

#[tokio::test]
async fn forged_and_foreign_tokens() {
    let demo = Demo::start().await;
    let codes = async |token: &str| of_token(&demo.examine(token, None).await);
    let claims = demo.claims();
    let other_issuer = {
        let mut claims = claims.clone();
        claims["iss"] = json!(format!("{}/", demo.issuer.url()));
        demo.issuer.sign(&claims).unwrap()
    };
    assert_eq!(codes(&demo.issuer.unsigned(&claims)).await, ["call.refused", "token.alg"]);
    assert_eq!(codes(&demo.issuer.signed_with_public_key(&claims).unwrap()).await, ["call.refused", "token.alg"]);
    assert_eq!(codes(&demo.issuer.sign_with_other_key(&claims).unwrap()).await, ["call.refused", "token.signature"]);
    assert_eq!(codes(&other_issuer).await, ["call.refused", "token.issuer"]);
    assert_eq!(codes("2YotnFZFEjr1zCsicMWpAA").await, ["call.refused", "token.opaque"]);
}
