//! `GET`, `PUT` and `DELETE /oauth/register/{client_id}`

use authgent_core::metadata::client::ClientMetadata;
use authgent_core::time::Clock as _;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::{Client, ClientOrigin};
use authgent_tests::browser::Page;
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::server::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

const WEB: &str = "https://app.example.com/callback";
const SECOND: &str = "https://app.example.com/second";

/// A client that manages its registration.
struct Registered {
    id: String,
    token: String,
    body: Value,
}

async fn register(server: &TestServer, metadata: &Value) -> Registered {
    let (status, body) = server.register(metadata).await.unwrap();
    assert_eq!(status, 201, "{body}");
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    let (id, token) = (text("client_id"), text("registration_access_token"));
    assert_eq!(text("registration_client_uri"), server.url(&format!("/oauth/register/{id}")));
    Registered { id, token, body }
}

async fn send(server: &TestServer, method: Method, id: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = server.http.request(method, server.url(&format!("/oauth/register/{id}")));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(status == 401, response.headers().contains_key("www-authenticate"), "{status}");
    let bytes = response.bytes().await.unwrap();
    (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
}

/// What a client sends for an update: what it was told, but for what only the server says.
fn update_of(registered: &Registered) -> Value {
    let mut body = registered.body.clone();
    let members = body.as_object_mut().unwrap();
    for member in
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
    {
        members.remove(member);
    }
    body
}

#[tokio::test]
async fn a_client_reads_changes_and_deletes_its_registration() {
    let server = TestServer::start().await.unwrap();
    let client = register(&server, &json!({"client_name": "Agent", "redirect_uris": [WEB]})).await;
    let secret = client.body["client_secret"].as_str().unwrap();
    let (status, read) = send(&server, Method::GET, &client.id, &client.token, None).await;
    let mut expected = client.body.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!((status, &read), (200, &expected), "all but the secret, of which only the hash is kept");

    let mut update = update_of(&client);
    update["client_name"] = json!("Another name");
    update["redirect_uris"] = json!([WEB, "https://app.example.com/second"]);
    update["tos_uri"] = json!("https://app.example.com/terms");
    let (status, changed) = send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["redirect_uris"], update["redirect_uris"]);
    assert_eq!(
        (changed["client_secret"].as_str(), &changed["registration_access_token"]),
        (Some(secret), &client.token.clone().into())
    );
    // What is left out is gone: an update replaces.
    update.as_object_mut().unwrap().remove("tos_uri");
    send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    let (_, read) = send(&server, Method::GET, &client.id, &client.token, None).await;
    assert_eq!((read["client_name"].as_str(), read.get("tos_uri")), (Some("Another name"), None));
    let asks = |secret: String| {
        let (server, id) = (&server, client.id.clone());
        async move { server.post_as("/oauth/introspect", &[("token", "x")], Some((&id, &secret))).await.unwrap().0 }
    };
    assert_eq!(asks(secret.to_owned()).await, 200, "the secret stays");

    assert_eq!(send(&server, Method::DELETE, &client.id, &client.token, None).await, (204, Value::Null));
    assert_eq!(asks(secret.to_owned()).await, 401);
    assert_eq!(send(&server, Method::GET, &client.id, &client.token, None).await.0, 401);
    assert_eq!(send(&server, Method::DELETE, &client.id, &client.token, None).await.0, 401);
    assert_eq!(server.store.clients().await.unwrap().len(), 0);
}

#[tokio::test]
async fn nobody_manages_another_ones_registration() {
    let server = TestServer::start().await.unwrap();
    let metadata = json!({"client_name": "Agent", "redirect_uris": [WEB]});
    let (victim, thief) = (register(&server, &metadata).await, register(&server, &metadata).await);
    let folded = server.public_client("http://127.0.0.1/callback").await.unwrap();
    let (operators, secret) = server.add_client(metadata.clone()).await.unwrap();
    let mut evil = update_of(&victim);
    evil["redirect_uris"] = json!(["https://evil.example/cb"]);
    let unknown = uuid::Uuid::new_v4().to_string();
    let victims_secret = victim.body["client_secret"].as_str().unwrap();
    let mut answers = Vec::new();
    for (id, token) in [
        (&victim.id, thief.token.as_str()),
        (&victim.id, "guess"),
        (&victim.id, victims_secret),
        (&folded, thief.token.as_str()),
        (&operators, thief.token.as_str()),
        (&operators, secret.as_deref().unwrap()),
        (&unknown, thief.token.as_str()),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            evil["client_id"] = json!(id);
            let body = (method == Method::PUT).then_some(&evil);
            let (status, body) = send(&server, method, id, token, body).await;
            assert_eq!((status, body["error"].as_str()), (401, Some("invalid_token")), "{id}");
            answers.push(body);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nobody learns which clients there are");
    assert_eq!(send(&server, Method::GET, &victim.id, "", None).await.0, 401);
    assert_eq!(server.store.clients().await.unwrap().len(), 4);
    let (_, read) = send(&server, Method::GET, &victim.id, &victim.token, None).await;
    assert_eq!(read["redirect_uris"], json!([WEB]));
}

#[tokio::test]
async fn an_update_keeps_the_rules_of_rfc_7592() {
    let server = TestServer::start().await.unwrap();
    let client = register(&server, &json!({"client_name": "Agent", "redirect_uris": [WEB]})).await;
    let good = update_of(&client);
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let mut anonymous = good.clone();
    anonymous.as_object_mut().unwrap().remove("client_id");
    for (body, error, begins) in [
        (anonymous, "invalid_client_metadata", "client_id: must be there"),
        (with("client_id", json!("another")), "invalid_client_metadata", "client_id: must be there"),
        (with("client_secret", json!("chosen")), "invalid_client_metadata", "client_secret: must be the secret"),
        (with("client_secret", json!(7)), "invalid_client_metadata", "client_secret: must be the secret"),
        (
            with("registration_access_token", json!(client.token)),
            "invalid_client_metadata",
            "registration_access_token: ",
        ),
        (with("client_id_issued_at", json!(0)), "invalid_client_metadata", "client_id_issued_at: must not be"),
        (with("redirect_uris", json!(["http://x.example/cb"])), "invalid_redirect_uri", "redirect_uris: "),
        (with("redirect_uris", json!([])), "invalid_redirect_uri", "redirect_uris: "),
        (with("grant_types", json!(["client_credentials"])), "invalid_client_metadata", "grant_types: client_cred"),
        (json!([]), "invalid_client_metadata", "the body must be a JSON object"),
    ] {
        let (status, answer) = send(&server, Method::PUT, &client.id, &client.token, Some(&body)).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)), "{body}");
        let description = answer["error_description"].as_str().unwrap();
        assert!(description.starts_with(begins), "{description}");
    }
    let both = with("grant_types", json!(["authorization_code", "client_credentials"]));
    let (status, answer) = send(&server, Method::PUT, &client.id, &client.token, Some(&both)).await;
    assert_eq!((status, &answer["grant_types"]), (200, &json!(["authorization_code", "refresh_token"])));
    let too_large = with("client_name", json!("x".repeat(20_000)));
    assert_eq!(send(&server, Method::PUT, &client.id, &client.token, Some(&too_large)).await.0, 413);
}

#[tokio::test]
async fn a_client_gets_a_secret_when_it_begins_to_use_one_and_loses_it_when_it_ceases() {
    let server = TestServer::start().await.unwrap();
    let metadata = json!({"redirect_uris": [WEB], "token_endpoint_auth_method": "none"});
    let client = register(&server, &metadata).await;
    let mut update = update_of(&client);
    update["token_endpoint_auth_method"] = json!("client_secret_post");
    let (_, confidential) = send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    let secret = confidential["client_secret"].as_str().unwrap().to_owned();
    assert_eq!((secret.len(), &confidential["client_secret_expires_at"]), (43, &json!(0)));
    // Another method with the same secret.
    update["token_endpoint_auth_method"] = json!("client_secret_basic");
    let (_, same) = send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    assert!(same.get("client_secret").is_none());
    let form = [("token", "x")];
    assert_eq!(server.post_as("/oauth/introspect", &form, Some((&client.id, &secret))).await.unwrap().0, 200);
    update["token_endpoint_auth_method"] = json!("none");
    let (_, public) = send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    assert!(public.get("client_secret").is_none() && public.get("client_secret_expires_at").is_none());
    assert_eq!(server.post_as("/oauth/introspect", &form, Some((&client.id, &secret))).await.unwrap().0, 401);
}

#[tokio::test]
async fn whoever_changes_where_answers_go_is_asked_about_again_and_gets_no_old_code() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let uris = json!([WEB, SECOND]);
    let metadata = json!({"client_name": "Agent", "redirect_uris": uris, "token_endpoint_auth_method": "none"});
    let client = register(&server, &metadata).await;
    let flow = Flow::of_client(&server, &client.id).unwrap().with("redirect_uri", SECOND);
    let code = flow.code().await.unwrap();
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    let to_client =
        |page: &Page| page.location().is_some_and(|location| location.as_str().starts_with("https://app.example.com/"));
    assert!(to_client(&page), "consent is remembered");

    let mut update = update_of(&client);
    update["redirect_uris"] = json!([WEB]);
    assert_eq!(send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await.0, 200);
    let mut form = flow.exchange_form(&code);
    form.retain(|(name, _)| *name != "redirect_uri");
    form.push(("redirect_uri", SECOND));
    let (status, body) = server.post("/oauth/token", &form).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{body}");

    let flow = flow.with("redirect_uri", WEB);
    let page = flow.browser.get(flow.authorize_url()).await.unwrap();
    assert!(!to_client(&page), "what the person allowed looked different");
    // A change that nobody sees changes nothing.
    flow.code().await.unwrap();
    update["software_version"] = json!("2");
    assert_eq!(send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await.0, 200);
    assert!(to_client(&flow.browser.get(flow.authorize_url()).await.unwrap()));
}

#[tokio::test]
async fn a_deleted_client_loses_what_it_was_granted() {
    let server = TestServer::start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let metadata =
        json!({"redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "client_secret_post"});
    let client = register(&server, &metadata).await;
    let secret = client.body["client_secret"].as_str().unwrap();
    let flow = Flow::of_client(&server, &client.id).unwrap();
    let code = flow.code().await.unwrap();
    let mut form = flow.exchange_form(&code);
    form.push(("client_secret", secret));
    let (_, tokens) = server.post("/oauth/token", &form).await.unwrap();
    assert_eq!(send(&server, Method::DELETE, &client.id, &client.token, None).await.0, 204);
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", &client.id),
        ("client_secret", secret),
    ];
    let (status, body) = server.post("/oauth/token", &form).await.unwrap();
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
}

#[tokio::test]
async fn the_operators_rules_hold_for_updates() {
    let approved = TestServer::setup().with("AUTHGENT_REGISTRATION", "approved-redirects");
    let approved = approved.with("AUTHGENT_REGISTRATION_APPROVED_REDIRECTS", "https://*.example.com");
    let server = approved.start().await.unwrap();
    let client = register(&server, &json!({"redirect_uris": [WEB]})).await;
    let mut update = update_of(&client);
    update["redirect_uris"] = json!([WEB, "https://evil.example/cb"]);
    let (status, body) = send(&server, Method::PUT, &client.id, &client.token, Some(&update)).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_redirect_uri")));

    // A client that the operator disabled does not enable itself.
    let tx = server.store.begin().await.unwrap();
    tx.set_client_enabled(&client.id, false).await.unwrap();
    tx.commit().await.unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = (method == Method::PUT).then(|| update_of(&client));
        let (status, answer) = send(&server, method, &client.id, &client.token, body.as_ref()).await;
        assert_eq!((status, answer["error"].as_str()), (403, Some("access_denied")));
    }
    assert_eq!(send(&server, Method::GET, &client.id, "guess", None).await.0, 401);
}

#[tokio::test]
async fn scripts_of_any_origin_may_manage_and_other_methods_are_named() {
    let server = TestServer::start().await.unwrap();
    let client = register(&server, &json!({"redirect_uris": [WEB]})).await;
    let url = server.url(&format!("/oauth/register/{}", client.id));
    for method in ["GET", "PUT", "DELETE"] {
        let request = server.http.request(Method::OPTIONS, &url).header("origin", "https://inspector.example");
        let request = request.header("access-control-request-method", method);
        let response = request.header("access-control-request-headers", "authorization").send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["access-control-allow-origin"].to_str().unwrap()),
            (200, "*"),
            "{method}"
        );
    }
    let response = server.http.post(&url).send().await.unwrap();
    let allow = response.headers()["allow"].to_str().unwrap();
    assert_eq!((response.status().as_u16(), allow), (405, "GET, HEAD, PUT, DELETE"));
}

#[tokio::test]
async fn where_registration_was_turned_off_it_can_be_read_and_deleted_but_not_changed() {
    let server = TestServer::setup().with("AUTHGENT_REGISTRATION", "off").start().await.unwrap();
    let metadata = json!({"redirect_uris": [WEB]});
    let client = Client {
        registration_token_hash: Some(token_hash("from before")),
        ..Client::new(
            "from-before".into(),
            ClientMetadata::parse(metadata.as_object().unwrap()).unwrap(),
            ClientOrigin::Registered,
            server.clock.now(),
        )
    };
    let tx = server.store.begin().await.unwrap();
    tx.insert_client(&client).await.unwrap();
    tx.commit().await.unwrap();
    let update = json!({"client_id": "from-before", "redirect_uris": [WEB]});
    let (status, body) = send(&server, Method::PUT, "from-before", "from before", Some(&update)).await;
    assert_eq!((status, body["error"].as_str()), (403, Some("access_denied")));
    assert_eq!(send(&server, Method::GET, "from-before", "from before", None).await.0, 200);
    assert_eq!(send(&server, Method::DELETE, "from-before", "from before", None).await.0, 204);
}
