//! `POST /login/passkey`, `/account/passkeys`, `/invitation/{token}/passkey`, and with `/options` the first halves of them: what `static/passkeys.js`
//! asks for. JSON in and out; the CSRF token comes as a header. Every answer that ends well says where to go.

use super::csrf;
use super::device;
use super::extract::Body;
use super::language;
use super::rate_limit::SignInRate;
use super::return_to::ReturnTo;
use super::session::{self, Barrier};
use crate::crypto::passkey::PasskeyError;
use crate::domain::TokenHash;
use crate::mail::Notice;
use crate::service::Services;
use crate::service::links::{self, LinkError};
use crate::service::notices;
use crate::service::passkeys::{CeremonyError, Started, authenticate, register};
use crate::service::sign_in::{NewSession, SignedIn};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

/// The header that holds the CSRF token.
const CSRF_HEADER: &str = "X-CSRF-Token";
/// The largest answer of an authenticator, in bytes: an attestation with its certificates has a few thousand.
const LARGEST_ANSWER: usize = 32 * 1024;

/// Begins a sign-in. The same for everybody: nobody says who they are. As anybody may write a row here, an address may do so
/// only so often.
pub(super) async fn sign_in_options(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    if let Some(seconds) = rate.wait(&request) {
        return put_off(seconds);
    }
    started(authenticate::begin(&services, browser).await)
}

#[derive(Deserialize)]
struct SignInAnswer {
    ceremony: String,
    credential: Value,
    #[serde(default)]
    return_to: String,
}

/// Ends it: sets the cookie of the session.
pub(super) async fn sign_in(
    request: HttpRequest,
    services: web::Data<Services>,
    body: Body<LARGEST_ANSWER>,
) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    let Ok(answer) = serde_json::from_slice::<SignInAnswer>(&body.0) else { return malformed() };
    let device = device::of(&services, &request);
    let former = session::cookie_of(&services, &request);
    let outcome =
        authenticate::finish(&services, browser, &answer.ceremony, &answer.credential, &device, former.as_deref());
    match outcome.await {
        Ok(new) => signed_in(&services, &request, new, &ReturnTo::parse(&services, Some(&answer.return_to))),
        Err(error) => refused(&error),
    }
}

/// Begins to add a passkey to the account of whoever signed in a moment ago.
pub(super) async fn add_options(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    match fresh(&services, &request).await {
        Ok(signed_in) => started(register::begin(&services, &signed_in.user, browser).await),
        Err(response) => response,
    }
}

#[derive(Deserialize)]
struct AddAnswer {
    ceremony: String,
    credential: Value,
    /// What the passkey is called.
    #[serde(default)]
    name: String,
    /// What an invited person is called.
    #[serde(default)]
    person: String,
}

impl AddAnswer {
    fn registration(&self) -> register::Answer<'_> {
        register::Answer { ceremony: &self.ceremony, credential: &self.credential, name: &self.name }
    }
}

/// Ends it.
pub(super) async fn add(
    request: HttpRequest,
    services: web::Data<Services>,
    body: Body<LARGEST_ANSWER>,
) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    let signed_in = match fresh(&services, &request).await {
        Ok(signed_in) => signed_in,
        Err(response) => return response,
    };
    let Ok(answer) = serde_json::from_slice::<AddAnswer>(&body.0) else { return malformed() };
    let device = device::of(&services, &request);
    let user = &signed_in.user;
    match register::finish(&services, user, browser, &answer.registration(), &device).await {
        Ok(_) => {
            notices::send(&services, language::of(&request).lang, user, Notice::PasskeyAdded, &device);
            let location = ReturnTo::Account("/security".to_owned()).location(&services);
            answered(StatusCode::CREATED, &json!({ "location": location }))
        }
        Err(error) => refused(&error),
    }
}

/// Begins to give an invited person a passkey. Who has the link may.
pub(super) async fn invited_options(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
    token: web::Path<String>,
) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    if let Some(seconds) = rate.wait(&request) {
        return put_off(seconds);
    }
    match links::begin_passkey(&services, &token, browser).await {
        Ok(begun) => started(Ok(begun)),
        Err(error) => link_refused(error),
    }
}

/// Ends it: the account has a passkey, and the person a session.
pub(super) async fn invited(
    request: HttpRequest,
    services: web::Data<Services>,
    token: web::Path<String>,
    body: Body<LARGEST_ANSWER>,
) -> HttpResponse {
    let Some(browser) = genuine(&services, &request) else { return foreign() };
    let Ok(answer) = serde_json::from_slice::<AddAnswer>(&body.0) else { return malformed() };
    let (device, former) = (device::of(&services, &request), session::cookie_of(&services, &request));
    let registration = answer.registration();
    let accepted = links::accept_with_passkey(
        &services,
        &token,
        &answer.person,
        browser,
        &registration,
        &device,
        former.as_deref(),
    );
    match accepted.await {
        Ok(new) => signed_in(&services, &request, new, &ReturnTo::Account("/security".to_owned())),
        Err(error) => link_refused(error),
    }
}

fn link_refused(cause: LinkError) -> HttpResponse {
    match cause {
        LinkError::Passkey(cause) => refused(&cause),
        LinkError::Store(cause) => refused(&cause.into()),
        LinkError::Gone | LinkError::Password(_) => {
            tracing::info!(%cause, "a one-time link was refused");
            error(StatusCode::NOT_FOUND, "expired", "the link is not good, or not any more")
        }
    }
}

/// The cookie of a new session, and where to go with it.
fn signed_in(services: &Services, request: &HttpRequest, new: NewSession, return_to: &ReturnTo) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(session::device_cookie(services, request, new.user_id))
        .cookie(session::cookie(services, new))
        .json(json!({ "location": return_to.location(services) }))
}

fn put_off(seconds: u64) -> HttpResponse {
    let mut refusal = error(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many sign-ins from this address");
    refusal.headers_mut().insert(RETRY_AFTER, seconds.into());
    refusal
}

/// The browser, where a page of ours made the request.
fn genuine(services: &Services, request: &HttpRequest) -> Option<TokenHash> {
    let token = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    csrf::is_genuine(services, request, token).then(|| csrf::browser(services, request)).flatten()
}

async fn fresh(services: &Services, request: &HttpRequest) -> Result<SignedIn, HttpResponse> {
    match session::require_fresh(services, request, "/security").await {
        Ok(signed_in) => Ok(signed_in),
        Err(Barrier::SignIn(redirect)) => {
            let location = redirect.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let body = json!({
                "error": "login_required",
                "error_description": "sign in again first",
                "location": location,
            });
            Err(answered(StatusCode::UNAUTHORIZED, &body))
        }
        Err(Barrier::Failed(_)) => Err(error(StatusCode::SERVICE_UNAVAILABLE, "server_error", "try again in a moment")),
    }
}

fn started(outcome: Result<Started, CeremonyError>) -> HttpResponse {
    match outcome {
        Ok(Started { ceremony, options }) => {
            answered(StatusCode::OK, &json!({ "ceremony": ceremony, "options": options }))
        }
        Err(error) => refused(&error),
    }
}

/// Of what went wrong with a key nothing is told: an unknown key, one of somebody else and a wrong signature read the same.
fn refused(cause: &CeremonyError) -> HttpResponse {
    match cause {
        CeremonyError::Store(problem) => tracing::error!(error = %problem, "the request failed in the database"),
        _ => tracing::info!(cause = %cause, "passkey refused"),
    }
    match cause {
        CeremonyError::Unsupported => error(StatusCode::NOT_FOUND, "unsupported", "there are no passkeys here"),
        CeremonyError::Gone => error(StatusCode::BAD_REQUEST, "expired", "the ceremony is over: begin another one"),
        CeremonyError::TooMany => error(StatusCode::CONFLICT, "too_many", "the account has too many passkeys"),
        CeremonyError::Refused(PasskeyError::Known) => {
            error(StatusCode::CONFLICT, "known", "the authenticator holds a passkey that is registered already")
        }
        CeremonyError::Unknown | CeremonyError::Refused(_) => {
            error(StatusCode::BAD_REQUEST, "refused", "the credential is not accepted")
        }
        CeremonyError::Store(problem) if problem.is_unavailable() => {
            error(StatusCode::SERVICE_UNAVAILABLE, "server_error", "try again in a moment")
        }
        CeremonyError::Store(_) => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong here")
        }
    }
}

fn foreign() -> HttpResponse {
    error(StatusCode::FORBIDDEN, "expired", "X-CSRF-Token: not the token of a page that this browser has open")
}

fn malformed() -> HttpResponse {
    let expected = "the body must be JSON with ceremony, a string, and credential, a PublicKeyCredential as JSON";
    error(StatusCode::BAD_REQUEST, "invalid_request", expected)
}

fn error(status: StatusCode, code: &str, description: &str) -> HttpResponse {
    answered(status, &json!({ "error": code, "error_description": description }))
}

fn answered(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}
