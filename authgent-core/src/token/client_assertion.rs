//! Assertions with which clients authenticate (`private_key_jwt`): RFC 7523, section 3; OpenID Connect Core, section 9.
//!
//! [`ClientAssertion::peek`] reads one to find out whose it says it is, the caller verifies its signature with the keys of
//! that client, and [`ClientAssertion::validate`] checks what it says.

use super::compact::{self, CompactError, CompactJwt};
use super::validate::{ClaimError, audience, text, time};
use crate::time::Timestamp;
use serde_json::{Map, Value};
use std::fmt;

/// The only value of `client_assertion_type` ([RFC 7523, section 2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The largest assertion that is read, in bytes.
pub const MAX_ASSERTION: usize = 16 * 1024;
/// The longest `jti`, in characters.
pub const MAX_JTI: usize = 255;
/// How far ahead `exp` may be, in seconds: for so long its `jti` has to be remembered.
pub const MAX_LIFETIME: i64 = 600;
/// How far clocks may disagree, in seconds.
pub const LEEWAY: i64 = 60;

/// Why an assertion authenticates nobody. No message holds anything of the assertion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientAssertionError {
    /// It is larger than anything that is read.
    #[error("it is larger than {MAX_ASSERTION} bytes")]
    TooLarge,
    /// It is no signed JWT.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// A claim is missing or malformed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// `iss` and `sub` are not both the client.
    #[error("iss and sub must both be the client_id")]
    NotTheClient,
    /// It is for another server.
    #[error("aud must be the issuer or the token endpoint: {}", .0.join(" or "))]
    Audience(Vec<String>),
    /// It is over.
    #[error("it has expired (exp)")]
    Expired,
    /// It lives too long.
    #[error("exp is too far ahead: expected at most {MAX_LIFETIME} seconds from now")]
    TooLong,
    /// `iat` or `nbf` is ahead.
    #[error("{0} is in the future")]
    InTheFuture(&'static str),
    /// `jti` is empty or too long.
    #[error("jti must have between 1 and {MAX_JTI} characters")]
    Jti,
}

/// An assertion that was read, and that nobody may believe yet.
pub struct ClientAssertion<'a> {
    jwt: CompactJwt<'a>,
    subject: String,
}

impl fmt::Debug for ClientAssertion<'_> {
    /// Whoever reads a log must not be able to use the assertion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAssertion").field("alg", &self.jwt.alg).finish_non_exhaustive()
    }
}

/// What an assertion must say.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The client whose key verified it.
    pub client_id: &'a str,
    /// The issuer and the token endpoint: `aud` must hold one of them. A slash at the end of either makes no difference:
    /// SDKs send the issuer with and without it.
    pub audiences: &'a [String],
}

/// What is to be remembered of an assertion that says all that it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its identifier, which must not be used again by this client.
    pub jti: String,
    /// Until when it has to be remembered: the assertion is refused as expired from then on.
    pub expires_at: Timestamp,
}

impl<'a> ClientAssertion<'a> {
    /// Reads an assertion without believing it: its signature and most of its claims are not checked.
    ///
    /// # Errors
    /// [`ClientAssertionError`] where it is no signed JWT with `sub`.
    pub fn peek(compact: &'a str) -> Result<Self, ClientAssertionError> {
        use ClientAssertionError as E;
        if compact.len() > MAX_ASSERTION {
            return Err(E::TooLarge);
        }
        let jwt = compact::read(compact)?;
        let subject = text(&jwt.claims, "sub")?.to_owned();
        // It is looked up before anything is believed: a database takes no NUL, a log no line break.
        if subject.contains(char::is_control) {
            return Err(ClaimError::Malformed { claim: "sub".into(), expected: "a client_id" }.into());
        }
        Ok(Self { jwt, subject })
    }

    /// The algorithm that it says it was signed with. Never `none`.
    #[must_use]
    pub fn alg(&self) -> &str {
        &self.jwt.alg
    }

    /// The key that it says it was signed with.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.jwt.kid.as_deref()
    }

    /// The client that it says it is from (`sub`).
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.subject
    }

    /// What was signed.
    #[must_use]
    pub const fn signing_input(&self) -> &[u8] {
        self.jwt.signing_input.as_bytes()
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.jwt.signature
    }

    /// Checks what it says. Neither its signature is checked here, nor whether its `jti` was used before.
    ///
    /// # Errors
    /// [`ClientAssertionError`] with the rule of
    /// [RFC 7523, section 3](https://www.rfc-editor.org/rfc/rfc7523#section-3) that it breaks.
    pub fn validate(&self, expected: &Expected<'_>, now: Timestamp) -> Result<Accepted, ClientAssertionError> {
        validate(&self.jwt.claims, expected, now)
    }
}

fn validate(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Accepted, ClientAssertionError> {
    use ClientAssertionError as E;
    if text(claims, "iss")? != expected.client_id || text(claims, "sub")? != expected.client_id {
        return Err(E::NotTheClient);
    }
    let audience = audience(claims)?;
    let ours = |found: &String| expected.audiences.iter().any(|known| without_slash(known) == without_slash(found));
    if !audience.as_slice().iter().any(ours) {
        return Err(E::Audience(expected.audiences.to_vec()));
    }
    let exp = time(claims, "exp")?.ok_or_else(|| ClaimError::Missing("exp".into()))?;
    let expires_at = exp.plus(LEEWAY);
    if now >= expires_at {
        return Err(E::Expired);
    }
    if exp.since(now) > MAX_LIFETIME + LEEWAY {
        return Err(E::TooLong);
    }
    for name in ["iat", "nbf"] {
        if time(claims, name)?.is_some_and(|time| time > now.plus(LEEWAY)) {
            return Err(E::InTheFuture(name));
        }
    }
    let jti = text(claims, "jti")?;
    if jti.is_empty() || jti.chars().count() > MAX_JTI {
        return Err(E::Jti);
    }
    Ok(Accepted { jti: jti.to_owned(), expires_at })
}

fn without_slash(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
}

#[cfg(test)]
mod tests;
