//! `GET /.well-known/jwks.json`: RFC 7517, section 5.

use crate::crypto::keyring::Keyring;
use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use authgent_core::jwk::JwkSet;

/// How long a copy of the key set is good, in seconds. A new key is published this long before it signs.
pub(super) const MAX_AGE: u32 = 300;

/// The key set, encoded once.
pub struct PublishedKeys {
    body: Bytes,
    etag: String,
}

impl PublishedKeys {
    /// Encodes the public keys of a keyring.
    ///
    /// # Errors
    /// Where they cannot be written as JSON.
    pub fn new(keyring: &Keyring) -> Result<Self, serde_json::Error> {
        let set: &JwkSet = keyring.jwks();
        let body = serde_json::to_string(set)?;
        let digest = crate::crypto::hash::token_hash(&body);
        Ok(Self { etag: format!("\"{}\"", crate::crypto::hash::base64url(&digest.0[..12])), body: Bytes::from(body) })
    }
}

pub(super) async fn get(request: HttpRequest, keys: web::Data<PublishedKeys>) -> HttpResponse {
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| {
        known.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == keys.etag)
    });
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((CACHE_CONTROL, format!("public, max-age={MAX_AGE}")))
        .insert_header((ETAG, keys.etag.as_str()));
    if unchanged { response.finish() } else { response.content_type("application/json").body(keys.body.clone()) }
}
