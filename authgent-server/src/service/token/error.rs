use crate::crypto::keyring::SignError;
use crate::service::TargetError;
use crate::service::client_authentication::ClientAuthenticationError;
use crate::store::StoreError;
use authgent_core::metadata::client::GrantType;
use authgent_core::pkce::PkceError;
use authgent_core::scope::ScopeError;

/// Why no token is issued. Each variant is a cause; `http::error` gives it its code and status.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A parameter is there twice, or holds what none may.
    #[error("{0}")]
    Parameters(String),
    /// A parameter is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A grant type that this server does not know.
    #[error("grant_type must be authorization_code, refresh_token or client_credentials")]
    UnsupportedGrantType,
    /// The client may not use the grant type.
    #[error("this client is not registered for {}", .0.as_str())]
    UnauthorizedClient(GrantType),
    /// The client is not who it says it is.
    #[error(transparent)]
    ClientAuthentication(#[from] ClientAuthenticationError),
    /// The code was never issued, or is long gone.
    #[error("the code is unknown or expired")]
    CodeUnknown,
    /// The code was issued to another client.
    #[error("the code is unknown or expired")]
    CodeOfAnotherClient,
    /// Too old.
    #[error("the code is unknown or expired")]
    CodeExpired,
    /// It was redeemed before. What it issued then is revoked.
    #[error("the code was used before: everything that it issued is revoked")]
    CodeReused,
    /// Not the one of the authorization request.
    #[error("redirect_uri must be the one of the authorization request")]
    RedirectUriMismatch,
    /// The client has taken it out of its metadata since.
    #[error("the redirect_uri is no longer one of this client's")]
    RedirectUriWithdrawn,
    /// It does not fit the challenge.
    #[error("code_verifier does not fit the code_challenge of the authorization request")]
    VerifierMismatch,
    /// It is no verifier.
    #[error("{0}")]
    VerifierMalformed(PkceError),
    /// The refresh token was never issued, or is long gone.
    #[error("the refresh token is unknown, expired or revoked")]
    RefreshTokenUnknown,
    /// It was issued to another client.
    #[error("the refresh token is unknown, expired or revoked")]
    RefreshTokenOfAnotherClient,
    /// Too old.
    #[error("the refresh token is unknown, expired or revoked")]
    RefreshTokenExpired,
    /// It was used before, longer ago than the grace. The whole grant is revoked.
    #[error("the refresh token was used before: the grant is revoked")]
    RefreshTokenReused,
    /// It was used before, but perhaps this replica reads it late.
    #[error("this server has been standing still: try again")]
    Stalled,
    /// By the clock it was used later than now: the clock of a replica is wrong.
    #[error("the clocks of this server disagree: try again")]
    ClockWrong,
    /// The grant was revoked.
    #[error("the grant was revoked")]
    GrantRevoked,
    /// Not the resource that was granted.
    #[error("resource must be {granted}, for which this was granted")]
    OtherResource {
        /// What was granted.
        granted: String,
    },
    /// There is no such resource.
    #[error(transparent)]
    Target(TargetError),
    /// It is no scope.
    #[error("{0}")]
    ScopeMalformed(#[from] ScopeError),
    /// More than was granted.
    #[error("the scope {excess} is more than was granted ({granted})")]
    ScopeTooWide {
        /// What is too much.
        excess: String,
        /// What was granted.
        granted: String,
    },
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TargetError> for TokenError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Store(error) => Self::Store(error),
            error => Self::Target(error),
        }
    }
}
