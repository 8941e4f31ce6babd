//! `GET /`: for the person who opens the issuer in a browser.

use super::cookie::{self, Name};
use super::error::PageError;
use super::pages::csp::Forms;
use super::pages::{HomePage, Layout};
use super::render;
use crate::service::{Services, sign_in};
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let session = cookie::read(&request, issuer, Name::Session);
    let signed_in = sign_in::current(&services, session.as_deref())
        .await
        .map_err(|error| PageError::store(&services, &request, &error))?;
    let mut page = HomePage::new(Layout::for_issuer(issuer.as_str()), issuer.as_str());
    page.sign_out_url = signed_in.is_some().then(|| format!("{}/logout", issuer.path()));
    page.signed_in_as = signed_in.map(|signed_in| signed_in.user.email.as_str().to_owned());
    render(&services, &request, &page, Forms::Here, None)
}
