//! Requests that this server makes. The only module that may use reqwest.
//!
//! [`Fetcher`] fetches what strangers name: client metadata documents and the keys of clients. It is the one place where it
//! is decided which URLs may be asked, and [`address_policy`] decides which addresses.

pub mod address_policy;
mod fetcher;
mod freshness;
mod resolver;

pub use fetcher::{FetchError, FetchLimits, Fetched, Fetcher, FetcherError, FetcherSettings};
pub use resolver::{Resolve, SystemResolver};
