//! The revisions before 2026-07-28: `initialize`, a session, an event stream, and `DELETE`.

use crate::demo::{Demo, SESSIONS, Session};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_session_is_opened_used_and_ended() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read mcp:write");
    let session = Session::open(&demo, &token).await;
    assert_eq!(session.call(&token, "whoami", json!({})).await.value()["user_id"], "ada");
    let made = session.call(&token, "create_project", json!({ "name": "Engine" })).await.value();
    assert_eq!(session.call(&token, "list_projects", json!({})).await.value(), json!({ "projects": [made] }));

    assert!(session.end(&token).await.is_success());
    assert_eq!(session.call(&token, "whoami", json!({})).await.status, 404, "clients open a new one on 404");
}

#[tokio::test]
async fn older_revisions_are_served_too() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read");
    for revision in ["2025-03-26", "2025-06-18", SESSIONS] {
        let session = Session::open_with(&demo, &token, revision).await;
        assert_eq!(session.call(&token, "whoami", json!({})).await.value()["user_id"], "ada", "{revision}");
    }
}

#[tokio::test]
async fn each_call_of_a_session_is_judged_by_its_own_token() {
    let demo = Demo::start().await;
    let session = Session::open(&demo, &demo.token("ada", "mcp:read mcp:write")).await;
    let reading = demo.token("ada", "mcp:read");
    assert_eq!(session.call(&reading, "whoami", json!({})).await.value()["scopes"], json!(["mcp:read"]));
    assert_eq!(session.call(&reading, "create_project", json!({ "name": "Engine" })).await.status, 403);
    let tokenless = session.get("").await;
    assert_eq!(tokenless.status(), 401, "the id of a session lets nobody in");
}

#[tokio::test]
async fn a_session_is_of_no_use_to_somebody_else() {
    let demo = Demo::start().await;
    let ada = demo.token("ada", "mcp:read");
    let bob = demo.token("bob", "mcp:read");
    let session = Session::open(&demo, &ada).await;
    assert_eq!(session.call(&bob, "whoami", json!({})).await.status, 404);
    assert_eq!(session.get(&bob).await.status(), 404, "bob would listen to what is sent to ada");
    assert_eq!(session.end(&bob).await, 404);
    assert_eq!(session.call(&ada, "whoami", json!({})).await.value()["user_id"], "ada", "the session still stands");
    let refreshed = demo.token("ada", "mcp:read");
    assert_eq!(session.call(&refreshed, "whoami", json!({})).await.value()["user_id"], "ada");
}

#[tokio::test]
async fn an_event_stream_begins_at_once_and_stays_open() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read");
    let session = Session::open(&demo, &token).await;
    let mut stream = session.get(&token).await;
    assert_eq!(stream.status(), 200);
    assert!(stream.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"id:") || first.starts_with(b"data:") || first.starts_with(b"retry:"), "{first:?}");

    let silence = tokio::time::timeout(Duration::from_millis(1500), stream.chunk()).await;
    assert!(silence.is_err(), "the stream ended, or said something that it had no reason for: {silence:?}");
    assert_eq!(session.call(&token, "whoami", json!({})).await.value()["user_id"], "ada", "others are not held up");

    assert!(session.end(&token).await.is_success());
    let end = tokio::time::timeout(Duration::from_secs(5), async { while let Ok(Some(_)) = stream.chunk().await {} });
    assert!(end.await.is_ok(), "the stream ends with its session");
}

#[tokio::test]
async fn a_stop_ends_event_streams() {
    let demo = Demo::start().await;
    let token = demo.token("ada", "mcp:read");
    let session = Session::open(&demo, &token).await;
    let mut stream = session.get(&token).await;
    stream.chunk().await.unwrap().unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(8), demo.server.stop()).await;
    stopped.expect("it stops in time").unwrap();
    assert!(matches!(stream.chunk().await, Ok(None) | Err(_)));
}
