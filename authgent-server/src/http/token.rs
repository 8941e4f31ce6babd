//! `POST /oauth/token`: OAuth 2.1, section 3.2.

use super::error::ApiError;
use super::extract::{Form, authorization};
use crate::service::{Services, token};
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    let response = token::token(&services, authorization(&request), &form.parameters).await?;
    // RFC 6749, section 5.1 asks for both.
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(response))
}
