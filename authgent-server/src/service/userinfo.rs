//! The userinfo endpoint: OpenID Connect Core, section 5.3. Which tokens are good there, and for what, is decision 15.

use crate::domain::{Grant, Resource, ResourceSource};
use crate::service::authorize::OPENID;
use crate::service::token::grant_of_jti;
use crate::service::{Services, TargetError};
use crate::store::StoreError;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::token::Audience;
use authgent_core::token::validate::{Expected, validate_access_token};
use authgent_core::wire::userinfo::UserInfoResponse;

/// The name of the userinfo endpoint as a resource, in the database and in logs. Pages have words of their own for it.
pub const OWN_PROFILE: &str = "your profile";

/// Why nothing is told. Each variant is a cause; `http::error` gives it its code, status and challenge (RFC 6750, section 3).
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// There is no token.
    #[error("an access token is needed")]
    Missing,
    /// It came in more than one way, in the query, or in no form that RFC 6750 knows.
    #[error("{0}")]
    Malformed(String),
    /// It is no access token of this server, or not any more. The caller is not told more than its own word for it.
    #[error("{0}")]
    Refused(&'static str),
    /// It does not hold `openid`.
    #[error("the access token has not the scope {OPENID}")]
    ScopeMissing,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The resource that the endpoint is: it has no scopes but those of OpenID Connect. Its name stands in "Allow … to use …?".
#[must_use]
pub fn resource(uri: ResourceUri) -> Resource {
    Resource {
        uri,
        name: OWN_PROFILE.to_owned(),
        scopes: Vec::new(),
        aliases: Vec::new(),
        profile_claims: Vec::new(),
        source: ResourceSource::Configuration,
    }
}

/// The claims that scopes ask for (OpenID Connect Core, section 5.4), as far as Authgent knows them of anybody.
pub fn claims_of_scope(scope: &Scope) -> impl Iterator<Item = &'static str> {
    let asked = |name: &str| scope.contains(name);
    let email = asked("email").then_some(["email", "email_verified"]);
    let profile = asked("profile").then_some(["name"]);
    email.into_iter().flatten().chain(profile.into_iter().flatten())
}

/// What is told of the person behind an access token.
///
/// # Errors
/// [`UserInfoError`].
pub async fn userinfo(services: &Services, token: &str) -> Result<UserInfoResponse, UserInfoError> {
    const ENDED: UserInfoError = UserInfoError::Refused("the access token was revoked");
    // A key that was withdrawn until now is not known any more.
    services.view().await?;
    let (header, claims) = services.keyring().verify(token).map_err(|error| refused(&error))?;
    // The audience is looked at below: which one it is decides what is told.
    let Some(aud) = claims["aud"].as_str().and_then(|aud| ResourceUri::parse(aud).ok()) else {
        return Err(UserInfoError::Refused("the access token is for nobody"));
    };
    let expected = Expected {
        issuer: services.settings.issuer.clone(),
        audiences: vec![aud.to_string()],
        leeway: 0,
        required_claims: vec![],
    };
    let claims = validate_access_token(&header, &claims, &expected, services.now()).map_err(|error| refused(&error))?;
    // A client that acts for itself has no grant, and nobody is behind it.
    let grant_id = grant_of_jti(&claims.jti).ok_or(UserInfoError::ScopeMissing)?;
    let grant = services.store.grant(grant_id).await?.filter(Grant::is_live).ok_or(ENDED)?;
    let of_the_grant = grant.client_id == claims.client_id
        && grant.user_id.to_string() == claims.sub
        && claims.aud == Audience::One(grant.resource.to_string());
    let user = services.store.user(grant.user_id).await?.filter(|user| user.enabled && of_the_grant).ok_or(ENDED)?;
    let client = services.store.client(&grant.client_id).await?;
    if !client.is_some_and(|client| client.enabled) {
        return Err(ENDED);
    }
    let scope = claims.scope.intersection(&grant.scope);
    if !scope.contains(OPENID) {
        return Err(UserInfoError::ScopeMissing);
    }
    let told = told_to_holders(services, &aud).await?;
    let may_tell = |claim: &str| claims_of_scope(&scope).any(|asked| asked == claim) && told.tells(claim);
    Ok(UserInfoResponse {
        name: user.name.clone().filter(|_| may_tell("name")),
        email: may_tell("email").then(|| user.email.to_string()),
        email_verified: may_tell("email_verified").then_some(user.email_verified),
        sub: claims.sub,
    })
}

/// What may be told to whoever holds a token for some resource.
enum Told {
    /// Everything that the scopes ask for: the token is for this endpoint.
    All,
    /// No more than tokens for the resource say by themselves: its server holds them, too.
    Only(Vec<String>),
}

impl Told {
    fn tells(&self, claim: &str) -> bool {
        // Whether an address is verified belongs to the address.
        let claim = if claim == "email_verified" { "email" } else { claim };
        match self {
            Self::All => true,
            Self::Only(claims) => claims.iter().any(|known| known == claim),
        }
    }
}

async fn told_to_holders(services: &Services, aud: &ResourceUri) -> Result<Told, UserInfoError> {
    if services.settings.is_userinfo(aud) {
        return Ok(Told::All);
    }
    match services.target(Some(aud.as_str())).await {
        Ok(resource) if resource.uri == *aud => Ok(Told::Only(resource.profile_claims)),
        Ok(_) | Err(TargetError::Missing | TargetError::Malformed(_) | TargetError::Unknown { .. }) => {
            Err(UserInfoError::Refused("the access token is for a resource that is not registered any more"))
        }
        Err(TargetError::Store(error)) => Err(error.into()),
    }
}

/// One text for whatever is wrong with a token, whoever made it; the log has the cause.
fn refused(cause: &dyn std::error::Error) -> UserInfoError {
    tracing::info!(cause = %cause, "userinfo refused");
    UserInfoError::Refused("the access token is expired, or none of this server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_ask_for_claims() {
        let claims = |scope: &str| claims_of_scope(&Scope::parse(scope).unwrap()).collect::<Vec<_>>();
        assert_eq!(claims("openid offline_access mcp:read"), Vec::<&str>::new());
        assert_eq!(claims("openid profile"), ["name"]);
        assert_eq!(claims("openid profile email"), ["email", "email_verified", "name"]);
    }

    #[test]
    fn the_server_of_a_resource_learns_no_more_than_its_tokens_say() {
        let name = Told::Only(vec!["name".into()]);
        assert!(name.tells("name") && !name.tells("email") && !name.tells("email_verified"));
        let email = Told::Only(vec!["email".into()]);
        assert!(email.tells("email") && email.tells("email_verified") && !email.tells("name"));
        assert!(Told::All.tells("email"));
    }
}
