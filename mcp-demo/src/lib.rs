//! A sample MCP server behind `mcp-resource`: projects that belong to the person who made them.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the environment and the command line |
//! | [`server`] | actix-web: the guard of `mcp-resource`, rmcp behind it, and the same tools over stdio |
//! | [`sessions`] | a session of the older protocol revisions belongs to whoever opened it |
//! | [`tools`] | the five tools, and the scopes that they need |
//! | [`projects`] | the table of projects, in SQLite |
//! | [`health`] | the question that a container asks |
//!
//! # One call
//!
//! `POST /mcp` with `tools/call create_project`: the guard in [`server`] verifies the token and finds `create_project` in
//! the request, for which [`tools::TOOL_SCOPES`] wants `mcp:write`. Without that scope the answer is 403, and nothing below
//! runs. With it the verified claims travel through actix-web's request extensions into rmcp's; [`tools::Caller`] reads them
//! there, and [`projects`] stores the project under the caller's `sub`.

pub mod config;
pub mod health;
pub mod projects;
pub mod server;
pub mod sessions;
pub mod tools;
