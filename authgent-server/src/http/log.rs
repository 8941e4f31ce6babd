//! One span and one line per request: the route's pattern and never the query string, which holds codes and states.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage as _};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// Builds the span of a request.
pub struct RootSpan;

impl RootSpanBuilder for RootSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
        // Probes come every few seconds and would bury everything else.
        if route.ends_with("/health/live") || route.ends_with("/health/ready") {
            return tracing::debug_span!("probe", http.route = %route, http.status = tracing::field::Empty);
        }
        tracing::info_span!(
            "request",
            http.method = %request.method(),
            http.route = %route,
            http.status = tracing::field::Empty,
            request.id = %request_id,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("http.status", status.as_u16());
        let _entered = span.enter();
        if span.metadata().is_some_and(|metadata| *metadata.level() == tracing::Level::DEBUG) {
            tracing::debug!("request answered");
        } else if status.is_server_error() {
            tracing::error!("request failed");
        } else {
            tracing::info!("request answered");
        }
    }
}
