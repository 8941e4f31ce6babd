use crate::scope::Scope;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The protected header of a JWT (RFC 7515, section 4.1), as far as it is used here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHeader {
    /// The media type: `at+jwt` for an access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// The signature algorithm.
    pub alg: String,
    /// Which key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// `aud`: one audience or several (RFC 7519, section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// Written as a string.
    One(String),
    /// Written as an array.
    Many(Vec<String>),
}

impl Audience {
    /// The audiences.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(audience) => std::slice::from_ref(audience),
            Self::Many(audiences) => audiences,
        }
    }

    /// Whether `audience` is one of them, compared as a string.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        self.as_slice().iter().any(|known| known == audience)
    }
}

/// The claims of a JWT access token (RFC 9068, section 2.2). Times are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// Who issued it: the issuer, letter by letter.
    pub iss: String,
    /// Whom it speaks for: a person, or the client itself.
    pub sub: String,
    /// Whom it is for: the canonical URI of the resource.
    pub aud: Audience,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it begins, where that is later than `iat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Timestamp>,
    /// The identifier of the token.
    pub jti: String,
    /// The client that it was issued to (RFC 8693, section 4.3).
    pub client_id: String,
    /// What it allows; an absent claim is the empty set.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// When the person signed in, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// Every other claim, such as `email` and `name`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl AccessTokenClaims {
    /// A further claim as a text, such as `email`.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.extra.get(claim).and_then(Value::as_str)
    }
}

/// The claims of an ID token (OpenID Connect Core, section 2). Times are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// Who issued it.
    pub iss: String,
    /// The person.
    pub sub: String,
    /// The client that it is for.
    pub aud: Audience,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// When the person signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// The value that the client sent to tie the token to its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The left half of the hash of the access token (OpenID Connect Core, section 3.1.3.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// How sure the sign-in was (OpenID Connect Core, section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The ways in which the person signed in, by the names of RFC 8176.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The client that asked, where it is not the only audience (OpenID Connect Core, section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// Every other claim, such as `email` and `name`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims() -> impl Strategy<Value = AccessTokenClaims> {
        let audience = prop_oneof![
            "[ -~]{1,20}".prop_map(Audience::One),
            proptest::collection::vec("[ -~]{1,20}".prop_map(String::from), 0..3).prop_map(Audience::Many),
        ];
        let times = (any::<i64>(), any::<i64>(), any::<Option<i64>>(), any::<Option<i64>>());
        let extra = proptest::collection::btree_map("x_[a-z]{1,5}", any::<Option<bool>>(), 0..3);
        (any::<String>(), any::<String>(), audience, times, "[a-z:]{1,5}( [a-z:]{1,5}){0,3}", extra).prop_map(
            |(iss, sub, aud, (exp, iat, nbf, auth_time), scope, extra)| AccessTokenClaims {
                iss,
                sub,
                aud,
                exp: Timestamp(exp),
                iat: Timestamp(iat),
                nbf: nbf.map(Timestamp),
                jti: "j".into(),
                client_id: "c".into(),
                scope: Scope::parse(&scope).unwrap(),
                auth_time: auth_time.map(Timestamp),
                extra: extra.into_iter().map(|(name, value)| (name, value.into())).collect(),
            },
        )
    }

    #[test]
    fn an_id_token_says_only_what_is_known() {
        let bare = IdTokenClaims {
            iss: "https://auth.example.com".into(),
            sub: "s".into(),
            aud: Audience::One("c".into()),
            exp: Timestamp(2),
            iat: Timestamp(1),
            auth_time: None,
            nonce: None,
            at_hash: None,
            acr: None,
            amr: Vec::new(),
            azp: None,
            extra: Map::new(),
        };
        let json = serde_json::json!({"iss": "https://auth.example.com", "sub": "s", "aud": "c", "exp": 2, "iat": 1});
        assert_eq!(serde_json::to_value(&bare).unwrap(), json);
        assert_eq!(serde_json::from_value::<IdTokenClaims>(json).unwrap(), bare);
        let full = IdTokenClaims { acr: Some("phr".into()), amr: vec!["swk".into(), "mfa".into()], ..bare };
        assert_eq!(serde_json::from_value::<IdTokenClaims>(serde_json::to_value(&full).unwrap()).unwrap(), full);
    }

    proptest! {
        #[test]
        fn claims_survive_json(claims in claims()) {
            let json = serde_json::to_string(&claims).unwrap();
            prop_assert_eq!(serde_json::from_str::<AccessTokenClaims>(&json).unwrap(), claims);
        }
    }
}
