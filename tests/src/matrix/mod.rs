//! The client matrix: what each real client sends, kept in one file per client under `tests/clients`, played over HTTP, and
//! written into `docs/clients.md`.

mod client;
mod discovery;
pub mod fixture;
mod keys;
pub mod page;
pub mod player;
mod resource;
pub mod step;

pub use fixture::Fixture;
pub use player::{Played, play};
