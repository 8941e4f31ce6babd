//! Metadata documents: of the authorization server, of the protected resource, of the client.

pub mod client;
pub mod client_document;
pub mod resource;
pub mod server;
