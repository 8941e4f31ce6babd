use super::{AuthorizeError, Cause};
use crate::domain::Client;
use crate::service::Services;
use crate::service::clients;
use crate::service::parameters::Parameters;
use authgent_core::metadata::client_document::ClientIdUrl;

/// The client that asks: registered and not disabled.
pub(super) async fn check_client(services: &Services, parameters: &Parameters) -> Result<Client, AuthorizeError> {
    if parameters.repeats("client_id") {
        return Err(AuthorizeError::Page(Cause::Repeated("client_id")));
    }
    let client_id = parameters.get("client_id").ok_or(AuthorizeError::Page(Cause::ClientIdMissing))?;
    match clients::find(services, client_id).await? {
        None if ClientIdUrl::is_meant(client_id) => Err(AuthorizeError::Page(Cause::ClientDocumentsOff)),
        None if client_id.starts_with("http://") => Err(AuthorizeError::Page(Cause::ClientIdNotHttps)),
        None => Err(AuthorizeError::Page(Cause::ClientUnknown)),
        Some(client) if !client.enabled => Err(AuthorizeError::Page(Cause::ClientDisabled)),
        Some(client) => Ok(client),
    }
}
