//! `GET,POST /logout`: ends the session.

use super::cookie::{self, Name};
use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{Layout, Problem, SignOutPage, SignedOutPage};
use super::{csrf, device, redirect, render, session};
use crate::service::parameters::Parameters;
use crate::service::{Services, sign_in};
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let layout = Layout::for_issuer(issuer.as_str());
    let signed_in = session::signed_in(&services, &request).await?;
    let Some(signed_in) = signed_in else {
        let page = SignedOutPage { layout, sign_in_url: Some(format!("{}/login", issuer.path())) };
        return render(&services, &request, &page, Forms::None, None);
    };
    let csrf = csrf::for_form(&services, &request);
    let page = SignOutPage {
        layout,
        action: format!("{}/logout", issuer.path()),
        csrf_token: csrf.token,
        user_email: signed_in.user.email.as_str().to_owned(),
        return_to: None,
    };
    render(&services, &request, &page, Forms::Here, csrf.cookie)
}

/// Signs out; with `return_to`, the consent page's "use another account", on to the sign-in page for the same request.
pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    if !csrf::is_genuine(&services, &request, form.parameters.get("csrf_token")) {
        return Err(PageError::new(&services, &request, Problem::ForeignForm));
    }
    if let Some(signed_in) = session::signed_in(&services, &request).await? {
        sign_in::sign_out(&services, &signed_in, &device::of(&services, &request))
            .await
            .map_err(|error| PageError::store(&services, &request, &error))?;
    }
    let prefix = format!("{}/oauth/authorize?", issuer.path());
    let mut response = match form.parameters.get("return_to").and_then(|text| text.strip_prefix(&prefix)) {
        Some(query) => redirect(&super::login::url(&services, &Parameters::parse(query.as_bytes()))),
        None => redirect(&format!("{}/logout", issuer.path())),
    };
    response
        .add_removal_cookie(&cookie::remove(issuer, Name::Session))
        .map_err(|_| PageError::new(&services, &request, Problem::Internal))?;
    Ok(response)
}
