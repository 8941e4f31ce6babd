//! `grant_type=client_credentials`: OAuth 2.1, section 4.2.

use super::TokenError;
use super::issue::for_client;
use crate::domain::Client;
use crate::service::authorize::is_openid_scope;
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::service::{Services, TargetError};
use authgent_core::scope::Scope;
use authgent_core::wire::token::TokenResponse;
use std::sync::Arc;

/// No person consents here, so what the operator gave the client is the limit: its `scope` where it has one, else what
/// the resource has. Only clients that the operator made may use this grant (see `service::register`).
pub(super) async fn issue(
    services: &Services,
    view: View,
    client: &Arc<Client>,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    let resource = services.target_in(view, parameters.get("resource")).await?;
    if services.settings.is_userinfo(&resource.uri) {
        // Nobody is behind such a token of whom anything could be told.
        return Err(TargetError::Unknown { uri: resource.uri.to_string(), meant: None }.into());
    }
    let allowed = match &client.metadata.scope {
        Some(scope) => scope.intersection(&resource.scope()),
        None => resource.scope(),
    };
    let asked: Scope = Scope::parse(parameters.get("scope").unwrap_or_default())?
        .into_iter()
        .filter(|scope| !is_openid_scope(scope.as_str()))
        .collect();
    let scope = if asked.is_empty() { resource.default_scope().intersection(&allowed) } else { asked };
    let excess = scope.difference(&allowed);
    if !excess.is_empty() {
        return Err(TokenError::ScopeTooWide { excess: excess.to_string(), granted: allowed.to_string() });
    }
    let now = services.now();
    let response = for_client(services, client, &resource, &scope, now)?;
    services.note_use(view, client, now);
    Ok(response)
}
