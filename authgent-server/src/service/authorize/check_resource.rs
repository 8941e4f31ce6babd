use super::{OPENID, Refusal, is_openid_scope};
use crate::domain::Resource;
use crate::service::Services;
use crate::service::parameters::Parameters;
use authgent_core::scope::Scope;

/// The one server that the token will be for (RFC 8707, section 2.1).
///
/// A request of plain OpenID Connect names none: where it asks for `openid` and for nothing that a server has, the token is for
/// the userinfo endpoint alone. Whatever names a server's scope has to name the server.
pub(super) async fn check_resource(services: &Services, parameters: &Parameters) -> Result<Resource, Refusal> {
    match parameters.get("resource") {
        None if asks_for_identity_alone(parameters) => {
            Ok(services.target(Some(&services.settings.userinfo_uri())).await?)
        }
        resource => Ok(services.target(resource).await?),
    }
}

fn asks_for_identity_alone(parameters: &Parameters) -> bool {
    let scope = Scope::parse(parameters.get("scope").unwrap_or_default()).unwrap_or_default();
    scope.contains(OPENID) && scope.iter().all(|scope| is_openid_scope(scope.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openid_and_nothing_of_a_server_is_about_identity_alone() {
        let alone = |query: &str| asks_for_identity_alone(&Parameters::parse(query.as_bytes()));
        for query in ["scope=openid", "scope=openid+profile+email+offline_access"] {
            assert!(alone(query), "{query}");
        }
        for query in ["", "scope=profile+email", "scope=offline_access", "scope=openid+mcp:read", "scope=openid%22"] {
            assert!(!alone(query), "{query}");
        }
    }
}
