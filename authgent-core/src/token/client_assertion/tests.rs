use super::*;
use crate::text::base64url;
use proptest::prelude::*;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_790_000_000);

fn audiences() -> Vec<String> {
    vec!["https://as.example.com".into(), "https://as.example.com/oauth/token".into()]
}

fn good() -> Value {
    json!({"iss": "c", "sub": "c", "aud": "https://as.example.com", "exp": NOW.0 + 300, "iat": NOW.0, "jti": "one"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn check(claims: &Value) -> Result<Accepted, ClientAssertionError> {
    validate(claims.as_object().unwrap(), &Expected { client_id: "c", audiences: &audiences() }, NOW)
}

fn compact(header: &str, claims: &str) -> String {
    format!("{}.{}.{}", base64url(header), base64url(claims), base64url("signature"))
}

fn peek_error(header: &str, claims: &str) -> ClientAssertionError {
    ClientAssertion::peek(&compact(header, claims)).unwrap_err()
}

#[test]
fn a_good_one_is_remembered_until_it_is_over() {
    assert_eq!(check(&good()), Ok(Accepted { jti: "one".into(), expires_at: NOW.plus(360) }));
    let text = compact(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, &good().to_string());
    let read = ClientAssertion::peek(&text).unwrap();
    assert_eq!(
        (read.alg(), read.kid(), read.client_id(), read.signature()),
        ("ES256", Some("k"), "c", &b"signature"[..])
    );
    assert_eq!(read.signing_input(), text.rsplit_once('.').unwrap().0.as_bytes());
    let debug = format!("{read:?}");
    assert!(!debug.contains("one") && !debug.contains("signature"), "{debug}");
}

#[test]
fn the_audience_is_the_issuer_or_the_token_endpoint() {
    for aud in [
        json!("https://as.example.com/"),
        json!("https://as.example.com/oauth/token"),
        json!(["https://other.example.com", "https://as.example.com/oauth/token"]),
    ] {
        assert!(check(&with("aud", aud.clone())).is_ok(), "{aud}");
    }
    for aud in [json!("https://other.example.com"), json!([]), json!("https://as.example.com//"), json!("")] {
        let error = check(&with("aud", aud.clone())).unwrap_err();
        assert_eq!(error, ClientAssertionError::Audience(audiences()), "{aud}");
        assert!(error.to_string().contains("https://as.example.com/oauth/token"));
    }
}

#[test]
fn each_rule_of_the_claims_has_its_error() {
    use ClientAssertionError as E;
    for (name, value, expected) in [
        ("iss", json!("d"), E::NotTheClient),
        ("sub", json!("d"), E::NotTheClient),
        ("exp", json!(NOW.0 - 60), E::Expired),
        ("exp", json!(NOW.0 + 661), E::TooLong),
        ("exp", json!(NOW.0 + 31_536_000), E::TooLong),
        ("exp", json!(i64::MAX), E::TooLong),
        ("exp", json!(i64::MIN), E::Expired),
        ("iat", json!(NOW.0 + 61), E::InTheFuture("iat")),
        ("nbf", json!(NOW.0 + 61), E::InTheFuture("nbf")),
        ("jti", json!(""), E::Jti),
        ("jti", json!("x".repeat(256)), E::Jti),
    ] {
        assert_eq!(check(&with(name, value.clone())), Err(expected), "{name} {value}");
    }
    for (name, value) in [
        ("exp", json!(NOW.0 - 59)),
        ("exp", json!(NOW.0 + 660)),
        ("iat", json!(NOW.0 + 60)),
        ("jti", json!("x".repeat(255))),
    ] {
        assert!(check(&with(name, value.clone())).is_ok(), "{name} {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        assert_eq!(check(&with(name, Value::Null)), Err(ClaimError::Missing(name.into()).into()));
    }
    for (name, value) in [("exp", json!("soon")), ("exp", json!(1e300)), ("jti", json!(7)), ("aud", json!({}))] {
        assert!(matches!(check(&with(name, value)), Err(E::Claim(ClaimError::Malformed { .. }))), "{name}");
    }
}

#[test]
fn what_is_no_signed_jwt_is_refused() {
    use ClientAssertionError as E;
    let claims = good().to_string();
    for alg in ["none", "None", "nOnE"] {
        assert_eq!(peek_error(&format!(r#"{{"alg":"{alg}"}}"#), &claims), E::Compact(CompactError::Unsigned));
    }
    assert_eq!(peek_error(r#"{"alg":"ES256","crit":[]}"#, &claims), E::Compact(CompactError::Critical));
    assert_eq!(
        peek_error(r#"{"alg":"ES256","kid":7}"#, &claims),
        E::Compact(CompactError::Header("kid to be a string"))
    );
    assert_eq!(peek_error("{}", &claims), E::Compact(CompactError::Header("alg, a string")));
    assert_eq!(peek_error(r#"{"alg":"none","alg":"ES256"}"#, &claims), E::Compact(CompactError::NotAnObject("header")));
    assert_eq!(
        peek_error(r#"{"alg":"ES256"}"#, r#"{"sub":"a","sub":"b"}"#),
        E::Compact(CompactError::NotAnObject("claims"))
    );
    assert_eq!(
        peek_error(r#"{"alg":"ES256"}"#, r#"{"sub":"a","x":[{"y":1,"y":1}]}"#),
        E::Compact(CompactError::NotAnObject("claims"))
    );
    assert_eq!(peek_error(r#"{"alg":"ES256"}"#, "[]"), E::Compact(CompactError::NotAnObject("claims")));
    assert_eq!(peek_error(r#"{"alg":"ES256"}"#, "{}"), ClaimError::Missing("sub".into()).into());
    let control = peek_error(r#"{"alg":"ES256"}"#, r#"{"sub":"a\u0000"}"#);
    assert!(matches!(control, E::Claim(ClaimError::Malformed { .. })), "{control}");
    let deep = format!(r#"{{"sub":{}1{}}}"#, "[".repeat(4000), "]".repeat(4000));
    assert_eq!(peek_error(r#"{"alg":"ES256"}"#, &deep), E::Compact(CompactError::NotAnObject("claims")));
    for text in ["", "a", "a.b", "a.b.c.d.e", "..", "e30=.e30.e30", &format!("{}.x", compact("{}", "{}"))] {
        assert!(ClientAssertion::peek(text).is_err(), "{text}");
    }
    assert_eq!(ClientAssertion::peek(&"a".repeat(MAX_ASSERTION + 1)).unwrap_err(), E::TooLarge);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        text in any::<String>(), header in any::<Vec<u8>>(), claims in any::<Vec<u8>>(),
        numbers in any::<[f64; 3]>(), whole in any::<[i64; 2]>(),
    ) {
        let now = Timestamp(whole[0]);
        let audiences = audiences();
        let expected = Expected { client_id: "c", audiences: &audiences };
        let _ = ClientAssertion::peek(&text);
        let _ = ClientAssertion::peek(&format!("{}.{}.", base64url(header), base64url(claims)));
        let mut claims = good();
        claims["iat"] = numbers[0].into();
        claims["nbf"] = numbers[1].into();
        for exp in [numbers[2].into(), whole[1].into()] {
            claims["exp"] = exp;
            let text = compact(r#"{"alg":"ES256"}"#, &claims.to_string());
            if let Ok(read) = ClientAssertion::peek(&text) {
                let _ = read.validate(&expected, now);
            }
        }
    }

    #[test]
    fn a_long_life_is_never_accepted(ahead in 661_i64.., now in 0..4_000_000_000_i64) {
        let mut claims = good();
        claims["exp"] = now.saturating_add(ahead).into();
        claims["iat"] = now.into();
        let expected = audiences();
        let expected = Expected { client_id: "c", audiences: &expected };
        prop_assert_eq!(validate(claims.as_object().unwrap(), &expected, Timestamp(now)), Err(ClientAssertionError::TooLong));
    }
}
