//! Requests that this server makes. The only module that may use reqwest.
//!
//! [`Fetcher`] fetches what strangers name: client metadata documents and the keys of clients. It is the one place where it
//! is decided which addresses may be asked ([`address_policy`]).

pub mod address_policy;
mod fetcher;
mod resolver;

pub use fetcher::{FetchError, Fetched, Fetcher, FetcherSettings};
pub use resolver::{Resolve, SystemResolver};
