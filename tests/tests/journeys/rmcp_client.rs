//! rmcp, the Rust SDK: its OAuth client and its MCP client, which we did not write.

use authgent_tests::browser::Browser;
use authgent_tests::stack::{EMAIL, Ports, Stack};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

const REDIRECT_URI: &str = "http://127.0.0.1:18765/callback";

type Connected = RunningService<RoleClient, ()>;

async fn stack(directory: &tempfile::TempDir) -> Stack {
    Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await.unwrap()
}

/// Discovers, registers, lets the person sign in and consent, and exchanges the code.
async fn authorized(stack: &Stack, browser: &Browser) -> OAuthState {
    let mut state = OAuthState::new(&stack.mcp, None).await.unwrap();
    state.start_authorization(AuthorizationRequest::new(REDIRECT_URI).with_client_name("rmcp")).await.unwrap();
    let url = state.get_authorization_url().await.unwrap();
    let callback = browser.authorize(&url, EMAIL, &stack.password).await.unwrap();
    state.handle_callback_url(callback.as_str()).await.unwrap();
    state
}

async fn connect(stack: &Stack, state: OAuthState) -> Connected {
    let client = AuthClient::new(
        reqwest::Client::builder().no_proxy().build().unwrap(),
        state.into_authorization_manager().unwrap(),
    );
    let transport = StreamableHttpClientTransport::with_client(
        client,
        StreamableHttpClientTransportConfig::with_uri(stack.mcp.clone()),
    );
    ().serve(transport).await.unwrap()
}

async fn call(client: &Connected, tool: &'static str, arguments: Value) -> Result<Value, ServiceError> {
    let params = CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone());
    let result = client.call_tool(params).await?;
    Ok(serde_json::to_value(&result).unwrap()["structuredContent"].clone())
}

#[tokio::test]
async fn it_connects_and_calls_tools() {
    let directory = tempfile::tempdir().unwrap();
    let stack = stack(&directory).await;
    let client = connect(&stack, authorized(&stack, &Browser::new().unwrap()).await).await;
    assert!(client.list_all_tools().await.unwrap().iter().any(|tool| tool.name == "whoami"));
    let me = call(&client, "whoami", json!({})).await.unwrap();
    assert_eq!(me["email"], EMAIL);
    call(&client, "list_projects", json!({})).await.unwrap();
    let refused =
        call(&client, "create_project", json!({"name": "x", "description": ""})).await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("scope"), "rmcp says that a scope is missing: {refused}");
}

#[tokio::test]
async fn it_steps_up_and_refreshes() {
    let directory = tempfile::tempdir().unwrap();
    let stack = stack(&directory).await;
    let browser = Browser::new().unwrap();
    let mut state = authorized(&stack, &browser).await;
    let url = state.request_scope_upgrade("mcp:write", REDIRECT_URI).await.unwrap();
    let callback = browser.authorize(&url, EMAIL, &stack.password).await.unwrap();
    state.handle_callback_url(callback.as_str()).await.unwrap();
    state.refresh_token().await.unwrap();
    let client = connect(&stack, state).await;
    call(&client, "create_project", json!({"name": "Difference Engine", "description": "by rmcp"})).await.unwrap();
    assert!(call(&client, "list_projects", json!({})).await.unwrap().to_string().contains("Difference Engine"));
}
