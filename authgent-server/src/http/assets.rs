//! The static files of the pages.

use super::error::not_found;
use super::pages::assets::{cache_control, find};
use crate::service::Services;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>, path: web::Path<String>) -> HttpResponse {
    let (version, name) = path.split_once('/').unwrap_or_default();
    match find(name) {
        Some(asset) => HttpResponse::Ok()
            .content_type(asset.content_type)
            .insert_header((CACHE_CONTROL, cache_control(version)))
            .body(asset.body),
        None => not_found(request, services).await,
    }
}
