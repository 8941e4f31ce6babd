//! `POST /oauth/register`: RFC 7591, section 3.

use super::error::ApiError;
use super::extract::Body;
use crate::service::{Services, register};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

/// The largest client metadata, in bytes. What real clients send has one or two thousand.
const LARGEST_METADATA: usize = 16 * 1024;

/// The `Content-Type` is not looked at: the body is JSON or it is refused, and some clients do not send one.
///
/// Anybody may write a row here, so it has to be a small one.
pub(super) async fn post(
    services: web::Data<Services>,
    body: Body<LARGEST_METADATA>,
) -> Result<HttpResponse, ApiError> {
    let response = register::register(&services, &body.0).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(response))
}
