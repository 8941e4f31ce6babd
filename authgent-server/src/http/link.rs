//! `GET,POST /invitation/{token}` and `/reset/{token}`: one-time links.
//!
//! `GET` looks and changes nothing: mail programs and proxies open links by themselves. The address is a secret, so that no
//! page there loads or links to anything of others, and all say `Referrer-Policy: no-referrer`.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{ChoosePasswordPage, Choosing, Layout, PasswordNoticePage};
use super::password::{self, Refusal};
use super::rate_limit::SignInRate;
use super::return_to::ReturnTo;
use super::{csrf, device, language, render, render_with_script, session};
use crate::domain::{LinkPurpose, User};
use crate::mail::Notice;
use crate::service::links::{self, LinkError};
use crate::service::{Services, notices};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

/// Longer ones are no secrets of ours.
const LONGEST_TOKEN: usize = 100;

pub(super) async fn get_invitation(
    request: HttpRequest,
    services: web::Data<Services>,
    token: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    get(&services, &request, LinkPurpose::Invitation, &token).await
}

pub(super) async fn get_reset(
    request: HttpRequest,
    services: web::Data<Services>,
    token: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    get(&services, &request, LinkPurpose::PasswordReset, &token).await
}

async fn get(
    services: &Services,
    request: &HttpRequest,
    purpose: LinkPurpose,
    token: &str,
) -> Result<HttpResponse, PageError> {
    match find(services, purpose, token).await {
        Ok(user) => page(services, request, purpose, token, &user, None),
        Err(error) => gone(services, request, error),
    }
}

pub(super) async fn post_invitation(
    request: HttpRequest,
    services: web::Data<Services>,
    token: web::Path<String>,
    rate: web::Data<SignInRate>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let purpose = LinkPurpose::Invitation;
    let user = match find(&services, purpose, &token).await {
        Ok(user) => user,
        Err(error) => return gone(&services, &request, error),
    };
    let refused = |refusal| page(&services, &request, purpose, &token, &user, Some((&form, refusal)));
    let password = match password::typed(&services, &request, &rate, &form) {
        Ok(password) => password,
        Err(refusal) => return refused(refusal),
    };
    let name = form.parameters.get("name").unwrap_or_default();
    let (device, former) = (device::of(&services, &request), session::cookie_of(&services, &request));
    match links::accept_invitation(&services, &token, name, password, &device, former.as_deref()).await {
        Ok(session) => session::finish(&services, &request, session, &ReturnTo::Account("/security".to_owned())),
        Err(LinkError::Password(error)) => refused(Refusal::of(&services, &request, error)?),
        Err(error) => gone(&services, &request, error),
    }
}

pub(super) async fn post_reset(
    request: HttpRequest,
    services: web::Data<Services>,
    token: web::Path<String>,
    rate: web::Data<SignInRate>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let purpose = LinkPurpose::PasswordReset;
    let user = match find(&services, purpose, &token).await {
        Ok(user) => user,
        Err(error) => return gone(&services, &request, error),
    };
    let refused = |refusal| page(&services, &request, purpose, &token, &user, Some((&form, refusal)));
    let password = match password::typed(&services, &request, &rate, &form) {
        Ok(password) => password,
        Err(refusal) => return refused(refusal),
    };
    let revoke = form.parameters.get("revoke").is_some();
    let device = device::of(&services, &request);
    let user = match links::reset_password(&services, &token, password, revoke, &device).await {
        Ok(user) => user,
        Err(LinkError::Password(error)) => return refused(Refusal::of(&services, &request, error)?),
        Err(error) => return gone(&services, &request, error),
    };
    let texts = language::of(&request).password;
    notices::send(&services, language::of(&request).lang, &user, Notice::PasswordChanged, &device);
    let page = PasswordNoticePage {
        layout: Layout::new(&services, &request),
        title: texts.done_title,
        lead: texts.done_reset,
        link: Some((texts.sign_in, format!("{}/login", services.settings.issuer.path()))),
    };
    let mut response = render(&services, &request, &page, Forms::None, None)?;
    // Whoever reads the account's mail is its owner, whom nobody's wrong passwords are to keep out.
    session::know_device(&services, &request, user.id, &mut response)?;
    Ok(response)
}

async fn find(services: &Services, purpose: LinkPurpose, token: &str) -> Result<User, LinkError> {
    if token.len() > LONGEST_TOKEN {
        return Err(LinkError::Gone);
    }
    Ok(links::find(services, purpose, token).await?.1)
}

fn page(
    services: &Services,
    request: &HttpRequest,
    purpose: LinkPurpose,
    token: &str,
    user: &User,
    refused: Option<(&Form, Refusal)>,
) -> Result<HttpResponse, PageError> {
    let csrf = csrf::for_form(services, request);
    let token = url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>();
    let typed = refused.as_ref().and_then(|(form, _)| form.parameters.get("name"));
    let action = format!("{}{}{token}", services.settings.issuer.path(), purpose.path());
    let invited = purpose == LinkPurpose::Invitation && services.relying_party.is_some();
    let page = ChoosePasswordPage {
        layout: Layout::new(services, request),
        t: language::of(request).password,
        passkey: invited.then(|| format!("{action}/passkey")),
        choosing: match purpose {
            LinkPurpose::Invitation => Choosing::Invitation,
            LinkPurpose::PasswordReset => Choosing::Reset,
        },
        action,
        csrf_token: csrf.token,
        email: user.email.as_str().to_owned(),
        name: typed.or(user.name.as_deref()).unwrap_or_default().to_owned(),
        asks_present: false,
        revoke: refused.as_ref().is_none_or(|(form, _)| form.parameters.get("revoke").is_some()),
        error: refused.as_ref().map(|(_, refusal)| refusal.text),
    };
    let response = render_with_script(services, request, &page, Forms::Here, csrf.cookie)?;
    Ok(match refused {
        Some((_, refusal)) => refusal.mark(response),
        None => response,
    })
}

/// The one answer to every link that is no good.
fn gone(services: &Services, request: &HttpRequest, error: LinkError) -> Result<HttpResponse, PageError> {
    let error = match error {
        LinkError::Store(error) => return Err(PageError::store(services, request, &error)),
        error => error,
    };
    tracing::info!(cause = %error, "a one-time link was refused");
    let texts = language::of(request).password;
    let forgot = || (texts.gone_forgot, format!("{}/forgot", services.settings.issuer.path()));
    let page = PasswordNoticePage {
        layout: Layout::new(services, request),
        title: texts.gone_title,
        lead: if services.mailer.is_some() { texts.gone_lead } else { texts.gone_ask },
        link: services.mailer.is_some().then(forgot),
    };
    let mut response = render(services, request, &page, Forms::None, None)?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}
