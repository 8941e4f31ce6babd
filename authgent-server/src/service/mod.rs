//! What each endpoint decides. No HTTP and no SQL here: a service takes parsed values, checks them in order, makes at most
//! one transaction, and gives back a value or an error whose variants name the cause.

pub mod account;
pub mod authorize;
pub mod cleanup;
pub mod client_authentication;
pub mod client_documents;
pub mod client_keys;
pub mod clients;
pub mod consent;
pub mod copies;
pub mod deployment;
pub mod id_token_hint;
pub mod impersonation;
pub mod in_order;
pub mod introspect;
pub mod keys;
pub mod links;
pub mod logout;
pub mod memory;
pub mod metadata;
pub mod notices;
pub mod parameters;
pub mod passkeys;
pub mod passwords;
pub mod register;
pub mod revoke;
pub mod second_factor;
pub mod sign_in;
pub mod stalls;
pub mod token;
pub mod upkeep;
pub mod upstream;
pub mod userinfo;
pub mod uses;

use crate::crypto::passkey::RelyingParty;
use crate::crypto::password::PasswordHasher;
use crate::crypto::random::{Random, Sequence};
use crate::crypto::vault::Vault;
use crate::domain::patterns::HostPattern;
use crate::domain::registration::{RegistrationMode, RegistrationPolicy};
use crate::domain::{Branding, Client, ClientOrigin, GroupScope, IdentityProvider, TokenHash};
use crate::net::{Fetcher, Mailer};
use crate::service::client_documents::ClientDocuments;
use crate::service::client_keys::ClientKeys;
use crate::service::keys::{KeyPolicy, Keys};
use crate::service::memory::Memory;
use crate::service::stalls::Stalls;
use crate::service::upstream::Upstream;
use crate::store::{Store, StoreError};
use authgent_core::issuer::Issuer;
use authgent_core::metadata::client_document::ClientIdUrl;
use authgent_core::resource::ResourceUri;
use authgent_core::time::{Clock, Timestamp};
use std::sync::Arc;

/// What every service works with. Made once at start-up; shared by all requests.
pub struct Services {
    /// The database.
    pub store: Store,
    /// What is remembered of it.
    pub memory: Memory,
    /// Whether the process has been standing still.
    pub stalls: Arc<Stalls>,
    /// The keys that sign.
    pub keys: Keys,
    /// When new ones are made.
    pub key_policy: KeyPolicy,
    /// Seals what has to be kept and read again.
    pub vault: Vault,
    /// The relying party of passkeys; `None` where the issuer's host is no name.
    pub relying_party: Option<RelyingParty>,
    /// Hashes and checks passwords.
    pub passwords: PasswordHasher,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness of secrets.
    pub random: Arc<dyn Random>,
    /// The order of what happens to accounts.
    pub events: Sequence,
    /// Fetches what strangers name.
    pub fetcher: Arc<Fetcher>,
    /// The documents of clients.
    pub client_documents: ClientDocuments,
    /// The keys of clients.
    pub client_keys: ClientKeys,
    /// The way to the providers that people sign in at.
    pub upstream: Upstream,
    /// The way to the mail server; `None`: no mail goes out.
    pub mailer: Option<Mailer>,
    /// Issuer and lifetimes.
    pub settings: Settings,
}

/// The settings that decide what is issued, and for how long. All lifetimes are seconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `iss`, emitted verbatim.
    pub issuer: Issuer,
    /// Life of an access token.
    pub token_ttl: u32,
    /// Life of a refresh token; 0 where none are issued.
    pub refresh_ttl: u32,
    /// How long a used refresh token is still answered with its successor.
    pub refresh_grace: u32,
    /// Life of an ID token.
    pub id_token_ttl: u32,
    /// Life of an authorization code.
    pub code_ttl: u32,
    /// Life of a sign-in.
    pub session_ttl: u32,
    /// Whether a `client_id` may be the URL of a document.
    pub client_documents: bool,
    /// Hosts whose clients the operator vouches for.
    pub verified_domains: Vec<HostPattern>,
    /// Who may register a client.
    pub registration: RegistrationPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// What the members of groups may grant.
    pub group_scopes: Vec<GroupScope>,
    /// Whether people may delete their accounts themselves.
    pub account_deletion: bool,
    /// Where people sign in, beside or in the place of local accounts.
    pub identity_providers: Vec<Arc<IdentityProvider>>,
    /// What follows the issuer's path in the redirect URI of providers.
    pub idp_callback_path: String,
    /// Whether people can sign in with a password or a passkey of this server.
    pub local_accounts: bool,
    /// How the pages look.
    pub branding: Arc<Branding>,
}

impl Settings {
    /// Whether anybody may register a client.
    #[must_use]
    pub fn registration_enabled(&self) -> bool {
        self.registration.mode != RegistrationMode::Off
    }

    /// Whether the operator vouches for who a client is: made it, or trusts the host that publishes its document. This says
    /// nothing about a program on the person's computer that uses the client's identifier.
    #[must_use]
    pub fn vouches_for(&self, client: &Client) -> bool {
        match client.origin {
            ClientOrigin::Operator => true,
            ClientOrigin::Registered => false,
            ClientOrigin::Document => ClientIdUrl::parse(&client.id).is_ok_and(|id| self.trusts_host(id.host())),
        }
    }

    /// The URI of the userinfo endpoint: the `aud` of tokens that are good there and nowhere else.
    #[must_use]
    pub fn userinfo_uri(&self) -> String {
        self.issuer.endpoint("/oauth/userinfo")
    }

    /// Whether a resource is the userinfo endpoint.
    #[must_use]
    pub fn is_userinfo(&self, uri: &ResourceUri) -> bool {
        uri.as_str() == self.userinfo_uri()
    }

    /// Whether the operator vouches for whoever publishes at a host.
    #[must_use]
    pub fn trusts_host(&self, host: &str) -> bool {
        self.verified_domains.iter().any(|domain| domain.matches(host))
    }
}

/// How long a consent page stays answerable, in seconds.
pub const INTERACTION_TTL: i64 = 1800;

impl Services {
    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new secret of 256 random bits, and the hash that is stored in its place.
    #[must_use]
    pub fn new_secret(&self) -> (String, TokenHash) {
        let secret = crate::crypto::random::secret(&*self.random);
        let hash = crate::crypto::hash::token_hash(&secret);
        (secret, hash)
    }
}

/// Why there is no such resource. The wire code is `invalid_target` (RFC 8707, section 2).
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// None was named, and there is more than one, or none at all.
    #[error("resource is missing: name the MCP server that the token is for")]
    Missing,
    /// It is no resource indicator.
    #[error("resource: {0}")]
    Malformed(String),
    /// It is not registered.
    #[error("the resource {uri} is not registered here{}", meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        uri: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
