//! Metadata documents: of the authorization server, of the protected resource, of the client.

pub mod client;
pub mod resource;
pub mod server;
