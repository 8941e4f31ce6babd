//! `GET,POST /login`: sign-in with e-mail and password.

use super::authorize::localized;
use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{Layout, SignInPage};
use super::rate_limit::SignInRate;
use super::return_to::ReturnTo;
use super::{csrf, device, idp, language, render_with_script, second_factor, session};
use crate::service::authorize::peek;
use crate::service::consent::client_name;
use crate::service::parameters::Parameters;
use crate::service::sign_in::{SignInError, SignInOutcome, sign_in};
use crate::service::{Services, authorize};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;

/// The address of the sign-in page for an authorization request.
pub(super) fn url(services: &Services, parameters: &Parameters) -> String {
    let base = services.settings.issuer.path();
    let return_to = format!("{base}/oauth/authorize?{}", authorize::after_sign_in(parameters).encode());
    // What the sign-in was asked for is gone from the request that it leads back to; an upstream provider has to know it.
    let prompt = parameters.get("prompt").map(|prompt| ("prompt", prompt));
    let query = [("return_to", return_to.as_str())].into_iter().chain(prompt);
    format!("{base}/login?{}", localized(query, parameters))
}

/// The address of the sign-in page, for whoever then goes on to `return_to`.
pub(super) fn url_to(services: &Services, return_to: &ReturnTo) -> String {
    let return_to = return_to.location(services);
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &return_to).finish();
    format!("{}/login?{query}", services.settings.issuer.path())
}

pub(super) async fn get(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let return_to = ReturnTo::parse(&services, query.get("return_to"));
    if let Some(provider) = idp::only(&services) {
        // Each way there is a row of the database.
        if let Some(wait) = rate.wait(&request) {
            return put_off(&services, &request, &return_to, String::new(), wait).await;
        }
        return idp::go(&services, &request, provider, &return_to, query.get("prompt")).await;
    }
    let email =
        return_to.parameters().and_then(|parameters| parameters.get("login_hint")).unwrap_or_default().to_owned();
    page(&services, &request, &return_to, email, None, StatusCode::OK).await
}

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let field = |name: &str| form.parameters.get(name).unwrap_or_default().to_owned();
    let return_to = ReturnTo::parse(&services, form.parameters.get("return_to"));
    language::prefer(&request, return_to.parameters().and_then(|parameters| parameters.get("ui_locales")));
    let texts = language::of(&request);
    let browser = csrf::browser(&services, &request);
    let browser = browser.filter(|_| csrf::is_genuine(&services, &request, form.parameters.get("csrf_token")));
    let Some(browser) = browser else {
        let error = Some(texts.common.expired);
        return page(&services, &request, &return_to, field("email"), error, StatusCode::FORBIDDEN).await;
    };
    if let Some(wait) = rate.wait(&request) {
        return put_off(&services, &request, &return_to, field("email"), wait).await;
    }
    let former = session::cookie_of(&services, &request);
    match sign_in(
        &services,
        &field("email"),
        SecretString::from(form.all("password").pop().unwrap_or_default()),
        &session::known_device(&services, &request),
        &device::of(&services, &request),
        browser,
        former.as_deref(),
    )
    .await
    {
        Ok(SignInOutcome::Session(session)) => session::finish(&services, &request, session, &return_to),
        Ok(SignInOutcome::SecondFactor(ticket)) => Ok(second_factor::ask(&services, &ticket, &return_to)),
        Err(error @ SignInError::WrongCredentials) => {
            tracing::info!(cause = %error, "sign-in refused");
            page(
                &services,
                &request,
                &return_to,
                field("email"),
                Some(texts.sign_in.wrong_credentials),
                StatusCode::UNAUTHORIZED,
            )
            .await
        }
        Err(error @ SignInError::Busy) => {
            tracing::warn!(cause = %error, "sign-in put off");
            page(
                &services,
                &request,
                &return_to,
                field("email"),
                Some(texts.sign_in.busy),
                StatusCode::SERVICE_UNAVAILABLE,
            )
            .await
        }
        Err(error @ SignInError::Blocked { seconds }) => {
            tracing::info!(cause = %error, "sign-in put off");
            let wait = seconds.unsigned_abs();
            let email = field("email");
            wait_for(&services, &request, &return_to, email, texts.sign_in.blocked, wait).await
        }
        Err(error @ SignInError::Unreadable { .. }) => {
            tracing::error!(cause = %error, "sign-in failed");
            Err(PageError::new(&services, &request, super::pages::Problem::Internal))
        }
        Err(SignInError::Store(error)) => Err(PageError::store(&services, &request, &error)),
    }
}

/// 429: this address has tried too often, and nothing is looked at for `wait` seconds.
pub(super) async fn put_off(
    services: &Services,
    request: &HttpRequest,
    return_to: &ReturnTo,
    email: String,
    wait: u64,
) -> Result<HttpResponse, PageError> {
    wait_for(services, request, return_to, email, language::of(request).sign_in.busy, wait).await
}

/// The same for another reason. Said in the same words whether there is such an account or not.
async fn wait_for(
    services: &Services,
    request: &HttpRequest,
    return_to: &ReturnTo,
    email: String,
    error: &str,
    wait: u64,
) -> Result<HttpResponse, PageError> {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = page(services, request, return_to, email, Some(error), status).await?;
    response.headers_mut().insert(RETRY_AFTER, wait.into());
    Ok(response)
}

pub(super) async fn page(
    services: &Services,
    request: &HttpRequest,
    return_to: &ReturnTo,
    email: String,
    error: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let csrf = csrf::for_form(services, request);
    let client = match return_to.parameters() {
        Some(parameters) => peek(services, parameters).await,
        None => None,
    };
    let (client, redirect_uri) = client.unzip();
    let demand = client.as_ref().zip(return_to.parameters());
    let demand = demand.and_then(|(client, parameters)| authorize::demanded_acr(client, parameters));
    let layout = Layout::new(services, request);
    let texts = layout.texts;
    let local = services.settings.local_accounts;
    let query = Parameters::parse(request.query_string().as_bytes());
    let prompt = query.get("prompt");
    let page = SignInPage {
        layout,
        action: format!("{}/login", issuer.path()),
        passkey: local.then(|| second_factor::passkey_button(services, request, &csrf.token, return_to)).flatten(),
        csrf_token: csrf.token,
        return_to: return_to.location(services),
        email,
        error: error.map(str::to_owned),
        client_name: client.map(|client| client_name(&client)),
        hint: demand.and_then(|demand| SignInPage::hint_for(texts, demand)).map(str::to_owned),
        passwords: local,
        providers: idp::buttons(services, prompt),
        // Without mail, the page says whom to ask.
        forgot_url: services.mailer.is_some().then(|| format!("{}/forgot", issuer.path())),
    };
    let forms = redirect_uri.as_ref().map_or(Forms::Here, |uri| Forms::ThenTo(uri.as_str()));
    let mut response = render_with_script(services, request, &page, forms, csrf.cookie)?;
    *response.status_mut() = status;
    Ok(response)
}
