//! The only place where errors become responses.

use super::extract::BodyError;
use super::pages::csp::{self, Forms};
use super::pages::{Detail, ErrorPage, Layout, Problem, Template as _};
use crate::service::Services;
use crate::service::authorize::{AuthorizeError, Cause};
use crate::service::client_authentication::ClientAuthenticationError;
use crate::service::consent::ConsentError;
use crate::service::introspect::IntrospectError;
use crate::service::register::RegisterError;
use crate::service::revoke::RevokeError;
use crate::service::token::TokenError;
use crate::store::StoreError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError, web};
use authgent_core::challenge::Challenge;
use authgent_core::error::{ErrorResponse, OAuthErrorCode, printable};
use authgent_core::metadata::client::ClientMetadataError;
use std::time::Duration;
use tracing_actix_web::RequestId;

/// How long a client should wait before it tries again, in seconds.
const RETRY_SECONDS: &str = "2";

/// An error for a program: the JSON object of RFC 6749, section 5.2.
#[derive(Debug)]
pub(super) struct ApiError {
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
    fn new(status: StatusCode, code: OAuthErrorCode, description: impl Into<String>) -> Self {
        let description = description.into();
        Self { status, code, description, basic_challenge: false, bearer_challenge: None, retry_after: None }
    }

    fn bad(code: OAuthErrorCode, description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, description)
    }

    /// 429: the caller came too often, and may come again after `wait`.
    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        let text = format!("too many registrations from this address: try again in {seconds} s");
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, OAuthErrorCode::TemporarilyUnavailable, text);
        Self { retry_after: Some(seconds), ..refused }
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
                | E::MalformedBasic
        );
        let text = error.to_string();
        let refused = match error {
            E::Store(error) => return error.into(),
            E::Ambiguous => Self::bad(OAuthErrorCode::InvalidRequest, text),
            E::Missing
            | E::MalformedBasic
            | E::Unknown { .. }
            | E::Disabled { .. }
            | E::Document { .. }
            | E::SecretMissing { .. }
            | E::WrongSecret { .. } => Self::new(StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidClient, text),
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
            E::TokenMissing => Self::bearer(false, text),
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

/// An error for a person.
#[derive(Debug)]
pub(super) struct PageError {
    status: StatusCode,
    page: Box<ErrorPage>,
}

impl PageError {
    /// The page for a problem.
    pub(super) fn new(services: &Services, request: &HttpRequest, problem: Problem) -> Self {
        let status = match problem {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Problem::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Problem::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Problem::ForeignForm => StatusCode::FORBIDDEN,
            Problem::UnknownClient
            | Problem::ClientDocument
            | Problem::RedirectUri
            | Problem::Malformed
            | Problem::Expired => StatusCode::BAD_REQUEST,
        };
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        let layout = Layout::for_issuer(services.settings.issuer.as_str());
        Self { status, page: Box::new(ErrorPage::new(layout, problem, request_id)) }
    }

    /// The page for a database that did not answer.
    pub(super) fn store(services: &Services, request: &HttpRequest, error: &StoreError) -> Self {
        tracing::error!(error = %error, "the request failed in the database");
        Self::new(services, request, if error.is_unavailable() { Problem::Unavailable } else { Problem::Internal })
    }

    /// The page for a consent page that cannot be shown or answered.
    pub(super) fn consent(services: &Services, request: &HttpRequest, error: &ConsentError) -> Self {
        tracing::info!(cause = %error, "consent refused");
        match error {
            ConsentError::Store(error) => Self::store(services, request, error),
            ConsentError::ClientGone => Self::new(services, request, Problem::UnknownClient),
            ConsentError::Gone | ConsentError::ResourceGone | ConsentError::ForeignScope(_) => {
                Self::new(services, request, Problem::Expired)
            }
        }
    }

    fn with_detail(mut self, label: &str, value: &str) -> Self {
        self.page.details.push(Detail { label: label.to_owned(), value: value.to_owned() });
        self
    }
}

impl std::fmt::Display for PageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.page.title)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_SECURITY_POLICY, csp::policy(Forms::None)))
            .content_type("text/html; charset=utf-8");
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        response.body(self.page.render().unwrap_or_else(|_| self.page.title.clone()))
    }
}

/// The answer to an authorization request that gets no code: a page, or a redirect with the error.
pub(super) fn authorize_error(
    services: &Services,
    request: &HttpRequest,
    error: AuthorizeError,
) -> Result<HttpResponse, PageError> {
    match error {
        AuthorizeError::Store(error) => Err(PageError::store(services, request, &error)),
        AuthorizeError::Page(cause) => Err(authorize_page(services, request, &cause)),
        AuthorizeError::Withheld { refusal } => {
            tracing::info!(error.code = %refusal.code, "authorization refused on a page: nobody vouches for the redirect URI");
            Err(PageError::new(services, request, Problem::Malformed).with_detail("Cause", &refusal.to_string()))
        }
        AuthorizeError::Redirect { location, refusal, .. } => {
            let cause = refusal.source.as_ref().map(ToString::to_string);
            tracing::info!(error.code = %refusal.code, error.description = %printable(&refusal.description), cause, "authorization refused");
            Ok(HttpResponse::SeeOther()
                .insert_header((LOCATION, location))
                .insert_header((CACHE_CONTROL, "no-store"))
                .finish())
        }
    }
}

fn authorize_page(services: &Services, request: &HttpRequest, cause: &Cause) -> PageError {
    tracing::info!(error.code = %cause.code(), cause = %cause, "authorization refused on a page");
    let problem = match cause {
        Cause::ClientUnknown | Cause::ClientDisabled => Problem::UnknownClient,
        Cause::ClientDocument(_) => Problem::ClientDocument,
        Cause::RedirectUriUnknown { .. } => Problem::RedirectUri,
        Cause::ClientIdMissing | Cause::Repeated(_) | Cause::RedirectUriMissing => Problem::Malformed,
    };
    let page = PageError::new(services, request, problem).with_detail("Cause", &cause.to_string());
    match cause {
        Cause::RedirectUriUnknown { presented } => page.with_detail("redirect_uri", presented),
        _ => page,
    }
}

/// 404: a page for a browser, JSON for everybody else. Clients probe well-known paths and expect 404, not HTML.
pub(super) async fn not_found(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    if wants_page(&request) {
        return PageError::new(&services, &request, Problem::NotFound).error_response();
    }
    ApiError::new(StatusCode::NOT_FOUND, OAuthErrorCode::InvalidRequest, "there is no such endpoint").error_response()
}

/// 405, with the methods that the path has.
pub(super) async fn method_not_allowed(request: HttpRequest, services: web::Data<Services>) -> HttpResponse {
    let mut response = if wants_page(&request) {
        PageError::new(&services, &request, Problem::MethodNotAllowed).error_response()
    } else {
        let text = format!("{} is not allowed here", request.method());
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, OAuthErrorCode::InvalidRequest, text).error_response()
    };
    let takes_post =
        ["/token", "/register", "/revoke", "/introspect"].iter().any(|path| request.path().ends_with(path));
    let methods = match request.match_pattern() {
        Some(pattern) if pattern.ends_with("/register/{client_id}") => "GET, HEAD, PUT, DELETE",
        _ if takes_post => "POST",
        _ => "GET, HEAD, POST",
    };
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(methods));
    response
}

fn wants_page(request: &HttpRequest) -> bool {
    let oauth = request.path().contains("/oauth/") && !request.path().ends_with("/authorize");
    let accepts = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    !oauth && !request.path().contains("/.well-known/") && accepts.contains("text/html")
}
