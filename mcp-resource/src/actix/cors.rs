//! Cross-origin answers (Fetch standard), for clients that run in a page, such as the MCP Inspector.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID",
);
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");
const TWO_HOURS: HeaderValue = HeaderValue::from_static("7200");

/// Lets the page of `origin`, which was found allowed before, read the answer.
pub(super) fn share(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to a preflight for the MCP endpoint. It carries no credentials, so it is answered before they are asked for.
pub(super) fn preflight(origin: &HeaderValue, asked: Option<&HeaderValue>) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    share(headers, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, with_parameters(asked));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, TWO_HOURS);
    response
}

/// The headers of MCP, and each `Mcp-Param-*` that was asked for: their names come from the schemas of tools.
fn with_parameters(asked: Option<&HeaderValue>) -> HeaderValue {
    let asked = asked.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameters: Vec<&str> = asked
        .split(',')
        .map(str::trim)
        .filter(|name| name.to_ascii_lowercase().starts_with("mcp-param-"))
        .filter(|name| HeaderName::from_bytes(name.as_bytes()).is_ok())
        .collect();
    if parameters.is_empty() {
        return REQUEST_HEADERS;
    }
    let all = format!("{}, {}", REQUEST_HEADERS.to_str().unwrap_or_default(), parameters.join(", "));
    HeaderValue::from_str(&all).unwrap_or(REQUEST_HEADERS)
}
