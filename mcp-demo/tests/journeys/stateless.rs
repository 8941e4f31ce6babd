//! The revision 2026-07-28: every request stands alone.

use crate::demo::{Demo, STATELESS};
use serde_json::json;

#[tokio::test]
async fn the_server_is_discovered_without_a_session() {
    let demo = Demo::start().await;
    let reply = demo.stateless(&demo.token("ada", "mcp:read"), "server/discover", json!({})).await;
    let result = reply.result();
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "mcp-demo");
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(STATELESS)));
    assert!(reply.header("Mcp-Session-Id").is_none());
}

#[tokio::test]
async fn the_five_tools_are_listed_with_their_schemas() {
    let demo = Demo::start().await;
    let reply = demo.stateless(&demo.token("ada", "mcp:read"), "tools/list", json!({})).await;
    let tools = reply.result()["tools"].clone();
    let names: Vec<&str> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["create_project", "delete_project", "get_user_data", "list_projects", "whoami"]);
    assert_eq!(tools[0]["outputSchema"]["type"], "object");
    assert_eq!(tools[1]["annotations"]["destructiveHint"], true);
}

#[tokio::test]
async fn whoami_tells_what_the_token_says() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read mcp:write");
    let identity = demo.call(&token, "whoami", json!({})).await.value();
    assert_eq!(identity["user_id"], "ada");
    assert_eq!(identity["email"], "ada@example.com");
    assert_eq!(identity["name"], "Name of ada");
    assert_eq!(identity["scopes"], json!(["mcp:read", "mcp:write"]));
    assert_eq!(identity["issuer"], demo.issuer());
    assert_eq!(identity["audience"], demo.audience());
    assert!(identity["expires_at"].as_i64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn the_text_of_a_result_is_its_structure() {
    let demo = Demo::start().await;
    let reply = demo.call(&demo.token("ada", "mcp:read"), "whoami", json!({})).await;
    let result = reply.result();
    let text: serde_json::Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
}

#[tokio::test]
async fn projects_are_made_listed_counted_and_deleted() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read mcp:write admin");
    let made =
        demo.call(&token, "create_project", json!({ "name": "Engine", "description": "analytical" })).await.value();
    assert_eq!((&made["name"], &made["description"]), (&json!("Engine"), &json!("analytical")));
    let second = demo.call(&token, "create_project", json!({ "name": "Without words" })).await.value();
    assert_eq!(second["description"], "");

    let listed = demo.call(&token, "list_projects", json!({})).await.value();
    assert_eq!(listed, json!({ "projects": [made, second] }));
    let data = demo.call(&token, "get_user_data", json!({})).await.value();
    let profile = json!({ "user_id": "ada", "email": "ada@example.com", "name": "Name of ada" });
    assert_eq!(data, json!({ "profile": profile, "project_count": 2 }));

    let deleted = demo.call(&token, "delete_project", json!({ "project_id": made["id"] })).await.value();
    assert_eq!(deleted, json!({ "project_id": made["id"], "deleted": true }));
    let again = demo.call(&token, "delete_project", json!({ "project_id": made["id"] })).await.tool_error();
    assert_eq!(again, format!("no project has the id {}", made["id"].as_str().unwrap()));
    assert_eq!(demo.call(&token, "list_projects", json!({})).await.value(), json!({ "projects": [second] }));
}

#[tokio::test]
async fn nobody_sees_the_projects_of_others_and_an_administrator_may_delete_them() {
    let demo = Demo::start().await;
    let ada = demo.token("ada", "mcp:read mcp:write");
    let bob = demo.token("bob", "mcp:read mcp:write");
    let made = demo.call(&ada, "create_project", json!({ "name": "Engine" })).await.value();

    assert_eq!(demo.call(&bob, "list_projects", json!({})).await.value(), json!({ "projects": [] }));
    assert_eq!(demo.call(&bob, "get_user_data", json!({})).await.value()["project_count"], 0);

    let administrator = demo.token("carol", "mcp:read admin");
    let listed = demo.call(&administrator, "list_projects", json!({})).await.value();
    assert_eq!(listed, json!({ "projects": [] }), "an administrator lists projects of their own, as everybody");
    demo.call(&administrator, "delete_project", json!({ "project_id": made["id"] })).await.value();
    assert_eq!(demo.call(&ada, "list_projects", json!({})).await.value(), json!({ "projects": [] }));
}

#[tokio::test]
async fn what_breaks_a_rule_is_said_in_words_and_stores_nothing() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read mcp:write admin");
    for (arguments, expected) in [
        (json!({ "name": "" }), "name is empty: give the project a name of 1 to 100 characters"),
        (json!({ "name": "n".repeat(101) }), "name has 101 characters, more than the 100 allowed"),
        (json!({ "name": "a\nb" }), "name contains a control character such as a line break: give it on one line"),
        (
            json!({ "name": "n", "description": "d".repeat(2001) }),
            "description has 2001 characters, more than the 2000 allowed",
        ),
    ] {
        assert_eq!(demo.call(&token, "create_project", arguments).await.tool_error(), expected);
    }
    let error = demo.call(&token, "delete_project", json!({ "project_id": "1 OR 1=1" })).await.tool_error();
    assert!(error.starts_with("project_id is not an id as list_projects tells it"), "{error}");
    let missing = demo.call(&token, "create_project", json!({ "description": "nameless" })).await;
    assert_eq!(missing.tool_error(), "failed to deserialize parameters: missing field `name`");
    assert_eq!(demo.call(&token, "list_projects", json!({})).await.value(), json!({ "projects": [] }));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read mcp:write");
    let reply =
        demo.call(&token, "create_project", json!({ "name": "n", "description": "d".repeat(20_000_000) })).await;
    assert_eq!(reply.status, 413);
}
