//! One token: its form, its signature, its claims.

use crate::config::Config;
use crate::jwks::{Jwks, VerifyingKey};
use crate::rejection::{MalformedCredentials, Rejection, TokenError};
use authgent_core::strict_json;
use authgent_core::time::Timestamp;
use authgent_core::token::validate::{ClaimError, validate_access_token};
use authgent_core::token::{AccessTokenClaims, TokenHeader};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest token that is looked at, in bytes. Access tokens have one or two thousand.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// The token of a request, found in its `Authorization` headers. Its syntax is that of RFC 6750, section 2.1.
///
/// `authorization` holds every value of the header, `query` the query string without the question mark.
///
/// # Errors
/// [`Rejection::MissingCredentials`] without a bearer token, [`Rejection::Malformed`] where there is more than one,
/// a broken one, or one in the query string.
pub fn bearer_token<'a>(authorization: &[&'a [u8]], query: &str) -> Result<&'a str, Rejection> {
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(MalformedCredentials::InQuery.into());
    }
    let value = match authorization {
        [] => return Err(Rejection::MissingCredentials),
        [value] => std::str::from_utf8(value).map_err(|_| MalformedCredentials::Syntax)?,
        _ => return Err(MalformedCredentials::Repeated.into()),
    };
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        // RFC 6750, section 3.1 counts an unsupported scheme as no credentials.
        let sound =
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+!".contains(&byte));
        return Err(if sound { Rejection::MissingCredentials } else { MalformedCredentials::Syntax.into() });
    }
    let token = rest.trim_start_matches(' ');
    if token.len() > LONGEST_TOKEN {
        return Err(MalformedCredentials::TooLong(LONGEST_TOKEN).into());
    }
    let body = token.trim_end_matches('=');
    let sound = !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
    if sound { Ok(token) } else { Err(MalformedCredentials::Syntax.into()) }
}

/// The parts of a compact JWS (RFC 7515, section 7.1), its header read, nothing verified.
struct Parts<'a> {
    header: TokenHeader,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// Verifies a token from end to end and tells which key signed it.
pub(crate) async fn verify(
    token: &str,
    config: &Config,
    keys: &Jwks,
    now: Timestamp,
) -> Result<(AccessTokenClaims, Arc<VerifyingKey>), Rejection> {
    let parts = split(token)?;
    let allowed = config.algorithms.iter().any(|algorithm| algorithm.as_str() == parts.header.alg);
    if !allowed {
        return Err(TokenError::Algorithm.into());
    }
    let key =
        keys.key(parts.header.kid.as_deref(), &parts.header.alg, now).await.map_err(Rejection::KeysUnavailable)?;
    let key = key.ok_or(TokenError::UnknownKey)?;
    let claims = check(&parts, &key, config, now)?;
    Ok((claims, key))
}

fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::NotAJwt)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::NotAJwt)?;
    let header = strict_json::object(&decode(header)?).ok_or(TokenError::NotAJwt)?;
    if header.contains_key("crit") {
        return Err(TokenError::CriticalExtension);
    }
    // RFC 7797: an unencoded payload would be verified as something else than what is read here.
    if header.contains_key("b64") {
        return Err(TokenError::CriticalExtension);
    }
    let text = |name: &str| text(&header, name);
    let header = TokenHeader { typ: text("typ")?, alg: text("alg")?.ok_or(TokenError::Algorithm)?, kid: text("kid")? };
    Ok(Parts { header, signed, payload, signature: decode(signature)? })
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, TokenError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::NotAJwt),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotAJwt)
}

fn check(
    parts: &Parts<'_>,
    key: &VerifyingKey,
    config: &Config,
    now: Timestamp,
) -> Result<AccessTokenClaims, TokenError> {
    if key.algorithm().as_str() != parts.header.alg {
        return Err(TokenError::Algorithm);
    }
    if !key.verifies(parts.signed.as_bytes(), &parts.signature) {
        return Err(TokenError::Signature);
    }
    let claims = strict_json::object(&decode(parts.payload)?).ok_or(ClaimError::NotAnObject)?;
    Ok(validate_access_token(&parts.header, &Value::Object(claims), &config.expected, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn malformed(values: &[&str], query: &str) -> bool {
        let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        matches!(bearer_token(&values, query), Err(Rejection::Malformed(_)))
    }

    #[test]
    fn finds_the_token() {
        for value in ["Bearer a.b-c", "bearer a.b-c", "BEARER  a.b-c"] {
            assert_eq!(bearer_token(&[value.as_bytes()], "").unwrap(), "a.b-c", "{value}");
        }
        assert!(matches!(bearer_token(&[], "page=2"), Err(Rejection::MissingCredentials)));
        assert!(matches!(bearer_token(&[b"Basic YTpi"], ""), Err(Rejection::MissingCredentials)));
    }

    #[test]
    fn malformed_credentials() {
        assert!(malformed(&["Bearer a", "Bearer a"], ""));
        assert!(malformed(&["Bearer a"], "x=1&access_token=b"));
        assert!(malformed(&[], "access%5Ftoken=b"));
        for value in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Bearer \u{e9}", "a,b"] {
            assert!(malformed(&[value], ""), "{value:?}");
        }
        assert!(malformed(&[&format!("Bearer {}", "a".repeat(100_000))], ""));
    }

    #[test]
    fn refuses_headers_that_two_readers_could_read_differently() {
        let token = |header: &str| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        let problem = |header: &str| split(&token(header)).err().unwrap();
        assert_eq!(problem(r#"{"alg":"ES256","alg":"none"}"#), TokenError::NotAJwt);
        assert_eq!(problem(r#"{"alg":"ES256","crit":[]}"#), TokenError::CriticalExtension);
        assert_eq!(problem(r#"{"alg":"ES256","kid":1}"#), TokenError::NotAJwt);
        assert_eq!(problem(r#"{"kid":"a"}"#), TokenError::Algorithm);
        assert!(split("a.b").is_err() && split("a.b.c.d").is_err() && split("").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(token in "[a-zA-Z0-9_.~+/=-]{0,300}", header in ".{0,80}") {
            let _ = split(&token);
            let _ = split(&format!("{}.{token}", URL_SAFE_NO_PAD.encode(&header)));
            let _ = bearer_token(&[header.as_bytes()], &token);
        }
    }
}
