//! What is refused, why, and what the client is told: RFC 6750, section 3, RFC 9728, section 5.1.

use crate::config::Config;
use crate::jwks::FetchError;
use authgent_core::challenge::Challenge;
use authgent_core::error::OAuthErrorCode;
use authgent_core::scope::Scope;
use authgent_core::token::validate::ClaimError;
use serde_json::{Value, json};
use std::sync::Arc;

/// Seconds after which a client should try again when the keys cannot be had.
const RETRY_AFTER: u32 = 5;

/// Why a request is refused, by cause.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It carries no bearer token.
    #[error("the request carries no access token")]
    MissingCredentials,
    /// Its credentials are malformed (RFC 6750, section 3.1, `invalid_request`).
    #[error("malformed credentials: {0}")]
    Malformed(#[from] MalformedCredentials),
    /// Its token is not accepted.
    #[error("the access token is refused: {0}")]
    Token(#[from] TokenError),
    /// Its token is good, but lacks a scope.
    #[error("the access token lacks the scope {missing}")]
    InsufficientScope {
        /// All the scopes that the operation needs.
        required: Scope,
        /// Those of them that the token lacks.
        missing: Scope,
    },
    /// Tools without a scope are refused here, and this one has none.
    #[error("the tool {0:?} is not open to anybody")]
    UnlistedTool(String),
    /// It was sent by a page of an origin that may not call this server.
    #[error("the origin {0:?} is not allowed")]
    ForbiddenOrigin(String),
    /// Its body is no MCP message, or its headers say something else than its body.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The keys of the issuer cannot be had, and none were kept.
    #[error("the keys of the issuer cannot be had: {0}")]
    KeysUnavailable(Arc<FetchError>),
}

/// What is wrong with the credentials of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCredentials {
    /// More than one `Authorization` header.
    #[error("the Authorization header stands more than once")]
    Repeated,
    /// The header is not `Bearer`, one space, and a token (RFC 6750, section 2.1).
    #[error("the Authorization header must be the word Bearer, a space and the token")]
    Syntax,
    /// The token is longer than any token needs to be.
    #[error("the access token is longer than {0} bytes")]
    TooLong(usize),
    /// A token in the query string, where logs and histories keep it (RFC 6750, section 2.3; MCP authorization).
    #[error("an access token must not be sent in the query string")]
    InQuery,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no JWS in compact form with a readable header (RFC 7515, section 7.1).
    #[error("malformed: the access token is not a signed JWT")]
    NotAJwt,
    /// Its algorithm is not allowed here, or not that of its key: `none` and HMAC end here.
    #[error("invalid_algorithm: the algorithm of the access token is not allowed")]
    Algorithm,
    /// It has a `crit` header; no extension is supported (RFC 7515, section 4.1.11).
    #[error("unsupported_header: the access token has critical extensions")]
    CriticalExtension,
    /// Its key is not among the issuer's.
    #[error("unknown_key: the access token is not signed with a key of the issuer")]
    UnknownKey,
    /// The signature is wrong.
    #[error("invalid_signature: the signature of the access token is wrong")]
    Signature,
    /// The claims are not those of a token for this resource.
    #[error(transparent)]
    Claims(#[from] ClaimError),
}

/// What is wrong with an MCP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The body is not JSON.
    #[error("Parse error: the body is not JSON")]
    NotJson,
    /// The body is JSON, but no message or batch of messages, or says something twice.
    #[error("Invalid Request: {0}")]
    NotAMessage(&'static str),
    /// `tools/call` does not name a tool.
    #[error("Invalid params: tools/call must name a tool")]
    NoToolName,
    /// `Mcp-Method` or `Mcp-Name` does not say what the body says.
    #[error("Header mismatch: {0}")]
    HeaderMismatch(&'static str),
    /// The body is larger than it may be.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is compressed, so that what it asks for cannot be seen.
    #[error("the body must not be compressed")]
    Encoded,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The body ended early.
    #[error("the body cannot be read")]
    Unreadable,
}

/// What a refused client is sent, free of any framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The value of `WWW-Authenticate`, where there is one.
    pub www_authenticate: Option<String>,
    /// The value of `Retry-After` in seconds, where there is one.
    pub retry_after: Option<u32>,
    /// The body: JSON.
    pub body: String,
}

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::MissingCredentials | Self::Token(_) => 401,
            Self::Malformed(_) => 400,
            Self::InsufficientScope { .. } | Self::UnlistedTool(_) | Self::ForbiddenOrigin(_) => 403,
            Self::Message(MessageError::TooLarge(_)) => 413,
            Self::Message(MessageError::TooSlow) => 408,
            Self::Message(MessageError::Encoded) => 415,
            Self::Message(_) => 400,
            Self::KeysUnavailable(_) => 503,
        }
    }

    /// A short stable name of the cause, for logs and metrics.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::Malformed(_) => "malformed_credentials",
            Self::Token(error) => match error {
                TokenError::NotAJwt => "not_a_jwt",
                TokenError::Algorithm => "algorithm",
                TokenError::CriticalExtension => "critical_extension",
                TokenError::UnknownKey => "unknown_key",
                TokenError::Signature => "signature",
                TokenError::Claims(ClaimError::Expired) => "expired",
                TokenError::Claims(ClaimError::WrongIssuer { .. }) => "issuer",
                TokenError::Claims(ClaimError::WrongAudience { .. }) => "audience",
                TokenError::Claims(_) => "claims",
            },
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::UnlistedTool(_) => "unlisted_tool",
            Self::ForbiddenOrigin(_) => "forbidden_origin",
            Self::Message(_) => "message",
            Self::KeysUnavailable(_) => "keys_unavailable",
        }
    }

    /// What the client is sent.
    #[must_use]
    pub fn answer(&self, config: &Config) -> Answer {
        Answer {
            status: self.status(),
            www_authenticate: self.challenge(config).map(|challenge| challenge.to_string()),
            retry_after: matches!(self, Self::KeysUnavailable(_)).then_some(RETRY_AFTER),
            body: self.body(config).to_string(),
        }
    }

    fn challenge(&self, config: &Config) -> Option<Challenge> {
        let bearer = Challenge::bearer();
        let challenge = match self {
            // RFC 6750, section 3.1: no error code where there were no credentials.
            Self::MissingCredentials => bearer.scope(initial_scope(config)),
            Self::Malformed(problem) => {
                bearer.error(OAuthErrorCode::InvalidRequest).error_description(&problem.to_string())
            }
            Self::Token(problem) => bearer
                .error(OAuthErrorCode::InvalidToken)
                .error_description(&problem.to_string())
                .scope(initial_scope(config)),
            Self::InsufficientScope { required, missing } => bearer
                .error(OAuthErrorCode::InsufficientScope)
                .scope(required)
                .error_description(&not_present(missing, "")),
            _ => return None,
        };
        Some(challenge.resource_metadata(&config.metadata_url))
    }

    fn body(&self, config: &Config) -> Value {
        let (code, description) = match self {
            Self::MissingCredentials => ("unauthorized", "an access token is required".to_owned()),
            Self::Malformed(problem) => ("invalid_request", problem.to_string()),
            Self::Token(problem) => ("invalid_token", for_people(problem)),
            Self::InsufficientScope { missing, .. } => {
                ("insufficient_scope", format!("insufficient_scope \u{2014} {}", not_present(missing, "\"")))
            }
            Self::UnlistedTool(_) => ("access_denied", self.to_string()),
            Self::ForbiddenOrigin(_) => ("forbidden_origin", self.to_string()),
            Self::Message(problem) => return json_rpc_error(problem),
            Self::KeysUnavailable(problem) => (
                "temporarily_unavailable",
                format!(
                    "ConnectionError \u{2014} Cannot connect to authorization_server_url {}: {problem}",
                    config.issuer
                ),
            ),
        };
        json!({ "error": code, "error_description": description })
    }
}

fn initial_scope(config: &Config) -> &Scope {
    if config.required_scope.is_empty() { &config.scopes_supported } else { &config.required_scope }
}

fn not_present(missing: &Scope, quote: &str) -> String {
    let names: Vec<String> = missing.iter().map(|scope| format!("{quote}{scope}{quote}")).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("required scope{plural} {} not present", names.join(" "))
}

/// The text for the body, which may hold what RFC 6750, section 3 forbids in the header: quotes and dashes.
fn for_people(problem: &TokenError) -> String {
    match problem {
        TokenError::Claims(ClaimError::WrongAudience { expected }) => {
            format!("invalid_audience \u{2014} expected \"{expected}\"")
        }
        TokenError::Claims(ClaimError::WrongIssuer { expected }) => {
            format!("invalid_issuer \u{2014} expected \"{expected}\"")
        }
        other => other.to_string().replacen(": ", " \u{2014} ", 1),
    }
}

/// JSON-RPC 2.0, section 5.1; `-32020` is the header mismatch of MCP 2026-07-28.
fn json_rpc_error(problem: &MessageError) -> Value {
    let code = match problem {
        MessageError::NotJson | MessageError::Unreadable | MessageError::TooSlow => -32700,
        MessageError::NotAMessage(_) | MessageError::TooLarge(_) | MessageError::Encoded => -32600,
        MessageError::NoToolName => -32602,
        MessageError::HeaderMismatch(_) => -32020,
    };
    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": problem.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::builder("https://auth.example.com", "https://mcp.example.com")
            .required_scope("mcp:read")
            .build()
            .unwrap()
    }

    fn answer(rejection: &Rejection) -> (u16, String, String) {
        let answer = rejection.answer(&config());
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let text = body["error_description"].as_str().unwrap_or_default().to_owned();
        (answer.status, answer.www_authenticate.unwrap_or_default(), text)
    }

    const METADATA: &str = r#"resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource""#;

    #[test]
    fn says_nothing_is_wrong_where_nothing_was_sent() {
        let (status, challenge, _) = answer(&Rejection::MissingCredentials);
        assert_eq!((status, challenge), (401, format!(r#"Bearer scope="mcp:read", {METADATA}"#)));
    }

    #[test]
    fn expired() {
        let (status, challenge, body) = answer(&TokenError::from(ClaimError::Expired).into());
        assert_eq!(status, 401);
        assert_eq!(
            challenge,
            format!(
                r#"Bearer error="invalid_token", error_description="token_expired: JWT exp claim is in the past", scope="mcp:read", {METADATA}"#
            )
        );
        assert_eq!(body, "token_expired \u{2014} JWT exp claim is in the past");
    }

    #[test]
    fn another_audience() {
        let expected = "https://mcp.example.com".to_owned();
        let (_, challenge, body) = answer(&TokenError::from(ClaimError::WrongAudience { expected }).into());
        assert!(challenge.contains(
            r#"error="invalid_token", error_description="invalid_audience: expected https://mcp.example.com""#
        ));
        assert_eq!(body, "invalid_audience \u{2014} expected \"https://mcp.example.com\"");
    }

    #[test]
    fn a_scope_is_not_there() {
        let required = Scope::parse("mcp:read mcp:write").unwrap();
        let missing = Scope::parse("mcp:write").unwrap();
        let (status, challenge, body) = answer(&Rejection::InsufficientScope { required, missing });
        assert_eq!(status, 403);
        assert_eq!(
            challenge,
            format!(
                r#"Bearer error="insufficient_scope", scope="mcp:read mcp:write", error_description="required scope mcp:write not present", {METADATA}"#
            )
        );
        assert_eq!(body, "insufficient_scope \u{2014} required scope \"mcp:write\" not present");
    }

    #[test]
    fn keys_cannot_be_had() {
        let rejection =
            Rejection::KeysUnavailable(Arc::new(FetchError::NoMetadata { places: 2, last: "status 500".into() }));
        let answer = rejection.answer(&config());
        assert_eq!((answer.status, answer.retry_after, answer.www_authenticate.as_ref()), (503, Some(5), None));
        assert!(
            answer.body.contains(
                "ConnectionError \u{2014} Cannot connect to authorization_server_url https://auth.example.com"
            )
        );
    }
}
