//! Of the authorization server, and of scripts in a page.

use super::{Fault, fault};
use crate::broken::Side;
use serde_json::json;

pub(super) fn discovery() -> Vec<Fault> {
    vec![
        fault(
            "an authorization server that is no URL",
            &["discovery.issuer_url"],
            resource!(|asked, answer| answer.body["authorization_servers"] = json!(["auth.example.com"])),
        ),
        fault("no server metadata", &["discovery.missing"], metadata!(|answer| answer.status = 404)),
        fault("the OpenID Connect place fails", &["discovery.location_status"], |asked, answer| {
            if asked.is(Side::Issuer, "GET", "/.well-known/openid-configuration") {
                answer.html(500);
            }
        }),
        fault(
            "redirected server metadata",
            &["discovery.redirect"],
            metadata!(|answer| {
                answer.status = 302;
                answer.set("location", "/login");
            }),
        ),
        fault("server metadata that is a page", &["discovery.not_json"], metadata!(|answer| answer.html(200))),
        fault("an issuer with a trailing slash", &["discovery.issuer_trailing_slash"], |asked, answer| {
            if asked.is_server_metadata() {
                answer.body["issuer"] = format!("{}/", asked.issuer).into();
            }
        }),
        fault(
            "authorization_servers with pydantic's trailing slash",
            &["discovery.issuer_trailing_slash"],
            resource!(|asked, answer| answer.body["authorization_servers"] = json!([format!("{}/", asked.issuer)])),
        ),
        fault(
            "another issuer",
            &["discovery.issuer_mismatch"],
            metadata!(|answer| answer.body["issuer"] = "http://authgent:8080".into()),
        ),
        fault("no issuer", &["discovery.no_issuer"], metadata!(|answer| answer.forget("issuer"))),
        fault("two documents", &["discovery.documents_differ"], |asked, answer| {
            if asked.is(Side::Issuer, "GET", "/.well-known/openid-configuration") {
                answer.forget("registration_endpoint");
            }
        }),
        fault("no token endpoint", &["discovery.no_endpoint"], metadata!(|answer| answer.forget("token_endpoint"))),
        fault(
            "an endpoint without TLS",
            &["discovery.plain_endpoint"],
            metadata!(|answer| answer.body["revocation_endpoint"] = "http://auth.example.com/revoke".into()),
        ),
        fault(
            "no S256",
            &["discovery.no_s256"],
            metadata!(|answer| answer.body["code_challenge_methods_supported"] = json!(["plain"])),
        ),
        fault("no PKCE member in openid-configuration", &["discovery.no_s256"], |asked, answer| {
            if asked.is(Side::Issuer, "GET", "/.well-known/openid-configuration") {
                answer.forget("code_challenge_methods_supported");
            }
        }),
        fault(
            "no code flow",
            &["discovery.no_code"],
            metadata!(|answer| answer.body["response_types_supported"] = json!(["token"])),
        ),
        fault(
            "no refresh tokens",
            &["discovery.no_refresh"],
            metadata!(|answer| answer.body["grant_types_supported"] = json!(["authorization_code"])),
        ),
        fault(
            "no public clients",
            &["discovery.no_public_clients"],
            metadata!(|answer| answer.body["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic"])),
        ),
        fault(
            "no iss",
            &["discovery.no_iss"],
            metadata!(|answer| answer.forget("authorization_response_iss_parameter_supported")),
        ),
        fault(
            "a scope that the authorization server does not know",
            &["discovery.scope_unknown"],
            metadata!(|answer| answer.body["scopes_supported"] = json!(["openid"])),
        ),
        fault(
            "the resource is not registered",
            &["discovery.resource_unlisted"],
            metadata!(|answer| answer.body["protected_resources"] = json!(["https://mcp.example.com/mcp"])),
        ),
    ]
}

pub(super) fn registration() -> Vec<Fault> {
    vec![
        fault(
            "no registration of any kind",
            &["registration.none"],
            metadata!(|answer| {
                answer.forget("registration_endpoint");
                answer.forget("client_id_metadata_document_supported");
            }),
        ),
        fault(
            "no dynamic registration",
            &["registration.no_dynamic"],
            metadata!(|answer| answer.forget("registration_endpoint")),
        ),
        fault(
            "no client metadata documents",
            &["registration.no_documents"],
            metadata!(|answer| answer.forget("client_id_metadata_document_supported")),
        ),
        fault(
            "registration needs a token",
            &["registration.closed"],
            issuer!("POST", "/register", |asked, answer| answer.status = 401),
        ),
        fault(
            "registration fails",
            &["registration.status"],
            issuer!("POST", "/register", |asked, answer| answer.status = 500),
        ),
        fault(
            "registration answers in HTML",
            &["registration.not_json"],
            issuer!("POST", "/register", |asked, answer| answer.html(400)),
        ),
        fault(
            "registration accepts nonsense",
            &["registration.careless"],
            issuer!("POST", "/register", |asked, answer| {
                answer.status = 201;
                answer.body = json!({"client_id": "a"});
            }),
        ),
    ]
}

pub(super) fn keys() -> Vec<Fault> {
    vec![
        fault("no jwks_uri", &["keys.no_jwks_uri"], metadata!(|answer| answer.forget("jwks_uri"))),
        fault(
            "a jwks_uri that nobody answers",
            &["keys.unreachable", "cors.preflight"],
            metadata!(|answer| answer.body["jwks_uri"] = "http://localhost:1/jwks".into()),
        ),
        fault(
            "no keys",
            &["keys.empty", "-keys.not_rs256"],
            issuer!("GET", "/jwks", |asked, answer| answer.body["keys"] = json!([])),
        ),
        fault(
            "a page instead of keys",
            &["keys.not_jwks", "-keys.not_rs256"],
            issuer!("GET", "/jwks", |asked, answer| answer.html(200)),
        ),
        fault(
            "a private key",
            &["keys.private"],
            issuer!("GET", "/jwks", |asked, answer| answer.body["keys"][0]["d"] = "AQAB".into()),
        ),
        fault(
            "a key off its curve beside a good one",
            &["keys.unusable"],
            issuer!("GET", "/jwks", |asked, answer| {
                let mut key = answer.body["keys"][0].clone();
                key["kid"] = "off".into();
                key["y"] = key["x"].clone();
                answer.body["keys"] = json!([answer.body["keys"][0], key]);
            }),
        ),
        fault(
            "keys without kid",
            &["keys.no_kid"],
            issuer!("GET", "/jwks", |asked, answer| {
                answer.body["keys"][0].as_object_mut().map(|key| key.remove("kid"));
            }),
        ),
        fault(
            "two keys of one name",
            &["keys.same_kid"],
            issuer!("GET", "/jwks", |asked, answer| {
                answer.body["keys"] = json!([answer.body["keys"][0], answer.body["keys"][0]]);
            }),
        ),
        fault(
            "keys without alg",
            &["keys.no_alg"],
            issuer!("GET", "/jwks", |asked, answer| {
                answer.body["keys"][0].as_object_mut().map(|key| key.remove("alg"));
            }),
        ),
        fault(
            "keys without caching",
            &["keys.caching"],
            issuer!("GET", "/jwks", |asked, answer| answer.remove("cache-control")),
        ),
    ]
}

pub(super) fn endpoints() -> Vec<Fault> {
    vec![
        fault(
            "an endpoint with a name inside the container",
            &["endpoint.unreachable", "cors.preflight"],
            metadata!(|answer| answer.body["token_endpoint"] = "http://localhost:1/token".into()),
        ),
        fault(
            "the token endpoint fails",
            &["token_endpoint.status"],
            issuer!("POST", "/token", |asked, answer| answer.status = 500),
        ),
        fault(
            "the token endpoint answers in HTML",
            &["token_endpoint.not_json"],
            issuer!("POST", "/token", |asked, answer| answer.html(400)),
        ),
        fault(
            "an open redirector",
            &["authorize.open_redirector"],
            issuer!("GET", "/authorize", |asked, answer| {
                answer.status = 302;
                answer.set("location", "https://authgent-doctor.invalid/callback?error=unauthorized_client");
            }),
        ),
        fault(
            "no authorization endpoint there",
            &["authorize.status"],
            issuer!("GET", "/authorize", |asked, answer| answer.status = 404),
        ),
        fault(
            "unknown clients are sent to the sign-in first",
            &["authorize.unknown_client"],
            issuer!("GET", "/authorize", |asked, answer| {
                answer.status = 303;
                answer.set("location", "/login");
            }),
        ),
    ]
}

pub(super) fn cors() -> Vec<Fault> {
    vec![
        fault("OPTIONS needs a token", &["cors.preflight"], |asked, answer| {
            if asked.is(Side::Mcp, "OPTIONS", "/mcp") {
                answer.status = 401;
            }
        }),
        fault("no CORS at the token endpoint", &["cors.allow_origin"], |asked, answer| {
            if asked.is(Side::Issuer, "OPTIONS", "/token") {
                answer.remove("access-control-allow-origin");
            }
        }),
        fault("preflights without the headers of MCP", &["cors.allow_headers"], |asked, answer| {
            if asked.is(Side::Mcp, "OPTIONS", "/mcp") {
                answer.set("access-control-allow-headers", "Authorization, Content-Type");
            }
        }),
        fault("a wildcard that does not cover Authorization", &["cors.allow_headers"], |asked, answer| {
            if asked.is(Side::Mcp, "OPTIONS", "/mcp") {
                answer.set("access-control-allow-headers", "*");
            }
        }),
        fault(
            "the challenge is not exposed",
            &["cors.not_exposed"],
            refusal!(|asked, answer| answer.remove("access-control-expose-headers")),
        ),
    ]
}
