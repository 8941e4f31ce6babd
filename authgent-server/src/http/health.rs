//! Probes: `/health/live` says that the process answers, `/health/ready` that it can do its work.

use crate::service::Services;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde_json::json;

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": "live"}))
}

pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    match services.store.check_health().await {
        Ok(()) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": "ready"})),
        Err(error) => {
            tracing::warn!(error = %error, "not ready: the database did not answer, or does not write");
            HttpResponse::ServiceUnavailable()
                .insert_header((CACHE_CONTROL, "no-store"))
                .insert_header((RETRY_AFTER, "2"))
                .json(json!({"status": "database unavailable"}))
        }
    }
}
