//! `GET /oauth/authorize`

use authgent_tests::browser::query;
use authgent_tests::flow::{EMAIL, Flow, PRESENTED_REDIRECT_URI, WEB_REDIRECT_URI};
use authgent_tests::server::{OTHER_RESOURCE, PASSWORD, RESOURCE, TestServer};
use url::Url;

/// The error that a client is told of: code and description, with `state` and `iss` checked on the way.
async fn refused(flow: &Flow<'_>) -> (String, String) {
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    let location = page.location().unwrap_or_else(|| panic!("no redirect: {} {}", page.status, page.body));
    let (_, redirect_uri) = flow.parameters.iter().find(|(name, _)| name == "redirect_uri").unwrap();
    assert!(location.as_str().starts_with(redirect_uri), "{location}");
    assert_eq!(query(&location, "iss").as_deref(), Some(flow.server.issuer.as_str()), "RFC 9207: iss on errors too");
    assert_eq!(query(&location, "state").as_deref(), Some("a state & more"));
    assert_eq!(query(&location, "code"), None);
    (query(&location, "error").unwrap(), query(&location, "error_description").unwrap())
}

/// The text of a page that is no redirect.
async fn page(flow: &Flow<'_>) -> String {
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!((page.status.as_u16(), page.location()), (400, None), "HTTP 400, never a redirect");
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    authgent_tests::html::text(&page.body)
}

#[tokio::test]
async fn a_code_comes_with_state_and_iss() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let location = flow.redirected().await.unwrap();
    assert!(location.as_str().starts_with(PRESENTED_REDIRECT_URI));
    assert_eq!(query(&location, "state").as_deref(), Some("a state & more"));
    assert_eq!(query(&location, "iss"), Some(server.issuer.clone()));
    assert_eq!(query(&location, "code").unwrap().len(), 43, "256 bits");
}

#[tokio::test]
async fn consent_is_remembered_and_asked_again_when_scopes_grow() {
    let server = TestServer::start().await.unwrap();
    let mut flow = Flow::on_the_web(&server).await.unwrap();
    flow.code().await.unwrap();
    let again = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert!(query(&again.location().unwrap(), "code").is_some(), "straight through");

    flow.set("scope", "mcp:read mcp:write");
    let grown = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(grown.location().unwrap().path(), "/consent");

    flow.set("scope", "mcp:read");
    flow.set("prompt", "consent");
    let asked = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(asked.location().unwrap().path(), "/consent", "prompt=consent asks although it is remembered");
}

/// Another program on the computer knows the `client_id` and opens the browser: it gets no code without a click.
#[tokio::test]
async fn a_program_that_uses_the_client_id_of_another_one_needs_a_click() {
    const APP: &str = "com.example.agent:/callback";
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let document = serde_json::json!({"client_name": "Agent", "redirect_uris": ["http://127.0.0.1/callback", APP, WEB_REDIRECT_URI],
        "token_endpoint_auth_method": "none"});
    let (_, registered) = server.register(&document).await.unwrap();
    let mut flow = Flow::of_client(&server, registered["client_id"].as_str().unwrap()).unwrap();
    flow.code().await.unwrap();
    let (again, elsewhere) = ("You allowed all of this before", "You are asked again, because something has changed");
    for (redirect_uri, why) in [("http://127.0.0.1:6666/callback", again), (APP, elsewhere)] {
        flow.set("redirect_uri", redirect_uri);
        let asked = flow.browser.get(flow.authorize_url()).await.unwrap();
        assert_eq!(asked.location().unwrap().path(), "/consent", "{redirect_uri}");
        let page = flow.browser.get(asked.location().unwrap()).await.unwrap();
        assert!(authgent_tests::html::text(&page.body).contains(why), "{redirect_uri}");
        let quietly = Flow::of_client(&server, &flow.client_id).unwrap().with("redirect_uri", redirect_uri);
        let refused = flow.browser.get(quietly.with("prompt", "none").authorize_url()).await.unwrap();
        assert_eq!(query(&refused.location().unwrap(), "error").as_deref(), Some("consent_required"));
    }
    flow.set("redirect_uri", WEB_REDIRECT_URI);
    flow.code().await.unwrap();
    let web = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert!(query(&web.location().unwrap(), "code").is_some(), "a web address proves who gets the code");
}

/// A client that proves who it is when it fetches the token, and one that the operator made, are not asked about again.
#[tokio::test]
async fn what_is_proved_is_remembered_on_the_persons_computer_too() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let local = |method: &str| {
        serde_json::json!({"client_name": "Agent", "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": method})
    };
    let (_, registered) = server.register(&local("client_secret_post")).await.unwrap();
    let (made, _) = server.add_client(local("none")).await.unwrap();
    for client_id in [registered["client_id"].as_str().unwrap(), &made] {
        let flow = Flow::of_client(&server, client_id).unwrap();
        flow.code().await.unwrap();
        let again = flow.browser.get(flow.authorize_url()).await.unwrap();
        assert!(query(&again.location().unwrap(), "code").is_some(), "{client_id}");
    }
}

#[tokio::test]
async fn fetching_it_twice_leaves_nothing_behind() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    // FastMCP's client fetches the URL itself before it opens the browser.
    for _ in 0..2 {
        assert_eq!(server.http.get(flow.authorize_url()).send().await.unwrap().status(), 303);
    }
    flow.code().await.unwrap();
}

#[tokio::test]
async fn an_unknown_client_or_redirect_uri_gets_a_page_and_no_redirect() {
    let server = TestServer::start().await.unwrap();
    for client_id in ["nobody", "' OR 1=1 --"] {
        assert!(page(&Flow::new(&server).await.unwrap().with("client_id", client_id)).await.contains("not known here"));
    }
    page(&Flow::new(&server).await.unwrap().without("client_id")).await;
    page(&Flow::new(&server).await.unwrap().without("redirect_uri")).await;
    for redirect_uri in [
        "https://evil.example/callback",
        "http://127.0.0.1:49152/callback/",
        "http://127.0.0.1:49152/callback?x=1",
        "http://localhost:49152/callback",
        "http://127.0.0.1@evil.example/callback",
        "javascript:alert(1)",
    ] {
        let text = page(&Flow::new(&server).await.unwrap().with("redirect_uri", redirect_uri)).await;
        assert!(text.contains(redirect_uri), "the person sees where it would have gone: {text}");
    }
    for name in ["client_id", "redirect_uri"] {
        page(&Flow::new(&server).await.unwrap().with_another(name, "x")).await;
    }
}

#[tokio::test]
async fn a_disabled_or_deleted_client_gets_a_page() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let tx = server.store.begin().await.unwrap();
    assert!(tx.set_client_enabled(&flow.client_id, false).await.unwrap());
    tx.commit().await.unwrap();
    page(&flow).await;
    let tx = server.store.begin().await.unwrap();
    assert!(tx.delete_client(&flow.client_id).await.unwrap());
    tx.commit().await.unwrap();
    page(&flow).await;
}

#[tokio::test]
async fn pkce_is_required_and_only_s256() {
    let server = TestServer::start().await.unwrap();
    let flow = || Flow::new(&server);
    for flow in [
        flow().await.unwrap().without("code_challenge"),
        flow().await.unwrap().without("code_challenge_method"),
        flow().await.unwrap().with("code_challenge_method", "plain"),
        flow().await.unwrap().with("code_challenge_method", "s256"),
        flow().await.unwrap().with("code_challenge", &"a".repeat(42)),
        flow().await.unwrap().with("code_challenge", &"a".repeat(44)),
        flow().await.unwrap().with("code_challenge", &"a".repeat(5000)),
    ] {
        let (code, description) = refused(&flow).await;
        assert_eq!(code, "invalid_request");
        assert!(description.contains("code_challenge"), "{description}");
    }
}

#[tokio::test]
async fn what_is_not_supported_is_said() {
    let server = TestServer::start().await.unwrap();
    for (name, value, expected) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("request", "x", "request_not_supported"),
        ("request_uri", "https://x.example", "request_uri_not_supported"),
        ("scope", "mcp:read nonsense", "invalid_scope"),
        ("scope", "a\"b", "invalid_scope"),
        ("prompt", "magic", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("max_age", "soon", "invalid_request"),
    ] {
        assert_eq!(refused(&Flow::new(&server).await.unwrap().with(name, value)).await.0, expected, "{name}={value}");
    }
    assert_eq!(refused(&Flow::new(&server).await.unwrap().without("response_type")).await.0, "invalid_request");
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_by_name() {
    let server = TestServer::start().await.unwrap();
    for name in ["scope", "code_challenge", "response_type"] {
        let (code, description) = refused(&Flow::new(&server).await.unwrap().with_another(name, "x")).await;
        assert_eq!(
            (code.as_str(), description.as_str()),
            ("invalid_request", format!("{name} is there more than once").as_str())
        );
    }
    let (code, _) = refused(&Flow::new(&server).await.unwrap().with_another("resource", OTHER_RESOURCE)).await;
    assert_eq!(code, "invalid_target", "a token is bound to one server");
}

#[tokio::test]
async fn an_unknown_resource_names_the_one_that_was_probably_meant() {
    let server = TestServer::start().await.unwrap();
    for wanted in [
        "http://localhost:8000/mcp/",
        "http://localhost:8000",
        "http://localhost:9000/mcp",
        "http://LOCALHOST:8000/mcp",
    ] {
        let (code, description) = refused(&Flow::new(&server).await.unwrap().with("resource", wanted)).await;
        assert_eq!(code, "invalid_target");
        assert!(description.contains(&format!("did you mean {RESOURCE}?")), "{description}");
    }
    let (code, description) =
        refused(&Flow::new(&server).await.unwrap().with("resource", "https://nowhere.example/mcp")).await;
    assert!(code == "invalid_target" && !description.contains("did you mean"), "{description}");
    let (code, description) = refused(&Flow::new(&server).await.unwrap().without("resource")).await;
    assert!(code == "invalid_target" && description.contains("resource is missing"), "{description}");
}

#[tokio::test]
async fn scopes_of_other_resources_are_left_out_and_none_means_the_default() {
    let server = TestServer::start().await.unwrap();
    // ChatGPT asks for everything that the metadata lists.
    let flow = Flow::new(&server).await.unwrap().with("scope", "mcp:read other:use offline_access");
    assert_eq!(flow.tokens().await.unwrap()["scope"], "mcp:read offline_access");
    assert_eq!(Flow::new(&server).await.unwrap().without("scope").tokens().await.unwrap()["scope"], "mcp:read");
    // Claude Code adds offline_access to whatever it asks for.
    let flow = Flow::new(&server).await.unwrap().with("scope", "offline_access");
    assert_eq!(flow.tokens().await.unwrap()["scope"], "mcp:read offline_access");
}

#[tokio::test]
async fn an_alias_gives_tokens_for_the_canonical_uri() {
    let server = TestServer::start().await.unwrap();
    for alias in ["https://other.example.com", "https://other.example.com/"] {
        let flow = Flow::new(&server).await.unwrap().with("resource", alias).without("scope");
        let code = flow.code().await.unwrap();
        let mut form = flow.exchange_form(&code);
        form.retain(|(name, _)| *name != "resource");
        form.push(("resource", alias));
        let (status, body) = server.post("/oauth/token", &form).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let claims = authgent_tests::flow::payload(body["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims["aud"], OTHER_RESOURCE);
    }
}

#[tokio::test]
async fn max_age_and_prompt_login_ask_for_a_fresh_sign_in_once() {
    let server = TestServer::start().await.unwrap();
    let mut flow = Flow::new(&server).await.unwrap();
    flow.code().await.unwrap();
    server.clock.advance(120);
    flow.set("max_age", "60");
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert_eq!(page.location().unwrap().path(), "/login");
    let location = flow.browser.authorize(flow.authorize_url(), EMAIL, PASSWORD).await.unwrap();
    assert!(query(&location, "code").is_some());

    let flow = flow.without("max_age").with("prompt", "login");
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap().path(), "/login");
    assert!(query(&flow.redirected().await.unwrap(), "code").is_some(), "no endless loop");
}

#[tokio::test]
async fn prompt_none_is_answered_without_a_page() {
    let server = TestServer::start().await.unwrap();
    let mut flow = Flow::on_the_web(&server).await.unwrap();
    flow.code().await.unwrap();
    flow.set("prompt", "none");
    let location: Url = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert!(query(&location, "code").is_some());
    flow.set("scope", "mcp:read admin");
    assert_eq!(refused(&flow).await.0, "consent_required");
}

#[tokio::test]
async fn an_issuer_with_a_path_serves_everything_below_it() {
    let server = TestServer::setup().path("/tenant").start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let location = flow.redirected().await.unwrap();
    assert_eq!(query(&location, "iss"), Some(server.issuer.clone()));
    let (status, body) = flow.exchange(&query(&location, "code").unwrap()).await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(authgent_tests::flow::payload(body["access_token"].as_str().unwrap()).unwrap()["iss"], server.issuer);
}

#[tokio::test]
async fn a_link_to_the_server_leads_nobody_to_a_strangers_page() {
    let server = TestServer::start().await.unwrap();
    let uri = "https://evil.example/phish";
    let stranger = server.public_client(uri).await.unwrap();
    Flow::new(&server).await.unwrap();
    let link = |client: &str| {
        Flow::of_client(&server, client).unwrap().with("redirect_uri", uri).with("response_type", "token")
    };
    assert!(page(&link(&stranger)).await.contains("unsupported_response_type"));

    let signed_in = Flow::of_client(&server, &stranger).unwrap().with("redirect_uri", uri);
    signed_in.redirected().await.unwrap();
    let told = signed_in.with("response_type", "token");
    let location = told.browser.get(told.authorize_url()).await.unwrap().location().unwrap();
    assert_eq!(query(&location, "error").as_deref(), Some("unsupported_response_type"), "who uses it is sent back");

    let metadata = serde_json::json!({"redirect_uris": [uri], "token_endpoint_auth_method": "none"});
    let (known, _) = server.add_client(metadata).await.unwrap();
    assert!(
        link(&known).browser.get(link(&known).authorize_url()).await.unwrap().location().is_some(),
        "the operator vouches"
    );
}

#[tokio::test]
async fn control_characters_are_refused_by_name() {
    let server = TestServer::start().await.unwrap();
    page(&Flow::new(&server).await.unwrap().with("client_id", "a\u{0}b")).await;
    let (code, description) = refused(&Flow::new(&server).await.unwrap().with("nonce", "a\u{0}b")).await;
    assert_eq!((code.as_str(), description.as_str()), ("invalid_request", "nonce holds a control character"));
    let (code, _) = refused(&Flow::new(&server).await.unwrap().with("resource", "http://x/\n2026 INFO forged")).await;
    assert_eq!(code, "invalid_request");
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", "a\u{0}")];
    assert_eq!(server.post("/oauth/token", &form).await.unwrap().1["error"], "invalid_request");
}

#[tokio::test]
async fn max_age_zero_asks_once() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap().with("max_age", "0");
    flow.code().await.unwrap();
    assert_eq!(flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap().path(), "/login");
    flow.code().await.unwrap();
}

#[tokio::test]
async fn the_request_may_come_as_a_form() {
    let server = TestServer::start().await.unwrap();
    let flow = Flow::new(&server).await.unwrap();
    let answer = server.http.post(server.url("/oauth/authorize")).form(&flow.parameters).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/login?return_to="));
}
