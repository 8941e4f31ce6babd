//! JSON Web Tokens: their header, their claims, and the rules that a protected resource checks.
//!
//! Signatures are not checked here: this crate has no crypto backend. Verify the signature first, with an
//! algorithm that you chose, then hand header and claims to [`validate::validate_access_token`].

mod claims;
pub mod client_assertion;
mod compact;
pub mod provider_token;
pub mod validate;

pub use claims::{AccessTokenClaims, Audience, IdTokenClaims, TokenHeader};
pub use compact::CompactError;

/// The media type of a JWT access token in `typ` (RFC 9068, section 2.1).
pub const AT_JWT: &str = "at+jwt";
