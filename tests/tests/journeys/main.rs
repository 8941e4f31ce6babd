//! Whole journeys: Authgent and the demo MCP server, and a client from the first refused request to the revoked grant.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected has failed")]

mod headless;
mod log;
mod rmcp_client;
