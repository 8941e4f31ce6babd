//! Who may register a client, and for how long it stays: RFC 7591, section 1.1 and 5.

use super::patterns::RedirectPattern;

/// Who may register a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everybody.
    Open,
    /// Everybody whose redirect URIs are approved.
    ApprovedRedirects,
    /// Whoever has an initial access token.
    Token,
    /// Nobody.
    Off,
}

/// Dynamic client registration, as the operator wants it.
#[derive(Debug, Clone)]
pub struct RegistrationPolicy {
    /// Who may register.
    pub mode: RegistrationMode,
    /// The redirect URIs that are approved.
    pub approved_redirects: Vec<RedirectPattern>,
    /// How many registrations an address may make in a minute; 0 for any number.
    pub rate: u32,
    /// After how many seconds a client is removed that never finished a sign-in.
    pub unfinished_ttl: u32,
    /// After how many seconds without use a client is removed.
    pub unused_ttl: u32,
}
