//! From where a request comes, for the person to recognize.

use super::caller;
use crate::domain::Device;
use crate::service::Services;
use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;

/// The address and the browser behind a request.
pub(super) fn of(services: &Services, request: &HttpRequest) -> Device {
    let address = caller::address(request, &services.settings.trusted_proxies);
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let user_agent = user_agent.map(|text| text.chars().take(Device::LONGEST_USER_AGENT).collect());
    Device { address: address.map(|address| address.to_string()), user_agent }
}
