//! Reading requests strictly: what is malformed becomes an error of the standard's form, never a half-read value.

mod body;
mod form;

pub(super) use body::{Body, BodyError};
pub(super) use form::{FORM, Form, LARGEST_FORM};

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

/// The `Authorization` header of a client, where there is exactly one readable one.
pub(super) fn authorization(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => None,
        (Some(header), None) => Some(header.to_str().unwrap_or_default()),
        // Two headers: neither is believed. An empty one is malformed.
        (Some(_), Some(_)) => Some(""),
    }
}

/// Whether the request says that its body is of `media_type`; parameters such as `charset` are ignored.
pub(super) fn is_of_type(request: &HttpRequest, media_type: &str) -> bool {
    request.headers().get("content-type").and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
    })
}
