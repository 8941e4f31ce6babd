//! The tables as sea-orm sees them, and how their rows become domain types. One file per table, named as the table is.
//!
//! Times are whole seconds since the epoch, hashes are 32 bytes, lists and documents are JSON in text columns: all of it is
//! the same on SQLite and PostgreSQL.

pub(super) mod account_events;
pub(super) mod authorization_codes;
pub(super) mod challenges;
pub(super) mod clients;
pub(super) mod consents;
pub(super) mod deployment;
pub(super) mod grants;
pub(super) mod identities;
pub(super) mod initial_access_tokens;
pub(super) mod interactions;
pub(super) mod one_time_links;
pub(super) mod passkeys;
pub(super) mod recovery_codes;
pub(super) mod refresh_tokens;
pub(super) mod resource_names;
pub(super) mod resources;
pub(super) mod sessions;
pub(super) mod sign_in_failures;
pub(super) mod signing_keys;
pub(super) mod totp;
pub(super) mod used_assertions;
pub(super) mod users;
