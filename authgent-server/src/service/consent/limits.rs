//! How much a person may allow: what their groups may grant, as the operator says.

use crate::domain::{GroupScope, Resource, User};
use crate::service::Services;
use crate::service::authorize::is_openid_scope;
use crate::store::StoreError;
use authgent_core::scope::Scope;

/// The most that a person may grant on a resource; `None` where the operator set no limit. The groups are those that the
/// upstream providers named last.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn grantable(services: &Services, user: &User, resource: &Resource) -> Result<Option<Scope>, StoreError> {
    let entries = &services.settings.group_scopes;
    if !entries.iter().any(|entry| entry.resource.names_same(&resource.uri)) {
        return Ok(None);
    }
    let identities = services.store.identities_of_user(user.id).await?;
    let groups: Vec<String> = identities.into_iter().flat_map(|identity| identity.groups).collect();
    Ok(GroupScope::limit(entries, &resource.uri, &groups))
}

/// The part of `scope` that a person may grant on a resource. The scopes of OpenID Connect give access to no resource and are
/// not limited.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn within_limit(
    services: &Services,
    user: &User,
    resource: &Resource,
    scope: &Scope,
) -> Result<Scope, StoreError> {
    Ok(match grantable(services, user, resource).await? {
        None => scope.clone(),
        Some(limit) => scope
            .iter()
            .filter(|scope| is_openid_scope(scope.as_str()) || limit.contains(scope.as_str()))
            .cloned()
            .collect(),
    })
}

/// Whether nothing is left of a request: it asked for something that the resource has, and `left` has nothing of it.
#[must_use]
pub fn leaves_nothing(requested: &Scope, left: &Scope) -> bool {
    let only_openid = |scope: &Scope| scope.iter().all(|scope| is_openid_scope(scope.as_str()));
    only_openid(left) && !only_openid(requested)
}
