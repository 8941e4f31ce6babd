//! Requests and responses of each endpoint, in their wire form.
//!
//! These are plain data: every field is what was sent. The rules of the values are in the newtypes of this crate.

pub mod introspect;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;
