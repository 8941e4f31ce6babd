//! `GET /`: for the person who opens the issuer in a browser.

use super::error::PageError;
use super::pages::csp::Forms;
use super::pages::{HomePage, Layout};
use super::{render, session};
use crate::service::Services;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let signed_in = session::signed_in(&services, &request).await?;
    let mut page = HomePage::new(Layout::new(&services, &request), issuer.as_str());
    page.sign_out_url = signed_in.is_some().then(|| format!("{}/logout", issuer.path()));
    page.signed_in_as = signed_in.map(|signed_in| signed_in.user.email.as_str().to_owned());
    render(&services, &request, &page, Forms::Here, None)
}
