//! Errors for programs: RFC 6749, section 5.2; RFC 7591, section 3.2.2; RFC 6750, section 3.

use super::RETRY_SECONDS;
use crate::http::extract::BodyError;
use crate::service::authorize::OPENID;
use crate::service::client_authentication::ClientAuthenticationError;
use crate::service::introspect::IntrospectError;
use crate::service::register::RegisterError;
use crate::service::revoke::RevokeError;
use crate::service::token::TokenError;
use crate::service::userinfo::UserInfoError;
use crate::store::StoreError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use authgent_core::challenge::Challenge;
use authgent_core::error::{ErrorResponse, OAuthErrorCode, printable};
use authgent_core::metadata::client::ClientMetadataError;
use authgent_core::scope::{Scope, ScopeToken};
use std::time::Duration;

/// An error for a program: the JSON object of RFC 6749, section 5.2.
#[derive(Debug)]
pub(in crate::http) struct ApiError {
    status: StatusCode,
    code: OAuthErrorCode,
    description: String,
    /// A client that tried HTTP Basic is answered with its challenge (RFC 6749, section 5.2).
    basic_challenge: bool,
    /// The challenge of an endpoint that takes bearer tokens (RFC 6750, section 3).
    bearer_challenge: Option<Challenge>,
    /// How long to wait, where that is known; in seconds.
    retry_after: Option<u64>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: OAuthErrorCode, description: impl Into<String>) -> Self {
        let description = description.into();
        Self { status, code, description, basic_challenge: false, bearer_challenge: None, retry_after: None }
    }

    fn bad(code: OAuthErrorCode, description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, description)
    }

    /// 429: the caller came too often, and may come again after `wait`.
    pub(in crate::http) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        let text = format!("too many registrations from this address: try again in {seconds} s");
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, OAuthErrorCode::TemporarilyUnavailable, text);
        Self { retry_after: Some(seconds), ..refused }
    }

    /// The refusal of an endpoint that takes bearer tokens, with its challenge (RFC 6750, section 3).
    fn challenged(status: StatusCode, code: OAuthErrorCode, description: String, scope: &Scope) -> Self {
        let challenge = Challenge::bearer().with("realm", "authgent").error(code).error_description(&description);
        let refused = Self::new(status, code, description);
        Self { bearer_challenge: Some(challenge.scope(scope)), ..refused }
    }

    /// 401 from an endpoint that takes bearer tokens. Whoever sent none is not told of an error (RFC 6750, section 3.1).
    fn bearer(sent: bool, description: String) -> Self {
        let challenge = Challenge::bearer().with("realm", "authgent");
        let challenge = if sent {
            challenge.error(OAuthErrorCode::InvalidToken).error_description(&description)
        } else {
            challenge
        };
        let refused = Self::new(StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidToken, description);
        Self { bearer_challenge: Some(challenge), ..refused }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if self.basic_challenge {
            response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"authgent\", charset=\"UTF-8\""));
        }
        if let Some(challenge) = &self.bearer_challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.to_string()));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.json(ErrorResponse::new(self.code, &self.description))
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            // A wrong Content-Type is 400 at these endpoints, not 415 (RFC 6749, section 5.2).
            BodyError::WrongType(_) | BodyError::Incomplete => StatusCode::BAD_REQUEST,
        };
        Self::new(status, OAuthErrorCode::InvalidRequest, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let error_text = error.to_string();
        if error.is_unavailable() {
            tracing::error!(error = %error_text, "the database did not answer");
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                OAuthErrorCode::TemporarilyUnavailable,
                "the server cannot reach its data: try again",
            )
        } else {
            tracing::error!(error = %error_text, "the request failed in the database");
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                OAuthErrorCode::ServerError,
                "the server met an unexpected condition",
            )
        }
    }
}

impl From<ClientAuthenticationError> for ApiError {
    fn from(error: ClientAuthenticationError) -> Self {
        use ClientAuthenticationError as E;
        let basic_challenge = matches!(
            error,
            E::Unknown { basic: true }
                | E::WrongSecret { basic: true }
                | E::SecretMissing { basic: true }
                | E::Disabled { basic: true }
                | E::Document { basic: true, .. }
                | E::AssertionMissing { basic: true }
                | E::MalformedBasic
        );
        let text = error.to_string();
        if matches!(error, E::Assertion(_) | E::AssertionMissing { .. }) {
            tracing::info!(cause = %printable(&error.for_log()), "client authentication refused");
        }
        let refused = match error {
            E::Store(error) => return error.into(),
            E::Ambiguous | E::AssertionType(_) => Self::bad(OAuthErrorCode::InvalidRequest, text),
            E::Missing
            | E::MalformedBasic
            | E::Unknown { .. }
            | E::Disabled { .. }
            | E::Document { .. }
            | E::SecretMissing { .. }
            | E::WrongSecret { .. }
            | E::AssertionMissing { .. }
            | E::Assertion(_) => Self::new(StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidClient, text),
        };
        Self { basic_challenge, ..refused }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        use TokenError as E;
        let text = error.to_string();
        match error {
            E::ClientAuthentication(error) => error.into(),
            E::Store(error) => error.into(),
            E::Sign(_) => {
                tracing::error!(error = %text, "signing failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    OAuthErrorCode::ServerError,
                    "the server could not sign the token",
                )
            }
            E::Stalled => {
                tracing::warn!("what was used before came while this process was standing still: nothing is revoked");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, OAuthErrorCode::TemporarilyUnavailable, text)
            }
            E::ClockWrong => {
                tracing::error!(error = %text, "a refresh token was used later than now: set the clocks of the replicas");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, OAuthErrorCode::TemporarilyUnavailable, text)
            }
            E::Parameters(_) | E::Missing(_) | E::VerifierMalformed(_) => {
                Self::bad(OAuthErrorCode::InvalidRequest, text)
            }
            E::UnsupportedGrantType => Self::bad(OAuthErrorCode::UnsupportedGrantType, text),
            E::UnauthorizedClient(_) => Self::bad(OAuthErrorCode::UnauthorizedClient, text),
            E::Target(_) | E::OtherResource { .. } => Self::bad(OAuthErrorCode::InvalidTarget, text),
            E::ScopeMalformed(_) | E::ScopeTooWide { .. } => Self::bad(OAuthErrorCode::InvalidScope, text),
            E::CodeUnknown
            | E::CodeOfAnotherClient
            | E::CodeExpired
            | E::CodeReused
            | E::RedirectUriMismatch
            | E::RedirectUriWithdrawn
            | E::VerifierMismatch
            | E::RefreshTokenUnknown
            | E::RefreshTokenOfAnotherClient
            | E::RefreshTokenExpired
            | E::RefreshTokenReused
            | E::GrantRevoked => {
                tracing::info!(cause = ?error, "grant refused");
                Self::bad(OAuthErrorCode::InvalidGrant, text)
            }
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        use RegisterError as E;
        let text = error.to_string();
        if !matches!(error, E::Store(_)) {
            tracing::info!(cause = %printable(&error.for_log()), "registration refused");
        }
        match error {
            E::Store(error) => error.into(),
            E::Off | E::Disabled { .. } => Self::new(StatusCode::FORBIDDEN, OAuthErrorCode::AccessDenied, text),
            E::InitialAccessTokenMissing | E::RegistrationAccessTokenMissing => Self::bearer(false, text),
            E::TokenMalformed | E::TokenRefused { .. } | E::TokenUsedUp | E::NotManager => Self::bearer(true, text),
            E::Metadata(ClientMetadataError::RedirectUri(_) | ClientMetadataError::RedirectUris(_))
            | E::RedirectUriNotApproved { .. } => Self::bad(OAuthErrorCode::InvalidRedirectUri, text),
            E::NotAnObject
            | E::ClientCredentials
            | E::Update { .. }
            | E::Metadata(ClientMetadataError::Field { .. }) => Self::bad(OAuthErrorCode::InvalidClientMetadata, text),
        }
    }
}

impl From<RevokeError> for ApiError {
    fn from(error: RevokeError) -> Self {
        let text = error.to_string();
        match error {
            RevokeError::ClientAuthentication(error) => error.into(),
            RevokeError::Store(error) => error.into(),
            RevokeError::Unrevocable => Self::bad(OAuthErrorCode::UnsupportedTokenType, text),
            RevokeError::Parameters(_) | RevokeError::TokenMissing => Self::bad(OAuthErrorCode::InvalidRequest, text),
        }
    }
}

impl From<UserInfoError> for ApiError {
    fn from(error: UserInfoError) -> Self {
        use UserInfoError as E;
        let text = error.to_string();
        match error {
            E::Store(error) => error.into(),
            E::Missing => Self::bearer(false, text),
            E::Refused(_) => Self::bearer(true, text),
            E::Malformed(_) => {
                Self::challenged(StatusCode::BAD_REQUEST, OAuthErrorCode::InvalidRequest, text, &Scope::empty())
            }
            E::ScopeMissing => {
                let openid = ScopeToken::parse(OPENID).into_iter().collect();
                Self::challenged(StatusCode::FORBIDDEN, OAuthErrorCode::InsufficientScope, text, &openid)
            }
        }
    }
}

impl From<IntrospectError> for ApiError {
    fn from(error: IntrospectError) -> Self {
        let text = error.to_string();
        match error {
            IntrospectError::ClientAuthentication(error) => error.into(),
            IntrospectError::Store(error) => error.into(),
            IntrospectError::PublicClient => Self::new(StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidClient, text),
            IntrospectError::Parameters(_) | IntrospectError::TokenMissing => {
                Self::bad(OAuthErrorCode::InvalidRequest, text)
            }
        }
    }
}
