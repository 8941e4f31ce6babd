//! Who is let in: the guard before the tools.

use crate::demo::{Demo, Reply, Session};
use mcp_demo::config::Config;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn whoever_has_no_token_learns_where_to_get_one() {
    let demo = Demo::start().await;
    let reply = demo.call("", "whoami", json!({})).await;
    assert_eq!(reply.status, 401);
    let challenge = reply.header("WWW-Authenticate").unwrap();
    let metadata_url = format!("{}/.well-known/oauth-protected-resource/mcp", demo.audience().trim_end_matches("/mcp"));
    assert!(challenge.contains(&format!("resource_metadata=\"{metadata_url}\"")), "{challenge}");
    assert!(challenge.contains("scope=\"mcp:read\"") && !challenge.contains("error="), "{challenge}");

    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let metadata: Value = demo.request(Method::GET, path, "").send().await.unwrap().json().await.unwrap();
        assert_eq!(metadata["resource"], demo.audience());
        assert_eq!(metadata["authorization_servers"], json!([demo.issuer()]));
        assert_eq!(metadata["scopes_supported"], json!(["mcp:read"]), "the least that a client should ask for");
        assert_eq!(metadata["resource_name"], "Authgent demo");
    }
}

#[tokio::test]
async fn every_method_of_the_endpoint_is_guarded_and_nothing_else_is() {
    let demo = Demo::start().await;
    for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
        let status = demo.request(method.clone(), "/mcp", "").send().await.unwrap().status();
        assert_eq!(status, 401, "{method}");
    }
    let health = demo.request(Method::GET, "/health/live", "").send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_token_for_another_server_or_without_the_base_scope_is_refused() {
    let demo = Demo::start().await;
    let foreign = demo.issuer.token("https://elsewhere.example.com/mcp", "mcp:read").unwrap();
    let refused = demo.call(&foreign, "whoami", json!({})).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("WWW-Authenticate").unwrap().contains("invalid_audience: expected"), "{refused:?}");
    for scope in ["mcp:write", "admin", "mcp:write admin"] {
        assert_eq!(demo.call(&demo.token("ada", scope), "whoami", json!({})).await.status, 403, "{scope}");
    }
}

/// The challenge names what the operation needs, so that the client asks for exactly that.
fn assert_step_up(reply: &Reply, needed: &str, missing: &str) {
    assert_eq!(reply.status, 403, "{reply:?}");
    let challenge = reply.header("WWW-Authenticate").unwrap();
    for part in ["error=\"insufficient_scope\"", needed, "resource_metadata="] {
        assert!(challenge.contains(part), "{part} is not in {challenge}");
    }
    let text = reply.body.to_string();
    assert!(text.contains("insufficient_scope") && text.contains(missing), "{text}");
}

#[tokio::test]
async fn a_tool_whose_scope_is_missing_does_not_run() {
    let demo = Demo::start().await;
    let owner = demo.token("ada", "mcp:read mcp:write");
    let made = demo.call(&owner, "create_project", json!({ "name": "Engine" })).await.value();

    let reader = demo.token("ada", "mcp:read");
    let refused = demo.call(&reader, "create_project", json!({ "name": "Second" })).await;
    assert_step_up(&refused, "mcp:write", "mcp:write");
    let refused = demo.call(&owner, "delete_project", json!({ "project_id": made["id"] })).await;
    assert_step_up(&refused, "admin", "admin");

    let session = Session::open(&demo, &reader).await;
    let refused = session.call(&reader, "create_project", json!({ "name": "Second" })).await;
    assert_step_up(&refused, "mcp:write", "mcp:write");
    assert_eq!(demo.call(&owner, "list_projects", json!({})).await.value(), json!({ "projects": [made] }));
}

#[tokio::test]
async fn the_broader_scope_does_not_stand_for_the_narrower() {
    let demo = Demo::start().await;
    let administrator = demo.token("carol", "mcp:read admin");
    let refused = demo.call(&administrator, "create_project", json!({ "name": "Engine" })).await;
    assert_step_up(&refused, "mcp:write", "mcp:write");
}

#[tokio::test]
async fn a_batch_hides_no_call() {
    let demo = Demo::start().await;
    let (reader, writer) = (demo.token("ada", "mcp:read"), demo.token("ada", "mcp:read mcp:write"));
    let create = json!({ "name": "create_project", "arguments": { "name": "Hidden" } });
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "ping" },
        { "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": create },
    ]);
    let refused = Reply::read(demo.post(&reader).json(&batch).send().await.unwrap()).await;
    assert_step_up(&refused, "mcp:write", "mcp:write");

    // With the scope it comes as far as rmcp, which knows no batches: they were taken out of the protocol in 2025-06-18.
    let unknown = Reply::read(demo.post(&writer).json(&batch).send().await.unwrap()).await;
    assert!((400..500).contains(&unknown.status) && unknown.status != 403, "{unknown:?}");
    assert_eq!(demo.call(&reader, "list_projects", json!({})).await.value(), json!({ "projects": [] }));
}

#[tokio::test]
async fn headers_that_name_another_tool_open_no_door() {
    let demo = Demo::start().await;
    let reader = demo.token("ada", "mcp:read");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": crate::demo::STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "create_project", "arguments": { "name": "Hidden" }, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    for (method, name) in [("tools/call", "whoami"), ("tools/list", ""), ("ping", "create_project")] {
        let request = demo.post(&reader).header("MCP-Protocol-Version", crate::demo::STATELESS);
        let request = request.header("Mcp-Method", method).header("Mcp-Name", name);
        let refused = Reply::read(request.json(&body).send().await.unwrap()).await;
        assert!(matches!(refused.status, 400 | 403), "{method} {name}: {refused:?}");
    }
    assert_eq!(demo.call(&reader, "list_projects", json!({})).await.value(), json!({ "projects": [] }));
}

#[tokio::test]
async fn pages_of_other_origins_and_other_names_of_the_host_stay_outside() {
    let allow = |config: &mut Config| config.allowed_origins = vec!["https://app.example.com".into()];
    let demo = Demo::start_with(allow).await;
    let token = demo.token("ada", "mcp:read");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let status = async |name: &str, value: &str| {
        let request = demo.post(&token).header("MCP-Protocol-Version", crate::demo::SESSIONS).header(name, value);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("Origin", "https://evil.example.com").await, 403);
    assert_eq!(status("Origin", "https://app.example.com").await, 400, "let in, and told that a session is missing");
    assert_eq!(status("Host", "evil.example.com").await, 403);
    assert_eq!(status("Host", "127.0.0.1:1").await, 400);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_told_as_such_and_the_server_stays_alive() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read");
    demo.issuer.set_online(false);
    let reply = demo.call(&token, "whoami", json!({})).await;
    assert!(matches!(reply.status, 500..=504), "{reply:?}");
    assert!(reply.body.to_string().contains("ConnectionError"), "{reply:?}");
    assert_eq!(demo.request(Method::GET, "/health/live", "").send().await.unwrap().status(), 200);
}
