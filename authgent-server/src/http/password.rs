//! `GET,POST /account/password`: another password for somebody who is signed in; and what all pages have in common on which a
//! password is chosen.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{ChoosePasswordPage, Choosing, Layout, PasswordNoticePage, Problem};
use super::rate_limit::SignInRate;
use super::{csrf, device, language, redirect, render, session};
use crate::crypto::password::PasswordError;
use crate::crypto::password_policy::PasswordRefused;
use crate::mail::Notice;
use crate::service::parameters::Parameters;
use crate::service::passwords::{self, ChangePasswordError};
use crate::service::sign_in::SignedIn;
use crate::service::{Services, notices};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;

/// What follows `/account`.
const PAGE: &str = "/password";

/// Why a form is shown again.
pub(super) struct Refusal {
    /// In words.
    pub(super) text: &'static str,
    status: StatusCode,
    /// How long to wait, in seconds.
    wait: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, text: &'static str) -> Self {
        Self { text, status, wait: None }
    }

    /// Why a password was not taken; our own failures are pages of their own.
    pub(super) fn of(
        services: &Services,
        request: &HttpRequest,
        error: ChangePasswordError,
    ) -> Result<Self, PageError> {
        let texts = language::of(request).password;
        let unfit = |text| Ok(Self::new(StatusCode::UNPROCESSABLE_ENTITY, text));
        match error {
            ChangePasswordError::Refused(PasswordRefused::TooShort) => unfit(texts.too_short),
            ChangePasswordError::Refused(PasswordRefused::TooLong) => unfit(texts.too_long),
            ChangePasswordError::Refused(PasswordRefused::Common) => unfit(texts.common),
            ChangePasswordError::Refused(PasswordRefused::Personal) => unfit(texts.personal),
            ChangePasswordError::WrongPassword => Ok(Self::new(StatusCode::UNAUTHORIZED, texts.wrong_present)),
            ChangePasswordError::Blocked(seconds) => {
                let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, texts.blocked);
                Ok(Self { wait: Some(seconds.unsigned_abs()), ..refusal })
            }
            ChangePasswordError::Gone => Err(PageError::new(services, request, Problem::Expired)),
            ChangePasswordError::Hasher(PasswordError::Busy) => {
                Ok(Self::new(StatusCode::SERVICE_UNAVAILABLE, texts.busy))
            }
            ChangePasswordError::Hasher(error) => {
                tracing::error!(cause = %error, "a password could not be hashed");
                Err(PageError::new(services, request, Problem::Internal))
            }
            ChangePasswordError::Store(error) => Err(PageError::store(services, request, &error)),
        }
    }

    /// The page with its status.
    pub(super) fn mark(&self, mut response: HttpResponse) -> HttpResponse {
        *response.status_mut() = self.status;
        if let Some(wait) = self.wait {
            response.headers_mut().insert(RETRY_AFTER, wait.into());
        }
        response
    }
}

/// Whether a form is not to be looked at: written by another site, or one too many from this address.
pub(super) fn not_now(services: &Services, request: &HttpRequest, rate: &SignInRate, form: &Form) -> Option<Refusal> {
    let texts = language::of(request).password;
    if !csrf::is_genuine(services, request, form.parameters.get("csrf_token")) {
        return Some(Refusal::new(StatusCode::FORBIDDEN, texts.expired));
    }
    let wait = rate.wait(request)?;
    Some(Refusal { wait: Some(wait), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, texts.busy) })
}

/// The new password of a form, typed twice.
pub(super) fn typed(
    services: &Services,
    request: &HttpRequest,
    rate: &SignInRate,
    form: &Form,
) -> Result<SecretString, Refusal> {
    if let Some(refusal) = not_now(services, request, rate, form) {
        return Err(refusal);
    }
    match (&form.all("password")[..], &form.all("repeat")[..]) {
        ([password], [repeat]) if password == repeat => Ok(password.clone().into()),
        _ => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, language::of(request).password.differ)),
    }
}

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let signed_in = match signed_in(&services, &request).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    if Parameters::parse(request.query_string().as_bytes()).get("done").is_some() {
        let texts = language::of(&request).password;
        let page = PasswordNoticePage {
            layout: Layout::new(&services, &request),
            title: texts.done_title,
            lead: texts.done_change,
            link: Some((texts.account, format!("{}/account/security", services.settings.issuer.path()))),
        };
        return render(&services, &request, &page, Forms::None, None);
    }
    page(&services, &request, &signed_in, None)
}

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let signed_in = match signed_in(&services, &request).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let password = match typed(&services, &request, &rate, &form) {
        Ok(password) => password,
        Err(refusal) => return page(&services, &request, &signed_in, Some(&refusal)),
    };
    let present =
        asks_present(&services, &signed_in).then(|| SecretString::from(form.all("present").pop().unwrap_or_default()));
    let device = device::of(&services, &request);
    if let Err(error) = passwords::change(&services, &signed_in, present, password, &device).await {
        if matches!(error, ChangePasswordError::Gone) {
            // To the sign-in page, where the session ended.
            return Ok(redirect(&format!("{}/account{PAGE}", services.settings.issuer.path())));
        }
        let refusal = Refusal::of(&services, &request, error)?;
        return page(&services, &request, &signed_in, Some(&refusal));
    }
    notices::send(&services, language::of(&request).lang, &signed_in.user, Notice::PasswordChanged, &device);
    Ok(redirect(&format!("{}/account{PAGE}?done=1", services.settings.issuer.path())))
}

/// Somebody who knows the present password; where there is none to know, who signed in a moment ago.
async fn signed_in(services: &Services, request: &HttpRequest) -> Result<SignedIn, session::Barrier> {
    let signed_in = session::require(services, request, PAGE).await?;
    match signed_in.user.password_hash {
        Some(_) => Ok(signed_in),
        None => session::require_fresh(services, request, PAGE).await,
    }
}

/// Not of somebody who signed in a moment ago.
fn asks_present(services: &Services, signed_in: &SignedIn) -> bool {
    signed_in.user.password_hash.is_some() && !session::is_fresh(services, signed_in)
}

fn page(
    services: &Services,
    request: &HttpRequest,
    signed_in: &SignedIn,
    refusal: Option<&Refusal>,
) -> Result<HttpResponse, PageError> {
    let csrf = csrf::for_form(services, request);
    let page = ChoosePasswordPage {
        layout: Layout::new(services, request),
        t: language::of(request).password,
        passkey: None,
        choosing: Choosing::Change,
        action: format!("{}/account{PAGE}", services.settings.issuer.path()),
        csrf_token: csrf.token,
        email: signed_in.user.email.as_str().to_owned(),
        name: String::new(),
        asks_present: asks_present(services, signed_in),
        revoke: false,
        error: refusal.map(|refusal| refusal.text),
    };
    let response = render(services, request, &page, Forms::Here, csrf.cookie)?;
    Ok(match refusal {
        Some(refusal) => refusal.mark(response),
        None => response,
    })
}
