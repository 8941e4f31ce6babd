//! `GET,POST /oauth/authorize`: OAuth 2.1, section 4.1.1. `POST` is OpenID Connect Core, section 3.1.2.1.

use super::error::{PageError, authorize_error};
use super::extract::Form;
use super::{language, login, redirect, session};
use crate::service::Services;
use crate::service::authorize::{Outcome, authorize};
use crate::service::parameters::Parameters;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let parameters = Parameters::parse(request.query_string().as_bytes());
    handle(&request, &services, &parameters).await
}

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    handle(&request, &services, &form.parameters).await
}

async fn handle(
    request: &HttpRequest,
    services: &Services,
    parameters: &Parameters,
) -> Result<HttpResponse, PageError> {
    language::prefer(request, parameters.get("ui_locales"));
    let signed_in = session::signed_in(services, request).await?;
    match authorize(services, parameters, signed_in.as_ref()).await {
        Ok(Outcome::SignIn) => Ok(redirect(&login::url(services, parameters))),
        Ok(Outcome::Consent { ticket }) => {
            let query = localized([("interaction", ticket.as_str())], parameters);
            Ok(redirect(&format!("{}/consent?{query}", services.settings.issuer.path())))
        }
        Ok(Outcome::Redirect(location)) => Ok(redirect(&location)),
        Err(error) => authorize_error(services, request, error),
    }
}

/// A query for one of our pages, in the languages that the client asks for (OpenID Connect Core, section 3.1.2.1).
pub(super) fn localized<'a>(query: impl IntoIterator<Item = (&'a str, &'a str)>, request: &'a Parameters) -> String {
    let ui_locales = request.get("ui_locales").map(|locales| ("ui_locales", locales));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query.into_iter().chain(ui_locales)).finish()
}
