//! OpenID Connect Core: ID tokens, and what an authorization request may ask about the sign-in.

use authgent_core::time::Clock as _;
use authgent_server::crypto::pem::SigningAlgorithm;
use authgent_server::domain::{Amr, Session, Totp};
use authgent_tests::browser::query;
use authgent_tests::flow::{EMAIL, Flow, PRESENTED_REDIRECT_URI, payload, without_signature};
use authgent_tests::server::{PASSWORD, RESOURCE, TestServer};
use serde_json::{Value, json};
use uuid::Uuid;

const BOB: &str = "bob@example.com";

/// A client of plain OpenID Connect: it names no resource.
pub(super) async fn plain(server: &TestServer) -> Flow<'_> {
    Flow::new(server).await.unwrap().with("scope", "openid profile email").without("resource")
}

/// The same that the operator made, so that what it is told is told by redirects.
async fn of_operator(server: &TestServer) -> Flow<'_> {
    Flow::new(server).await.unwrap();
    let metadata = json!({"client_name": "Dashboard", "redirect_uris": [PRESENTED_REDIRECT_URI], "token_endpoint_auth_method": "none"});
    let (client_id, _) = server.add_client(metadata).await.unwrap();
    Flow::of_client(server, &client_id).unwrap().with("scope", "openid").without("resource")
}

pub(super) async fn plain_tokens(flow: &Flow<'_>) -> Value {
    let code = flow.code().await.unwrap();
    let mut form = flow.exchange_form(&code);
    form.retain(|(name, _)| *name != "resource");
    let (status, body) = flow.server.post("/oauth/token", &form).await.unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

fn id_token(tokens: &Value) -> Value {
    payload(tokens["id_token"].as_str().unwrap()).unwrap()
}

/// Where an authorization request leads: `code`, the error, or the page that asks.
async fn outcome(flow: &Flow<'_>) -> String {
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    let Some(location) = page.location() else { return format!("page {}", page.status.as_u16()) };
    match (query(&location, "code"), query(&location, "error")) {
        (Some(_), _) => "code".to_owned(),
        (None, Some(error)) => error,
        (None, None) => location.path().to_owned(),
    }
}

/// Has the person's sessions be made in other ways than they were.
async fn signed_in_by(server: &TestServer, user_id: Uuid, amr: &[Amr]) {
    let tx = server.store.begin().await.unwrap();
    for session in server.store.sessions_of_user(user_id, server.clock.now()).await.unwrap() {
        tx.delete_session(&session.id_hash).await.unwrap();
        tx.insert_session(&Session { amr: amr.to_vec(), ..session }).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_when_and_how() {
    let server = TestServer::start().await.unwrap();
    let flow = plain(&server).await.with("nonce", "n-1");
    let tokens = plain_tokens(&flow).await;
    let claims = id_token(&tokens);
    let access_token = tokens["access_token"].as_str().unwrap();
    for (claim, expected) in [
        ("iss", json!(server.issuer)),
        ("aud", json!(flow.client_id)),
        ("sub", payload(access_token).unwrap()["sub"].clone()),
        ("nonce", json!("n-1")),
        ("auth_time", json!(server.clock.now().0)),
        ("amr", json!(["pwd"])),
        ("acr", json!("urn:authgent:acr:single")),
        ("at_hash", json!(SigningAlgorithm::Es256.at_hash(access_token))),
        ("email", json!(EMAIL)),
        ("email_verified", json!(true)),
        ("name", json!("Ada Lovelace")),
    ] {
        assert_eq!(claims[claim], expected, "{claim}");
    }
    assert_eq!(claims.get("azp"), None, "one audience, the client");
}

#[tokio::test]
async fn a_refreshed_id_token_is_about_the_same_sign_in() {
    let server = TestServer::start().await.unwrap();
    let flow = plain(&server).await.with("scope", "openid offline_access").with("nonce", "n-1");
    let tokens = plain_tokens(&flow).await;
    server.clock.advance(1000);
    let (status, refreshed) = flow.refresh(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(status, 200);
    let (first, second) = (id_token(&tokens), id_token(&refreshed));
    for claim in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(first[claim], second[claim], "{claim}");
    }
    assert_eq!(second.get("nonce"), None, "OpenID Connect Core, section 12.2");
    assert_eq!(second["iat"], json!(first["iat"].as_i64().unwrap() + 1000));
    let access_token = refreshed["access_token"].as_str().unwrap();
    assert_eq!(second["at_hash"], json!(SigningAlgorithm::Es256.at_hash(access_token)));
}

#[tokio::test]
async fn without_a_resource_the_token_is_for_userinfo_alone() {
    let server = TestServer::start().await.unwrap();
    let flow = plain(&server).await;
    let tokens = plain_tokens(&flow).await;
    let claims = payload(tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["aud"], json!(server.url("/oauth/userinfo")));
    assert_eq!((claims.get("email"), claims.get("name")), (None, None), "it says nothing by itself");
    assert_eq!(tokens["scope"], "email openid profile");
    assert_eq!(tokens.get("refresh_token"), None, "offline_access was not asked for");
    let offline = plain_tokens(&flow.with("scope", "openid offline_access")).await;
    assert!(offline["refresh_token"].is_string());
    // By name it is the same.
    let named = plain(&server).await.with("resource", &server.url("/oauth/userinfo"));
    assert_eq!(id_token(&plain_tokens(&named).await)["email"], EMAIL);
}

#[tokio::test]
async fn what_a_server_has_is_never_given_without_its_name() {
    let server = TestServer::start().await.unwrap();
    let flow = of_operator(&server).await;
    for (scope, resource, error) in [
        ("openid mcp:read", None, "invalid_target"),
        ("", None, "invalid_target"),
        ("profile email", None, "invalid_target"),
        ("offline_access", None, "invalid_target"),
        ("mcp:read", Some("/oauth/userinfo"), "invalid_scope"),
        ("", Some("/oauth/userinfo"), "invalid_scope"),
        ("openid", Some("/oauth/userinfo/"), "invalid_target"),
        ("openid", Some("/oauth/token"), "invalid_target"),
    ] {
        let mut flow = Flow::of_client(&server, &flow.client_id).unwrap().without("resource").with("scope", scope);
        if let Some(path) = resource {
            flow.set("resource", &server.url(path));
        }
        assert_eq!(outcome(&flow).await, error, "{scope} {resource:?}");
    }
    // What is granted for one is not exchanged for the other.
    let flow = plain(&server).await;
    let code = flow.code().await.unwrap();
    let (status, refused) = flow.exchange(&code).await.unwrap();
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_target")), "{RESOURCE} was not granted");
    let (client_id, secret) =
        server.add_client(json!({"client_name": "Job", "grant_types": ["client_credentials"]})).await.unwrap();
    let userinfo = server.url("/oauth/userinfo");
    let form = [("grant_type", "client_credentials"), ("resource", userinfo.as_str())];
    let (_, refused) = server.post_as("/oauth/token", &form, Some((&client_id, &secret.unwrap()))).await.unwrap();
    assert_eq!(refused["error"], "invalid_target", "a client is nobody to tell of");
}

#[tokio::test]
async fn offline_access_is_granted_with_consent_only() {
    let server = TestServer::start().await.unwrap();
    let mut flow = of_operator(&server).await;
    flow.code().await.unwrap();
    assert_eq!(outcome(&flow).await, "code", "remembered");
    flow.set("scope", "openid offline_access");
    assert_eq!(outcome(&flow).await, "/consent");
    flow.set("prompt", "none");
    assert_eq!(outcome(&flow).await, "consent_required");
}

#[tokio::test]
async fn a_hint_of_another_person_is_no_sign_in() {
    let server = TestServer::start().await.unwrap();
    server.add_user(BOB).await.unwrap();
    let mut flow = of_operator(&server).await;
    let ada = plain_tokens(&flow).await["id_token"].as_str().unwrap().to_owned();
    let of_bob = Flow::of_client(&server, &flow.client_id).unwrap().with("scope", "openid").without("resource");
    let redirected = of_bob.browser.authorize(of_bob.authorize_url(), BOB, PASSWORD).await.unwrap();
    let code = query(&redirected, "code").unwrap();
    let mut form = of_bob.exchange_form(&code);
    form.retain(|(name, _)| *name != "resource");
    let (_, bob) = server.post("/oauth/token", &form).await.unwrap();

    flow.set("prompt", "none");
    flow.set("id_token_hint", &ada);
    assert_eq!(outcome(&flow).await, "code", "Ada is signed in");
    server.clock.advance(2 * 3600);
    assert_eq!(outcome(&flow).await, "code", "an expired ID token is a hint all the same");
    flow.set("id_token_hint", bob["id_token"].as_str().unwrap());
    assert_eq!(outcome(&flow).await, "login_required", "Bob is not");
    let flow = flow.without("prompt");
    assert_eq!(outcome(&flow).await, "/login", "Bob may sign in");
}

#[tokio::test]
async fn a_hint_that_is_no_id_token_for_this_client_is_refused() {
    let server = TestServer::start().await.unwrap();
    let elsewhere = TestServer::start().await.unwrap();
    let mut flow = of_operator(&server).await;
    let tokens = plain_tokens(&flow).await;
    let (good, access_token) = (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let foreign = plain_tokens(&plain(&elsewhere).await).await["id_token"].as_str().unwrap().to_owned();
    let other_client = plain_tokens(&plain(&server).await).await["id_token"].as_str().unwrap().to_owned();
    for (hint, why) in [
        (without_signature(good).unwrap(), "alg none"),
        (format!("{}AA", &good[..good.len() - 2]), "another signature"),
        (access_token.to_owned(), "an access token"),
        (foreign, "another issuer"),
        (other_client, "another client"),
        ("nonsense".to_owned(), "nonsense"),
    ] {
        flow.set("id_token_hint", &hint);
        assert_eq!(outcome(&flow).await, "invalid_request", "{why}");
    }
}

/// A client that may not ask learns nothing about the browser: whoever is hinted at, known or not, signed in elsewhere or not.
#[tokio::test]
async fn without_a_session_prompt_none_says_one_thing() {
    let server = TestServer::start().await.unwrap();
    let flow = of_operator(&server).await;
    let hint = plain_tokens(&flow).await["id_token"].as_str().unwrap().to_owned();
    let stranger = || {
        let flow = Flow::of_client(&server, &flow.client_id).unwrap().with("scope", "openid").without("resource");
        flow.with("prompt", "none")
    };
    let mut answers = Vec::new();
    for asked in [
        stranger(),
        stranger().with("login_hint", EMAIL),
        stranger().with("login_hint", "nobody@example.com"),
        stranger().with("id_token_hint", &hint),
        stranger().with("acr_values", "phr"),
        stranger().with("max_age", "1"),
    ] {
        let location = asked.browser.get(asked.authorize_url()).await.unwrap().location().unwrap();
        answers.push((query(&location, "error").unwrap(), query(&location, "error_description").unwrap()));
    }
    assert!(answers.iter().all(|answer| answer.0 == "login_required" && *answer == answers[0]), "{answers:?}");
    // And a client that nobody vouches for is not even sent an answer: it is shown to the person.
    let web = "https://agent.example.com/callback";
    let client_id = server.public_client(web).await.unwrap();
    let flow = Flow::of_client(&server, &client_id).unwrap().with("redirect_uri", web).with("prompt", "none");
    assert_eq!(outcome(&flow).await, "page 400");
}

#[tokio::test]
async fn a_sign_in_may_be_too_old() {
    let server = TestServer::start().await.unwrap();
    let metadata = json!({"client_name": "Bank", "redirect_uris": [PRESENTED_REDIRECT_URI], "token_endpoint_auth_method": "none",
        "default_max_age": 600});
    Flow::new(&server).await.unwrap();
    let (client_id, _) = server.add_client(metadata).await.unwrap();
    let mut flow = Flow::of_client(&server, &client_id).unwrap().with("scope", "openid").without("resource");
    flow.code().await.unwrap();
    server.clock.advance(600);
    assert_eq!(outcome(&flow).await, "code");
    server.clock.advance(1);
    assert_eq!(outcome(&flow).await, "/login", "default_max_age");
    flow.set("max_age", "3600");
    assert_eq!(outcome(&flow).await, "code", "the request counts before the registration");
    flow.set("max_age", "60");
    flow.set("prompt", "none");
    assert_eq!(outcome(&flow).await, "login_required");
}

#[tokio::test]
async fn a_stronger_sign_in_is_asked_for_where_the_person_can_give_it() {
    let server = TestServer::start().await.unwrap();
    let mut flow = of_operator(&server).await;
    let first = plain_tokens(&flow).await;
    let ada: Uuid = id_token(&first)["sub"].as_str().unwrap().parse().unwrap();
    for (acr_values, expected) in [
        ("urn:authgent:acr:single", "code"),
        ("urn:example:gold", "code"),
        ("urn:authgent:acr:multi urn:authgent:acr:single", "code"),
        ("urn:authgent:acr:multi", "unmet_authentication_requirements"),
        ("phr urn:example:gold", "unmet_authentication_requirements"),
    ] {
        flow.set("acr_values", acr_values);
        assert_eq!(outcome(&flow).await, expected, "{acr_values}");
    }
    let now = server.clock.now();
    let tx = server.store.begin().await.unwrap();
    tx.save_totp(&Totp { user_id: ada, sealed_secret: vec![1], confirmed_at: None, last_step: 0, created_at: now })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    flow.set("acr_values", "urn:authgent:acr:multi");
    assert_eq!(outcome(&flow).await, "unmet_authentication_requirements", "an app that was never confirmed");
    let tx = server.store.begin().await.unwrap();
    tx.confirm_totp(ada, 1, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(outcome(&flow).await, "/login");
    let page = flow.browser.follow(flow.browser.get(flow.authorize_url()).await.unwrap()).await.unwrap();
    assert!(authgent_tests::html::text(&page.body).contains("asks for a second step"), "the page says why it is there");
    flow.set("prompt", "none");
    assert_eq!(outcome(&flow).await, "login_required");
    signed_in_by(&server, ada, &[Amr::Password, Amr::OneTimeCode, Amr::MultiFactor]).await;
    let claims = id_token(&plain_tokens(&flow).await);
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:authgent:acr:multi"), &json!(["pwd", "otp", "mfa"])));
    flow.set("acr_values", "phr");
    let flow = flow.without("prompt");
    assert_eq!(outcome(&flow).await, "unmet_authentication_requirements");
}

#[tokio::test]
async fn what_is_not_supported_has_its_own_error_or_is_ignored() {
    let server = TestServer::start().await.unwrap();
    let flow = of_operator(&server).await;
    flow.code().await.unwrap();
    for (parameter, value, expected) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://app.example.com/request", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
        ("prompt", "create", "invalid_request"),
        ("response_mode", "form_post", "invalid_request"),
        ("claims", r#"{"userinfo": {"phone_number": null}}"#, "code"),
        ("display", "popup", "code"),
        ("ui_locales", "tlh de", "code"),
        ("claims_locales", "de", "code"),
    ] {
        let mut parameters = flow.parameters.clone();
        parameters.push((parameter.to_owned(), value.to_owned()));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        let page = flow.browser.get(format!("{}?{query}", server.url("/oauth/authorize"))).await.unwrap();
        let location = page.location().unwrap();
        let told = authgent_tests::browser::query(&location, "error").unwrap_or_else(|| "code".to_owned());
        assert_eq!(told, expected, "{parameter}");
    }
}

#[tokio::test]
async fn the_languages_of_a_request_reach_the_pages() {
    let server = TestServer::start().await.unwrap();
    let flow = plain(&server).await.with("ui_locales", "de-AT de");
    let location = flow.browser.get(flow.authorize_url()).await.unwrap().location().unwrap();
    assert_eq!((location.path(), query(&location, "ui_locales").as_deref()), ("/login", Some("de-AT de")));
}

/// Whatever discovery promises is tried, and what is found is in discovery.
#[tokio::test]
async fn discovery_and_behaviour_agree() {
    let server = TestServer::start().await.unwrap();
    let url = server.url("/.well-known/openid-configuration");
    let discovery: Value = server.http.get(url).send().await.unwrap().json().await.unwrap();
    let list = |member: &str| -> Vec<String> { serde_json::from_value(discovery[member].clone()).unwrap() };
    for endpoint in ["userinfo_endpoint", "end_session_endpoint", "authorization_endpoint", "jwks_uri"] {
        let status = server.http.get(discovery[endpoint].as_str().unwrap()).send().await.unwrap().status().as_u16();
        assert!(![404, 405, 500].contains(&status), "{endpoint}: {status}");
    }
    let flow = of_operator(&server).await.with("scope", &list("scopes_supported").join(" "));
    let flow = flow.with("resource", RESOURCE).with("nonce", "n");
    let tokens = flow.tokens().await.unwrap();
    let id_token = tokens["id_token"].as_str().unwrap();
    let header = authgent_tests::flow::header(id_token).unwrap();
    assert!(list("id_token_signing_alg_values_supported").contains(&header["alg"].as_str().unwrap().to_owned()));
    assert_eq!(list("subject_types_supported"), ["public"]);

    let access_token = tokens["access_token"].as_str().unwrap();
    let told = server.http.get(server.url("/oauth/userinfo")).bearer_auth(access_token).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    let claims = payload(id_token).unwrap();
    let mut found: Vec<String> = [&claims, &told].iter().flat_map(|o| o.as_object().unwrap().keys().cloned()).collect();
    found.sort_unstable();
    found.dedup();
    let mut promised = list("claims_supported");
    promised.sort_unstable();
    assert_eq!(found, promised, "every claim is told where it is asked for, and no other");
    assert!(list("acr_values_supported").contains(&claims["acr"].as_str().unwrap().to_owned()));

    for prompt in list("prompt_values_supported") {
        let asked = Flow::of_client(&server, &flow.client_id).unwrap().with("prompt", &prompt);
        assert_ne!(outcome(&asked).await, "invalid_request", "{prompt}");
    }
    for (parameter, member) in
        [("request", "request_parameter_supported"), ("request_uri", "request_uri_parameter_supported")]
    {
        assert_eq!(discovery[member], false);
        let asked = Flow::of_client(&server, &flow.client_id).unwrap().with(parameter, "https://x.example/");
        assert_eq!(outcome(&asked).await, format!("{parameter}_not_supported"));
    }
    assert_eq!(discovery["claims_parameter_supported"], false);
    let mode = list("response_modes_supported");
    assert_eq!((mode, list("response_types_supported")), (vec!["query".to_owned()], vec!["code".to_owned()]));
}

#[tokio::test]
async fn a_registration_is_answered_with_what_holds() {
    let server = TestServer::start().await.unwrap();
    let document = |more: Value| {
        let mut document = json!({"client_name": "App", "redirect_uris": ["https://app.example.com/callback"]});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let openid = json!({"post_logout_redirect_uris": ["https://app.example.com/bye"], "default_max_age": 3600,
        "require_auth_time": true, "default_acr_values": ["phr"], "initiate_login_uri": "https://app.example.com/login",
        "subject_type": "public"});
    let (status, registered) = server.register(&document(openid.clone())).await.unwrap();
    assert_eq!(status, 201, "{registered}");
    for (member, value) in openid.as_object().unwrap() {
        assert_eq!(registered[member], *value, "{member}");
    }
    assert_eq!(registered.get("id_token_signed_response_alg"), None, "not named, not answered");
    let (_, registered) = server.register(&document(json!({"id_token_signed_response_alg": "RS256"}))).await.unwrap();
    assert_eq!(registered["id_token_signed_response_alg"], "ES256", "what ID tokens are really signed with");
    for refused in [
        json!({"subject_type": "pairwise"}),
        json!({"id_token_signed_response_alg": "none"}),
        json!({"userinfo_signed_response_alg": "RS256"}),
        json!({"post_logout_redirect_uris": ["http://evil.example/bye"]}),
    ] {
        let (status, body) = server.register(&document(refused.clone())).await.unwrap();
        assert_eq!((status, &body["error"]), (400, &json!("invalid_client_metadata")), "{refused}");
    }
}

#[tokio::test]
async fn where_redirect_uris_need_approval_those_after_sign_out_do_as_well() {
    let server = TestServer::setup()
        .with("AUTHGENT_REGISTRATION", "approved-redirects")
        .with("AUTHGENT_REGISTRATION_APPROVED_REDIRECTS", "https://app.example.com")
        .start()
        .await
        .unwrap();
    let with = |uri: &str| {
        json!({"client_name": "App", "redirect_uris": ["https://app.example.com/callback"],
            "token_endpoint_auth_method": "none", "post_logout_redirect_uris": [uri]})
    };
    assert_eq!(server.register(&with("https://app.example.com/bye")).await.unwrap().0, 201);
    assert_eq!(server.register(&with("https://evil.example/bye")).await.unwrap().0, 400);
}
