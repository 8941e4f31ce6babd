//! Each rule by a token that breaks it alone.

use super::*;
use crate::text::base64url;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_800_000_000);
const ISSUER: &str = "https://idp.example.com";
const SIGN_IN: ExpectedOfSignIn<'static> = ExpectedOfSignIn { nonce: "n-1", at_hash: Some("hash"), max_age: Some(600) };

fn expected(issuer: &str) -> Expected<'_> {
    Expected { issuer, client_id: "authgent" }
}

fn compact(header: &Value, claims: &Value) -> String {
    format!("{}.{}.{}", base64url(header.to_string()), base64url(claims.to_string()), base64url("signature"))
}

fn with(claims: &Value, change: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn id_token() -> Value {
    json!({"iss": ISSUER, "sub": "248289761001", "aud": "authgent", "exp": NOW.0 + 300, "iat": NOW.0, "nonce": "n-1",
        "at_hash": "hash", "auth_time": NOW.0 - 5})
}

fn read(claims: &Value, issuer: &str) -> Result<Map<String, Value>, ProviderTokenError> {
    let token = compact(&json!({"alg": "RS256", "kid": "1"}), claims);
    ProviderToken::peek(&token)?.id_token(expected(issuer), SIGN_IN, NOW)
}

fn refusal(change: &Value) -> ProviderTokenError {
    read(&with(&id_token(), change), ISSUER).unwrap_err()
}

#[test]
fn a_good_id_token_gives_its_claims() {
    assert_eq!(read(&id_token(), ISSUER).unwrap()["sub"], "248289761001");
    // What may be otherwise.
    for change in [
        json!({"aud": ["authgent"]}),
        json!({"aud": ["authgent", "other"], "azp": "authgent"}),
        json!({"azp": "authgent"}),
        json!({"at_hash": null}),
        json!({"auth_time": null}),
        json!({"exp": NOW.0 - LEEWAY + 1}),
        json!({"iat": NOW.0 + LEEWAY, "nbf": NOW.0 + LEEWAY}),
        json!({"sub": "s".repeat(MAX_SUBJECT)}),
    ] {
        assert!(read(&with(&id_token(), &change), ISSUER).is_ok(), "{change}");
    }
}

#[test]
fn every_rule_is_kept() {
    use ProviderTokenError as E;
    let missing = |claim: &str| E::Claim(ClaimError::Missing(claim.into()));
    for (change, error) in [
        (json!({"iss": "https://evil.example"}), E::Issuer),
        (json!({"iss": "https://idp.example.com/"}), E::Issuer),
        (json!({"iss": null}), missing("iss")),
        (json!({"aud": "other"}), E::Audience),
        (json!({"aud": ["authgent", "other"]}), E::Audience),
        (json!({"aud": []}), E::Audience),
        (json!({"azp": "other"}), E::AuthorizedParty),
        (json!({"aud": ["authgent", "other"], "azp": "other"}), E::AuthorizedParty),
        (json!({"exp": NOW.0 - LEEWAY}), E::Expired),
        (json!({"exp": null}), missing("exp")),
        (json!({"iat": null}), missing("iat")),
        (json!({"iat": NOW.0 + LEEWAY + 1}), E::NotNow("iat")),
        (json!({"nbf": NOW.0 + LEEWAY + 1}), E::NotNow("nbf")),
        (json!({"nonce": "n-2"}), E::Nonce),
        (json!({"nonce": null}), missing("nonce")),
        (json!({"at_hash": "other"}), E::AccessTokenHash),
        (json!({"auth_time": NOW.0 - 600 - LEEWAY - 1}), E::NotFresh),
        (json!({"sub": null}), missing("sub")),
        (json!({"sub": ""}), E::Subject),
        (json!({"sub": "a\u{0}b"}), E::Subject),
        (json!({"sub": "s".repeat(MAX_SUBJECT + 1)}), E::Subject),
        (json!({"events": {}}), E::OtherKind("ID token")),
    ] {
        assert_eq!(refusal(&change), error, "{change}");
    }
    for change in [json!({"sub": 1}), json!({"nonce": 1}), json!({"exp": "soon"}), json!({"aud": 1}), json!({"azp": 1})]
    {
        assert!(matches!(refusal(&change), E::Claim(ClaimError::Malformed { .. })), "{change}");
    }
}

#[test]
fn the_tenant_of_the_token_stands_in_its_issuer() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let tenant = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let own = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    assert!(read(&with(&id_token(), &json!({"iss": own, "tid": tenant})), issuer).is_ok());
    let other = "00000000-0000-0000-0000-000000000000";
    for (iss, tid) in [(own.as_str(), other), ("https://evil.example", tenant), (issuer, TENANT), (own.as_str(), "")] {
        let claims = with(&id_token(), &json!({"iss": iss, "tid": tid}));
        assert_eq!(read(&claims, issuer), Err(ProviderTokenError::Issuer), "{iss} {tid}");
    }
    assert!(read(&with(&id_token(), &json!({"iss": own})), issuer).is_err(), "no tid");
}

#[test]
fn what_is_no_signed_jwt_is_not_read() {
    use ProviderTokenError as E;
    let claims = id_token();
    for (header, error) in [
        (json!({"alg": "none"}), E::Compact(CompactError::Unsigned)),
        (json!({"alg": "NoNe"}), E::Compact(CompactError::Unsigned)),
        (json!({}), E::Compact(CompactError::Header("alg, a string"))),
        (json!({"alg": "RS256", "crit": ["b64"]}), E::Compact(CompactError::Critical)),
        (json!({"alg": "RS256", "kid": 1}), E::Compact(CompactError::Header("kid to be a string"))),
    ] {
        assert_eq!(ProviderToken::peek(&compact(&header, &claims)).unwrap_err(), error, "{header}");
    }
    let twice =
        format!("{}.{}.{}", base64url(r#"{"alg":"RS256"}"#), base64url(r#"{"sub":"a","sub":"b"}"#), base64url("s"));
    assert_eq!(ProviderToken::peek(&twice).unwrap_err(), E::Compact(CompactError::NotAnObject("claims")));
    for text in ["", ".", "..", "a.b", "e30.e30.e30.e30", "é.e30.e30"] {
        assert!(ProviderToken::peek(text).is_err(), "{text}");
    }
    assert_eq!(ProviderToken::peek(&"a".repeat(2 << 20)).unwrap_err(), E::TooLarge);
}

fn logout_token() -> Value {
    json!({"iss": ISSUER, "aud": "authgent", "iat": NOW.0, "exp": NOW.0 + 120, "jti": "j", "sub": "ada", "sid": "s",
        "events": {BACK_CHANNEL_LOGOUT: {}}})
}

fn logout(change: &Value) -> Result<LogoutToken, ProviderTokenError> {
    let token = compact(&json!({"alg": "RS256", "typ": "logout+jwt"}), &with(&logout_token(), change));
    ProviderToken::peek(&token)?.logout_token(expected(ISSUER), NOW)
}

#[test]
fn a_logout_token_names_a_person_or_a_session() {
    let token = logout(&json!({})).unwrap();
    assert_eq!((token.subject.as_deref(), token.sid.as_deref(), &*token.jti), (Some("ada"), Some("s"), "j"));
    assert!(logout(&json!({"sub": null})).unwrap().subject.is_none());
    assert!(logout(&json!({"sid": null, "exp": null})).is_ok());
    for change in [
        json!({"nonce": "n"}),
        json!({"events": null}),
        json!({"events": {}}),
        json!({"events": {BACK_CHANNEL_LOGOUT: true}}),
        json!({"sub": null, "sid": null}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"iat": NOW.0 - LOGOUT_TOKEN_LIFE - 1}),
        json!({"iat": NOW.0 + LEEWAY + 1}),
        json!({"exp": NOW.0 - LEEWAY}),
        json!({"aud": "other"}),
        json!({"iss": "https://evil.example"}),
    ] {
        assert!(logout(&change).is_err(), "{change}");
    }
}

#[test]
fn neither_kind_is_taken_for_the_other() {
    let token = compact(&json!({"alg": "RS256"}), &id_token());
    let refused = ProviderToken::peek(&token).unwrap().logout_token(expected(ISSUER), NOW);
    assert_eq!(refused, Err(ProviderTokenError::OtherKind("logout token")));
    let claims = with(&logout_token(), &json!({"nonce": "n-1"}));
    assert_eq!(read(&claims, ISSUER), Err(ProviderTokenError::OtherKind("ID token")));
}
