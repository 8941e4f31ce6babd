// The example of the README needs actix-web.
#![cfg_attr(feature = "actix", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "actix"),
    doc = "Protects an MCP server: verifies JWT access tokens, serves RFC 9728 metadata, answers with challenges."
)]
//!
//! # Where each part lives
//!
//! | part | module |
//! |---|---|
//! | what to protect, and how | [`config`] |
//! | the checks of a request, free of any framework | [`authenticator`] |
//! | keys of the issuer | [`jwks`] |
//! | signature and claims of one token | [`verify`] |
//! | what is refused, and what the client is told | [`rejection`] |
//! | RFC 9728 metadata | [`metadata`] |
//! | what an MCP request is about to do | [`mcp`] |
//! | actix-web: middleware, extractor, metadata routes | `actix`, feature `actix` |
//! | an issuer for tests | `testing`, feature `test-util` |

#[cfg(feature = "actix")]
pub mod actix;
pub mod authenticator;
pub mod clock;
pub mod config;
pub mod jwks;
pub mod mcp;
pub mod metadata;
pub mod rejection;
#[cfg(feature = "test-util")]
pub mod testing;
pub mod verify;

pub use authenticator::{Authenticator, VerifiedToken};
pub use config::{Algorithm, Config, ConfigBuilder, ConfigError};
pub use rejection::{Rejection, TokenError};
