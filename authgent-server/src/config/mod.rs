//! The settings: variables with the prefix `AUTHGENT_` over an optional TOML file. `docs/CONFIGURATION.md`, which is
//! written from [`settings::SETTINGS`], explains each.
//!
//! Every value is parsed before anything starts; a wrong one is a [`ConfigError`] of one sentence that names the key, what is
//! wrong and an example. Nothing here prints a secret.

mod branding;
mod clients;
mod edit_distance;
mod encryption_key;
mod error;
mod group_scopes;
mod idp;
mod key_source;
mod loader;
mod log;
mod mail;
#[cfg(test)]
mod reference;
mod resources;
pub mod settings;
mod values;

pub use branding::BrandingConfig;
pub use clients::ClientDocumentConfig;
pub use encryption_key::EncryptionKey;
pub use error::{ConfigError, Place};
pub use idp::IdpConfig;
pub use key_source::KeySource;
pub use loader::{Database, Listener, Loader};
pub use log::{DEFAULT_FILTER, LogConfig, LogFormat};
pub use mail::{MailConfig, MailSecurity};

use crate::crypto::pem::SigningAlgorithm;
use crate::domain::registration::RegistrationPolicy;
use crate::domain::{GroupScope, Resource};
use authgent_core::issuer::Issuer;
use secrecy::SecretString;
use std::path::Path;

/// Every setting, checked. Times to live are seconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// The public URL; becomes `iss`, letter by letter.
    pub issuer: Issuer,
    /// Where the first signing key is.
    pub signing_key: KeySource,
    /// What seals what has to be kept and read again; `None`: it is derived of the signing key.
    pub encryption_key: Option<EncryptionKey>,
    /// What it signs with.
    pub signing_alg: SigningAlgorithm,
    /// The address of the database. May hold a password.
    pub db_dsn: SecretString,
    /// The address to listen at: a name or an IP address.
    pub host: String,
    /// The port to listen at; 0 lets the operating system choose.
    pub port: u16,
    /// Life of an access token.
    pub token_ttl: u32,
    /// The age at which a signing key is followed by the next, in days; 0 for never.
    pub key_rotation_days: u32,
    /// How long a signing key is published before it signs, in seconds.
    pub key_publish_ahead: u32,
    /// Life of a refresh token; 0 where none are issued.
    pub refresh_ttl: u32,
    /// Life of an ID token.
    pub id_token_ttl: u32,
    /// Life of an authorization code.
    pub code_ttl: u32,
    /// How long a used refresh token is still answered with its successor.
    pub refresh_grace: u32,
    /// Life of a sign-in.
    pub session_ttl: u32,
    /// Clients that publish a document.
    pub client_documents: ClientDocumentConfig,
    /// Clients that register themselves.
    pub registration: RegistrationPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How often one address may try to sign in or ask for a link, in a minute; 0 for any number.
    pub sign_in_rate: u32,
    /// How mail goes out; `None`: it does not.
    pub mail: Option<MailConfig>,
    /// What the members of groups may grant.
    pub group_scopes: Vec<GroupScope>,
    /// Whether people may delete their accounts.
    pub account_deletion: bool,
    /// Whom people sign in at.
    pub idp: IdpConfig,
    /// How the pages look.
    pub branding: BrandingConfig,
    /// The resources of the file. They replace what an earlier file named.
    pub resources: Vec<Resource>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// Settings, and what the operator should hear about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// One sentence each. They are for the log, once it is there.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the settings from a file, where one is given here or by `AUTHGENT_CONFIG`, and from variables, which win.
    /// Variables without the prefix `AUTHGENT_` are not looked at; an empty one counts as absent.
    ///
    /// # Errors
    /// [`ConfigError`]: one sentence on the first thing that is wrong.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        Loader::new(environment).file(file).load()
    }
}

#[cfg(test)]
mod tests;
