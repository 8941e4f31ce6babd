//! Signing in at an OpenID provider that the operator named: this server is a client of it (OpenID Connect Core, section 3.1).
//!
//! [`begin()`] sends the browser there, [`complete()`] takes it back: [`metadata`] and [`keys`] say what the provider is,
//! [`person`] what it tells of who signed in, [`account`] whose account that is. [`back_channel`] ends what the provider ends.

pub mod account;
pub mod back_channel;
pub mod begin;
pub mod complete;
mod error;
mod github;
mod keys;
pub mod manage;
pub mod metadata;
pub mod person;
mod redemption;

pub use begin::{Wish, begin};
pub use complete::{Completed, Pending, Response, complete, take};
pub use error::{SignInRefused, UpstreamError};

use crate::domain::IdentityProvider;
use crate::net::UpstreamClient;
use crate::service::Services;
use crate::service::copies::{Copies, Keeping};
use authgent_core::jwk::JwkSet;
use metadata::ProviderMetadata;
use std::sync::Arc;

/// What providers publish is kept for an hour where they say nothing, for a day at most, and stands in for an origin that fails
/// for three days: that nobody can be looked up at the provider does not make its metadata wrong.
const METADATA: Keeping = Keeping { usual: 3600, bounds: 60..=86_400, patience: 1, outage: 3 * 86_400 };
/// Keys are kept shorter: one that was withdrawn must not live on for long.
const KEYS: Keeping = Keeping { usual: 3600, bounds: 60..=21_600, patience: 5, outage: 86_400 };
/// How many of each: there are as many as providers.
const MOST: u64 = 100;

/// What is needed to ask providers, and what they published.
pub struct Upstream {
    client: UpstreamClient,
    metadata: Copies<ProviderMetadata, UpstreamError>,
    keys: Copies<JwkSet, UpstreamError>,
}

impl Upstream {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(client: UpstreamClient) -> Self {
        Self { client, metadata: Copies::new(MOST, METADATA), keys: Copies::new(MOST, KEYS) }
    }
}

/// The provider of this name.
#[must_use]
pub fn provider<'s>(services: &'s Services, id: &str) -> Option<&'s Arc<IdentityProvider>> {
    services.settings.identity_providers.iter().find(|provider| provider.id == id)
}

/// Says in the log where people sign in, and whether it can be reached.
pub async fn look_at_all(services: Arc<Services>) {
    let local_accounts = services.settings.local_accounts;
    for provider in &services.settings.identity_providers {
        let (id, issuer, authentication) = (&provider.id, &provider.issuer_text, &provider.authentication);
        let redirect_uri = redirect_uri(&services);
        match metadata::of(&services, provider).await {
            Ok(_) => tracing::info!(
                id,
                issuer,
                ?authentication,
                redirect_uri,
                local_accounts,
                "people sign in at a provider"
            ),
            Err(error) => tracing::warn!(id, issuer, %error, local_accounts, "nobody can sign in at a provider yet"),
        }
    }
}

/// Where providers send people back to: the same for all of them, so that it has to be registered once.
#[must_use]
pub fn redirect_uri(services: &Services) -> String {
    services.settings.issuer.endpoint(&services.settings.idp_callback_path)
}
