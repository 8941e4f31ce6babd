use super::Refusal;
use crate::domain::Client;
use crate::service::parameters::Parameters;
use authgent_core::error::OAuthErrorCode;
use authgent_core::metadata::client::GrantType;

/// `response_type=code` in the query, by a client that may use codes; no parameter twice; nothing that is not supported.
pub(super) fn check_response_type(client: &Client, parameters: &Parameters) -> Result<(), Refusal> {
    if let Some(name) = parameters.repeated() {
        // RFC 8707 lets `resource` be repeated, but a token of ours is bound to one server.
        let code = if name == "resource" { OAuthErrorCode::InvalidTarget } else { OAuthErrorCode::InvalidRequest };
        return Err(Refusal::new(code, format!("{name} is there more than once")));
    }
    if let Some(problem) = parameters.problem() {
        return Err(Refusal::new(OAuthErrorCode::InvalidRequest, problem));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        None => return Err(Refusal::new(OAuthErrorCode::InvalidRequest, "response_type is missing: expected code")),
        Some(_) => return Err(Refusal::new(OAuthErrorCode::UnsupportedResponseType, "response_type must be code")),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::new(OAuthErrorCode::InvalidRequest, "response_mode must be query"));
    }
    if parameters.get("request").is_some() {
        return Err(Refusal::new(OAuthErrorCode::RequestNotSupported, "request objects are not supported"));
    }
    if parameters.get("request_uri").is_some() {
        return Err(Refusal::new(OAuthErrorCode::RequestUriNotSupported, "request objects are not supported"));
    }
    if parameters.get("registration").is_some() {
        return Err(Refusal::new(
            OAuthErrorCode::RegistrationNotSupported,
            "registration belongs to no client of this server",
        ));
    }
    if !client.metadata.may_use(GrantType::AuthorizationCode) {
        return Err(Refusal::new(
            OAuthErrorCode::UnauthorizedClient,
            "this client is not registered for authorization_code",
        ));
    }
    Ok(())
}
