//! What is said about clients that come by themselves: their documents and their registrations.

use super::error::ConfigError;
use super::values::Values;
use crate::domain::patterns::{HostPattern, RedirectPattern};
use crate::domain::registration::{RegistrationMode, RegistrationPolicy};
use std::fmt::Display;
use std::path::PathBuf;

/// Client metadata documents.
#[derive(Debug, Clone)]
pub struct ClientDocumentConfig {
    /// Whether a `client_id` may be the URL of a document.
    pub enabled: bool,
    /// The only hosts whose documents are taken; empty for all.
    pub allowed_domains: Vec<HostPattern>,
    /// Hosts whose documents are never taken.
    pub denied_domains: Vec<HostPattern>,
    /// Hosts that the operator vouches for on the consent page.
    pub verified_domains: Vec<HostPattern>,
    /// Whether the copies that come with this program stand in for documents that cannot be fetched.
    pub copies: bool,
    /// Hosts that may have private addresses.
    pub private_hosts: Vec<String>,
    /// Where the certificates of the authority are that certifies those hosts.
    pub ca_file: Option<PathBuf>,
}

pub(super) fn documents(values: &Values) -> Result<ClientDocumentConfig, ConfigError> {
    let ca_file = values.text("client_document_ca_file")?.map(PathBuf::from);
    let private_hosts = list(values, "client_document_private_hosts", host)?;
    Ok(ClientDocumentConfig {
        enabled: on(values, "client_documents")?,
        allowed_domains: list(values, "client_document_allowed_domains", HostPattern::parse)?,
        denied_domains: list(values, "client_document_denied_domains", HostPattern::parse)?,
        verified_domains: list(values, "client_document_verified_domains", HostPattern::parse)?,
        copies: on(values, "client_document_copies")?,
        private_hosts,
        ca_file,
    })
}

pub(super) fn registration(values: &Values) -> Result<RegistrationPolicy, ConfigError> {
    let mode = values.text_or_default("registration")?;
    let mode = match mode.as_str() {
        "open" => RegistrationMode::Open,
        "approved-redirects" => RegistrationMode::ApprovedRedirects,
        "token" => RegistrationMode::Token,
        "off" => RegistrationMode::Off,
        _ => {
            let problem = format!("must be open, approved-redirects, token or off, and {mode:?} is none");
            return Err(values.wrong("registration", problem));
        }
    };
    let approved_redirects = list(values, "registration_approved_redirects", RedirectPattern::parse)?;
    if mode == RegistrationMode::ApprovedRedirects && approved_redirects.is_empty() {
        let problem = "names none, but AUTHGENT_REGISTRATION is approved-redirects";
        return Err(values.wrong("registration_approved_redirects", problem));
    }
    if mode != RegistrationMode::ApprovedRedirects && !approved_redirects.is_empty() {
        // Whoever names them believes that they limit something.
        let problem = "has an effect only where AUTHGENT_REGISTRATION is approved-redirects";
        return Err(values.wrong("registration_approved_redirects", problem));
    }
    let seconds = |key: &str| values.number(key, "of seconds ", 60..=315_360_000).map(Option::unwrap_or_default);
    Ok(RegistrationPolicy {
        mode,
        approved_redirects,
        rate: values.number("registration_rate", "of registrations ", 0..=1_000_000)?.unwrap_or_default(),
        unfinished_ttl: seconds("client_unfinished_ttl")?,
        unused_ttl: seconds("client_unused_ttl")?,
    })
}

/// One host: what may be asked in a private network is listed, not described.
fn host(text: &str) -> Result<String, String> {
    let pattern = HostPattern::parse(text).map_err(|_| format!("{text:?} is no host name"))?;
    if text.starts_with('*') {
        return Err(format!("{text:?} stands for many hosts: name each"));
    }
    Ok(pattern.to_string())
}

/// A range of addresses, or one address.
fn network(text: &str) -> Result<ipnet::IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(Into::into));
    network.map_err(|_| format!("{text:?} is no address and no range of addresses such as 10.0.0.0/8"))
}

pub(super) fn trusted_proxies(values: &Values) -> Result<Vec<ipnet::IpNet>, ConfigError> {
    list(values, "trusted_proxies", network)
}

pub(super) fn on(values: &Values, key: &str) -> Result<bool, ConfigError> {
    if let Some(written) = values.boolean(key) {
        return Ok(written);
    }
    match values.text_or_default(key)?.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(values.wrong(key, format!("must be on or off, and {other:?} is neither"))),
    }
}

fn list<T, E: Display>(
    values: &Values,
    key: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, ConfigError> {
    let texts = values.list(key)?;
    texts
        .iter()
        .map(|text| parse(text).map_err(|error| values.wrong(key, format!("cannot be used ({error})"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let needed = [
            ("AUTHGENT_ISSUER", "https://auth.example.com"),
            ("AUTHGENT_SIGNING_KEY", "key.pem"),
            ("AUTHGENT_DB_DSN", "sqlite://a.db"),
        ];
        let variables = needed.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, variables).map(|loaded| loaded.config)
    }

    #[test]
    fn without_settings_everybody_may_come_and_stays_for_ninety_days() {
        let config = load(&[]).unwrap();
        assert!(config.client_documents.enabled && config.client_documents.copies);
        assert!(config.client_documents.allowed_domains.is_empty() && config.client_documents.private_hosts.is_empty());
        assert!(config.client_documents.verified_domains.iter().any(|domain| domain.matches("claude.ai")));
        assert_eq!(config.registration.mode, RegistrationMode::Open);
        assert_eq!((config.registration.rate, config.registration.unused_ttl), (60, 90 * 86_400));
        assert!(config.trusted_proxies.is_empty());
    }

    #[test]
    fn lists_are_separated_by_spaces_or_commas_and_none_is_empty() {
        let config = load(&[
            ("AUTHGENT_CLIENT_DOCUMENT_ALLOWED_DOMAINS", "claude.ai, *.example.com\tapp.example.org"),
            ("AUTHGENT_CLIENT_DOCUMENT_VERIFIED_DOMAINS", "none"),
            ("AUTHGENT_TRUSTED_PROXIES", "10.0.0.0/8 ::1"),
        ])
        .unwrap();
        assert_eq!(config.client_documents.allowed_domains.len(), 3);
        assert!(config.client_documents.verified_domains.is_empty());
        assert!(config.trusted_proxies[0].contains(&"10.1.2.3".parse::<std::net::IpAddr>().unwrap()));
        assert_eq!(config.trusted_proxies[1].to_string(), "::1/128");
        let file = tempfile::NamedTempFile::new().unwrap();
        let toml = "issuer = \"https://a.example\"\nsigning_key = \"k\"\ndb_dsn = \"sqlite://a.db\"\n\
                    registration = \"approved-redirects\"\nregistration_approved_redirects = [\"cursor:\", \"http://localhost\"]\n";
        std::fs::write(file.path(), toml).unwrap();
        let config = Config::load(Some(file.path()), []).unwrap().config;
        assert_eq!(config.registration.approved_redirects.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_named_with_an_example() {
        for (variable, value, expected) in [
            ("AUTHGENT_CLIENT_DOCUMENTS", "yes", "must be on or off, and \"yes\" is neither"),
            ("AUTHGENT_CLIENT_DOCUMENT_DENIED_DOMAINS", "https://evil.example", "is no host"),
            ("AUTHGENT_CLIENT_DOCUMENT_PRIVATE_HOSTS", "*.corp.example", "stands for many hosts"),
            ("AUTHGENT_REGISTRATION", "closed", "must be open, approved-redirects, token or off"),
            ("AUTHGENT_REGISTRATION", "approved-redirects", "AUTHGENT_REGISTRATION_APPROVED_REDIRECTS names none"),
            (
                "AUTHGENT_REGISTRATION_APPROVED_REDIRECTS",
                "cursor:",
                "has an effect only where AUTHGENT_REGISTRATION is",
            ),
            ("AUTHGENT_REGISTRATION_APPROVED_REDIRECTS", "claude.ai", "is neither https://HOST"),
            ("AUTHGENT_REGISTRATION_RATE", "-1", "must be a number of registrations from 0"),
            ("AUTHGENT_CLIENT_UNUSED_TTL", "1", "must be a number of seconds from 60"),
            ("AUTHGENT_TRUSTED_PROXIES", "proxy", "is no address and no range"),
        ] {
            let error = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(variable), "{error}");
        }
    }
}
