//! The checks of a request, in order, free of any framework.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::jwks::{FetchError, Jwks, VerifyingKey};
use crate::mcp::Operation;
use crate::rejection::{Rejection, TokenError};
use crate::verify::{self, bearer_token};
use authgent_core::scope::Scope;
use authgent_core::time::{Clock, Timestamp};
use authgent_core::token::AccessTokenClaims;
use authgent_core::token::validate::ClaimError;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The claims of a token that was verified for this resource. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken(Arc<AccessTokenClaims>);

impl VerifiedToken {
    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.0
    }

    /// Whether the token has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scope.contains(scope)
    }
}

impl Deref for VerifiedToken {
    type Target = AccessTokenClaims;

    fn deref(&self) -> &AccessTokenClaims {
        &self.0
    }
}

/// Verifies the requests to one resource. Clones share keys and remembered tokens: make one before the server starts.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Arc<dyn Clock>,
    jwks: Jwks,
    verified: Cache<[u8; 32], Remembered>,
}

#[derive(Clone)]
struct Remembered {
    token: VerifiedToken,
    key: Arc<VerifyingKey>,
}

impl Authenticator {
    /// An authenticator with the clock of the machine. Nothing is fetched before the first token.
    ///
    /// # Errors
    /// [`FetchError::Client`] where TLS cannot be set up.
    pub fn new(config: Config) -> Result<Self, FetchError> {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// An authenticator with a clock of your own.
    ///
    /// # Errors
    /// As [`Authenticator::new`].
    pub fn with_clock(config: Config, clock: Arc<dyn Clock>) -> Result<Self, FetchError> {
        let jwks = Jwks::new(&config, Arc::clone(&clock))?;
        let verified = Cache::new(config.token_cache_size);
        Ok(Self(Arc::new(Inner { config, clock, jwks, verified })))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Whether the `Origin` of a request, where it has one, may call this server.
    ///
    /// # Errors
    /// [`Rejection::ForbiddenOrigin`].
    pub fn check_origin(&self, origin: Option<&str>) -> Result<(), Rejection> {
        match origin {
            Some(origin) if !self.0.config.allows_origin(origin) => {
                Err(Rejection::ForbiddenOrigin(origin.chars().take(200).collect()))
            }
            _ => Ok(()),
        }
    }

    /// Finds the token of a request and verifies it. `authorization` holds every value of that header, `query` the
    /// query string.
    ///
    /// # Errors
    /// [`Rejection`] by cause. Does *not* check scopes: see [`Authenticator::authorize`].
    pub async fn authenticate(&self, authorization: &[&[u8]], query: &str) -> Result<VerifiedToken, Rejection> {
        self.verify(bearer_token(authorization, query)?).await
    }

    /// Verifies a token: form, algorithm, signature, claims (RFC 9068, section 4). Remembered until it expires.
    ///
    /// # Errors
    /// [`Rejection::Token`], or [`Rejection::KeysUnavailable`] where the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(remembered) = inner.verified.get(&digest) {
            inner.jwks.refresh_if_stale(now);
            if self.has_expired(&remembered.token, now) {
                inner.verified.invalidate(&digest);
                return Err(TokenError::from(ClaimError::Expired).into());
            }
            if !remembered.key.is_withdrawn() {
                return Ok(remembered.token);
            }
            inner.verified.invalidate(&digest);
        }
        let (claims, key) = verify::verify(token, &inner.config, &inner.jwks, now).await?;
        let token = VerifiedToken(Arc::new(claims));
        inner.verified.insert(digest, Remembered { token: token.clone(), key });
        Ok(token)
    }

    /// How long the token is still accepted, the leeway included.
    #[must_use]
    pub fn time_left(&self, token: &VerifiedToken) -> Duration {
        let end = token.exp.plus(i64::from(self.0.config.expected.leeway));
        Duration::from_secs(u64::try_from(end.since(self.0.clock.now())).unwrap_or(0))
    }

    /// Whether the token has every scope that the operation needs.
    ///
    /// # Errors
    /// [`Rejection::InsufficientScope`] with all the scopes that it needs, or [`Rejection::UnlistedTool`].
    pub fn authorize(&self, token: &VerifiedToken, operation: &Operation) -> Result<(), Rejection> {
        let config = &self.0.config;
        let mut tools = None::<Scope>;
        for tool in &operation.tools {
            match config.tools.get(tool) {
                Some(scope) => tools = Some(tools.unwrap_or_default().union(scope)),
                None if config.deny_unlisted_tools => {
                    return Err(Rejection::UnlistedTool(tool.chars().take(200).collect()));
                }
                None => {}
            }
        }
        let satisfied = config.required_scope.is_subset(&token.scope)
            && tools.as_ref().is_none_or(|scope| scope.is_subset(&token.scope));
        if satisfied {
            return Ok(());
        }
        let required = config.required_scope.union(&tools.unwrap_or_default());
        let missing = required.difference(&token.scope);
        Err(Rejection::InsufficientScope { required, missing })
    }

    fn has_expired(&self, token: &VerifiedToken, now: Timestamp) -> bool {
        token.exp.plus(self.0.config.expected.leeway.into()) <= now
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("config", &self.0.config).finish_non_exhaustive()
    }
}
