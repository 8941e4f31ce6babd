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
    let private = list(values, "client_document_private_hosts", HostPattern::parse)?;
    Ok(ClientDocumentConfig {
        enabled: on(values, "client_documents")?,
        allowed_domains: list(values, "client_document_allowed_domains", HostPattern::parse)?,
        denied_domains: list(values, "client_document_denied_domains", HostPattern::parse)?,
        verified_domains: list(values, "client_document_verified_domains", HostPattern::parse)?,
        copies: on(values, "client_document_copies")?,
        private_hosts: private.iter().map(ToString::to_string).collect(),
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
        let problem = "is approved-redirects, but registration_approved_redirects names none";
        return Err(values.wrong("registration", problem));
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

/// A range of addresses, or one address.
fn network(text: &str) -> Result<ipnet::IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(Into::into));
    network.map_err(|_| format!("{text:?} is no address and no range of addresses such as 10.0.0.0/8"))
}

pub(super) fn trusted_proxies(values: &Values) -> Result<Vec<ipnet::IpNet>, ConfigError> {
    list(values, "trusted_proxies", network)
}

fn on(values: &Values, key: &str) -> Result<bool, ConfigError> {
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
