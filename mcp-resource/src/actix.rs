//! actix-web: middleware, extractor and metadata routes.

mod cors;
mod extract;
mod middleware;
mod routes;
mod stream_end;

pub use middleware::{McpAuth, McpAuthService};
pub use routes::metadata_routes;
pub use stream_end::UntilExpiry;
