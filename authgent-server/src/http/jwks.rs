//! `GET /.well-known/jwks.json`: RFC 7517, section 5.

use crate::service::Services;
use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};

/// How long a copy of the key set is good, in seconds. A new key is published this long before it signs.
pub(super) const MAX_AGE: u32 = 300;

/// Without a look at the database: what was published or withdrawn elsewhere is seen within a second.
pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    let keys = services.keyring();
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| {
        known.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == keys.etag())
    });
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, format!("public, max-age={MAX_AGE}"))).insert_header((ETAG, keys.etag()));
    if unchanged { response.finish() } else { response.content_type("application/json").body(keys.document()) }
}
