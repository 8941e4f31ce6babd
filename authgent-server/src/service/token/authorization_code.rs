//! `grant_type=authorization_code`: OAuth 2.1, section 4.1.3; RFC 7636, section 4.6; RFC 8707, section 2.2.

use super::family::family;
use super::issue::{check_resource, first_refresh_token, for_grant, has_refresh_tokens, usual_resources};
use super::{TokenError, remembered};
use crate::crypto::hash::token_hash;
use crate::crypto::random;
use crate::domain::{AuthorizationCode, Client, Grant, GrantState, RevocationReason, TokenHash};
use crate::service::Services;
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::store::Redemption;
use authgent_core::metadata::client::GrantType;
use authgent_core::pkce::CodeVerifier;
use authgent_core::time::Timestamp;
use authgent_core::wire::token::TokenResponse;
use std::sync::Arc;

/// The usual exchange: what this replica remembers is right, the code is good, and nothing special is asked for. Then one statement
/// does it, and looks at everything that could speak against it in the database as it does.
///
/// `None` says nothing about the request: it is then looked at anew, from the beginning and in the present state, and that
/// decides. What is lost after the code is used up, here or on its way, is recovered by another authorization.
pub(super) async fn quickly(
    services: &Services,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Option<TokenResponse>, TokenError> {
    // An assertion is used up by looking at it; the limits of groups are decided by the person.
    if parameters.get("client_assertion").is_some() || !services.settings.group_scopes.is_empty() {
        return Ok(None);
    }
    let of = ["code", "redirect_uri", "code_verifier"].map(|name| parameters.get(name));
    let [Some(code), Some(redirect_uri), Some(verifier)] = of else { return Ok(None) };
    let Ok(verifier) = CodeVerifier::parse(verifier) else { return Ok(None) };
    let view = services.last_view();
    let Some(caller) = remembered(services, view, authorization, parameters).await? else { return Ok(None) };
    let client = caller.client;
    if !client.metadata.may_use(GrantType::AuthorizationCode) || !client.metadata.accepts_redirect_uri(redirect_uri) {
        return Ok(None);
    }
    let Some(resources) = usual_resources(services, view, parameters).await? else { return Ok(None) };
    let now = services.now();
    let code = token_hash(code);
    let refresh_token = has_refresh_tokens(services, &client).then(|| random::secret(&*services.random));
    let redemption = Redemption {
        code,
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        code_challenge: verifier.challenge(),
        // Whether one for the userinfo endpoint comes with a refresh token depends on its scope.
        resources: resources.iter().filter(|uri| **uri != services.settings.userinfo_uri()).cloned().collect(),
        cache_generation: view.generation(),
        at: now,
        nonce: random::bytes32(&*services.random),
        refresh_token: refresh_token
            .as_deref()
            .map(|secret| (token_hash(secret), now.plus(i64::from(services.settings.refresh_ttl)))),
    };
    let Some((grant, user, nonce)) = services.store.redeem_code(redemption).await? else { return Ok(None) };
    let mut response = for_grant(services, view, &grant, &user, &grant.scope, nonce, now).await?;
    response.refresh_token = refresh_token.map(|secret| family(grant.id, &code) + &secret);
    services.note_use(view, &client, now);
    Ok(Some(response))
}

/// Checks and signs first, consumes last: whatever fails on the way leaves the code good.
pub(super) async fn exchange(
    services: &Services,
    view: View,
    client: &Arc<Client>,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    let code_hash = token_hash(parameters.get("code").ok_or(TokenError::Missing("code"))?);
    let verifier = parameters.get("code_verifier").ok_or(TokenError::Missing("code_verifier"))?;
    let verifier = CodeVerifier::parse(verifier).map_err(TokenError::VerifierMalformed)?;
    let now = services.now();
    let code = services.store.code(&code_hash).await?.ok_or(TokenError::CodeUnknown)?;
    if code.client_id != client.id {
        return Err(TokenError::CodeOfAnotherClient);
    }
    if code.consumed_at.is_some() {
        return reused(services, &code, now).await;
    }
    let grant = services.store.grant(code.grant_id).await?.ok_or(TokenError::CodeUnknown)?;
    check(&code, &grant, parameters, &verifier, now)?;
    // A document may have changed since the person was sent there.
    if !client.metadata.accepts_redirect_uri(&code.redirect_uri) {
        return Err(TokenError::RedirectUriWithdrawn);
    }
    check_resource(services, view, &grant, parameters).await?;
    let user = services.store.user(grant.user_id).await?.ok_or(TokenError::GrantRevoked)?;
    let mut response = for_grant(services, view, &grant, &user, &grant.scope, code.nonce.clone(), now).await?;
    response.refresh_token = match consume(services, view, client, &code_hash, now).await? {
        Consumed::Won(refresh_token) => refresh_token,
        Consumed::Lost => return reused(services, &code, now).await,
    };
    Ok(response)
}

enum Consumed {
    /// By this request, with the first refresh token where one is due.
    Won(Option<String>),
    /// By another one, in between.
    Lost,
}

/// The one transaction: the code is used up, and the refresh token is there, or neither.
async fn consume(
    services: &Services,
    view: View,
    client: &Arc<Client>,
    code_hash: &TokenHash,
    now: Timestamp,
) -> Result<Consumed, TokenError> {
    let tx = services.store.begin().await?;
    let (_, grant) = tx.code_with_grant(code_hash).await?.ok_or(TokenError::CodeUnknown)?;
    // What speaks against it may be of a turn that shares this commit, and is not durable before it.
    if grant.state != GrantState::Live {
        tx.commit().await?;
        return Err(TokenError::GrantRevoked);
    }
    if !tx.consume_code(code_hash, now).await? {
        tx.commit().await?;
        return Ok(Consumed::Lost);
    }
    let refresh_token = first_refresh_token(services, client, &grant, code_hash, now);
    if let Some((_, row)) = &refresh_token {
        tx.insert_refresh_token(row).await?;
    }
    tx.commit().await?;
    services.note_use(view, client, now);
    Ok(Consumed::Won(refresh_token.map(|(token, _)| token)))
}

/// A code that comes a second time was stolen, before or now: what it issued ends (OAuth 2.1, section 4.1.3).
async fn reused(services: &Services, code: &AuthorizationCode, now: Timestamp) -> Result<TokenResponse, TokenError> {
    if services.stalls.lately() {
        return Err(TokenError::Stalled);
    }
    let tx = services.store.begin().await?;
    tx.revoke_grant(code.grant_id, now, RevocationReason::CodeReused).await?;
    tx.commit().await?;
    tracing::warn!(grant.id = %code.grant_id, client.id = %code.client_id, "an authorization code was used twice: its grant is revoked");
    Err(TokenError::CodeReused)
}

fn check(
    code: &AuthorizationCode,
    grant: &Grant,
    parameters: &Parameters,
    verifier: &CodeVerifier,
    now: Timestamp,
) -> Result<(), TokenError> {
    if grant.state != GrantState::Live {
        return Err(TokenError::GrantRevoked);
    }
    if code.expires_at <= now {
        return Err(TokenError::CodeExpired);
    }
    if parameters.get("redirect_uri").ok_or(TokenError::Missing("redirect_uri"))? != code.redirect_uri {
        return Err(TokenError::RedirectUriMismatch);
    }
    if !code.code_challenge.is_met_by(verifier) {
        return Err(TokenError::VerifierMismatch);
    }
    Ok(())
}
