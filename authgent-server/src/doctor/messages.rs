//! The two first messages of an MCP client, one for each era of the protocol.

use crate::net::probe::Ask;
use serde_json::json;

/// The last revision with `initialize` and sessions.
pub(in crate::doctor) const SESSIONS: &str = "2025-11-25";
/// The first revision without.
pub(in crate::doctor) const STATELESS: &str = "2026-07-28";

/// `initialize`, as a client of revision 2025-11-25 sends it (lifecycle, initialization).
pub(in crate::doctor) fn initialize(url: &str) -> Ask {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": SESSIONS, "capabilities": {},
        "clientInfo": {"name": "authgent-doctor", "version": env!("CARGO_PKG_VERSION")},
    }});
    Ask::post_json(url, &body)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", SESSIONS)
}

/// `tools/list` without a session, as a client of revision 2026-07-28 sends it (transports, streamable HTTP).
pub(in crate::doctor) fn tools_list(url: &str) -> Ask {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "authgent-doctor", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {},
    }}});
    Ask::post_json(url, &body)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", STATELESS)
        .header("mcp-method", "tools/list")
}

/// `notifications/initialized` and then `tools/list` within a session, as a client of revision 2025-11-25 goes on.
pub(in crate::doctor) fn within_session(url: &str, session: &str) -> [Ask; 2] {
    let bodies = [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}),
    ];
    bodies.map(|body| {
        Ask::post_json(url, &body)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", SESSIONS)
            .header("mcp-session-id", session)
    })
}
