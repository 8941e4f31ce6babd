//! The verified token as an argument of a handler.

use crate::authenticator::VerifiedToken;
use actix_web::dev::Payload;
use actix_web::error::ErrorInternalServerError;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use std::future::{Ready, ready};

/// A handler that takes a [`VerifiedToken`] cannot run without one: where the middleware is missing, it fails with 500
/// and says so in the log.
impl FromRequest for VerifiedToken {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler takes a VerifiedToken, but McpAuth does not wrap it");
            ErrorInternalServerError("this route is not protected")
        }))
    }
}
