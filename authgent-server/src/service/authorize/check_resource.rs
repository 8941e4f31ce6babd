use super::Refusal;
use crate::domain::Resource;
use crate::service::Services;
use crate::service::parameters::Parameters;

/// The one server that the token will be for (RFC 8707, section 2.1).
pub(super) async fn check_resource(services: &Services, parameters: &Parameters) -> Result<Resource, Refusal> {
    Ok(services.target(parameters.get("resource")).await?)
}
