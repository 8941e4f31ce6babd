//! actix-web: middleware, extractor and metadata routes.

mod cors;
mod extract;
mod middleware;
mod routes;

pub use middleware::{McpAuth, McpAuthService};
pub use routes::metadata_routes;
