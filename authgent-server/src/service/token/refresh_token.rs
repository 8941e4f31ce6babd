//! `grant_type=refresh_token`: OAuth 2.1, section 4.3. Tokens rotate on every use.

use super::family::{Presented, grant_of, row_of};
use super::issue::{check_resource, for_grant, refresh_token, usual_resources};
use super::{TokenError, remembered};
use crate::crypto::random;
use crate::domain::rotation::{CLOCK_SKEW, Decision, FURTHEST, decide, decide_without_row, follow};
use crate::domain::{Client, Grant, RevocationReason, TokenHash};
use crate::service::Services;
use crate::service::memory::View;
use crate::service::parameters::Parameters;
use crate::store::{Rotation, StoreError};
use authgent_core::metadata::client::GrantType;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use authgent_core::wire::token::TokenResponse;
use std::sync::Arc;
use std::time::Duration;

/// The usual refresh: what this replica remembers is right, the token is live, and nothing special is asked for. Then one
/// statement does it, and looks at everything that could speak against it in the database as it does.
///
/// `None` says nothing about the request: it is then looked at anew, from the beginning and in the present state, and that
/// decides. An answer that is lost after the rotation, here or on its way, is recovered by asking again.
pub(super) async fn quickly(
    services: &Services,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Option<TokenResponse>, TokenError> {
    // An assertion is used up by looking at it; a narrower scope and the limits of groups are decided by the grant.
    let special = ["scope", "client_assertion"].iter().any(|name| parameters.get(name).is_some());
    let presented = parameters.get("refresh_token").filter(|_| !special).and_then(Presented::parse);
    let Some(presented) = presented else { return Ok(None) };
    let view = services.last_view();
    let Some(caller) = remembered(services, view, authorization, parameters).await? else { return Ok(None) };
    let client = caller.client;
    let Some(resources) = usual_resources(services, view, parameters).await? else { return Ok(None) };
    if !client.metadata.may_use(GrantType::RefreshToken) || !services.settings.group_scopes.is_empty() {
        return Ok(None);
    }
    let now = services.now();
    let nonce = random::bytes32(&*services.random);
    let (successor, successor_hash) = presented.successor(&nonce);
    let rotation = Rotation {
        token: presented.hash(),
        grant_id: presented.grant_id,
        client_id: client.id.clone(),
        resources,
        cache_generation: view.generation(),
        at: now,
        successor: successor_hash,
        successor_nonce: nonce,
        expires_at: now.plus(i64::from(services.settings.refresh_ttl)),
    };
    let Some((grant, user)) = services.store.rotate_refresh_token(rotation).await? else { return Ok(None) };
    let mut response = for_grant(services, view, &grant, &user, &grant.scope, None, now).await?;
    response.refresh_token = Some(successor);
    services.note_use(view, &client, now);
    Ok(Some(response))
}

/// Checks and signs first, rotates last: whatever fails on the way leaves the token good.
pub(super) async fn refresh(
    services: &Services,
    view: View,
    client: &Arc<Client>,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    let presented = parameters.get("refresh_token").ok_or(TokenError::Missing("refresh_token"))?;
    let now = services.now();
    let Some((token, grant)) = row_of(services, presented).await? else {
        return Err(without_row(services, client, presented, now).await?);
    };
    match decide(&token, &grant, &client.id, now, grace(services)) {
        Decision::Rotate | Decision::SameSuccessor { .. } => {}
        refused => return Err(refuse(services, &grant, refused, now).await),
    }
    check_resource(services, view, &grant, parameters).await?;
    let scope = check_scope(&grant, parameters)?;
    let user = services.store.user(grant.user_id).await?.ok_or(TokenError::GrantRevoked)?;
    let mut response = for_grant(services, view, &grant, &user, &scope, None, now).await?;
    response.refresh_token = Some(rotate(services, client, presented, now).await?);
    services.note_use(view, client, now);
    Ok(response)
}

/// What is wrong with a token that has no row. One of a chain that goes on was used long ago; of a chain that has ended, nobody
/// can take anything.
async fn without_row(
    services: &Services,
    client: &Client,
    presented: &str,
    now: Timestamp,
) -> Result<TokenError, StoreError> {
    let Some(grant) = grant_of(services, presented).await? else { return Ok(TokenError::RefreshTokenUnknown) };
    let goes_on = services.store.has_refresh_token(grant.id).await?;
    Ok(refuse(services, &grant, decide_without_row(&grant, &client.id, goes_on), now).await)
}

/// The one transaction: the token is used up and its successor is there, or neither.
///
/// Two windows of one client that refresh at once (Claude's surfaces share a grant), or a retry after a lost answer, get
/// the same successor; then nothing is written.
async fn rotate(services: &Services, client: &Client, presented: &str, now: Timestamp) -> Result<String, TokenError> {
    let presented = Presented::parse(presented).ok_or(TokenError::RefreshTokenUnknown)?;
    let presented_hash = presented.hash();
    let grace = grace(services);
    let tx = services.store.begin().await?;
    let (token, grant) = tx.refresh_token_with_grant(&presented_hash).await?.ok_or(TokenError::RefreshTokenUnknown)?;
    let mut decided = decide(&token, &grant, &client.id, now, grace);
    if decided == Decision::Rotate {
        let nonce = random::bytes32(&*services.random);
        // The row decides who rotates: of two requests that come at once, one finds the token no longer live.
        if tx.consume_refresh_token(&presented_hash, now, &nonce).await? {
            let (successor, hash) = presented.successor(&nonce);
            tx.insert_refresh_token(&refresh_token(services, hash, grant.id, now)).await?;
            tx.commit().await?;
            return Ok(successor);
        }
        let (token, grant) =
            tx.refresh_token_with_grant(&presented_hash).await?.ok_or(TokenError::RefreshTokenUnknown)?;
        decided = decide(&token, &grant, &client.id, now, grace);
    }
    // Nothing was written, but what was read may be of a turn that shares this commit, and is not durable before it: neither a
    // successor, nor that the grant is revoked, after which the client forgets its token.
    tx.commit().await?;
    match decided {
        Decision::SameSuccessor { nonce } => newest(services, presented.successor(&nonce)).await,
        refused => Err(refuse(services, &grant, refused, now).await),
    }
}

/// The successor, or where it was used as well the newest token that followed it.
async fn newest(services: &Services, mut successor: (String, TokenHash)) -> Result<String, TokenError> {
    for _ in 0..FURTHEST {
        let found = services.store.refresh_token_with_grant(&successor.1).await?;
        let Some(nonce) = found.and_then(|(token, _)| follow(&token)) else { break };
        let Some(used) = Presented::parse(&successor.0) else { break };
        successor = used.successor(&nonce);
    }
    Ok(successor.0)
}

/// How long after its use a token is answered again, in seconds. It counts from the moment at which the request came that used it,
/// and where that was late to be durable, nobody could be answered before.
fn grace(services: &Services) -> u32 {
    let grace = services.settings.refresh_grace;
    let late = services.store.lateness(Duration::from_secs(u64::from(grace + CLOCK_SKEW)));
    grace.saturating_add(u32::try_from(late.as_secs()).unwrap_or(u32::MAX))
}

/// What a decision against the token means for its grant, and for the client.
async fn refuse(services: &Services, grant: &Grant, decided: Decision, now: Timestamp) -> TokenError {
    match decided {
        // Neither refuses; a token that can be exchanged and yet is not is not there.
        Decision::Rotate | Decision::SameSuccessor { .. } => TokenError::RefreshTokenUnknown,
        Decision::OtherClient => TokenError::RefreshTokenOfAnotherClient,
        Decision::GrantRevoked => TokenError::GrantRevoked,
        Decision::Expired => TokenError::RefreshTokenExpired,
        Decision::ClockWrong => TokenError::ClockWrong,
        // Perhaps the client sent it in time, and went on with another replica while this one stood still.
        Decision::Reused if services.stalls.lately() => TokenError::Stalled,
        Decision::Reused => match revoke(services, grant, now).await {
            Ok(()) => TokenError::RefreshTokenReused,
            Err(error) => error.into(),
        },
    }
}

/// A token that comes again after the grace was stolen, before or now: the whole grant ends (RFC 9700, section 4.14.2).
async fn revoke(services: &Services, grant: &Grant, now: Timestamp) -> Result<(), StoreError> {
    let tx = services.store.begin().await?;
    tx.revoke_grant(grant.id, now, RevocationReason::RefreshTokenReused).await?;
    tx.commit().await?;
    tracing::warn!(grant.id = %grant.id, client.id = %grant.client_id, "a used refresh token was presented again: its grant is revoked");
    Ok(())
}

/// A narrower scope may be asked for, never a wider one (OAuth 2.1, section 4.3.1). `offline_access` is tolerated.
fn check_scope(grant: &Grant, parameters: &Parameters) -> Result<Scope, TokenError> {
    let Some(asked) = parameters.get("scope") else { return Ok(grant.scope.clone()) };
    let asked = Scope::parse(asked)?;
    let excess: Scope =
        asked.difference(&grant.scope).into_iter().filter(|scope| scope.as_str() != "offline_access").collect();
    if excess.is_empty() {
        Ok(asked.intersection(&grant.scope))
    } else {
        Err(TokenError::ScopeTooWide { excess: excess.to_string(), granted: grant.scope.to_string() })
    }
}
