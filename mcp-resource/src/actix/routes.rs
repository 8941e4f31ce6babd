//! Protected resource metadata (RFC 9728, section 3).

use crate::authenticator::Authenticator;
use crate::metadata;
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::{self, ServiceConfig};

/// Routes for the metadata of the resource, with and without the resource's path behind the well-known one. For
/// `App::configure`, at the root of the server, since that is where clients look.
pub fn metadata_routes(authenticator: &Authenticator) -> impl FnOnce(&mut ServiceConfig) + Clone + use<> {
    let config = authenticator.config();
    let (paths, document) = (metadata::paths(config), document(authenticator));
    move |routes: &mut ServiceConfig| {
        for path in paths {
            let document = document.clone();
            let get = move || std::future::ready(metadata_response(document.clone()));
            routes.service(
                web::resource(path)
                    .route(web::get().to(get.clone()))
                    .route(web::head().to(get))
                    .route(web::route().method(actix_web::http::Method::OPTIONS).to(metadata_preflight)),
            );
        }
    }
}

/// The document as it is sent.
pub(super) fn document(authenticator: &Authenticator) -> web::Bytes {
    serde_json::to_vec(&metadata::document(authenticator.config())).unwrap_or_default().into()
}

/// The metadata, for any page to read: it is public, and MCP clients in browsers need it.
pub(super) fn metadata_response(document: web::Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(document);
    share(response.headers_mut());
    response
}

pub(super) async fn metadata_preflight() -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    share(headers);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS"));
    // Clients send MCP-Protocol-Version along, which makes browsers ask first.
    let allowed = HeaderValue::from_static("MCP-Protocol-Version, Accept, Content-Type");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn share(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
