//! What a protected resource checks of a token whose signature is good: RFC 9068, section 4, RFC 7519, section 4.1.

use super::{AT_JWT, AccessTokenClaims, Audience, TokenHeader};
use crate::issuer::Issuer;
use crate::scope::Scope;
use crate::time::Timestamp;
use serde_json::{Map, Value};

/// What a token must say.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The issuer, compared letter by letter.
    pub issuer: Issuer,
    /// The audiences that are ours: `aud` must hold at least one of them, letter by letter.
    pub audiences: Vec<String>,
    /// How far clocks may disagree, in seconds, at either end of the token's life.
    pub leeway: u32,
    /// Claims that must be there beyond those of RFC 9068.
    pub required_claims: Vec<String>,
}

/// Why a token is refused. The first rule that it breaks is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// `typ` is not `at+jwt`: an ID token or another JWT was sent in an access token's place.
    #[error("wrong_type: expected typ at+jwt, found {0}")]
    WrongType(String),
    /// The payload is no JSON object.
    #[error("malformed: the claims are not a JSON object")]
    NotAnObject,
    /// A claim is not there.
    #[error("missing_claim: {0}")]
    Missing(String),
    /// A claim is of another type than its specification says.
    #[error("malformed_claim: {claim} must be {expected}")]
    Malformed {
        /// Its name.
        claim: String,
        /// What it should be.
        expected: &'static str,
    },
    /// `exp` has passed.
    #[error("token_expired: JWT exp claim is in the past")]
    Expired,
    /// `nbf` or `iat` has not come yet.
    #[error("token_not_yet_valid: JWT {0} claim is in the future")]
    NotYetValid(&'static str),
    /// Another issuer.
    #[error("invalid_issuer: expected {expected}")]
    WrongIssuer {
        /// The issuer that is trusted.
        expected: String,
    },
    /// Another audience.
    #[error("invalid_audience: expected {expected}")]
    WrongAudience {
        /// The audience of this resource.
        expected: String,
    },
}

/// Checks the header and claims of an access token.
///
/// In this order: `typ` (RFC 9068, section 4), `iss`, `aud`, `exp`, `nbf`, `iat`, then that `sub`, `jti`, `client_id`
/// and the [`Expected::required_claims`] are there and of the right type.
///
/// Does *not* check the signature, `alg`, `kid`, revocation or scope.
///
/// # Errors
/// [`ClaimError`] naming the first rule that the token breaks.
pub fn validate_access_token(
    header: &TokenHeader,
    claims: &Value,
    expected: &Expected,
    now: Timestamp,
) -> Result<AccessTokenClaims, ClaimError> {
    check_type(header)?;
    let claims = claims.as_object().ok_or(ClaimError::NotAnObject)?;
    let iss = text(claims, "iss")?;
    if iss != expected.issuer.as_str() {
        return Err(ClaimError::WrongIssuer { expected: expected.issuer.to_string() });
    }
    let aud = audience(claims)?;
    if !expected.audiences.iter().any(|ours| aud.contains(ours)) {
        return Err(ClaimError::WrongAudience { expected: expected.audiences.first().cloned().unwrap_or_default() });
    }
    let leeway = i64::from(expected.leeway);
    let exp = time(claims, "exp")?.ok_or_else(|| ClaimError::Missing("exp".into()))?;
    if exp.plus(leeway) <= now {
        return Err(ClaimError::Expired);
    }
    let nbf = time(claims, "nbf")?;
    if nbf.is_some_and(|nbf| nbf.minus(leeway) > now) {
        return Err(ClaimError::NotYetValid("nbf"));
    }
    let iat = time(claims, "iat")?.ok_or_else(|| ClaimError::Missing("iat".into()))?;
    if iat.minus(leeway) > now {
        return Err(ClaimError::NotYetValid("iat"));
    }
    if let Some(absent) = expected.required_claims.iter().find(|name| claims.get(*name).is_none_or(Value::is_null)) {
        return Err(ClaimError::Missing(absent.clone()));
    }
    Ok(AccessTokenClaims {
        iss: iss.to_owned(),
        sub: text(claims, "sub")?.to_owned(),
        aud,
        exp,
        iat,
        nbf,
        jti: text(claims, "jti")?.to_owned(),
        client_id: text(claims, "client_id")?.to_owned(),
        scope: scope(claims)?,
        auth_time: time(claims, "auth_time")?,
        extra: claims
            .iter()
            .filter(|(name, _)| !TYPED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

const TYPED: &[&str] = &["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "auth_time"];

/// `typ` is compared without case and may carry the prefix `application/` (RFC 7515, section 4.1.9; RFC 9068, section 4).
fn check_type(header: &TokenHeader) -> Result<(), ClaimError> {
    let typ = header.typ.as_deref().unwrap_or("none");
    let lower = typ.to_ascii_lowercase();
    if lower.strip_prefix("application/").unwrap_or(&lower) == AT_JWT {
        Ok(())
    } else {
        Err(ClaimError::WrongType(crate::error::printable(typ)))
    }
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<&'a str, ClaimError> {
    match claims.get(name) {
        None | Some(Value::Null) => Err(ClaimError::Missing(name.into())),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(malformed(name, "a string")),
    }
}

pub(super) fn audience(claims: &Map<String, Value>) -> Result<Audience, ClaimError> {
    match claims.get("aud") {
        None | Some(Value::Null) => Err(ClaimError::Missing("aud".into())),
        Some(value) => {
            Audience::deserialize_from(value).ok_or_else(|| malformed("aud", "a string or an array of strings"))
        }
    }
}

impl Audience {
    fn deserialize_from(value: &Value) -> Option<Self> {
        match value {
            Value::String(one) => Some(Self::One(one.clone())),
            Value::Array(many) => {
                many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>().map(Self::Many)
            }
            _ => None,
        }
    }
}

/// A `NumericDate` (RFC 7519, section 2). Fractions are legal and cut off; a number that is no sensible time is refused.
pub(super) fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, ClaimError> {
    // Beyond 2^53 a JSON number has lost its last digits on the way through most parsers.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            if let Some(whole) = number.as_i64() {
                return Ok(Some(Timestamp(whole)));
            }
            match number.as_f64() {
                #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
                Some(seconds) if seconds.is_finite() && seconds.abs() <= LARGEST => {
                    Ok(Some(Timestamp(seconds.floor() as i64)))
                }
                _ => Err(malformed(name, "a number of seconds since 1970")),
            }
        }
        Some(_) => Err(malformed(name, "a number of seconds since 1970")),
    }
}

fn scope(claims: &Map<String, Value>) -> Result<Scope, ClaimError> {
    match claims.get("scope") {
        None | Some(Value::Null) => Ok(Scope::empty()),
        Some(Value::String(text)) => {
            Scope::parse(text).map_err(|_| malformed("scope", "a space-separated list of scopes"))
        }
        Some(_) => Err(malformed("scope", "a space-separated list of scopes")),
    }
}

fn malformed(claim: &str, expected: &'static str) -> ClaimError {
    ClaimError::Malformed { claim: claim.into(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn expected() -> Expected {
        Expected {
            issuer: Issuer::parse("https://auth.example.com").unwrap(),
            audiences: vec!["https://mcp.example.com".into()],
            leeway: 30,
            required_claims: vec![],
        }
    }

    fn header(typ: &str) -> TokenHeader {
        TokenHeader { typ: Some(typ.into()), alg: "ES256".into(), kid: None }
    }

    fn good() -> Value {
        json!({"iss": "https://auth.example.com", "sub": "s", "aud": "https://mcp.example.com", "exp": NOW.0 + 300, "iat": NOW.0,
               "jti": "j", "client_id": "c", "scope": "mcp:read", "email": "a@example.com"})
    }

    fn check(claims: &Value) -> Result<AccessTokenClaims, ClaimError> {
        validate_access_token(&header("at+jwt"), claims, &expected(), NOW)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_good_token_is_accepted() {
        let claims = check(&good()).unwrap();
        assert_eq!((claims.sub.as_str(), claims.text("email")), ("s", Some("a@example.com")));
        assert!(check(&with("aud", json!(["https://other.example.com", "https://mcp.example.com"]))).is_ok());
        assert_eq!(check(&with("exp", json!(NOW.0 as f64 + 0.7))).unwrap().exp, NOW);
        for typ in ["AT+JWT", "application/at+jwt"] {
            assert!(validate_access_token(&header(typ), &good(), &expected(), NOW).is_ok());
        }
    }

    #[test]
    fn leeway_counts_at_both_ends() {
        assert!(check(&with("exp", json!(NOW.0 - 29))).is_ok());
        assert_eq!(check(&with("exp", json!(NOW.0 - 30))), Err(ClaimError::Expired));
        assert!(check(&with("nbf", json!(NOW.0 + 30))).is_ok());
        assert_eq!(check(&with("nbf", json!(NOW.0 + 31))), Err(ClaimError::NotYetValid("nbf")));
        assert_eq!(check(&with("iat", json!(NOW.0 + 31))), Err(ClaimError::NotYetValid("iat")));
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (name, value, message) in [
            ("iss", json!("https://auth.example.com/"), "invalid_issuer: expected https://auth.example.com"),
            ("aud", json!("https://mcp.example.com/"), "invalid_audience: expected https://mcp.example.com"),
            ("aud", json!([]), "invalid_audience: expected https://mcp.example.com"),
            ("aud", json!([1]), "malformed_claim: aud must be a string or an array of strings"),
            ("exp", json!(NOW.0 - 31), "token_expired: JWT exp claim is in the past"),
            ("exp", json!(1e300), "malformed_claim: exp must be a number of seconds since 1970"),
            ("exp", json!("1800000300"), "malformed_claim: exp must be a number of seconds since 1970"),
            ("exp", Value::Null, "missing_claim: exp"),
            ("aud", Value::Null, "missing_claim: aud"),
            ("iat", Value::Null, "missing_claim: iat"),
            ("sub", Value::Null, "missing_claim: sub"),
            ("jti", json!(7), "malformed_claim: jti must be a string"),
            ("scope", json!(["mcp:read"]), "malformed_claim: scope must be a space-separated list of scopes"),
        ] {
            assert_eq!(check(&with(name, value)).unwrap_err().to_string(), message);
        }
        assert_eq!(
            validate_access_token(&header("JWT"), &good(), &expected(), NOW).unwrap_err().to_string(),
            "wrong_type: expected typ at+jwt, found JWT"
        );
        let required = Expected { required_claims: vec!["email_verified".into()], ..expected() };
        assert_eq!(
            validate_access_token(&header("at+jwt"), &good(), &required, NOW),
            Err(ClaimError::Missing("email_verified".into()))
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(value in any_json(), name in proptest::sample::select(TYPED), now in any::<i64>()) {
            let _ = validate_access_token(&header("at+jwt"), &value, &expected(), Timestamp(now));
            let _ = validate_access_token(&header("at+jwt"), &with(name, value), &expected(), Timestamp(now));
        }

        #[test]
        fn nothing_but_the_claims_of_a_good_token_passes(name in proptest::sample::select(&["iss", "aud", "exp", "iat", "sub", "jti", "client_id"][..])) {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(name);
            prop_assert_eq!(check(&claims), Err(ClaimError::Missing(name.into())));
        }
    }
}
