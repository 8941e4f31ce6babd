//! `GET,POST /consent`

use authgent_tests::browser::{Browser, Page, query};
use authgent_tests::documents::{Behaviour, DocumentServer};
use authgent_tests::flow::{EMAIL, Flow, payload};
use authgent_tests::server::{PASSWORD, TestServer};
use serde_json::{Value, json};

/// Signs in and stops at the consent page.
async fn consent_page(flow: &Flow<'_>) -> Page {
    let page = flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    if page.url.path().ends_with("/consent") {
        return page;
    }
    let form = page.form("password").unwrap().with("email", EMAIL).with("password", PASSWORD);
    flow.browser.follow(flow.browser.submit(&page, &form).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn it_says_who_asks_where_to_what_and_for_which_server() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write");
    let page = consent_page(&flow).await;
    let text = authgent_tests::html::text(&page.body);
    for expected in ["Test client", "127.0.0.1:49152", "See your projects", "Create projects", "Demo projects", EMAIL] {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
}

/// The text of the consent page of a client that registers itself like this.
async fn text_for_registered(server: &TestServer, name: &str, redirect_uri: &str) -> String {
    let document = json!({"client_name": name, "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"});
    let (_, registered) = server.register(&document).await.unwrap();
    let flow = Flow::of_client(server, registered["client_id"].as_str().unwrap()).unwrap();
    let page = consent_page(&flow.with("redirect_uri", redirect_uri)).await;
    authgent_tests::html::text(&page.body)
}

/// The same of one that publishes a document.
async fn text_for_published(server: &TestServer, web: &DocumentServer, document: Value) -> String {
    let id = document["client_id"].as_str().unwrap().to_owned();
    let redirect_uri = document["redirect_uris"][0].as_str().unwrap().to_owned();
    web.serve(&id, Behaviour::json(document));
    let flow = Flow::of_client(server, &id).unwrap().with("redirect_uri", &redirect_uri);
    authgent_tests::html::text(&consent_page(&flow).await.body)
}

#[tokio::test]
async fn a_name_that_imitates_a_verified_client_is_pointed_out() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    for name in ["Claude", "claude", "C1aude", "\u{421}l\u{430}ude", "Cla ude", "Claude\u{200b}"] {
        let text = text_for_registered(&server, name, "https://evil.example/cb").await;
        assert!(text.contains("This is not the Claude of claude.ai"), "{name}: {text}");
        assert!(text.contains("belongs to evil.example") && text.contains("Allow anyway"), "{name}: {text}");
    }
    let text = text_for_registered(&server, "Claude Official", "https://evil.example/cb").await;
    assert!(text.contains("has nothing to do with claude.ai") && !text.contains("Allow anyway"), "{text}");
    for (name, redirect_uri) in [
        ("Claudette", "https://evil.example/cb"),
        // claude.ai itself, at a server whose documents it does not use.
        ("Claude", "https://claude.ai/api/mcp/auth_callback"),
        // Claude Code cannot be told from what calls itself so.
        ("Claude Code", "http://localhost:1234/callback"),
    ] {
        let text = text_for_registered(&server, name, redirect_uri).await;
        assert!(!text.contains("claude.ai,") && !text.contains("This is not"), "{name}: {text}");
    }
}

#[tokio::test]
async fn the_name_of_a_client_of_the_operator_is_protected_too() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let portal = json!({"client_name": "Company Portal", "redirect_uris": ["https://portal.example.com/cb"]});
    server.add_client(portal).await.unwrap();
    let text = text_for_registered(&server, "Company  P0rtal", "https://evil.example/cb").await;
    assert!(text.contains("This is not the Company Portal of portal.example.com"), "{text}");
    let text = text_for_registered(&server, "Company Portal", "https://portal.example.com/other").await;
    assert!(!text.contains("This is not"), "{text}");
}

#[tokio::test]
async fn who_publishes_a_document_is_said_and_verified_only_where_the_operator_vouches() {
    let web = DocumentServer::start(&["claude.ai", "apps.example.org"]).await.unwrap();
    let server = TestServer::setup().documents(&web).start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let document = |id: &str, name: &str, redirect_uri: &str| json!({"client_id": id, "client_name": name, "redirect_uris": [redirect_uri]});
    let claude = document("https://claude.ai/one", "Claude", "https://claude.ai/api/mcp/auth_callback");
    let text = text_for_published(&server, &web, claude).await;
    assert!(text.contains("Verified") && text.contains("Published by claude.ai"), "{text}");

    let code = document("https://claude.ai/two", "Claude Code", "http://127.0.0.1/callback");
    let text = text_for_published(&server, &web, code).await;
    assert!(!text.contains("Verified") && text.contains("Published by claude.ai"), "{text}");
    assert!(text.contains("Did you just start this yourself?"), "any program can use that client_id: {text}");

    let garden = document("https://apps.example.org/g", "Garden planner", "https://garden.example.net/cb");
    let text = text_for_published(&server, &web, garden).await;
    assert!(text.contains("Do you trust apps.example.org?") && text.contains("Access goes to garden.example.net"));

    // A document proves its own host: one of Claude's redirect hosts in it proves nothing, nor does a loopback address.
    for redirect_uri in ["https://claude.ai/api/mcp/auth_callback", "http://localhost/callback"] {
        let fake = document("https://apps.example.org/c", "Claude", redirect_uri);
        server.clock.advance(7200);
        let text = text_for_published(&server, &web, fake).await;
        assert!(text.contains("This is not the Claude of claude.ai"), "{redirect_uri}: {text}");
    }
}

#[tokio::test]
async fn an_unticked_scope_is_not_granted() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write admin");
    let page = consent_page(&flow).await;
    let form = page
        .form("interaction")
        .unwrap()
        .with("decision", "allow")
        .without("scope", "admin")
        .without("scope", "mcp:read");
    let location = flow.browser.submit(&page, &form).await.unwrap().location().unwrap();
    let (_, tokens) = flow.exchange(&query(&location, "code").unwrap()).await.unwrap();
    assert_eq!(tokens["scope"], "mcp:read mcp:write", "what the resource grants by default cannot be left out");
    assert_eq!(payload(tokens["access_token"].as_str().unwrap()).unwrap()["scope"], "mcp:read mcp:write");
}

#[tokio::test]
async fn refusing_tells_the_client() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "deny");
    for _ in 0..2 {
        let location = flow.browser.submit(&page, &form).await.unwrap().location().unwrap();
        assert_eq!(query(&location, "error").as_deref(), Some("access_denied"));
        assert_eq!(query(&location, "iss"), Some(server.issuer.clone()));
    }
    let allowed = flow.browser.submit(&page, &form.with("decision", "allow")).await.unwrap().location().unwrap();
    assert_eq!(query(&allowed, "error").as_deref(), Some("access_denied"), "the first answer stands");
}

#[tokio::test]
async fn a_no_after_a_yes_counts() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap();
    let allowed =
        flow.browser.submit(&page, &form.clone().with("decision", "allow")).await.unwrap().location().unwrap();
    let denied = flow.browser.submit(&page, &form.with("decision", "deny")).await.unwrap().location().unwrap();
    assert_eq!(query(&denied, "error").as_deref(), Some("access_denied"));
    let (status, body) = flow.exchange(&query(&allowed, "code").unwrap()).await.unwrap();
    assert_eq!((status, body["error"].as_str().unwrap()), (400, "invalid_grant"), "the code is dead");
    let next = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(next.location().unwrap().path(), "/consent", "nothing of the yes is remembered");
    assert_eq!(flow.browser.get(&page.url).await.unwrap().status, 400, "nor does going back bring it back");
}

#[tokio::test]
async fn two_pages_answered_at_once_both_count() {
    let setup = TestServer::setup();
    for setup in [Some(setup.clone()), setup.postgres().unwrap()].into_iter().flatten() {
        let server = setup.start().await.unwrap();
        // Each time with another client: where nothing is allowed yet, there is no row for which one of them could wait.
        for _ in 0..4 {
            both_count(&server).await;
        }
    }
}

async fn both_count(server: &TestServer) {
    let mut flow = Flow::on_the_web(server).await.unwrap();
    let first = consent_page(&flow).await;
    flow.set("scope", "mcp:write");
    let second = consent_page(&flow).await;
    let form = |page: &Page| page.form("interaction").unwrap().with("decision", "allow");
    let forms = (form(&first), form(&second));
    let (a, b) = tokio::join!(flow.browser.submit(&first, &forms.0), flow.browser.submit(&second, &forms.1));
    assert!(a.unwrap().location().is_some() && b.unwrap().location().is_some());
    flow.set("scope", "mcp:read mcp:write");
    let location = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert!(query(&location, "code").is_some(), "both are remembered");
}

#[tokio::test]
async fn a_double_click_leads_to_one_code_and_later_to_a_page() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "allow");
    let (first, second) = tokio::join!(flow.browser.submit(&page, &form), flow.browser.submit(&page, &form));
    let code = |page: Page| query(&page.location().unwrap(), "code").unwrap();
    let (first, second) = (code(first.unwrap()), code(second.unwrap()));
    assert_eq!(first, second);
    let (status, tokens) = flow.exchange(&first).await.unwrap();
    assert_eq!(status, 200);
    let late = flow.browser.submit(&page, &form).await.unwrap();
    assert_eq!((late.status.as_u16(), late.location()), (200, None), "a page that says that it is done");
    assert_eq!(
        flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap().0,
        200,
        "nothing was revoked by it"
    );
}

#[tokio::test]
async fn going_back_asks_nothing_again() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap();
    let code = |page: &Page| query(&page.location().unwrap(), "code").unwrap();
    let allowed = flow.browser.submit(&page, &form.clone().with("decision", "allow")).await.unwrap();
    let back = flow.browser.get(&page.url).await.unwrap();
    assert_eq!(code(&back), code(&allowed), "the client may have missed it: the same code again");
    assert_eq!(flow.exchange(&code(&allowed)).await.unwrap().0, 200);
    let back = flow.browser.get(&page.url).await.unwrap();
    assert_eq!((back.status.as_u16(), back.location()), (200, None));
    assert!(back.form("interaction").is_err(), "no question: {}", authgent_tests::html::text(&back.body));

    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "deny");
    flow.browser.submit(&page, &form).await.unwrap();
    assert_eq!(flow.browser.get(&page.url).await.unwrap().status, 400, "refused once is refused");
}

#[tokio::test]
async fn tampered_fields_are_refused_and_nothing_is_granted() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "allow");
    for (tampered, status) in [
        (form.clone().with("csrf_token", "x"), 403),
        (form.clone().with("interaction", "x"), 400),
        (form.clone().with("decision", "perhaps"), 400),
        (form.clone().with("scope", "admin"), 400),
    ] {
        let answer = flow.browser.submit(&page, &tampered).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.location()), (status, None), "{tampered:?}");
    }
    assert!(flow.browser.submit(&page, &form).await.unwrap().location().is_some(), "the honest form still works");
}

#[tokio::test]
async fn another_session_cannot_answer() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    server.add_user("mallory@example.com").await.unwrap();
    let mallory = Browser::new().unwrap();
    let login = mallory.get(server.url("/login")).await.unwrap();
    let form = login.form("password").unwrap().with("email", "mallory@example.com").with("password", PASSWORD);
    mallory.submit(&login, &form).await.unwrap();
    let seen = mallory.get(&page.url).await.unwrap();
    assert_eq!(seen.status, 400, "the ticket belongs to the session that asked");
    let own_token = mallory.get(server.url("/logout")).await.unwrap().form("csrf_token").unwrap();
    let stolen = page
        .form("interaction")
        .unwrap()
        .with("decision", "allow")
        .with("csrf_token", own_token.get("csrf_token").unwrap());
    assert_eq!(mallory.submit(&page, &stolen).await.unwrap().status, 400);
    assert_eq!(Browser::new().unwrap().get(&page.url).await.unwrap().status, 400, "nor can nobody");
}

#[tokio::test]
async fn a_page_that_was_open_too_long_or_whose_client_is_gone_is_refused() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "allow");
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&flow.client_id, false).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(flow.browser.submit(&page, &form).await.unwrap().status, 400);
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&flow.client_id, true).await.unwrap();
    tx.commit().await.unwrap();
    server.clock.advance(1800);
    assert_eq!(flow.browser.submit(&page, &form).await.unwrap().status, 400);
}

#[tokio::test]
async fn another_account_can_be_chosen() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("return_to").unwrap();
    let login = flow.browser.follow(flow.browser.submit(&page, &form).await.unwrap()).await.unwrap();
    assert_eq!(login.url.path(), "/login");
    server.add_user("grace@example.com").await.unwrap();
    let location = flow.browser.authorize(&login.url, "grace@example.com", PASSWORD).await.unwrap();
    let (_, tokens) = flow.exchange(&query(&location, "code").unwrap()).await.unwrap();
    assert_eq!(payload(tokens["access_token"].as_str().unwrap()).unwrap()["email"], "grace@example.com");
}

#[tokio::test]
async fn a_hostile_name_stays_text() {
    let server = TestServer::start().await.unwrap();
    let name = "<script>alert(1)</script>\"'><img src=x onerror=y>";
    let metadata = serde_json::json!({"client_name": name, "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"});
    Flow::new(&server).await.unwrap();
    let (_, client) = server.register(&metadata).await.unwrap();
    let flow = Flow::of_client(&server, client["client_id"].as_str().unwrap()).unwrap();
    let page = consent_page(&flow).await;
    assert!(!page.body.contains("<script>") && !page.body.contains("<img src=x"));
    assert!(authgent_tests::html::text(&page.body).contains("<script>alert(1)</script>"));
}

/// A resource with a dangerous scope that is granted by default.
const DANGEROUS: &str = r#"[{"uri": "http://localhost:8000/mcp", "name": "Demo projects", "scope": [
    {"name": "mcp:read", "description": "See your projects", "default": true},
    {"name": "admin", "description": "Delete any project", "default": true, "dangerous": true}]}]"#;

#[tokio::test]
async fn a_dangerous_scope_is_granted_only_where_it_is_ticked() {
    let server = TestServer::setup().with("AUTHGENT_RESOURCES", DANGEROUS).start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read admin");
    let tokens = flow.tokens().await.unwrap();
    assert_eq!(tokens["scope"], "mcp:read", "Allow alone does not grant it, though the resource grants it by default");
    let page = consent_page(&flow).await;
    assert!(authgent_tests::html::text(&page.body).contains("Only if you tick it"));
    let form = page.form("interaction").unwrap().with("decision", "allow");
    let mut ticked = form.clone();
    ticked.fields.push(("scope".to_owned(), "admin".to_owned()));
    let location = flow.browser.submit(&page, &ticked).await.unwrap().location().unwrap();
    let (_, tokens) = flow.exchange(&query(&location, "code").unwrap()).await.unwrap();
    assert_eq!(tokens["scope"], "admin mcp:read");
    let again = flow.tokens().await.unwrap();
    assert_eq!(again["scope"], "mcp:read", "asked again, it is off again: any program could be asking");
}

#[tokio::test]
async fn what_was_allowed_is_asked_again_when_something_changes() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::on_the_web(&server).await.unwrap();
    flow.code().await.unwrap();
    let next = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert!(query(&next.location().unwrap(), "code").is_some(), "remembered");
    let mut resource =
        server.store.resources().await.unwrap().into_iter().find(|known| known.name == "Demo projects").unwrap();
    for scope in &mut resource.scopes {
        scope.description.push_str(", and those of others");
    }
    let tx = server.store.begin().await.unwrap();
    tx.put_resource(&resource).await.unwrap();
    tx.commit().await.unwrap();
    let page = consent_page(&flow).await;
    let text = authgent_tests::html::text(&page.body);
    assert!(text.contains("You are asked again") && text.contains("what the permissions say"), "{text}");
    let form = page.form("interaction").unwrap().with("decision", "allow");
    flow.browser.submit(&page, &form).await.unwrap();
    let next = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert!(query(&next.location().unwrap(), "code").is_some(), "remembered as it is now");
}

#[tokio::test]
async fn the_operator_has_people_asked_always_or_never() {
    use authgent_server::domain::ConsentMode;
    let server = TestServer::start().await.unwrap();
    let flow = Flow::on_the_web(&server).await.unwrap();
    flow.code().await.unwrap();
    let set = async |id: &str, mode| {
        let tx = server.store.begin().await.unwrap();
        tx.set_client_consent(id, mode).await.unwrap();
        tx.commit().await.unwrap();
    };
    let path = async |flow: &Flow<'_>| {
        let page = flow.browser.get(flow.authorize_url()).await.unwrap();
        page.location().unwrap().path().to_owned()
    };
    set(&flow.client_id, ConsentMode::Always).await;
    assert_eq!(path(&flow).await, "/consent");
    let tx = server.store.begin().await.unwrap();
    tx.delete_consents(server.store.users().await.unwrap()[0].id, None).await.unwrap();
    tx.commit().await.unwrap();
    set(&flow.client_id, ConsentMode::Skip).await;
    assert_eq!(path(&flow).await, "/consent", "one that registered itself is never spared");
    let (own, _) = server
        .add_client(json!({"client_name": "Portal", "redirect_uris": ["https://agent.example.com/callback"], "token_endpoint_auth_method": "none"}))
        .await
        .unwrap();
    set(&own, ConsentMode::Skip).await;
    let mut first_party =
        Flow::of_client(&server, &own).unwrap().with("redirect_uri", "https://agent.example.com/callback");
    first_party.browser = flow.browser;
    assert_eq!(path(&first_party).await, "/callback");
}

#[tokio::test]
async fn nobody_grants_more_than_their_groups_may() {
    let limit = r#"[{"resource": "http://localhost:8000/mcp", "group": "*", "scope": "mcp:read"},
        {"resource": "https://other.example.com/mcp", "group": "staff", "scope": "other:use"}]"#;
    let server = TestServer::setup().with("AUTHGENT_GROUP_SCOPES", limit).start().await.unwrap();
    let mut flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read mcp:write");
    let page = consent_page(&flow).await;
    assert!(!authgent_tests::html::text(&page.body).contains("Create projects"));
    let mut form = page.form("interaction").unwrap().with("decision", "allow");
    form.fields.push(("scope".to_owned(), "mcp:write".to_owned()));
    assert_eq!(flow.browser.submit(&page, &form).await.unwrap().status, 400, "nor by a form of their own");
    flow.set("scope", "mcp:write");
    let refused = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert_eq!(query(&refused, "error").as_deref(), Some("access_denied"));
    flow.set("resource", "https://other.example.com/mcp");
    flow.set("scope", "other:use");
    let refused = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert_eq!(query(&refused, "error").as_deref(), Some("access_denied"), "in no group of that resource");
}

#[tokio::test]
async fn a_client_that_was_deleted_meanwhile_gets_nothing() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let page = consent_page(&flow).await;
    let form = page.form("interaction").unwrap().with("decision", "allow");
    let tx = server.store.begin().await.unwrap();
    tx.delete_client(&flow.client_id).await.unwrap();
    tx.commit().await.unwrap();
    let answer = flow.browser.submit(&page, &form).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.location()), (400, None));
    assert_eq!(flow.browser.get(&page.url).await.unwrap().status, 400);
}
