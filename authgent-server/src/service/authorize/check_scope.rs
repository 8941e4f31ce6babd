use super::Refusal;
use crate::domain::{Client, Resource};
use crate::service::Services;
use crate::service::parameters::Parameters;
use authgent_core::error::OAuthErrorCode;
use authgent_core::scope::{Scope, ScopeToken};

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
/// What the client registered for is no limit: clients step up later. What the operator limited its registration to is one;
/// what lies beyond it is left out as well, unless nothing is left then.
pub(super) async fn check_scope(
    services: &Services,
    client: &Client,
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
        let known = services.resources(services.view().await?).await?;
        let elsewhere: Scope = known.all.iter().flat_map(Resource::scope).collect();
        if let Some(unknown) = foreign.difference(&elsewhere).iter().next() {
            return Err(refuse(format!("the scope {unknown} is unknown: {} has {of_resource}", resource.uri)));
        }
    }
    let wanted = requested.difference(&foreign);
    if services.settings.is_userinfo(&resource.uri) && !wanted.contains(OPENID) {
        return Err(refuse(format!("the scope must hold {OPENID}: nothing else is of use at {}", resource.uri)));
    }
    let names_none = wanted.iter().all(|scope| scope.as_str() == OFFLINE_ACCESS);
    let wanted = if names_none { wanted.union(&resource.default_scope()) } else { wanted };
    match &client.scope_limit {
        Some(limit) => limited(&wanted, limit)
            .ok_or_else(|| refuse(format!("this client was registered for {limit} at most, and asks for {wanted}"))),
        None => Ok(wanted),
    }
}

/// The part of `wanted` that lies within the limit; `None` where there is none. `offline_access` gives access to nothing.
fn limited(wanted: &Scope, limit: &Scope) -> Option<Scope> {
    let counts = |scope: &Scope| scope.iter().any(|scope| scope.as_str() != OFFLINE_ACCESS);
    let within = |scope: &&ScopeToken| limit.contains(scope.as_str()) || scope.as_str() == OFFLINE_ACCESS;
    let left: Scope = wanted.iter().filter(within).cloned().collect();
    (counts(&left) || !counts(wanted)).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_limit_is_left_out() {
        let scope = |text: &str| Scope::parse(text).unwrap();
        let limited = |wanted: &str| limited(&scope(wanted), &scope("mcp:read openid")).map(|left| left.to_string());
        assert_eq!(limited("mcp:read mcp:write").as_deref(), Some("mcp:read"));
        assert_eq!(limited("openid email offline_access").as_deref(), Some("offline_access openid"));
        assert_eq!(limited("mcp:write"), None);
        assert_eq!(limited("mcp:write offline_access"), None);
        assert_eq!(limited("").as_deref(), Some(""));
    }
}
