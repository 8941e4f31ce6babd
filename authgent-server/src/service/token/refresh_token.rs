//! `grant_type=refresh_token`: OAuth 2.1, section 4.3. Tokens rotate on every use.

use super::TokenError;
use super::authorization_code::check_resource;
use super::issue::{for_grant, refresh_token};
use crate::crypto::hash::{base64url, hmac_sha256, token_hash};
use crate::crypto::random;
use crate::domain::{Client, Grant, GrantState, RefreshTokenState, RevocationReason};
use crate::service::Services;
use crate::service::parameters::Parameters;
use crate::store::WriteTransaction;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use authgent_core::wire::token::TokenResponse;

pub(super) async fn refresh(
    services: &Services,
    client: &Client,
    parameters: &Parameters,
) -> Result<TokenResponse, TokenError> {
    let presented = parameters.get("refresh_token").ok_or(TokenError::Missing("refresh_token"))?;
    let presented_hash = token_hash(presented);
    let now = services.now();
    let tx = services.store.begin().await?;
    let (mut token, grant) =
        tx.refresh_token_with_grant(&presented_hash).await?.ok_or(TokenError::RefreshTokenUnknown)?;
    if grant.client_id != client.id {
        return Err(TokenError::RefreshTokenOfAnotherClient);
    }
    if grant.state != GrantState::Live {
        return Err(TokenError::GrantRevoked);
    }
    check_resource(services, &grant, parameters).await?;
    let scope = check_scope(&grant, parameters)?;
    if token.state == RefreshTokenState::Live {
        if token.expires_at <= now {
            return Err(TokenError::RefreshTokenExpired);
        }
        let nonce = random::bytes32(&*services.random);
        // The row decides who rotates: of two requests that come at once, one finds the token no longer live.
        if tx.consume_refresh_token(&presented_hash, now, &nonce).await? {
            let successor = successor_of(presented, &nonce);
            tx.insert_refresh_token(&refresh_token(services, token_hash(&successor), grant.id, now)).await?;
            tx.touch_client(&client.id, now).await?;
            tx.commit().await?;
            return for_grant(services, &grant, &scope, Some(successor), None, now).await;
        }
        (token, _) = tx.refresh_token_with_grant(&presented_hash).await?.ok_or(TokenError::RefreshTokenUnknown)?;
    }
    match token.state {
        // Two windows of one client that refresh at once (Claude's surfaces share a grant), or a retry after a lost
        // answer: the same successor again. Nothing is written.
        RefreshTokenState::Consumed { at, successor_nonce }
            if now.since(at) <= i64::from(services.settings.refresh_grace) =>
        {
            drop(tx);
            for_grant(services, &grant, &scope, Some(successor_of(presented, &successor_nonce)), None, now).await
        }
        RefreshTokenState::Consumed { .. } | RefreshTokenState::Live => reused(tx, &grant, now).await,
    }
}

/// A token that comes again after the grace was stolen, before or now: the whole grant ends (RFC 9700, section 4.14.2).
async fn reused(tx: WriteTransaction, grant: &Grant, now: Timestamp) -> Result<TokenResponse, TokenError> {
    tx.revoke_grant(grant.id, now, RevocationReason::RefreshTokenReused).await?;
    tx.commit().await?;
    tracing::warn!(grant.id = %grant.id, client.id = %grant.client_id, "a used refresh token was presented again: its grant is revoked");
    Err(TokenError::RefreshTokenReused)
}

/// The token that follows `presented`. It is as random as the nonce, and can be made again only from the token that was
/// presented together with the row of the database, neither of which alone says anything of it.
fn successor_of(presented: &str, nonce: &[u8; 32]) -> String {
    base64url(&hmac_sha256(nonce, presented.as_bytes()))
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
