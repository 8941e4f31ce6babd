//! `POST /oauth/register`: RFC 7591, section 3.

use super::error::ApiError;
use super::extract::Body;
use crate::service::{Services, register};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

/// The `Content-Type` is not looked at: the body is JSON or it is refused, and some clients do not send one.
pub(super) async fn post(services: web::Data<Services>, body: Body) -> Result<HttpResponse, ApiError> {
    let response = register::register(&services, &body.0).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(response))
}
