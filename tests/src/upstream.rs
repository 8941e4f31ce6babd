//! An OpenID provider as a company has one, that misbehaves where a test asks it to.

use crate::browser::{Browser, Page, query};
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context as _, Result, ensure};
use authgent_core::pkce::{CodeChallenge, CodeVerifier};
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use base64::Engine as _;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, HS256, JwsSigner, JwsVerifier};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;
use uuid::Uuid;

/// What the server under test is called here.
pub const CLIENT_ID: &str = "authgent";
/// Its secret, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "a:b%c d+é";

/// What the provider does. A test changes it at any time.
pub struct Behaviour {
    /// The claims of whoever signs in, beside those of the protocol. `null` removes one.
    pub claims: Value,
    /// What the userinfo endpoint says; `None`: there is no such endpoint.
    pub userinfo: Option<Value>,
    /// Members of the metadata that are another way.
    pub metadata: Value,
    /// What the token endpoint gives in the place of a signed ID token.
    pub id_token: Option<String>,
    /// The `alg` that ID tokens say: `ES256`, `none`, or `HS256` with the public key as its secret.
    pub alg: &'static str,
    /// Whether the answer at the callback names the issuer, and which.
    pub iss: Option<String>,
    /// The error with which the authorization endpoint answers.
    pub error: Option<&'static str>,
    /// Whether every request is answered with 503.
    pub down: bool,
    key: Jwk,
    kid: String,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether ID tokens say when the person signed in.
    pub says_auth_time: bool,
    /// How the server under test proves who it is, and with `private_key_jwt`, its keys.
    pub client_authentication: (&'static str, Value),
    /// How often the keys were fetched.
    pub key_fetches: u32,
    /// The last authorization request.
    pub asked: BTreeMap<String, String>,
}

/// A running provider. It stops when it is dropped.
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    behaviour: Arc<Mutex<Behaviour>>,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

type Shared = web::Data<Mutex<Behaviour>>;

impl Provider {
    /// A provider at which Ada signs in without a question.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let issuer = format!("http://localhost:{}", listener.local_addr()?.port());
        let (key, kid) = new_key()?;
        let behaviour = Behaviour {
            claims: json!({"sub": "ada-at-work", "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace",
                "groups": ["engineering"], "sid": "session-1"}),
            userinfo: None,
            metadata: json!({}),
            id_token: None,
            alg: "ES256",
            iss: None,
            error: None,
            down: false,
            key,
            kid,
            codes: BTreeMap::new(),
            says_auth_time: true,
            client_authentication: ("client_secret_basic", Value::Null),
            key_fetches: 0,
            asked: BTreeMap::new(),
        };
        let shared = web::Data::new(Mutex::new(behaviour));
        let data = shared.clone();
        let at = issuer.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::Data::new(at.clone()))
                .route("/.well-known/openid-configuration", web::get().to(metadata))
                .route("/authorize", web::get().to(authorize))
                .route("/token", web::post().to(token))
                .route("/jwks", web::get().to(jwks))
                .route("/userinfo", web::get().to(userinfo))
        });
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { issuer, behaviour: shared.into_inner(), handle })
    }

    /// What it does.
    pub fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces its key at once: the old one is withdrawn.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn rotate(&self) -> Result<()> {
        let (key, kid) = new_key()?;
        let mut behaviour = self.behaviour();
        (behaviour.key, behaviour.kid) = (key, kid);
        Ok(())
    }

    /// Adds claims, or removes those that are `null`.
    pub fn claims(&self, claims: &Value) {
        let behaviour = &mut *self.behaviour();
        for (name, value) in claims.as_object().into_iter().flatten() {
            behaviour.claims[name] = value.clone();
        }
    }

    /// A logout token for the server under test with these claims beside the usual ones. `null` removes one.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn logout_token(&self, claims: &Value) -> Result<String> {
        let behaviour = self.behaviour();
        let now = SystemClock.now().0;
        let usual = json!({"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": Uuid::new_v4().to_string(),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
        behaviour.sign(&json!({"typ": "logout+jwt"}), &merged(&usual, claims))
    }

    /// The variables with which a server signs people in here alone.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AUTHGENT_IDP_ISSUER", self.issuer.clone()),
            ("AUTHGENT_IDP_CLIENT_ID", CLIENT_ID.to_owned()),
            ("AUTHGENT_IDP_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ]
    }

    /// What a person's browser does at the provider: goes to `page`'s redirect, and gives the address that leads back.
    ///
    /// # Errors
    /// Where `page` does not lead here, or this does not lead on.
    pub async fn through(&self, browser: &Browser, page: &Page) -> Result<Url> {
        let there = page.location().with_context(|| format!("no redirect: {}", crate::html::text(&page.body)))?;
        ensure!(there.as_str().starts_with(&self.issuer), "leads to {there}");
        let answer = browser.get(there).await?;
        answer.location().with_context(|| format!("the provider does not lead on: {} {}", answer.status, answer.body))
    }
}

impl Behaviour {
    fn sign(&self, header: &Value, claims: &Value) -> Result<String> {
        let mut header = merged(&json!({"alg": self.alg, "kid": self.kid}), header);
        let input = |header: &Value| format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = match self.alg {
            "none" => Vec::new(),
            "HS256" => {
                let public = self.key.to_public_key()?.to_string();
                HS256.signer_from_bytes(public.as_bytes())?.sign(input(&header).as_bytes())?
            }
            _ => ES256.signer_from_jwk(&self.key)?.sign(input(&header).as_bytes())?,
        };
        header["kid"] = self.kid.clone().into();
        Ok(format!("{}.{}", input(&header), base64url(signature)))
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> Result<(Jwk, String)> {
    Ok((Jwk::generate_ec_key(EcCurve::P256)?, Uuid::new_v4().to_string()))
}

fn merged(usual: &Value, change: &Value) -> Value {
    let mut members: Map<String, Value> = usual.as_object().cloned().unwrap_or_default();
    members.extend(change.as_object().cloned().unwrap_or_default());
    members.retain(|_, value| !value.is_null());
    members.into()
}

/// The behaviour, unless the provider is down.
fn up(shared: &Shared) -> Result<MutexGuard<'_, Behaviour>, actix_web::Error> {
    let behaviour = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if behaviour.down { Err(actix_web::error::ErrorServiceUnavailable("down for maintenance")) } else { Ok(behaviour) }
}

async fn metadata(shared: Shared, issuer: web::Data<String>) -> Result<HttpResponse, actix_web::Error> {
    let behaviour = up(&shared)?;
    let at = |path: &str| format!("{}{path}", issuer.as_str());
    let userinfo = behaviour.userinfo.as_ref().map(|_| at("/userinfo"));
    let usual = json!({"issuer": issuer.as_str(), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"), "userinfo_endpoint": userinfo,
        "prompt_values_supported": ["none", "login", "consent", "select_account"]});
    Ok(HttpResponse::Ok().json(merged(&usual, &behaviour.metadata)))
}

async fn jwks(shared: Shared) -> Result<HttpResponse, actix_web::Error> {
    let mut behaviour = up(&shared)?;
    behaviour.key_fetches += 1;
    let public = behaviour.key.to_public_key().map_err(actix_web::error::ErrorInternalServerError)?;
    let key = serde_json::to_value(public)?;
    let key = merged(&key, &json!({"kid": behaviour.kid, "use": "sig", "alg": "ES256"}));
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "max-age=3600")).json(json!({"keys": [key]})))
}

async fn authorize(shared: Shared, request: HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let mut behaviour = up(&shared)?;
    let asked: BTreeMap<_, _> = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let bad = |problem: &str| actix_web::error::ErrorBadRequest(problem.to_owned());
    let redirect_uri = asked.get("redirect_uri").ok_or_else(|| bad("no redirect_uri"))?;
    let mut back = Url::parse(redirect_uri).map_err(|_| bad("redirect_uri"))?;
    let state = asked.get("state").ok_or_else(|| bad("no state"))?;
    back.query_pairs_mut().append_pair("state", state);
    if let Some(error) = behaviour.error {
        back.query_pairs_mut().append_pair("error", error);
    } else {
        let code = Uuid::new_v4().to_string();
        back.query_pairs_mut().append_pair("code", &code);
        behaviour.codes.insert(code, asked.clone());
    }
    if let Some(iss) = &behaviour.iss {
        back.query_pairs_mut().append_pair("iss", iss);
    }
    behaviour.asked = asked;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, back.to_string())).finish())
}

async fn token(
    shared: Shared,
    issuer: web::Data<String>,
    request: HttpRequest,
    form: web::Form<BTreeMap<String, String>>,
) -> Result<HttpResponse, actix_web::Error> {
    let mut behaviour = up(&shared)?;
    let refuse = |error: &str| Ok(HttpResponse::BadRequest().json(json!({"error": error})));
    if !is_the_client(&behaviour.client_authentication, &issuer, &request, &form) {
        return refuse("invalid_client");
    }
    let given = |name: &str| form.get(name).cloned().unwrap_or_default();
    let Some(asked) = behaviour.codes.remove(&given("code")) else { return refuse("invalid_grant") };
    let challenge = asked.get("code_challenge").and_then(|challenge| CodeChallenge::parse(challenge).ok());
    let verifier = CodeVerifier::parse(&given("code_verifier")).ok();
    let proven = challenge.zip(verifier).is_some_and(|(challenge, verifier)| challenge.is_met_by(&verifier));
    if !proven || asked.get("redirect_uri") != form.get("redirect_uri") {
        return refuse("invalid_grant");
    }
    let now = SystemClock.now().0;
    let usual = json!({"iss": issuer.as_str(), "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked.get("nonce"),
        "auth_time": behaviour.says_auth_time.then_some(now)});
    let id_token = match &behaviour.id_token {
        Some(id_token) => id_token.clone(),
        None => behaviour
            .sign(&json!({}), &merged(&usual, &behaviour.claims))
            .map_err(actix_web::error::ErrorInternalServerError)?,
    };
    Ok(HttpResponse::Ok()
        .json(json!({"access_token": "at-the-provider", "token_type": "Bearer", "id_token": id_token})))
}

/// Whether the server under test proves who it is as it should, and in no other way beside.
fn is_the_client(
    (method, keys): &(&str, Value),
    issuer: &str,
    request: &HttpRequest,
    form: &BTreeMap<String, String>,
) -> bool {
    let given = |name: &str| form.get(name).map(String::as_str);
    let header = request.headers().contains_key("authorization");
    match *method {
        "client_secret_basic" => has_basic(request) && given("client_secret").is_none(),
        "client_secret_post" => {
            !header && given("client_id") == Some(CLIENT_ID) && given("client_secret") == Some(CLIENT_SECRET)
        }
        "none" => !header && given("client_id") == Some(CLIENT_ID) && given("client_secret").is_none(),
        _ => !header && given("client_assertion").is_some_and(|assertion| is_assertion(assertion, keys, issuer)),
    }
}

/// RFC 7523, section 3, with the first key of a set.
fn is_assertion(assertion: &str, keys: &Value, issuer: &str) -> bool {
    let check = || -> Result<bool> {
        let key = Jwk::from_map(keys["keys"][0].as_object().cloned().context("no key")?)?;
        let (input, signature) = assertion.rsplit_once('.').context("no signature")?;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature)?;
        ES256.verifier_from_jwk(&key)?.verify(input.as_bytes(), &signature)?;
        let claims = crate::flow::payload(assertion)?;
        let claim = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        let is_now = claims["exp"].as_i64().is_some_and(|exp| exp > SystemClock.now().0);
        let is_for_us = claim("aud") == format!("{issuer}/token");
        Ok(claim("iss") == CLIENT_ID && claim("sub") == CLIENT_ID && is_for_us && is_now && !claim("jti").is_empty())
    };
    check().unwrap_or_default()
}

/// `client_secret_basic` (RFC 6749, section 2.3.1): name and secret are encoded as in a form.
fn has_basic(request: &HttpRequest) -> bool {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    request.headers().get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

async fn userinfo(shared: Shared, request: HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let behaviour = up(&shared)?;
    let authorized = request.headers().get("authorization").is_some_and(|value| value == "Bearer at-the-provider");
    match &behaviour.userinfo {
        Some(claims) if authorized => Ok(HttpResponse::Ok().json(claims)),
        Some(_) => Ok(HttpResponse::Unauthorized().finish()),
        None => Ok(HttpResponse::NotFound().finish()),
    }
}

/// The parameter of the address that leads back.
///
/// # Errors
/// Where it is not there.
pub fn of(url: &Url, name: &str) -> Result<String> {
    query(url, name).with_context(|| format!("no {name} in {url}"))
}
