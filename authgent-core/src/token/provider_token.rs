//! ID tokens and logout tokens of an OpenID provider that people sign in at: OpenID Connect Core, section 3.1.3.7;
//! OpenID Connect Back-Channel Logout 1.0, section 2.6.
//!
//! [`ProviderToken::peek`] reads one, the caller verifies its signature with the keys of the provider, and
//! [`ProviderToken::id_token`] or [`ProviderToken::logout_token`] checks what it says.

use super::compact::{self, CompactError, CompactJwt};
use super::validate::{ClaimError, audience, text, time};
use crate::time::Timestamp;
use serde_json::{Map, Value};
use std::fmt;

/// The largest token that is read, in bytes: one with two hundred groups has 20 KB.
pub const MAX_TOKEN: usize = 128 * 1024;
/// The longest `sub` (OpenID Connect Core, section 2), in bytes.
pub const MAX_SUBJECT: usize = 255;
/// How far clocks may disagree, in seconds.
pub const LEEWAY: i64 = 60;
/// For how long a logout token is good after `iat`, in seconds, where it has no `exp`, and the longest life that is believed.
pub const LOGOUT_TOKEN_LIFE: i64 = 600;
/// The member of `events` that makes a JWT a logout token (Back-Channel Logout, section 2.4).
pub const BACK_CHANNEL_LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// What stands for the tenant in the issuer of a provider of many tenants, as Microsoft Entra ID writes it.
pub const TENANT: &str = "{tenantid}";

/// Why a token of a provider is not believed. No message holds anything of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderTokenError {
    /// It is larger than anything that is read.
    #[error("it is larger than {MAX_TOKEN} bytes")]
    TooLarge,
    /// It is no signed JWT.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// A claim is missing or malformed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// It is of another issuer.
    #[error("iss is not the provider's issuer")]
    Issuer,
    /// It is for another client, or for this one among others that are not trusted.
    #[error("aud is not this client alone")]
    Audience,
    /// It was issued to another client.
    #[error("azp is another client")]
    AuthorizedParty,
    /// It is over.
    #[error("it has expired (exp)")]
    Expired,
    /// It is from the future, or older than it may be.
    #[error("{0} is not now")]
    NotNow(&'static str),
    /// It answers another request.
    #[error("nonce is another one")]
    Nonce,
    /// It belongs to another access token.
    #[error("at_hash is that of another access token")]
    AccessTokenHash,
    /// The person signed in too long ago.
    #[error("auth_time is older than max_age")]
    NotFresh,
    /// `sub` is empty or too long.
    #[error("sub must have between 1 and {MAX_SUBJECT} bytes")]
    Subject,
    /// It is another JWT than was expected: an ID token where a logout token was, or the reverse.
    #[error("it is no {0}")]
    OtherKind(&'static str),
}

/// A token that was read, and that nobody may believe yet.
pub struct ProviderToken<'a>(CompactJwt<'a>);

impl fmt::Debug for ProviderToken<'_> {
    /// Whoever reads a log must not be able to use the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderToken").field("alg", &self.0.alg).finish_non_exhaustive()
    }
}

/// What every token of the provider must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer as its metadata have it; may hold [`TENANT`], which stands for the token's own `tid`.
    pub issuer: &'a str,
    /// What this server is called there.
    pub client_id: &'a str,
}

/// What an ID token must say beyond that.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedOfSignIn<'a> {
    /// The nonce of the request.
    pub nonce: &'a str,
    /// `at_hash` of the access token that came beside it, for its `alg`; `None` where none did.
    pub at_hash: Option<&'a str>,
    /// How long ago the person may have proved who they are, in seconds, where the request asked. A provider that then says
    /// nothing of the time is believed: several large ones never say it.
    pub max_age: Option<i64>,
}

/// What a logout token is about: the person, one of their sessions, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// The issuer, letter by letter.
    pub issuer: String,
    /// The person.
    pub subject: Option<String>,
    /// The session at the provider.
    pub sid: Option<String>,
    /// Its identifier, which must not be used again.
    pub jti: String,
    /// Until when it has to be remembered: it is refused as too old from then on.
    pub expires_at: Timestamp,
    /// Everything that it says: another claim than `sub` may name the person.
    pub claims: Map<String, Value>,
}

impl<'a> ProviderToken<'a> {
    /// Reads a token without believing it.
    ///
    /// # Errors
    /// [`ProviderTokenError`] where it is no signed JWT.
    pub fn peek(compact: &'a str) -> Result<Self, ProviderTokenError> {
        use ProviderTokenError as E;
        if compact.len() > MAX_TOKEN {
            return Err(E::TooLarge);
        }
        let jwt = compact::read(compact)?;
        Ok(Self(jwt))
    }

    /// The algorithm that it says it was signed with. Never `none`.
    #[must_use]
    pub fn alg(&self) -> &str {
        &self.0.alg
    }

    /// The key that it says it was signed with.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// What was signed.
    #[must_use]
    pub const fn signing_input(&self) -> &[u8] {
        self.0.signing_input.as_bytes()
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    /// The claims of an ID token, checked but for the signature.
    ///
    /// # Errors
    /// [`ProviderTokenError`] with the rule of
    /// [OpenID Connect Core, section 3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation) that
    /// it breaks.
    pub fn id_token(
        self,
        expected: Expected<'_>,
        sign_in: ExpectedOfSignIn<'_>,
        now: Timestamp,
    ) -> Result<Map<String, Value>, ProviderTokenError> {
        use ProviderTokenError as E;
        let claims = &self.0.claims;
        if claims.contains_key("events") {
            return Err(E::OtherKind("ID token"));
        }
        common(claims, expected)?;
        let exp = time(claims, "exp")?.ok_or_else(|| ClaimError::Missing("exp".into()))?;
        if now >= exp.plus(LEEWAY) {
            return Err(E::Expired);
        }
        let iat = time(claims, "iat")?.ok_or_else(|| ClaimError::Missing("iat".into()))?;
        if iat > now.plus(LEEWAY) {
            return Err(E::NotNow("iat"));
        }
        if time(claims, "nbf")?.is_some_and(|nbf| nbf > now.plus(LEEWAY)) {
            return Err(E::NotNow("nbf"));
        }
        subject(text(claims, "sub")?)?;
        if text(claims, "nonce")? != sign_in.nonce {
            return Err(E::Nonce);
        }
        if let Some(expected) = sign_in.at_hash.filter(|_| claims.contains_key("at_hash"))
            && text(claims, "at_hash")? != expected
        {
            return Err(E::AccessTokenHash);
        }
        if let (Some(max_age), Some(auth_time)) = (sign_in.max_age, time(claims, "auth_time")?)
            && now.since(auth_time) > max_age.saturating_add(LEEWAY)
        {
            return Err(E::NotFresh);
        }
        Ok(self.0.claims)
    }

    /// A logout token, checked but for its signature, and whether its `jti` was used before.
    ///
    /// # Errors
    /// [`ProviderTokenError`] with the rule of
    /// [Back-Channel Logout, section 2.6](https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation) that it
    /// breaks.
    pub fn logout_token(self, expected: Expected<'_>, now: Timestamp) -> Result<LogoutToken, ProviderTokenError> {
        use ProviderTokenError as E;
        let claims = &self.0.claims;
        let is_logout =
            claims.get("events").and_then(|events| events.get(BACK_CHANNEL_LOGOUT)).is_some_and(Value::is_object);
        // An ID token must never be taken for a logout token: it has no such event, and it has a nonce.
        if !is_logout || claims.contains_key("nonce") {
            return Err(E::OtherKind("logout token"));
        }
        common(claims, expected)?;
        let iat = time(claims, "iat")?.ok_or_else(|| ClaimError::Missing("iat".into()))?;
        if iat > now.plus(LEEWAY) || now.since(iat) > LOGOUT_TOKEN_LIFE {
            return Err(E::NotNow("iat"));
        }
        // Required since the final text; providers that follow an earlier draft leave it out.
        if time(claims, "exp")?.is_some_and(|exp| now >= exp.plus(LEEWAY)) {
            return Err(E::Expired);
        }
        let optional = |name: &str| claims.get(name).map(|_| text(claims, name)).transpose();
        let (subject_claim, sid) = (optional("sub")?, optional("sid")?);
        subject_claim.map(subject).transpose()?;
        if subject_claim.is_none() && sid.is_none() {
            return Err(ClaimError::Missing("sub or sid".into()).into());
        }
        let jti = text(claims, "jti")?;
        if jti.is_empty() || jti.len() > MAX_SUBJECT {
            return Err(ClaimError::Malformed { claim: "jti".into(), expected: "a short text" }.into());
        }
        Ok(LogoutToken {
            issuer: text(claims, "iss")?.to_owned(),
            subject: subject_claim.map(str::to_owned),
            sid: sid.map(str::to_owned),
            jti: jti.to_owned(),
            expires_at: iat.plus(LOGOUT_TOKEN_LIFE + LEEWAY),
            claims: self.0.claims,
        })
    }
}

/// `iss`, `aud` and `azp`.
fn common(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<(), ProviderTokenError> {
    use ProviderTokenError as E;
    if text(claims, "iss")? != issuer_for(expected.issuer, claims)? {
        return Err(E::Issuer);
    }
    match audience(claims)?.as_slice() {
        [one] if one == expected.client_id => {}
        // Others beside this client: then azp must say that it was issued to this one.
        many if many.iter().any(|one| one == expected.client_id) && claims.contains_key("azp") => {}
        _ => return Err(E::Audience),
    }
    match claims.get("azp") {
        Some(_) if text(claims, "azp")? != expected.client_id => Err(E::AuthorizedParty),
        _ => Ok(()),
    }
}

/// The issuer with the token's tenant in the place of [`TENANT`].
fn issuer_for(issuer: &str, claims: &Map<String, Value>) -> Result<String, ProviderTokenError> {
    if !issuer.contains(TENANT) {
        return Ok(issuer.to_owned());
    }
    let tenant = text(claims, "tid")?;
    // A tenant is a GUID. Anything else could write another issuer.
    let is_guid = tenant.len() == 36 && tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if is_guid { Ok(issuer.replace(TENANT, tenant)) } else { Err(ProviderTokenError::Issuer) }
}

fn subject(sub: &str) -> Result<(), ProviderTokenError> {
    // It goes into the database and into the log.
    let fits = !sub.is_empty() && sub.len() <= MAX_SUBJECT && !sub.contains(char::is_control);
    if fits { Ok(()) } else { Err(ProviderTokenError::Subject) }
}

#[cfg(test)]
mod tests;
