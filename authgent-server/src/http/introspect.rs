//! `POST /oauth/introspect`: RFC 7662.

use super::error::ApiError;
use super::extract::{Form, authorization};
use crate::service::{Services, introspect};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    let response = introspect::introspect(&services, authorization(&request), &form.parameters).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(response))
}
