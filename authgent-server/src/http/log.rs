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
        // Their paths are their patterns, and looking for the pattern takes as long as finding the route.
        if is_quiet(request.path()) {
            return tracing::debug_span!("request", http.route = request.path(), http.status = tracing::field::Empty);
        }
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
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
        let quiet = span.metadata().is_none_or(|metadata| *metadata.level() == tracing::Level::DEBUG);
        if quiet {
            tracing::debug!("request answered");
        } else if status.is_server_error() {
            tracing::error!("request failed");
        } else {
            tracing::info!("request answered");
        }
    }
}

/// Whether requests are so many, and say so little, that they would bury everything else: probes, and what every MCP server and
/// client fetches again and again. Their failures are logged where they arise.
fn is_quiet(path: &str) -> bool {
    const LAST: [&str; 3] = ["/health/live", "/health/ready", "/.well-known/jwks.json"];
    const FIRST_OR_LAST: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
    LAST.iter().any(|last| path.ends_with(last))
        || FIRST_OR_LAST.iter().any(|part| path.starts_with(part) || path.ends_with(part))
}

#[cfg(test)]
mod tests {
    use super::is_quiet;

    #[test]
    fn probes_and_documents_are_quiet_and_nothing_else() {
        let issuers = ["", "/auth"];
        for path in issuers {
            for route in
                ["/health/live", "/health/ready", "/.well-known/jwks.json", "/.well-known/openid-configuration"]
            {
                assert!(is_quiet(&format!("{path}{route}")), "{path}{route}");
            }
            assert!(
                is_quiet(&format!("/.well-known/oauth-authorization-server{path}")),
                "RFC 8414 puts the path behind"
            );
            for route in [
                "/oauth/token",
                "/login",
                "/",
                "/oauth/authorize",
                "/assets/jwks.json",
                "/assets/.well-known/openid-configuration/x",
            ] {
                assert!(!is_quiet(&format!("{path}{route}")), "{path}{route}");
            }
        }
    }
}
