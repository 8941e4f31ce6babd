//! Of signing in.

use super::{Fault, fault};
use crate::broken::{ACCESS_TOKEN, Side};
use serde_json::json;

/// Changes the redirect back to the client.
macro_rules! redirect {
    ($from:literal, $to:literal) => {
        |asked, answer| {
            if asked.is(Side::Issuer, "GET", "/authorize") && answer.status == 302 {
                answer.replace("location", $from, $to);
            }
        }
    };
}

/// Changes the token response to one grant type.
macro_rules! tokens {
    ($grant_type:literal, |$answer:ident| $change:expr) => {
        |asked, $answer| {
            if asked.is(Side::Issuer, "POST", "/token") && asked.parameter("grant_type") == $grant_type {
                $change;
            }
        }
    };
}

/// Changes what the MCP server answers to the token of the person who signed in.
macro_rules! call {
    (|$answer:ident| $change:expr) => {
        |asked, $answer| {
            if asked.is_call() && asked.token() == Some(ACCESS_TOKEN) {
                $change;
            }
        }
    };
}

/// What may be wrong once somebody signs in.
#[must_use]
pub fn of_sign_in() -> Vec<Fault> {
    vec![
        fault(
            "an authorization endpoint that is a file of this machine",
            &["discovery.plain_endpoint", "endpoint.unreachable", "login.impossible", "-token.opaque"],
            metadata!(|answer| answer.body["authorization_endpoint"] = "file:///etc/passwd".into()),
        ),
        fault("the registration is refused", &["login.registration", "-token.opaque"], |asked, answer| {
            if asked.is(Side::Issuer, "POST", "/register") {
                answer.status = 400;
                answer.body = json!({"error": "invalid_redirect_uri"});
            }
        }),
        fault(
            "no registration, and no client",
            &["registration.no_dynamic", "login.no_client", "-token.opaque"],
            metadata!(|answer| answer.forget("registration_endpoint")),
        ),
        fault(
            "a scope that is not configured",
            &["login.denied", "-token.opaque"],
            redirect!("code=a-code", "error=invalid_scope"),
        ),
        fault("another state", &["login.state", "-token.opaque"], redirect!("state=", "state=x")),
        fault("no iss", &["login.iss_missing"], redirect!("&iss=", "&other=")),
        fault("another iss", &["login.iss_wrong"], redirect!("&iss=http", "&iss=https")),
        fault(
            "the code is refused",
            &["login.exchange", "-token.opaque"],
            tokens!("authorization_code", |answer| answer.status = 400),
        ),
        fault(
            "another token type",
            &["login.token_type"],
            tokens!("authorization_code", |answer| answer.body["token_type"] = "mac".into()),
        ),
        fault(
            "no refresh token",
            &["login.no_refresh_token"],
            tokens!("authorization_code", |answer| answer.forget("refresh_token")),
        ),
        fault(
            "the refresh token is refused",
            &["login.refresh"],
            tokens!("refresh_token", |answer| answer.status = 400),
        ),
        fault(
            "the refresh token does not rotate",
            &["login.not_rotated"],
            tokens!("refresh_token", |answer| answer.body["refresh_token"] = "first".into()),
        ),
        fault("the token is refused without a reason", &["call.refused"], call!(|answer| answer.status = 401)),
        fault("the call fails", &["call.failed"], call!(|answer| answer.html(500))),
    ]
}
