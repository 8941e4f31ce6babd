//! Making the tokens of an answer: RFC 9068, section 2; OpenID Connect Core, section 2.

use super::TokenError;
use super::family::family;
use crate::crypto::hash::token_hash;
use crate::crypto::random;
use crate::domain::{Acr, Amr, Client, Grant, RefreshToken, RefreshTokenState, Resource, TokenHash, User};
use crate::service::authorize::{OFFLINE_ACCESS, OPENID, still_allowed};
use crate::service::consent::within_limit;
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::service::userinfo::claims_of_scope;
use crate::service::{Services, TargetError};
use crate::store::StoreError;
use authgent_core::metadata::client::GrantType;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use authgent_core::token::{AT_JWT, AccessTokenClaims, Audience, IdTokenClaims};
use authgent_core::wire::token::TokenResponse;
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// The `typ` of an ID token. What is sent to the userinfo endpoint or as a hint is told apart by it.
pub const ID_TOKEN: &str = "JWT";

/// The answer to a grant of a person, but for its refresh token. Nothing is written.
///
/// What the resource no longer has is left out, whatever was consented to: the operator may have taken a scope away.
pub(super) async fn for_grant(
    services: &Services,
    view: View,
    grant: &Grant,
    user: &User,
    scope: &Scope,
    nonce: Option<String>,
    now: Timestamp,
) -> Result<TokenResponse, TokenError> {
    if !user.enabled {
        return Err(TokenError::GrantRevoked);
    }
    let resource = services.target_in(view, Some(grant.resource.as_str())).await?;
    if resource.uri != grant.resource {
        // It became another resource's alias: nobody consented to that one.
        return Err(
            TargetError::Unknown { uri: grant.resource.to_string(), meant: Some(resource.uri.to_string()) }.into()
        );
    }
    let scope = within_limit(services, user, &resource, &still_allowed(scope, &resource)).await?;
    let claims = AccessTokenClaims {
        sub: user.id.to_string(),
        client_id: grant.client_id.clone(),
        jti: format!("{}.{}", grant.id, random::uuid_v4(&*services.random)),
        auth_time: Some(grant.auth_time),
        extra: profile(user, resource.profile_claims.iter().map(String::as_str)),
        ..common(services, &grant.resource, &scope, now)
    };
    let mut response = answer(services, &claims)?;
    if scope.contains(OPENID) {
        let claims = id_token_claims(services, grant, user, &scope, now);
        let keyring = services.keyring();
        let algorithm = keyring.active().algorithm();
        let at_hash = Some(algorithm.at_hash(&response.access_token));
        response.id_token = Some(keyring.sign(ID_TOKEN, &IdTokenClaims { nonce, at_hash, ..claims })?);
    }
    Ok(response)
}

/// A `resource` in the token request must be the one that was granted; it may be left out (RFC 8707, section 2.2).
pub(super) async fn check_resource(
    services: &Services,
    view: View,
    grant: &Grant,
    parameters: &Parameters,
) -> Result<(), TokenError> {
    let Some(asked) = parameters.get("resource") else { return Ok(()) };
    if ResourceUri::parse(asked).is_ok_and(|asked| asked.names_same(&grant.resource)) {
        return Ok(());
    }
    // It may be an alias of the same resource.
    if services.target_in(view, Some(asked)).await?.uri == grant.resource {
        Ok(())
    } else {
        Err(TokenError::OtherResource { granted: grant.resource.to_string() })
    }
}

/// The answer to a client that acts for itself: `sub` is the client (RFC 9068, section 2.2).
pub(super) fn for_client(
    services: &Services,
    client: &Client,
    resource: &Resource,
    scope: &Scope,
    now: Timestamp,
) -> Result<TokenResponse, TokenError> {
    let claims = AccessTokenClaims {
        sub: client.id.clone(),
        client_id: client.id.clone(),
        jti: random::uuid_v4(&*services.random).to_string(),
        ..common(services, &resource.uri, scope, now)
    };
    answer(services, &claims)
}

/// Whether the client gets refresh tokens at all: by the settings and its grant types.
pub(super) fn has_refresh_tokens(services: &Services, client: &Client) -> bool {
    services.settings.refresh_ttl != 0 && client.metadata.may_use(GrantType::RefreshToken)
}

/// The canonical URIs of the resources that a token request may be about, where the request says nothing unusual of them: the one
/// that it names, or all. As this replica remembers them.
pub(super) async fn usual_resources(
    services: &Services,
    view: View,
    parameters: &Parameters,
) -> Result<Option<Arc<[String]>>, StoreError> {
    let known = Arc::clone(&services.resources(view).await?.uris);
    let Some(asked) = parameters.get("resource") else { return Ok(Some(known)) };
    let Ok(asked) = ResourceUri::parse(asked) else { return Ok(None) };
    Ok(known.iter().any(|uri| uri == asked.as_str()).then(|| [asked.to_string()].into()))
}

/// The first refresh token of a grant, where one is due: by the settings and the client's grant types. For the userinfo
/// endpoint alone only with `offline_access` (OpenID Connect Core, section 11); clients of MCP servers expect one without.
pub(super) fn first_refresh_token(
    services: &Services,
    client: &Client,
    grant: &Grant,
    code: &TokenHash,
    now: Timestamp,
) -> Option<(String, RefreshToken)> {
    if !has_refresh_tokens(services, client) {
        return None;
    }
    if services.settings.is_userinfo(&grant.resource) && !grant.scope.contains(OFFLINE_ACCESS) {
        return None;
    }
    let secret = random::secret(&*services.random);
    let row = refresh_token(services, token_hash(&secret), grant.id, now);
    Some((family(grant.id, code) + &secret, row))
}

/// The row of a refresh token that begins now.
pub(super) fn refresh_token(
    services: &Services,
    token_hash: TokenHash,
    grant_id: Uuid,
    now: Timestamp,
) -> RefreshToken {
    let expires_at = now.plus(i64::from(services.settings.refresh_ttl));
    RefreshToken { token_hash, grant_id, created_at: now, expires_at, state: RefreshTokenState::Live }
}

/// The grant that an access token belongs to, out of its `jti`, which is `GRANT.RANDOM`: access tokens are not stored, and
/// this is how introspection and revocation find what they hang on. `None` for the token of a client that acts for itself.
#[must_use]
pub fn grant_of_jti(jti: &str) -> Option<Uuid> {
    jti.split_once('.').and_then(|(grant, _)| grant.parse().ok())
}

fn common(services: &Services, resource: &ResourceUri, scope: &Scope, now: Timestamp) -> AccessTokenClaims {
    AccessTokenClaims {
        iss: services.settings.issuer.to_string(),
        aud: Audience::One(resource.to_string()),
        exp: now.plus(i64::from(services.settings.token_ttl)),
        iat: now,
        nbf: None,
        scope: scope.clone(),
        sub: String::new(),
        jti: String::new(),
        client_id: String::new(),
        auth_time: None,
        extra: Map::new(),
    }
}

fn answer(services: &Services, claims: &AccessTokenClaims) -> Result<TokenResponse, TokenError> {
    Ok(TokenResponse {
        access_token: services.keyring().sign(AT_JWT, claims)?,
        token_type: "Bearer".into(),
        expires_in: Some(u64::from(services.settings.token_ttl)),
        refresh_token: None,
        scope: Some(claims.scope.clone()),
        id_token: None,
    })
}

/// Everything that the grant and the person say; the same at each refresh but for the times (OpenID Connect Core, sections 2
/// and 12.2). No `azp`: the client is the only audience.
fn id_token_claims(services: &Services, grant: &Grant, user: &User, scope: &Scope, now: Timestamp) -> IdTokenClaims {
    IdTokenClaims {
        iss: services.settings.issuer.to_string(),
        sub: user.id.to_string(),
        aud: Audience::One(grant.client_id.clone()),
        exp: now.plus(i64::from(services.settings.id_token_ttl)),
        iat: now,
        auth_time: Some(grant.auth_time),
        nonce: None,
        at_hash: None,
        // Of a grant that is older than the record of how people signed in, nothing is known.
        acr: (!grant.amr.is_empty()).then(|| Acr::of(&grant.amr).to_string()),
        amr: grant.amr.iter().copied().map(Amr::as_str).map(str::to_owned).collect(),
        azp: None,
        extra: profile(user, claims_of_scope(scope)),
    }
}

fn profile<'a>(user: &User, claims: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
    let mut profile = Map::new();
    for claim in claims {
        let value = match claim {
            "email" => Some(user.email.as_str().into()),
            "email_verified" => Some(user.email_verified.into()),
            "name" => user.name.clone().map(Value::from),
            _ => None,
        };
        if let Some(value) = value {
            profile.insert(claim.to_owned(), value);
        }
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jti_names_its_grant() {
        let grant = Uuid::from_u128(7);
        assert_eq!(grant_of_jti(&format!("{grant}.{}", Uuid::from_u128(8))), Some(grant));
        assert_eq!(grant_of_jti(&grant.to_string()), None);
        assert_eq!(grant_of_jti("x.y"), None);
    }
}
