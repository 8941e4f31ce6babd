//! The only place where errors become responses: for programs in [`api`], for people in [`page`].

mod api;
mod page;

pub(super) use api::ApiError;
pub(super) use page::{PageError, authorize_error};

use super::pages::Problem;
use crate::service::Services;
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use authgent_core::error::OAuthErrorCode;

/// How long a client should wait before it tries again, in seconds.
const RETRY_SECONDS: &str = "2";

/// 404: a page for a browser, JSON for everybody else. Clients probe well-known paths and expect 404, not HTML.
pub(super) async fn not_found(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    if wants_page(&request) {
        return PageError::new(&services, &request, Problem::NotFound).error_response();
    }
    ApiError::new(StatusCode::NOT_FOUND, OAuthErrorCode::InvalidRequest, "there is no such endpoint").error_response()
}

/// 405, with the methods that the path has.
pub(super) async fn method_not_allowed(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    let mut response = if wants_page(&request) {
        PageError::new(&services, &request, Problem::MethodNotAllowed).error_response()
    } else {
        let text = format!("{} is not allowed here", request.method());
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, OAuthErrorCode::InvalidRequest, text).error_response()
    };
    let takes_post =
        ["/token", "/register", "/revoke", "/introspect"].iter().any(|path| request.path().ends_with(path));
    let methods = match request.match_pattern() {
        Some(pattern) if pattern.ends_with("/register/{client_id}") => "GET, HEAD, PUT, DELETE",
        _ if takes_post => "POST",
        _ => "GET, HEAD, POST",
    };
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(methods));
    response
}

fn wants_page(request: &HttpRequest) -> bool {
    let oauth = request.path().contains("/oauth/") && !request.path().ends_with("/authorize");
    let accepts = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    !oauth && !request.path().contains("/.well-known/") && accepts.contains("text/html")
}
