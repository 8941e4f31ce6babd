//! The static files of the pages.

use super::error::not_found;
use super::pages::accent;
use super::pages::assets::{BRAND_STYLES, brand_cache_control, cache_control, find};
use crate::service::Services;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpRequest, HttpResponse, web};

/// For pictures: whoever opens one as a page of its own gets no script run, whatever is in it.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>, path: web::Path<String>) -> HttpResponse {
    let (version, name) = path.split_once('/').unwrap_or_default();
    if let Some(response) = of_operator(&services, version, name) {
        return response;
    }
    match find(name) {
        Some(asset) => HttpResponse::Ok()
            .content_type(asset.content_type)
            .insert_header((CACHE_CONTROL, cache_control(version)))
            .body(asset.body),
        None => not_found(request, services).await,
    }
}

/// The operator's logo and colour.
fn of_operator(services: &Services, version: &str, name: &str) -> Option<HttpResponse> {
    let branding = &services.settings.branding;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, brand_cache_control(branding, version)));
    if name == BRAND_STYLES {
        let accent = branding.accent?;
        return Some(response.content_type("text/css; charset=utf-8").body(accent::style_sheet(accent)));
    }
    let logo = branding.logo.as_ref().filter(|logo| name == logo.kind.file_name())?;
    response.insert_header((CONTENT_SECURITY_POLICY, PICTURE_POLICY)).content_type(logo.kind.content_type());
    Some(response.body(logo.body.clone()))
}
