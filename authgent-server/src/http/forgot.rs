//! `GET,POST /forgot`: sends a link to choose a new password.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{ForgotPage, Layout, PasswordNoticePage};
use super::password::{self, Refusal};
use super::rate_limit::SignInRate;
use super::{csrf, language, render};
use crate::service::{Services, links};
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    page(&services, &request, String::new(), None)
}

/// The same answer, in the same time, whether there is such an account or not: what is to be done for it is done beside.
pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    rate: web::Data<SignInRate>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let email = form.parameters.get("email").unwrap_or_default().to_owned();
    if let Some(refusal) = password::not_now(&services, &request, &rate, &form) {
        return page(&services, &request, email, Some(refusal));
    }
    if services.mailer.is_none() {
        return page(&services, &request, email, None);
    }
    let (beside, lang) = (services.clone().into_inner(), language::of(&request).lang);
    tokio::spawn(async move {
        if let Err(error) = links::send_reset(&beside, lang, &email).await {
            tracing::error!(error = %error, "no link was sent");
        }
    });
    let texts = language::of(&request).password;
    let page = PasswordNoticePage {
        layout: Layout::new(&services, &request),
        title: texts.sent_title,
        lead: texts.sent_lead,
        link: None,
    };
    render(&services, &request, &page, Forms::None, None)
}

fn page(
    services: &Services,
    request: &HttpRequest,
    email: String,
    refusal: Option<Refusal>,
) -> Result<HttpResponse, PageError> {
    let csrf = csrf::for_form(services, request);
    let page = ForgotPage {
        layout: Layout::new(services, request),
        t: language::of(request).password,
        action: services.mailer.is_some().then(|| format!("{}/forgot", services.settings.issuer.path())),
        csrf_token: csrf.token,
        email,
        error: refusal.as_ref().map(|refusal| refusal.text),
    };
    let response = render(services, request, &page, Forms::Here, csrf.cookie)?;
    Ok(match refusal {
        Some(refusal) => refusal.mark(response),
        None => response,
    })
}
