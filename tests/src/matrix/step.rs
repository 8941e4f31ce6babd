//! What the player has done. Each step is recorded after everything that it checks has been true.

use std::collections::BTreeSet;
use std::fmt;

/// One thing that a client does, or that happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The challenge of the MCP server leads to its metadata and to that of the authorization server, which names its issuer
    /// letter by letter and offers what the client needs.
    Discovery,
    /// Every request of a page is allowed by a preflight, and its answer may be read.
    Preflight,
    /// The document is fetched and taken.
    Document,
    /// The registration is accepted, with every redirect URI.
    Registration,
    /// The operator has added the client.
    PreRegistered,
    /// A person signs in and consents; the redirect carries `code`, `iss` and the `state` that was sent.
    SignIn,
    /// The same for each of several redirect URIs.
    EachRedirectUri,
    /// The same at a loopback port that was never registered.
    AnotherPort,
    /// The same without `scope`.
    NoScope,
    /// `offline_access` is asked for.
    OfflineAccess,
    /// Nothing but `offline_access` is asked for.
    OfflineAccessAlone,
    /// `prompt=consent` is sent.
    PromptConsent,
    /// `application_type: web` beside a private-use redirect URI is registered as native.
    WebBesidePrivateUse,
    /// The code becomes tokens for the resource.
    Token,
    /// The MCP server takes the access token.
    ToolCall,
    /// `private_key_jwt`: an assertion for the issuer, and one for the token endpoint; not one by another key.
    PrivateKeyJwt,
    /// Refreshed with `resource`.
    Refresh,
    /// Refreshed without `resource`.
    RefreshWithoutResource,
    /// Two windows refresh with one token at once, and both get tokens that work.
    TwoWindows,
    /// The MCP server asks for more scope than the client has, and than it registered; it gets it and calls the tool.
    StepUp,
    /// 400 `invalid_grant`.
    DeadRefreshToken,
    /// 401 `invalid_client`.
    DeletedClient,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Discovery => "discovery",
            Self::Preflight => "CORS preflights",
            Self::Document => "document fetched",
            Self::Registration => "registration",
            Self::PreRegistered => "added by the operator",
            Self::SignIn => "sign-in and consent (`iss`, `state`)",
            Self::EachRedirectUri => "each redirect URI",
            Self::AnotherPort => "a loopback port that was not registered",
            Self::NoScope => "no `scope`",
            Self::OfflineAccess => "`offline_access`",
            Self::OfflineAccessAlone => "`offline_access` alone",
            Self::PromptConsent => "`prompt=consent`",
            Self::WebBesidePrivateUse => "`application_type: web` beside a private-use URI",
            Self::Token => "token",
            Self::ToolCall => "tool call",
            Self::PrivateKeyJwt => "`private_key_jwt`",
            Self::Refresh => "refresh with `resource`",
            Self::RefreshWithoutResource => "refresh without `resource`",
            Self::TwoWindows => "two windows refresh at once",
            Self::StepUp => "step-up",
            Self::DeadRefreshToken => "dead refresh token: 400 `invalid_grant`",
            Self::DeletedClient => "deleted client: 401 `invalid_client`",
        })
    }
}

/// The steps that were taken, each once.
pub type Steps = BTreeSet<Step>;
