//! `POST /oauth/revoke`: RFC 7009.

use super::error::ApiError;
use super::extract::{Form, authorization};
use crate::service::{Services, revoke};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    revoke::revoke(&services, authorization(&request), &form.parameters).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish())
}
