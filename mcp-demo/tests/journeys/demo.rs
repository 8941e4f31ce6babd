//! A demo server with an issuer of its own, and what a client says to it.

use authgent_core::issuer::Issuer;
use authgent_core::resource::ResourceUri;
use mcp_demo::config::Config;
use mcp_demo::server::Server;
use mcp_resource::testing::TestIssuer;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

/// The first revision without sessions.
pub(crate) const STATELESS: &str = "2026-07-28";
/// The last revision with sessions.
pub(crate) const SESSIONS: &str = "2025-11-25";

/// A server on a free port, its database in memory.
pub(crate) struct Demo {
    pub(crate) server: Server,
    pub(crate) issuer: TestIssuer,
    client: Client,
    url: String,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let issuer = TestIssuer::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}/mcp", listener.local_addr().unwrap().port());
        let mut config = Config::new(Issuer::parse(issuer.url()).unwrap(), ResourceUri::parse(&url).unwrap());
        config.db_dsn = "sqlite::memory:".into();
        change(&mut config);
        let server = Server::start_on(listener, config).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { server, issuer, client, url }
    }

    pub(crate) fn issuer(&self) -> String {
        self.issuer.url().to_string()
    }

    pub(crate) fn audience(&self) -> &str {
        &self.url
    }

    /// A token for this server, of a person whose profile is made of `sub`.
    pub(crate) fn token(&self, sub: &str, scope: &str) -> String {
        let mut claims = self.issuer.claims(&self.url, scope);
        claims["sub"] = json!(sub);
        claims["email"] = json!(format!("{sub}@example.com"));
        claims["name"] = json!(format!("Name of {sub}"));
        self.issuer.sign(&claims).unwrap()
    }

    /// A request to the path, with the token unless it is empty.
    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let origin = self.url.trim_end_matches("/mcp");
        let request = self.client.request(method, format!("{origin}{path}"));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    /// A POST as every MCP client makes it.
    pub(crate) fn post(&self, token: &str) -> RequestBuilder {
        self.request(Method::POST, "/mcp", token)
            .header("Accept", "application/json, text/event-stream")
            .timeout(Duration::from_secs(20))
    }

    /// A request of 2026-07-28.
    pub(crate) async fn stateless(&self, token: &str, method: &str, mut params: Value) -> Reply {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut request = self.post(token).header("MCP-Protocol-Version", STATELESS).header("Mcp-Method", method);
        if let Some(name) = params["name"].as_str() {
            request = request.header("Mcp-Name", name);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Reply::read(request.json(&body).send().await.unwrap()).await
    }

    /// `tools/call` of 2026-07-28.
    pub(crate) async fn call(&self, token: &str, tool: &str, arguments: Value) -> Reply {
        self.stateless(token, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

/// A session of the older revisions.
pub(crate) struct Session<'d> {
    demo: &'d Demo,
    id: String,
    revision: String,
}

impl<'d> Session<'d> {
    pub(crate) async fn open(demo: &'d Demo, token: &str) -> Self {
        Self::open_with(demo, token, SESSIONS).await
    }

    pub(crate) async fn open_with(demo: &'d Demo, token: &str, revision: &str) -> Self {
        let client = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client });
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let reply = Reply::read(demo.post(token).json(&hello).send().await.unwrap()).await;
        assert_eq!(reply.result()["protocolVersion"], revision);
        let id = reply.header("Mcp-Session-Id").expect("a session");
        let session = Self { demo, id, revision: revision.to_owned() };
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let accepted = session.address(demo.post(token)).json(&ready).send().await.unwrap();
        assert_eq!(accepted.status(), 202);
        session
    }

    fn address(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("Mcp-Session-Id", &self.id).header("MCP-Protocol-Version", &self.revision)
    }

    pub(crate) async fn call(&self, token: &str, tool: &str, arguments: Value) -> Reply {
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        Reply::read(self.address(self.demo.post(token)).json(&body).send().await.unwrap()).await
    }

    /// The event stream.
    pub(crate) async fn get(&self, token: &str) -> Response {
        let request = self.demo.request(Method::GET, "/mcp", token).header("Accept", "text/event-stream");
        self.address(request).send().await.unwrap()
    }

    pub(crate) async fn end(&self, token: &str) -> StatusCode {
        self.address(self.demo.request(Method::DELETE, "/mcp", token)).send().await.unwrap().status()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    /// The JSON, also where it came as an event; a text where it is none.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let mut events = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        let json = events.rfind(|event| !event.is_empty()).unwrap_or(&text);
        let body = serde_json::from_str(json).unwrap_or_else(|_| json!(text));
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.body["result"].is_object(), "{self:?}");
        &self.body["result"]
    }

    /// What the tool returned.
    pub(crate) fn value(&self) -> Value {
        assert_eq!(self.result()["isError"], false, "{self:?}");
        self.result()["structuredContent"].clone()
    }

    /// What the tool complains about.
    pub(crate) fn tool_error(&self) -> String {
        assert_eq!(self.result()["isError"], true, "{self:?}");
        self.result()["content"][0]["text"].as_str().unwrap().to_owned()
    }
}
