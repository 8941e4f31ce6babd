//! `GET /.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`: RFC 8414, OpenID Connect Discovery.

use super::error::ApiError;
use crate::service::{Services, metadata};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

pub(super) async fn get(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let document = metadata::document(&services).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "public, max-age=60")).content_type("application/json");
    Ok(response.body(document))
}
