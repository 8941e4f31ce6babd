//! `GET,POST /login/second-factor`: the second step of a sign-in, after a right password.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{Layout, PasskeyButton, Problem, SecondFactorPage};
use super::return_to::ReturnTo;
use super::{csrf, device, language, login, redirect, render_with_script, session};
use crate::service::Services;
use crate::service::authorize::peek;
use crate::service::parameters::Parameters;
use crate::service::second_factor::{Proof, SecondFactorError, finish, waits};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};

/// Sends the browser to the question for what `ticket` names.
pub(super) fn ask(services: &Services, ticket: &str, return_to: &ReturnTo) -> HttpResponse {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("ticket", ticket)
        .append_pair("return_to", &return_to.location(services))
        .finish();
    redirect(&format!("{}/login/second-factor?{query}", services.settings.issuer.path()))
}

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let return_to = ReturnTo::parse(&services, query.get("return_to"));
    let ticket = query.get("ticket").unwrap_or_default();
    let waiting = waits(&services, ticket, csrf::browser(&services, &request)).await;
    if waiting.map_err(|error| PageError::store(&services, &request, &error))? {
        page(&services, &request, &return_to, ticket, None, StatusCode::OK).await
    } else {
        Ok(redirect(&login::url_to(&services, &return_to)))
    }
}

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let field = |name: &str| form.parameters.get(name).unwrap_or_default();
    let return_to = ReturnTo::parse(&services, form.parameters.get("return_to"));
    let ticket = field("ticket");
    language::prefer(&request, return_to.parameters().and_then(|parameters| parameters.get("ui_locales")));
    let t = language::of(&request).second_factor;
    let proof = match form.parameters.get("recovery_code") {
        Some(code) => Proof::RecoveryCode(code),
        None => Proof::Code(field("code")),
    };
    let recovery = matches!(proof, Proof::RecoveryCode(_));
    if !csrf::is_genuine(&services, &request, form.parameters.get("csrf_token")) {
        let error = Some((t.expired, recovery));
        return page(&services, &request, &return_to, ticket, error, StatusCode::FORBIDDEN).await;
    }
    let browser = csrf::browser(&services, &request);
    let former = session::cookie_of(&services, &request);
    let device = device::of(&services, &request);
    let error = match finish(&services, ticket, browser, proof, &device, former.as_deref()).await {
        Ok(new) => return session::finish(&services, &request, new, &return_to),
        Err(error) => error,
    };
    tracing::info!(cause = %error, "second factor refused");
    let (text, status) = match error {
        SecondFactorError::Wrong { .. } => (t.wrong, StatusCode::UNAUTHORIZED),
        SecondFactorError::PutOff { seconds } => {
            let error = Some((t.put_off, recovery));
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = page(&services, &request, &return_to, ticket, error, status).await?;
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        SecondFactorError::Gone => {
            return login::page(&services, &request, &return_to, String::new(), Some(t.gone), StatusCode::UNAUTHORIZED)
                .await;
        }
        SecondFactorError::Unreadable { .. } => {
            tracing::error!(cause = %error, "sign-in failed");
            return Err(PageError::new(&services, &request, Problem::Internal));
        }
        SecondFactorError::Store(error) => return Err(PageError::store(&services, &request, &error)),
    };
    page(&services, &request, &return_to, ticket, Some((text, recovery)), status).await
}

/// The passkey button of a page on which somebody signs in, where passkeys work here.
pub(super) fn passkey_button(
    services: &Services,
    request: &HttpRequest,
    csrf_token: &str,
    return_to: &ReturnTo,
) -> Option<PasskeyButton> {
    services.relying_party.as_ref().map(|_| PasskeyButton {
        t: language::of(request).second_factor,
        endpoint: format!("{}/login/passkey", services.settings.issuer.path()),
        csrf_token: csrf_token.to_owned(),
        return_to: return_to.location(services),
    })
}

async fn page(
    services: &Services,
    request: &HttpRequest,
    return_to: &ReturnTo,
    ticket: &str,
    error: Option<(&str, bool)>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let csrf = csrf::for_form(services, request);
    let client = match return_to.parameters() {
        Some(parameters) => peek(services, parameters).await,
        None => None,
    };
    let page = SecondFactorPage {
        layout: Layout::new(services, request),
        t: language::of(request).second_factor,
        action: format!("{}/login/second-factor", issuer.path()),
        passkey: passkey_button(services, request, &csrf.token, return_to),
        csrf_token: csrf.token,
        ticket: ticket.to_owned(),
        return_to: return_to.location(services),
        sign_in_url: login::url_to(services, return_to),
        error: error.map(|(text, _)| text.to_owned()),
        recovery: error.is_some_and(|(_, recovery)| recovery),
    };
    let forms = client.as_ref().map_or(Forms::Here, |(_, uri)| Forms::ThenTo(uri.as_str()));
    let mut response = render_with_script(services, request, &page, forms, csrf.cookie)?;
    *response.status_mut() = status;
    Ok(response)
}
