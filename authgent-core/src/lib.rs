#![doc = include_str!("../README.md")]
//!
//! # Where each specification lives
//!
//! | specification | module |
//! |---|---|
//! | OAuth 2.1, RFC 6749: error codes, scope, requests and responses | [`error`], [`scope`], [`wire`] |
//! | RFC 6750: `WWW-Authenticate: Bearer` | [`challenge`] |
//! | RFC 7009, RFC 7662: revocation, introspection | [`wire::revoke`], [`wire::introspect`] |
//! | RFC 7515, section 10.12: JSON without repeated members | [`strict_json`] |
//! | RFC 7517, RFC 7638: keys and their thumbprints | [`jwk`] |
//! | RFC 7519, RFC 9068, OpenID Connect Core: claims and their validation | [`token`] |
//! | RFC 7523: assertions with which clients authenticate | [`token::client_assertion`] |
//! | RFC 7591, RFC 7592: client metadata, registration and its management | [`metadata::client`], [`wire::register`] |
//! | OAuth Client ID Metadata Document | [`metadata::client_document`] |
//! | RFC 7636: PKCE | [`pkce`] |
//! | RFC 8252: redirect URIs of native applications | [`redirect_uri`] |
//! | RFC 8414, OpenID Connect Discovery, RFC 9207: server metadata | [`metadata::server`], [`issuer`] |
//! | RFC 8707: resource indicators | [`resource`] |
//! | RFC 9728: protected resource metadata | [`metadata::resource`] |

pub mod challenge;
pub mod error;
pub mod issuer;
pub mod jwk;
pub mod metadata;
pub mod pkce;
pub mod redirect_uri;
pub mod resource;
pub mod scope;
pub mod strict_json;
mod text;
pub mod time;
pub mod token;
pub mod wire;
