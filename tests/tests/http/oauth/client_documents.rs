//! Clients whose `client_id` is the URL of a document.

use authgent_tests::browser::query;
use authgent_tests::documents::{Behaviour, DocumentServer};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::server::{PASSWORD, TestServer};
use serde_json::{Value, json};
use std::time::Duration;

const ID: &str = "https://app.example.com/oauth/client.json";

fn document() -> Value {
    json!({
        "client_id": ID, "client_name": "An agent", "client_uri": "https://app.example.com",
        "redirect_uris": ["http://127.0.0.1/callback", "https://app.example.com/callback"],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "response_types": ["code"], "token_endpoint_auth_method": "none"
    })
}

async fn server_of(documents: &DocumentServer) -> TestServer {
    let server = TestServer::setup().documents(documents).start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    server
}

async fn documents() -> DocumentServer {
    let documents = DocumentServer::start(&["app.example.com"]).await.unwrap();
    documents.serve(ID, Behaviour::json(document()));
    documents
}

fn clients_kept(clients: &[authgent_server::domain::Client]) -> Vec<&str> {
    clients.iter().map(|client| client.id.as_str()).collect()
}

/// The page that an authorization request ends at; never a redirect.
async fn refused(server: &TestServer, client_id: &str) -> String {
    let flow = Flow::of_client(server, client_id).unwrap();
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!((page.status.as_u16(), page.location()), (400, None), "{client_id}");
    assert!(server.store.clients().await.unwrap().is_empty(), "{client_id}: nothing is kept");
    authgent_tests::html::text(&page.body)
}

#[tokio::test]
async fn a_client_that_publishes_a_document_signs_in_without_registering() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let tokens = flow.tokens().await.unwrap();
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let (status, refreshed) = flow.refresh(refresh_token).await.unwrap();
    assert_eq!(status, 200, "{refreshed}");
    let claims = authgent_tests::flow::payload(refreshed["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["client_id"], ID);
    let client = server.store.client(ID).await.unwrap().unwrap();
    assert_eq!(client.origin.as_str(), "document");
    assert_eq!(documents.requests(ID), 1, "one fetch for the whole sign-in");
}

#[tokio::test]
async fn it_is_advertised_exactly_when_it_is_on() {
    let metadata = async |server: &TestServer| -> Value {
        let url = server.url("/.well-known/oauth-authorization-server");
        server.http.get(url).send().await.unwrap().json().await.unwrap()
    };
    let on = TestServer::start().await.unwrap();
    assert_eq!(metadata(&on).await["client_id_metadata_document_supported"], true);
    let documents = documents().await;
    let off = TestServer::setup().documents(&documents).with("AUTHGENT_CLIENT_DOCUMENTS", "off").start().await.unwrap();
    assert_eq!(metadata(&off).await.get("client_id_metadata_document_supported"), None);
    assert!(refused(&off, ID).await.contains("switched off here (AUTHGENT_CLIENT_DOCUMENTS)"));
    assert!(refused(&off, "http://app.example.com/client").await.contains("expected the https URL"));
    assert_eq!(documents.requests(ID), 0);
}

#[tokio::test]
async fn nothing_is_kept_before_a_person_consents() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let page = flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    let page = flow.browser.follow(flow.browser.submit(&page, &form).await.unwrap()).await.unwrap();
    assert_eq!(page.url.path(), "/consent");
    assert!(server.store.clients().await.unwrap().is_empty(), "only asked");
    let form = page.form("interaction").unwrap().with("decision", "allow");
    flow.browser.submit(&page, &form).await.unwrap();
    assert_eq!(clients_kept(&server.store.clients().await.unwrap()), [ID]);
}

#[tokio::test]
async fn a_document_is_fetched_once_and_again_when_it_is_stale() {
    let documents = documents().await;
    documents.serve(ID, Behaviour::json(document()).header("Cache-Control", "max-age=600"));
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let many = (0..20).map(|_| flow.browser.get(flow.authorize_url()));
    for page in futures_util::future::join_all(many).await {
        assert_eq!(page.unwrap().status, 303);
    }
    assert_eq!(documents.requests(ID), 1, "those who ask at once share a fetch");
    flow.tokens().await.unwrap();
    server.clock.advance(599);
    flow.tokens().await.unwrap();
    assert_eq!(documents.requests(ID), 1, "fresh, in memory and in the database");
    server.clock.advance(2);
    flow.tokens().await.unwrap();
    assert_eq!(documents.requests(ID), 2, "stale");
}

#[tokio::test]
async fn a_document_that_must_not_be_cached_is_still_not_fetched_at_every_request() {
    let documents = documents().await;
    documents.serve(ID, Behaviour::json(document()).header("Cache-Control", "no-store"));
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    for _ in 0..5 {
        flow.browser.get(flow.authorize_url()).await.unwrap();
    }
    assert_eq!(documents.requests(ID), 1);
    server.clock.advance(61);
    flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(documents.requests(ID), 2);
}

#[tokio::test]
async fn the_last_good_copy_stands_in_while_the_origin_fails() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let tokens = flow.tokens().await.unwrap();
    for failure in [
        Behaviour::Status(503),
        Behaviour::Status(403),
        Behaviour::Html,
        Behaviour::Redirect("https://app.example.com/other".into()),
    ] {
        documents.serve(ID, failure);
        server.clock.advance(7200);
        let again = flow.browser.get(flow.authorize_url()).await.unwrap();
        assert_eq!(again.status, 303, "the person can go on");
    }
    let (status, _) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(status, 200, "nobody is disconnected by an outage");
    server.clock.advance(31 * 86_400);
    assert!(flow.browser.get(flow.authorize_url()).await.unwrap().status == 400, "but not for ever");
}

#[tokio::test]
async fn a_document_that_is_gone_or_wrong_is_believed() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let tokens = flow.tokens().await.unwrap();
    let mut other = document();
    other["client_id"] = json!("https://app.example.com/oauth/other.json");
    for answer in
        [Behaviour::Status(404), Behaviour::Status(410), Behaviour::json(other.clone()), Behaviour::json(json!([]))]
    {
        documents.serve(ID, answer);
        server.clock.advance(7200);
        assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().status, 400);
        let (status, body) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
        assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")), "{body}");
    }
}

#[tokio::test]
async fn redirect_uris_that_change_between_authorize_and_token_are_noticed() {
    let documents = documents().await;
    documents.serve(ID, Behaviour::json(document()).header("Cache-Control", "max-age=60"));
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let code = flow.code().await.unwrap();
    let mut changed = document();
    changed["redirect_uris"] = json!(["https://app.example.com/callback"]);
    documents.serve(ID, Behaviour::json(changed.clone()));
    server.clock.advance(61);
    let (status, body) = flow.exchange(&code).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{body}");
    assert!(body["error_description"].as_str().unwrap().contains("redirect_uri"));
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(page.status, 400, "and the old one leads nowhere");
}

#[tokio::test]
async fn documents_that_break_a_rule_are_refused_by_name() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let with = |name: &str, value: Value| {
        let mut document = document();
        document[name] = value;
        document
    };
    for (document, expected) in [
        (with("client_id", json!("https://app.example.com/oauth/client.json?x")), "client_id"),
        (with("client_secret", json!("s")), "client_secret"),
        (with("client_name", json!(null)), "client_name"),
        (with("redirect_uris", json!(["http://evil.example/cb"])), "redirect_uris"),
        (with("redirect_uris", json!(["javascript:alert(1)"])), "redirect_uris"),
        (with("token_endpoint_auth_method", json!("client_secret_basic")), "token_endpoint_auth_method"),
        (with("jwks_uri", json!("http://app.example.com/jwks")), "jwks_uri"),
    ] {
        documents.serve(ID, Behaviour::json(document));
        server.clock.advance(61);
        let text = refused(&server, ID).await;
        assert!(text.contains("We could not check this app") && text.contains(expected), "{expected}: {text}");
    }
}

#[tokio::test]
async fn answers_that_are_no_document_are_refused_and_remembered_for_a_moment() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    for (answer, expected) in [
        (Behaviour::Html, "Content-Type"),
        (Behaviour::Large(1_000_000), "larger than"),
        (Behaviour::GzipBomb, "Content-Encoding"),
        (Behaviour::Redirect("https://app.example.com/elsewhere.json".into()), "302"),
        (Behaviour::Status(404), "404"),
        (Behaviour::Status(500), "500"),
    ] {
        documents.serve(ID, answer);
        server.clock.advance(61);
        let before = documents.requests(ID);
        for _ in 0..3 {
            let text = refused(&server, ID).await;
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert_eq!(documents.requests(ID), before + 1, "{expected}: the failure is remembered");
    }
    assert_eq!(documents.requests("https://app.example.com/elsewhere.json"), 0);
}

#[tokio::test]
async fn an_answer_of_a_byte_a_second_is_given_up() {
    let documents = documents().await;
    documents.serve(ID, Behaviour::Drip);
    let server = server_of(&documents).await;
    let begun = std::time::Instant::now();
    let text = refused(&server, ID).await;
    assert!(text.contains("its host could not be reached"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn forbidden_places_get_no_request() {
    let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let address = inside.local_addr().unwrap();
    let documents = documents().await;
    documents.alias("inside.example.com", vec![address]);
    documents.alias("both.example.com", vec!["93.184.215.14:443".parse().unwrap(), address]);
    documents.alias("metadata.example.com", vec!["169.254.169.254:443".parse().unwrap()]);
    let server = server_of(&documents).await;
    let port = address.port();
    for client_id in [
        format!("https://127.0.0.1:{port}/client.json"),
        format!("https://[::1]:{port}/client.json"),
        format!("https://[::ffff:127.0.0.1]:{port}/client.json"),
        format!("https://2130706433:{port}/client.json"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        format!("https://localhost:{port}/client.json"),
        "https://inside.example.com/client.json".to_owned(),
        "https://both.example.com/client.json".to_owned(),
        "https://metadata.example.com/client.json".to_owned(),
        format!("https://ada:pw@inside.example.com:{port}/client.json"),
        "https://app.example.com".to_owned(),
        "https://app.example.com/a/../client.json".to_owned(),
        "https://app.example.com/client.json#x".to_owned(),
    ] {
        let text = refused(&server, &client_id).await;
        assert!(!text.contains("169.254.169.254, ") && !text.contains("resolves to"), "{client_id}: {text}");
    }
    let nobody = inside.accept().map(|_| ()).unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "no connection reached the forbidden address");
}

#[tokio::test]
async fn the_operator_decides_which_hosts_documents_come_from() {
    let documents = documents().await;
    let only = |allowed: &str, denied: &str| {
        TestServer::setup()
            .documents(&documents)
            .with("AUTHGENT_CLIENT_DOCUMENT_ALLOWED_DOMAINS", allowed)
            .with("AUTHGENT_CLIENT_DOCUMENT_DENIED_DOMAINS", denied)
    };
    for (allowed, denied) in
        [("claude.ai *.app.example.com", ""), ("", "*.example.com"), ("app.example.com", "app.example.com")]
    {
        let server = only(allowed, denied).start().await.unwrap();
        let text = refused(&server, ID).await;
        assert!(text.contains("documents from app.example.com are not accepted here"), "{text}");
    }
    assert_eq!(documents.requests(ID), 0);
    let server = only("*.example.com", "evil.example.com").start().await.unwrap();
    let flow = Flow::of_client(&server, ID).unwrap();
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().status, 303);
}

#[tokio::test]
async fn a_disabled_client_is_refused_and_its_document_not_fetched() {
    let documents = documents().await;
    let server = server_of(&documents).await;
    let flow = Flow::of_client(&server, ID).unwrap();
    let tokens = flow.tokens().await.unwrap();
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(ID, false).await.unwrap();
    tx.commit().await.unwrap();
    server.clock.advance(7200);
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().status, 400);
    let (status, body) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(documents.requests(ID), 1);
}

#[tokio::test]
async fn a_copy_of_a_well_known_document_stands_in_and_can_be_switched_off() {
    const CLAUDE: &str = "https://claude.ai/oauth/mcp-oauth-client-metadata";
    let documents = DocumentServer::start(&["claude.ai"]).await.unwrap();
    documents.serve(CLAUDE, Behaviour::Status(403));
    let server = server_of(&documents).await;
    let flow =
        Flow::of_client(&server, CLAUDE).unwrap().with("redirect_uri", "https://claude.ai/api/mcp/auth_callback");
    let location = flow.redirected().await.unwrap();
    assert!(query(&location, "code").is_some(), "{location}");

    let off = TestServer::setup().documents(&documents).with("AUTHGENT_CLIENT_DOCUMENT_COPIES", "off");
    let off = off.start().await.unwrap();
    assert!(refused(&off, CLAUDE).await.contains("403"));
}
