//! `POST /oauth/register` (RFC 7591, section 3), and `GET`, `PUT`, `DELETE /oauth/register/{client_id}` (RFC 7592, section 2).

use super::error::ApiError;
use super::extract::{Body, authorization};
use super::rate_limit::Admitted;
use crate::service::{Services, register};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use authgent_core::wire::register::RegistrationResponse;

/// The largest client metadata, in bytes. What real clients send has one or two thousand.
const LARGEST_METADATA: usize = 16 * 1024;

/// The `Content-Type` is not looked at: the body is JSON or it is refused, and some clients do not send one.
///
/// Anybody may write a row here, so it has to be a small one.
pub(super) async fn post(
    _: Admitted,
    services: web::Data<Services>,
    request: HttpRequest,
    body: Body<LARGEST_METADATA>,
) -> Result<HttpResponse, ApiError> {
    let response = register::register(&services, authorization(&request), &body.0).await?;
    Ok(answer(HttpResponse::Created(), response))
}

/// The registration as it is.
pub(super) async fn get(services: web::Data<Services>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let response = register::read(&services, client_id(&request), authorization(&request)).await?;
    Ok(answer(HttpResponse::Ok(), response))
}

/// Another registration in its place.
pub(super) async fn put(
    _: Admitted,
    services: web::Data<Services>,
    request: HttpRequest,
    body: Body<LARGEST_METADATA>,
) -> Result<HttpResponse, ApiError> {
    let response = register::update(&services, client_id(&request), authorization(&request), &body.0).await?;
    Ok(answer(HttpResponse::Ok(), response))
}

/// None at all.
pub(super) async fn delete(
    _: Admitted,
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    register::delete(&services, client_id(&request), authorization(&request)).await?;
    Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
}

/// As it stands in the path: those that register themselves have identifiers in which nothing is to be decoded.
fn client_id(request: &HttpRequest) -> &str {
    request.match_info().get("client_id").unwrap_or_default()
}

fn answer(mut builder: HttpResponseBuilder, response: RegistrationResponse) -> HttpResponse {
    builder.insert_header((CACHE_CONTROL, "no-store")).json(response)
}
