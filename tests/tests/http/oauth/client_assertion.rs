//! Clients that authenticate with `private_key_jwt`, at the token, revocation and introspection endpoints.

use authgent_core::time::Clock as _;
use authgent_core::token::client_assertion::CLIENT_ASSERTION_TYPE;
use authgent_tests::documents::{Behaviour, DocumentServer};
use authgent_tests::flow::{EMAIL, Flow};
use authgent_tests::server::{RESOURCE, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jws::{ES256, ES384, EdDSA, HS256, JwsHeader, JwsSigner, RS256};
use serde_json::{Value, json};
use uuid::Uuid;

const JWKS_URI: &str = "https://keys.example.com/jwks.json";

struct Key {
    alg: &'static str,
    pair: Jwk,
}

impl Key {
    fn new(alg: &'static str) -> Self {
        let pair = match alg {
            "RS256" => Jwk::generate_rsa_key(2048),
            "ES384" => Jwk::generate_ec_key(EcCurve::P384),
            "EdDSA" => Jwk::generate_ed_key(EdCurve::Ed25519),
            _ => Jwk::generate_ec_key(EcCurve::P256),
        };
        Self { alg, pair: pair.unwrap() }
    }

    fn public(&self) -> Value {
        let mut key = serde_json::to_value(self.pair.to_public_key().unwrap()).unwrap();
        key["kid"] = self.alg.into();
        key
    }

    fn jwks(&self) -> Value {
        json!({"keys": [self.public()]})
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(claims, Some(self.alg))
    }

    fn sign_as(&self, claims: &Value, kid: Option<&str>) -> String {
        let signer: Box<dyn JwsSigner> = match self.alg {
            "RS256" => Box::new(RS256.signer_from_jwk(&self.pair).unwrap()),
            "ES384" => Box::new(ES384.signer_from_jwk(&self.pair).unwrap()),
            "EdDSA" => Box::new(EdDSA.signer_from_jwk(&self.pair).unwrap()),
            _ => Box::new(ES256.signer_from_jwk(&self.pair).unwrap()),
        };
        compact(claims, kid, &*signer)
    }
}

fn compact(claims: &Value, kid: Option<&str>, signer: &dyn JwsSigner) -> String {
    let mut header = JwsHeader::new();
    if let Some(kid) = kid {
        header.set_key_id(kid);
    }
    josekit::jws::serialize_compact(claims.to_string().as_bytes(), &header, signer).unwrap()
}

/// A client that acts for itself, with the keys of these metadata.
async fn client(server: &TestServer, keys: Value) -> String {
    let mut metadata = json!({"client_name": "Nightly job", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt"});
    metadata.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    server.add_client(metadata).await.unwrap().0
}

fn claims(server: &TestServer, client_id: &str) -> Value {
    let now = server.clock.now().0;
    json!({"iss": client_id, "sub": client_id, "aud": server.issuer, "iat": now, "exp": now + 300, "jti": Uuid::new_v4()})
}

async fn token(server: &TestServer, assertion: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("resource", RESOURCE),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    form.extend(more);
    server.post("/oauth/token", &form).await.unwrap()
}

/// Refused as `invalid_client`, for a reason that holds `why`, and without a piece of the assertion in the answer.
async fn refused(server: &TestServer, assertion: &str, why: &str) {
    let (status, body) = token(server, assertion, &[]).await;
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")), "{why}: {body}");
    assert!(body["error_description"].as_str().unwrap().contains(why), "{why}: {body}");
    for part in assertion.split('.').filter(|part| part.len() > 8) {
        assert!(!body.to_string().contains(part), "{body}");
    }
}

#[tokio::test]
async fn each_algorithm_and_audience_is_good() {
    let server = TestServer::start().await.unwrap();
    for alg in ["RS256", "ES256", "ES384", "EdDSA"] {
        let key = Key::new(alg);
        let id = client(&server, json!({"jwks": key.jwks(), "token_endpoint_auth_signing_alg": alg})).await;
        let endpoint = server.url("/oauth/token");
        let slash = format!("{}/", server.issuer);
        for aud in [json!(server.issuer), json!(slash), json!(endpoint), json!(["https://other.example.com", endpoint])]
        {
            let mut claims = claims(&server, &id);
            claims["aud"] = aud;
            let (status, body) = token(&server, &key.sign(&claims), &[]).await;
            assert_eq!(status, 200, "{alg}: {body}");
        }
        let without_kid = key.sign_as(&claims(&server, &id), None);
        assert_eq!(token(&server, &without_kid, &[("client_id", &id)]).await.0, 200);
    }
}

#[tokio::test]
async fn each_attack_on_an_assertion_is_refused_by_name() {
    let server = TestServer::start().await.unwrap();
    let key = Key::new("ES256");
    let id = client(&server, json!({"jwks": key.jwks()})).await;
    let other = client(&server, json!({"jwks": Key::new("ES256").jwks()})).await;
    let now = server.clock.now().0;
    for (name, value, why) in [
        ("aud", json!("https://other.example.com"), "aud must be the issuer"),
        ("exp", json!(now + 31_536_000), "too far ahead"),
        ("exp", json!(now - 61), "expired"),
        ("exp", Value::Null, "exp"),
        ("exp", json!(1e300), "exp"),
        ("iat", json!(now + 3600), "iat is in the future"),
        ("nbf", json!(now + 3600), "nbf is in the future"),
        ("iss", json!(other), "iss and sub"),
        ("jti", Value::Null, "jti"),
        ("jti", json!("j".repeat(256)), "jti"),
        ("sub", json!("nobody"), "unknown"),
        ("sub", json!("nobody\u{0}"), "sub"),
    ] {
        let mut claims = claims(&server, &id);
        claims[name] = value;
        refused(&server, &key.sign(&claims), why).await;
    }
    let good = claims(&server, &id);
    refused(&server, &Key::new("ES256").sign(&good), "signature").await;
    refused(&server, &key.sign(&claims(&server, &other)), "signature").await;
    refused(&server, &key.sign_as(&good, Some("unknown")), "no key").await;
    refused(&server, &Key::new("RS256").sign_as(&good, Some("ES256")), "no key").await;

    let payload = URL_SAFE_NO_PAD.encode(good.to_string());
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    refused(&server, &unsigned, "alg none").await;
    let secret = serde_json::to_vec(&key.public()).unwrap();
    let symmetric = compact(&good, Some("ES256"), &HS256.signer_from_bytes(&secret).unwrap());
    refused(&server, &symmetric, "alg must be one of").await;
    refused(&server, "rubbish", "no JWT").await;
    assert_eq!(token(&server, &key.sign(&good), &[]).await.0, 200, "what was refused used nothing up");
}

#[tokio::test]
async fn an_assertion_is_good_once_however_many_come_at_once() {
    let server = TestServer::start().await.unwrap();
    let key = Key::new("ES256");
    let [id, other] =
        [client(&server, json!({"jwks": key.jwks()})).await, client(&server, json!({"jwks": key.jwks()})).await];
    let mut claims_of_it = claims(&server, &id);
    let assertion = key.sign(&claims_of_it);
    let answers = join_all((0..16).map(|_| token(&server, &assertion, &[]))).await;
    let good = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, 1);
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_client"), "{answers:?}");
    refused(&server, &assertion, "jti was used before").await;
    claims_of_it["exp"] = json!(server.clock.now().0 + 200);
    refused(&server, &key.sign(&claims_of_it), "jti was used before").await;
    let mut of_another = claims(&server, &other);
    of_another["jti"] = claims_of_it["jti"].clone();
    assert_eq!(token(&server, &key.sign(&of_another), &[]).await.0, 200, "jti is one client's own");
}

#[tokio::test]
async fn no_replica_takes_what_another_one_took() {
    let server = TestServer::start().await.unwrap();
    let replica = TestServer::setup().with("AUTHGENT_DB_DSN", &server.dsn).with("AUTHGENT_ISSUER", &server.issuer);
    let replica = replica.start().await.unwrap();
    let key = Key::new("ES256");
    let id = client(&server, json!({"jwks": key.jwks()})).await;
    let assertion = key.sign(&claims(&server, &id));
    assert_eq!(token(&server, &assertion, &[]).await.0, 200);
    refused(&replica, &assertion, "jti was used before").await;
    assert_eq!(token(&replica, &key.sign(&claims(&server, &id)), &[]).await.0, 200, "a new one is good there");
}

#[tokio::test]
async fn an_assertion_stands_alone_and_only_where_it_was_registered() {
    let server = TestServer::start().await.unwrap();
    let key = Key::new("ES256");
    let id = client(&server, json!({"jwks": key.jwks(), "token_endpoint_auth_signing_alg": "ES256"})).await;
    let assertion = key.sign(&claims(&server, &id));
    let (status, body) = token(&server, &assertion, &[("client_secret", "s")]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    let form = [
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", &assertion),
        ("grant_type", "client_credentials"),
    ];
    let (status, body) = server.post_as("/oauth/token", &form, Some((&id, "s"))).await.unwrap();
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    let (status, body) = token(&server, &assertion, &[("client_id", "another")]).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    let wrong =
        [("client_assertion_type", "jwt"), ("client_assertion", &*assertion), ("grant_type", "client_credentials")];
    let (status, body) = server.post("/oauth/token", &wrong).await.unwrap();
    assert_eq!(status, 400);
    assert!(body["error_description"].as_str().unwrap().contains(CLIENT_ASSERTION_TYPE), "{body}");

    let without = [("grant_type", "client_credentials"), ("client_id", &*id)];
    let (status, body) = server.post("/oauth/token", &without).await.unwrap();
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    assert!(body["error_description"].as_str().unwrap().contains("private_key_jwt"), "{body}");
    assert_eq!(token(&server, &assertion, &[]).await.0, 200);

    let secret = json!({"client_name": "Other", "grant_types": ["client_credentials"]});
    let (with_secret, _) = server.add_client(secret).await.unwrap();
    refused(&server, &key.sign(&claims(&server, &with_secret)), "not registered for private_key_jwt").await;
    let rsa = Key::new("RS256");
    let keys = json!({"keys": [key.public(), rsa.public()]});
    let strict = client(&server, json!({"jwks": keys, "token_endpoint_auth_signing_alg": "ES256"})).await;
    refused(&server, &rsa.sign(&claims(&server, &strict)), "expected ES256").await;
}

#[tokio::test]
async fn keys_are_fetched_kept_and_fetched_again_for_a_new_one() {
    let web = DocumentServer::start(&["keys.example.com"]).await.unwrap();
    let server = TestServer::setup().documents(&web).start().await.unwrap();
    let (old, new) = (Key::new("ES256"), Key::new("RS256"));
    web.serve(JWKS_URI, Behaviour::json(old.jwks()));
    let id = client(&server, json!({"jwks_uri": JWKS_URI})).await;
    let assertions: Vec<_> = (0..8).map(|_| old.sign(&claims(&server, &id))).collect();
    for (status, body) in join_all(assertions.iter().map(|assertion| token(&server, assertion, &[]))).await {
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(web.requests(JWKS_URI), 1);

    web.serve(JWKS_URI, Behaviour::json(json!({"keys": [old.public(), new.public()]})));
    refused(&server, &new.sign(&claims(&server, &id)), "no key").await;
    assert_eq!(web.requests(JWKS_URI), 1, "asked for a moment ago");
    server.clock.advance(30);
    assert_eq!(token(&server, &new.sign(&claims(&server, &id)), &[]).await.0, 200);
    assert_eq!(web.requests(JWKS_URI), 2);

    web.serve(JWKS_URI, Behaviour::Status(500));
    server.clock.advance(3600);
    assert_eq!(token(&server, &new.sign(&claims(&server, &id)), &[]).await.0, 200, "the last good copy");
    assert_eq!(web.requests(JWKS_URI), 3);
    server.clock.advance(86_400);
    refused(&server, &new.sign(&claims(&server, &id)), "500").await;
}

#[tokio::test]
async fn keys_at_forbidden_places_get_no_request() {
    let web = DocumentServer::start(&["keys.example.com"]).await.unwrap();
    let server = TestServer::setup().documents(&web).start().await.unwrap();
    web.alias("inside.example.com", vec![web.address()]);
    let key = Key::new("ES256");
    let port = web.address().port();
    for host in ["127.0.0.1", "[::1]", "169.254.169.254", "inside.example.com"] {
        let id = client(&server, json!({"jwks_uri": format!("https://{host}:{port}/jwks.json")})).await;
        refused(&server, &key.sign(&claims(&server, &id)), "jwks_uri could not be fetched").await;
    }
    assert_eq!(web.connections(), 0);
    let plain = json!({"redirect_uris": ["https://app.example.com/cb"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "http://keys.example.com/jwks.json"});
    let (status, body) = server.register(&plain).await.unwrap();
    assert_eq!((status, &body["error"]), (400, &json!("invalid_client_metadata")));
}

#[tokio::test]
async fn a_document_client_introspects_only_its_own_tokens() {
    const ID: &str = "https://app.example.com/client.json";
    let web = DocumentServer::start(&["app.example.com"]).await.unwrap();
    let server = TestServer::setup().documents(&web).start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    let key = Key::new("RS256");
    web.serve(
        ID,
        Behaviour::json(json!({"client_id": ID, "client_name": "An agent", "jwks": key.jwks(),
        "redirect_uris": ["https://app.example.com/callback"], "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]})),
    );
    let foreign = Flow::new(&server).await.unwrap().tokens().await.unwrap();
    let foreign = foreign["access_token"].as_str().unwrap();
    let assertion = key.sign(&claims(&server, ID));
    let form =
        [("client_assertion_type", CLIENT_ASSERTION_TYPE), ("client_assertion", &*assertion), ("token", foreign)];
    let (status, body) = server.post("/oauth/introspect", &form).await.unwrap();
    assert_eq!((status, &body["active"]), (200, &json!(false)), "{body}");
    let unproved = [("client_id", ID), ("token", foreign)];
    let (status, body) = server.post("/oauth/introspect", &unproved).await.unwrap();
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "lists none, and proved nothing");
    let assertion = key.sign(&claims(&server, ID));
    let form =
        [("client_assertion_type", CLIENT_ASSERTION_TYPE), ("client_assertion", &*assertion), ("token", foreign)];
    assert_eq!(server.post("/oauth/revoke", &form).await.unwrap().0, 200);
}
