//! Probes: `/health/live` says that the process answers, `/health/ready` that it can do its work.

use crate::service::Services;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde_json::json;

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": "live"}))
}

pub(super) async fn ready(services: web::Data<Services>) -> HttpResponse {
    if let Err(error) = services.store.check_health().await {
        tracing::warn!(error = %error, "not ready: the database did not answer, or does not write");
        return unready("database unavailable");
    }
    // The keys are read with it: who cannot follow a change of them would sign with one that is no more believed.
    if let Err(error) = services.view().await {
        tracing::warn!(error = %error, "not ready: what has changed in the database cannot be read");
        return unready("present state unavailable");
    }
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": "ready"}))
}

fn unready(status: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, "2"))
        .json(json!({ "status": status }))
}
