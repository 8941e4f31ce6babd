//! The client matrix: every client under `tests/clients` connects, in every way in which it registers.

use authgent_tests::matrix::fixture::{Authentication, Registration, Tag};
use authgent_tests::matrix::{Fixture, page, play};
use futures_util::StreamExt as _;
use std::path::Path;

/// Those that people use, in the order of their files.
const CLIENTS: [&str; 18] = [
    "Antigravity",
    "ChatGPT",
    "claude.ai",
    "Claude Code",
    "Claude Desktop",
    "Codex CLI",
    "Copilot CLI",
    "Cursor",
    "FastMCP",
    "Gemini CLI",
    "MCP Inspector (CLI)",
    "MCP Inspector (web)",
    "OpenCode",
    "Python SDK",
    "rmcp",
    "TypeScript SDK",
    "VS Code",
    "Zed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_of_the_matrix_connects_and_the_page_about_them_is_up_to_date() {
    let fixtures = Fixture::all().unwrap();
    let names: Vec<&str> = fixtures.iter().map(|fixture| &*fixture.name).collect();
    assert_eq!(names, CLIENTS);
    let played: Vec<_> = futures_util::stream::iter(&fixtures).map(play).buffered(4).collect().await;
    let failed: Vec<String> =
        played.iter().filter_map(|played| played.as_ref().err().map(|error| format!("{error:#}"))).collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    let clients: Vec<_> = fixtures.into_iter().zip(played.into_iter().map(Result::unwrap)).collect();

    let expected = page::render(&clients);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page::path(), &expected).unwrap();
    }
    let found = std::fs::read_to_string(page::path()).unwrap_or_default();
    assert!(
        found == expected,
        "docs/clients.md is stale: UPDATE_DOCS=1 cargo test -p authgent-tests --test http clients"
    );
}

#[test]
fn every_fixture_says_what_its_facts_are_worth() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for fixture in Fixture::all().unwrap() {
        assert!(!fixture.quirks.is_empty() && !fixture.sources.is_empty(), "{}", fixture.name);
        if let Some(software) = &fixture.software {
            let (_, file) = software.split_once(", in ").unwrap();
            assert!(repository.join(file).is_file(), "{}: {file}", fixture.name);
        }
        for source in &fixture.sources {
            assert!(
                source.certain || source.tag == Tag::ThirdParty || source.source.starts_with("https://"),
                "{}: {}",
                fixture.name,
                source.fact
            );
        }
        for document in fixture.documents() {
            let content = document.content().unwrap();
            assert_eq!(content["client_id"], *document.url, "{}", fixture.name);
        }
        for way in &fixture.ways {
            assert!(!way.presented.is_empty(), "{}", fixture.name);
            if let Registration::Dynamic { registration } = &way.registration {
                assert!(registration["client_name"].is_string(), "{}", fixture.name);
            }
        }
    }
}

#[tokio::test]
async fn the_player_stops_where_a_client_would() {
    let zed = || Fixture::all().unwrap().into_iter().find(|fixture| fixture.name == "Zed").unwrap();
    let failed = async |fixture: &Fixture| format!("{:#}", play(fixture).await.unwrap_err());

    let mut elsewhere = zed();
    elsewhere.ways.truncate(1);
    elsewhere.ways[0].presented = vec!["http://127.0.0.1:27523/elsewhere".to_owned()];
    let error = failed(&elsewhere).await;
    assert!(error.starts_with("Zed, way 1 (none), after {Discovery}: authorization: stopped at 400"), "{error}");

    let mut secretless = zed();
    secretless.ways.remove(0);
    secretless.ways[0].authentication = Authentication::ClientSecretPost;
    let error = failed(&secretless).await;
    assert!(error.ends_with("the server gave no secret"), "{error}");
}
