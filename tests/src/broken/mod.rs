//! An MCP server and its authorization server that are healthy but for one thing, whatever a test wants that to be.
//! [`faults`] lists what may be wrong with them, and what the doctor must call it.

pub mod faults;

use actix_web::dev::ServerHandle;
use actix_web::http::header::HeaderMap;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Result;
use mcp_resource::testing::TestKey;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::TcpListener;

/// The scope of the MCP server.
pub const SCOPE: &str = "mcp:read";
/// The client that registers itself.
const CLIENT_ID: &str = "a-client";
/// The token of the person who signs in, without being asked anything.
const ACCESS_TOKEN: &str = "an-opaque-access-token";
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Changes an answer before it is sent.
pub type Edit = fn(&Asked, &mut Answer);

/// Which of the two is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The MCP server.
    Mcp,
    /// The authorization server.
    Issuer,
}

/// A request, and where the two servers are.
pub struct Asked {
    /// Who is asked.
    pub side: Side,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The parameters of the query, or of the form.
    pub parameters: HashMap<String, String>,
    /// The body, where it is JSON.
    pub body: Value,
    /// The URL of the MCP server.
    pub mcp: String,
    /// The issuer.
    pub issuer: String,
}

impl Asked {
    /// Whether it is this method and path of this side.
    #[must_use]
    pub fn is(&self, side: Side, method: &str, path: &str) -> bool {
        self.side == side && self.method == method && self.path == path
    }

    /// Whether it is for a document of the MCP server's metadata.
    #[must_use]
    pub fn is_resource_metadata(&self) -> bool {
        self.side == Side::Mcp && self.method == "GET" && self.path.starts_with(METADATA)
    }

    /// Whether it is for a document of the authorization server's metadata.
    #[must_use]
    pub fn is_server_metadata(&self) -> bool {
        let documents = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
        self.side == Side::Issuer && self.method == "GET" && documents.contains(&self.path.as_str())
    }

    /// Whether it is a `POST` to the MCP server.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.is(Side::Mcp, "POST", "/mcp")
    }

    /// A parameter of the query, or of the form; empty where it is not there.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
    }
}

/// An answer that can still be changed.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers beside `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Value,
}

impl Answer {
    fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), content_type: "application/json", body }
    }

    /// Puts HTML in the place of the body.
    pub fn html(&mut self, status: u16) {
        self.status = status;
        self.content_type = "text/html; charset=utf-8";
        self.body = Value::String("<!doctype html><title>Something</title><p>Something".to_owned());
    }

    /// Sets a header.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name, value.into()));
    }

    /// Leaves a header out.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    /// Changes a header.
    pub fn replace(&mut self, name: &'static str, from: &str, to: &str) {
        let value = self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.replace(from, to));
        self.set(name, value.unwrap_or_default());
    }

    /// Leaves a member of the body out.
    pub fn forget(&mut self, member: &str) {
        if let Some(body) = self.body.as_object_mut() {
            body.remove(member);
        }
    }
}

/// The two servers. They stop when they are dropped.
pub struct BrokenServers {
    /// The URL of the MCP server.
    pub mcp: String,
    /// The issuer.
    pub issuer: String,
    handles: [ServerHandle; 2],
}

#[derive(Clone)]
struct State {
    mcp: String,
    issuer: String,
    jwk: Value,
    edit: Edit,
}

impl BrokenServers {
    /// Starts the two, whose answers `edit` changes.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(edit: Edit) -> Result<Self> {
        let listeners = [TcpListener::bind("localhost:0")?, TcpListener::bind("localhost:0")?];
        let [mcp, issuer] = [listeners[0].local_addr()?.port(), listeners[1].local_addr()?.port()];
        let mut jwk = serde_json::to_value(TestKey::generate()?.public())?;
        jwk["use"] = json!("sig");
        jwk["alg"] = json!("ES256");
        let state = State {
            mcp: format!("http://localhost:{mcp}/mcp"),
            issuer: format!("http://localhost:{issuer}"),
            jwk,
            edit,
        };
        let [mcp, issuer] = listeners;
        let handles = [serve(mcp, Side::Mcp, state.clone())?, serve(issuer, Side::Issuer, state.clone())?];
        Ok(Self { mcp: state.mcp, issuer: state.issuer, handles })
    }

    /// Stops the authorization server, and waits until it is gone.
    pub async fn stop_issuer(&self) {
        self.handles[1].stop(false).await;
    }
}

impl Drop for BrokenServers {
    fn drop(&mut self) {
        for handle in &self.handles {
            drop(handle.stop(false));
        }
    }
}

fn serve(listener: TcpListener, side: Side, state: State) -> Result<ServerHandle> {
    let server = HttpServer::new(move || {
        let state = state.clone();
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            let answer = answer(side, &request, &body, &state);
            async move { answer }
        }))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

fn answer(side: Side, request: &HttpRequest, body: &[u8], state: &State) -> HttpResponse {
    let asked = Asked {
        side,
        method: request.method().to_string(),
        path: request.path().to_owned(),
        headers: request.headers().clone(),
        parameters: url::form_urlencoded::parse(request.query_string().as_bytes())
            .into_owned()
            .chain(url::form_urlencoded::parse(body).into_owned())
            .collect(),
        body: serde_json::from_slice(body).unwrap_or_default(),
        mcp: state.mcp.clone(),
        issuer: state.issuer.clone(),
    };
    let mut answer = match side {
        _ if asked.method == "OPTIONS" => Answer::json(204, Value::Null),
        Side::Mcp => mcp(&asked),
        Side::Issuer => issuer(&asked, state),
    };
    answer.set("access-control-allow-origin", "*");
    answer.set("access-control-expose-headers", "WWW-Authenticate");
    if asked.method == "OPTIONS" {
        let allowed = "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name";
        answer.set("access-control-allow-headers", allowed);
    }
    (state.edit)(&asked, &mut answer);
    let status = actix_web::http::StatusCode::from_u16(answer.status).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    response.content_type(answer.content_type);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    match answer.body {
        Value::Null => response.finish(),
        Value::String(text) => response.body(text),
        body => response.body(body.to_string()),
    }
}

fn mcp(asked: &Asked) -> Answer {
    let metadata = format!("{}{METADATA}/mcp", asked.mcp.trim_end_matches("/mcp"));
    if asked.is_call() && asked.token() == Some(ACCESS_TOKEN) {
        return Answer::json(200, json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}));
    }
    if asked.is_call() {
        let error = if asked.token().is_some() { "error=\"invalid_token\", " } else { "" };
        let mut answer = Answer::json(401, json!({"error": "unauthorized"}));
        answer.set("www-authenticate", format!("Bearer {error}scope=\"{SCOPE}\", resource_metadata=\"{metadata}\""));
        return answer;
    }
    if asked.method == "GET" && [METADATA.to_owned(), format!("{METADATA}/mcp")].contains(&asked.path) {
        let document = json!({"resource": asked.mcp, "authorization_servers": [asked.issuer],
            "scopes_supported": [SCOPE], "bearer_methods_supported": ["header"]});
        return Answer::json(200, document);
    }
    Answer::json(404, json!({"error": "not_found"}))
}

fn issuer(asked: &Asked, state: &State) -> Answer {
    if asked.is_server_metadata() {
        let at = |path: &str| format!("{}{path}", asked.issuer);
        return Answer::json(
            200,
            json!({
                "issuer": asked.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
                "registration_endpoint": at("/register"), "jwks_uri": at("/jwks"),
                "response_types_supported": ["code"], "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["none"],
                "scopes_supported": [SCOPE, "offline_access"], "protected_resources": [asked.mcp],
                "client_id_metadata_document_supported": true,
                "authorization_response_iss_parameter_supported": true,
            }),
        );
    }
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/jwks") => {
            let mut answer = Answer::json(200, json!({"keys": [state.jwk]}));
            answer.set("cache-control", "public, max-age=300");
            answer
        }
        ("POST", "/token") if !asked.parameter("grant_type").is_empty() => {
            let refresh_token = if asked.parameter("refresh_token") == "first" { "second" } else { "first" };
            Answer::json(
                200,
                json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300,
                "refresh_token": refresh_token, "scope": SCOPE}),
            )
        }
        ("POST", "/register") if asked.body["redirect_uris"].is_array() => {
            let uri = format!("{}/register/{CLIENT_ID}", asked.issuer);
            let client =
                json!({"client_id": CLIENT_ID, "registration_client_uri": uri, "registration_access_token": CLIENT_ID});
            Answer::json(201, client)
        }
        ("DELETE", "/register/a-client") if asked.token() == Some(CLIENT_ID) => Answer::json(204, Value::Null),
        ("GET", "/authorize") if asked.parameter("client_id") == CLIENT_ID => {
            let mut answer = Answer::json(302, Value::Null);
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("code", "a-code")
                .append_pair("state", asked.parameter("state"))
                .append_pair("iss", &asked.issuer)
                .finish();
            answer.set("location", format!("{}?{query}", asked.parameter("redirect_uri")));
            answer
        }
        ("POST", "/token") => Answer::json(400, json!({"error": "invalid_request"})),
        ("POST", "/register") => Answer::json(400, json!({"error": "invalid_client_metadata"})),
        ("GET", "/authorize") => {
            let mut answer = Answer::json(400, Value::Null);
            answer.html(400);
            answer
        }
        _ => Answer::json(404, json!({"error": "not_found"})),
    }
}
