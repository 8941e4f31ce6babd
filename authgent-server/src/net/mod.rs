//! Requests that this server makes. The only module that may use reqwest and lettre.
//!
//! [`Fetcher`] fetches what strangers name: client metadata documents and the keys of clients. It is the one place where it
//! is decided which URLs may be asked, and [`address_policy`] decides which addresses. [`probe`] asks for the doctor, at
//! addresses that the operator names, and [`UpstreamClient`] the OpenID providers that the operator named.

pub mod address_policy;
mod fetcher;
mod freshness;
mod mailer;
mod on_first_use;
pub mod probe;
mod resolver;
mod upstream;

pub use fetcher::{FetchError, FetchFor, FetchLimits, Fetched, Fetcher, FetcherError, FetcherSettings};
pub use mailer::{MailError, Mailer};
pub use resolver::{Resolve, SystemResolver};
pub use upstream::{FormAnswer, UpstreamClient};

/// What the clients of all have in common: each request is one exchange with the address that was looked up for it, and
/// its answer is what was sent.
fn client(user_agent: &'static str) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // A proxy would look the name up again, and connect to whatever it finds.
        .no_proxy()
        // No connection outlives its request: the next one goes to addresses that were checked for it.
        .pool_max_idle_per_host(0)
        // Other crates of a build may switch decompression on, and so inflate what is refused when it is compressed.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .tls_backend_native()
}
