//! Signing in at upstream providers: `POST /idp/{id}` goes there, `GET /idp/callback` comes back, `POST
//! /idp/{id}/backchannel-logout` is the provider's own; and linking them to an account.

use super::error::PageError;
use super::extract::Form;
use super::pages::{Problem, ProviderButton};
use super::rate_limit::SignInRate;
use super::return_to::ReturnTo;
use super::session::{self, require_fresh};
use super::{account, csrf, device, language, login, redirect};
use crate::domain::{IdentityProvider, TokenHash};
use crate::mail::Notice;
use crate::service::parameters::Parameters;
use crate::service::upstream::back_channel::{self, LogoutRefused};
use crate::service::upstream::manage::{self, UnlinkError};
use crate::service::upstream::{self, Response, SignInRefused, Wish};
use crate::service::{Services, notices};
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

type Answer = Result<HttpResponse, PageError>;

/// The page of the account on which providers are linked: what follows `/account` in its path.
const PAGE: &str = "/security";

/// The buttons of the sign-in page. What the client asked of the sign-in goes with them.
pub(super) fn buttons(services: &Services, prompt: Option<&str>) -> Vec<ProviderButton> {
    let base = services.settings.issuer.path();
    let query = prompt.and_then(known_prompt).map(|prompt| format!("?prompt={prompt}")).unwrap_or_default();
    let button = |provider: &IdentityProvider| ProviderButton {
        name: provider.name.clone(),
        action: format!("{base}/idp/{}{query}", provider.id),
    };
    services.settings.identity_providers.iter().map(|provider| button(provider)).collect()
}

/// The provider to go to without a question: the only way to sign in.
pub(super) fn only(services: &Services) -> Option<&IdentityProvider> {
    match &services.settings.identity_providers[..] {
        [only] if !services.settings.local_accounts => Some(only),
        _ => None,
    }
}

/// `POST /idp/{id}`: the button of the sign-in page.
pub(super) async fn start(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    let provider = upstream::provider(&services, &id);
    let provider = provider.ok_or_else(|| PageError::new(&services, &request, Problem::NotFound))?;
    let return_to = ReturnTo::parse(&services, form.parameters.get("return_to"));
    if !csrf::is_genuine(&services, &request, form.parameters.get("csrf_token")) {
        let texts = language::of(&request).common;
        let error = Some(texts.expired);
        return login::page(&services, &request, &return_to, String::new(), error, StatusCode::FORBIDDEN).await;
    }
    if let Some(wait) = rate.wait(&request) {
        return login::put_off(&services, &request, &return_to, String::new(), wait).await;
    }
    let query = Parameters::parse(request.query_string().as_bytes());
    go(&services, &request, provider, &return_to, query.get("prompt")).await
}

/// Sends the browser to the provider. `prompt` is that of the authorization request, or of a page of ours.
pub(super) async fn go(
    services: &Services,
    request: &HttpRequest,
    provider: &IdentityProvider,
    return_to: &ReturnTo,
    prompt: Option<&str>,
) -> Answer {
    let parameters = return_to.parameters();
    let of_client = |name: &str| parameters.and_then(|parameters| parameters.get(name));
    // Somebody who is signed in and comes here for their account does so because it was too long ago.
    let stale = matches!(return_to, ReturnTo::Account(_)) && session::signed_in(services, request).await?.is_some();
    let prompt = if stale { Some("login") } else { prompt.and_then(known_prompt) };
    let fresh = (prompt == Some("login")).then_some(0);
    let location = return_to.location(services);
    let wish = Wish {
        return_to: &location,
        link: None,
        max_age: fresh.or_else(|| of_client("max_age").and_then(|seconds| seconds.parse().ok())),
        prompt,
        login_hint: of_client("login_hint"),
        ui_locales: language::wish(request),
    };
    send(services, request, provider, return_to, &wish).await
}

/// Of the values of `prompt`, the one that the provider has to know (OpenID Connect Core, section 3.1.2.1).
fn known_prompt(prompt: &str) -> Option<&'static str> {
    ["login", "select_account"].into_iter().find(|known| prompt.split(' ').any(|value| value == *known))
}

async fn send(
    services: &Services,
    request: &HttpRequest,
    provider: &IdentityProvider,
    return_to: &ReturnTo,
    wish: &Wish<'_>,
) -> Answer {
    let (browser, cookie) = csrf::browser_or_new(services, request);
    match upstream::begin(services, provider, browser, wish).await {
        Ok(location) => with_cookie(services, request, redirect(&location), cookie),
        Err(error) => Err(refusal(services, request, Some(provider), &error, return_to)),
    }
}

fn with_cookie(
    services: &Services,
    request: &HttpRequest,
    mut response: HttpResponse,
    cookie: Option<Cookie<'static>>,
) -> Answer {
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(|_| PageError::new(services, request, Problem::Internal))?;
    }
    Ok(response)
}

/// `GET /idp/callback`: the provider's answer (RFC 6749, section 4.1.2).
pub(super) async fn callback(request: HttpRequest, services: web::Data<Services>) -> Answer {
    let query = Parameters::parse(request.query_string().as_bytes());
    let browser: Option<TokenHash> = csrf::browser(&services, &request);
    let state = query.get("state").unwrap_or_default();
    let pending = upstream::take(&services, state, browser).await;
    let pending = pending.map_err(|error| refusal(&services, &request, None, &error, &ReturnTo::Home))?;
    let return_to = ReturnTo::parse(&services, Some(&pending.return_to));
    language::prefer(&request, return_to.parameters().and_then(|parameters| parameters.get("ui_locales")));
    let response = Response {
        code: query.get("code"),
        error: query.get("error"),
        error_description: query.get("error_description"),
        iss: query.get("iss"),
    };
    let signed_in = session::signed_in(&services, &request).await?;
    let device = device::of(&services, &request);
    let former = session::cookie_of(&services, &request);
    let completed =
        upstream::complete(&services, &pending, response, signed_in.as_ref(), &device, former.as_deref()).await;
    let completed =
        completed.map_err(|error| refusal(&services, &request, Some(&pending.provider), &error, &return_to))?;
    if completed.linked {
        let lang = language::of(&request).lang;
        notices::send(&services, lang, &completed.user, Notice::IdentityLinked, &device);
    }
    match completed.session {
        Some(session) => session::finish(&services, &request, session, &return_to),
        None => Ok(redirect(&return_to.location(&services))),
    }
}

/// The page for somebody who gets no session. What it says of an account that is not theirs tells nobody whether there is one;
/// the log tells the operator.
fn refusal(
    services: &Services,
    request: &HttpRequest,
    provider: Option<&IdentityProvider>,
    error: &SignInRefused,
    return_to: &ReturnTo,
) -> PageError {
    if let SignInRefused::Store(error) = error {
        return PageError::store(services, request, error);
    }
    let provider = provider.map(|provider| provider.id.as_str());
    tracing::warn!(provider, cause = %error, "sign-in at a provider refused");
    let texts = language::of(request);
    let (problem, prompt) = match error {
        SignInRefused::Gone | SignInRefused::NoCode | SignInRefused::NotSignedIn => (Problem::SignInGone, ""),
        SignInRefused::Declined(_) => (Problem::SignInDeclined, ""),
        SignInRefused::Provider { error, .. } if error.is_outage() => (Problem::ProviderDown, ""),
        SignInRefused::Provider { .. } | SignInRefused::OtherIssuer => (Problem::ProviderWrong, ""),
        SignInRefused::LinkedElsewhere => (Problem::LinkedElsewhere, "&prompt=select_account"),
        SignInRefused::Rule(_)
        | SignInRefused::NoAccount
        | SignInRefused::NoAddress
        | SignInRefused::AddressTaken
        | SignInRefused::Disabled => (Problem::NotAllowed, "&prompt=select_account"),
        SignInRefused::Store(_) => (Problem::Internal, ""),
    };
    let page = PageError::new(services, request, problem);
    let sign_in = format!("{}{prompt}", login::url_to(services, return_to));
    match problem {
        Problem::LinkedElsewhere => page.with_link(texts.common.back, format!("{}{PAGE}", account::base(services))),
        Problem::NotAllowed => page.with_link(texts.consent.switch, sign_in),
        _ => page.with_link(texts.errors.try_again, sign_in),
    }
}

/// `POST /idp/{id}/backchannel-logout`: OpenID Connect Back-Channel Logout 1.0, sections 2.5 and 2.8.
pub(super) async fn back_channel_logout(
    services: web::Data<Services>,
    id: web::Path<String>,
    form: Form,
) -> HttpResponse {
    let answer = |status: StatusCode, problem: &str| {
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        response.json(json!({ "error": "invalid_request", "error_description": problem }))
    };
    let Some(provider) = upstream::provider(&services, &id) else {
        return answer(StatusCode::NOT_FOUND, "there is no such provider");
    };
    let Some(token) = form.parameters.get("logout_token") else {
        return answer(StatusCode::BAD_REQUEST, "logout_token is missing");
    };
    match back_channel::sign_out(&services, provider, token).await {
        Ok(_) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish(),
        Err(LogoutRefused::Store(error)) => {
            tracing::error!(error = %error, "the request failed in the database");
            answer(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
        Err(error) => {
            tracing::warn!(provider = %provider.id, cause = %error, "logout token refused");
            answer(StatusCode::BAD_REQUEST, &format!("logout_token: {error}"))
        }
    }
}

/// `POST /account/providers/{id}/link`
pub(super) async fn link(
    request: HttpRequest,
    services: web::Data<Services>,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let provider = upstream::provider(&services, &id);
    let provider = provider.ok_or_else(|| PageError::new(&services, &request, Problem::NotFound))?;
    let return_to = ReturnTo::Account(PAGE.to_owned());
    let location = return_to.location(&services);
    let wish = Wish {
        return_to: &location,
        link: Some(signed_in.user.id),
        prompt: Some("select_account"),
        ui_locales: language::wish(&request),
        ..Wish::default()
    };
    send(&services, &request, provider, &return_to, &wish).await
}

/// `POST /account/providers/unlink`
pub(super) async fn unlink(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let handle = form.parameters.get("identity").unwrap_or_default();
    let device = device::of(&services, &request);
    match manage::unlink(&services, &signed_in, handle, &device).await {
        Ok(()) => {
            notices::send(&services, language::of(&request).lang, &signed_in.user, Notice::IdentityUnlinked, &device);
            Ok(redirect(&format!("{}{PAGE}", account::base(&services))))
        }
        Err(UnlinkError::Unknown) => Ok(redirect(&format!("{}{PAGE}", account::base(&services)))),
        Err(UnlinkError::LastWay) => super::security::last_way(&services, &request, &signed_in.user).await,
        Err(UnlinkError::Store(error)) => Err(PageError::store(&services, &request, &error)),
    }
}
