use super::Refusal;
use crate::domain::Resource;
use crate::service::Services;
use crate::service::parameters::Parameters;
use authgent_core::error::OAuthErrorCode;
use authgent_core::scope::Scope;

/// The scope that asks for an ID token (OpenID Connect Core, section 3.1.2.1).
pub const OPENID: &str = "openid";
/// The scope that asks for refresh tokens (OpenID Connect Core, section 11). Clients send it whether or not it is
/// advertised (Claude Code), so it is never an error.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// Whether a scope belongs to OpenID Connect and not to a resource.
#[must_use]
pub fn is_openid_scope(scope: &str) -> bool {
    matches!(scope, OPENID | "profile" | "email" | OFFLINE_ACCESS)
}

/// The part of `scope` that the resource has at this moment, with the scopes of OpenID Connect.
#[must_use]
pub fn still_allowed(scope: &Scope, resource: &Resource) -> Scope {
    let of_resource = resource.scope();
    scope
        .iter()
        .filter(|scope| of_resource.contains(scope.as_str()) || is_openid_scope(scope.as_str()))
        .cloned()
        .collect()
}

/// What is asked for: scopes of the resource, its default ones where none is named.
///
/// A scope that only another resource has is left out instead of refused (RFC 6749, section 3.3): ChatGPT asks for
/// everything that the server's metadata lists. What no resource has is `invalid_scope`.
/// What the client registered for is no limit: clients step up later.
pub(super) async fn check_scope(
    services: &Services,
    resource: &Resource,
    parameters: &Parameters,
) -> Result<Scope, Refusal> {
    let refuse = |description: String| Refusal::new(OAuthErrorCode::InvalidScope, description);
    let requested =
        Scope::parse(parameters.get("scope").unwrap_or_default()).map_err(|error| refuse(error.to_string()))?;
    let of_resource = resource.scope();
    let foreign: Scope =
        requested.difference(&of_resource).into_iter().filter(|scope| !is_openid_scope(scope.as_str())).collect();
    if !foreign.is_empty() {
        let elsewhere: Scope = services.store.resources().await?.iter().flat_map(Resource::scope).collect();
        if let Some(unknown) = foreign.difference(&elsewhere).iter().next() {
            return Err(refuse(format!("the scope {unknown} is unknown: {} has {of_resource}", resource.uri)));
        }
    }
    let wanted = requested.difference(&foreign);
    let names_none = wanted.iter().all(|scope| scope.as_str() == OFFLINE_ACCESS);
    Ok(if names_none { wanted.union(&resource.default_scope()) } else { wanted })
}
