//! Errors for people.

use super::RETRY_SECONDS;
use crate::http::language;
use crate::http::pages::csp::{self, Forms};
use crate::http::pages::{Detail, ErrorPage, Layout, Link, Problem, Template as _};
use crate::service::Services;
use crate::service::authorize::{AuthorizeError, Cause};
use crate::service::client_documents::DocumentError;
use crate::service::consent::ConsentError;
use crate::store::StoreError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use authgent_core::error::printable;
use tracing_actix_web::RequestId;

/// An error for a person.
#[derive(Debug)]
pub(in crate::http) struct PageError {
    status: StatusCode,
    page: Box<ErrorPage>,
}

impl PageError {
    /// The page for a problem.
    pub(in crate::http) fn new(services: &Services, request: &HttpRequest, problem: Problem) -> Self {
        let status = match problem {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Problem::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Problem::Unavailable | Problem::ProviderDown => StatusCode::SERVICE_UNAVAILABLE,
            Problem::ForeignForm | Problem::SignInDeclined | Problem::NotAllowed => StatusCode::FORBIDDEN,
            Problem::LinkedElsewhere => StatusCode::CONFLICT,
            Problem::ProviderWrong => StatusCode::BAD_GATEWAY,
            Problem::UnknownClient
            | Problem::ClientDocument
            | Problem::ClientNotAccepted
            | Problem::RedirectUri
            | Problem::Malformed
            | Problem::SignInGone
            | Problem::Expired => StatusCode::BAD_REQUEST,
        };
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        let layout = Layout::new(services, request);
        Self { status, page: Box::new(ErrorPage::new(layout, problem, request_id)) }
    }

    /// The page for a database that did not answer.
    pub(in crate::http) fn store(services: &Services, request: &HttpRequest, error: &StoreError) -> Self {
        tracing::error!(error = %error, "the request failed in the database");
        Self::new(services, request, if error.is_unavailable() { Problem::Unavailable } else { Problem::Internal })
    }

    /// The page for a consent page that cannot be shown or answered.
    pub(in crate::http) fn consent(services: &Services, request: &HttpRequest, error: &ConsentError) -> Self {
        tracing::info!(cause = %error, "consent refused");
        match error {
            ConsentError::Store(error) => Self::store(services, request, error),
            ConsentError::ClientGone => Self::new(services, request, Problem::UnknownClient),
            ConsentError::Gone | ConsentError::ResourceGone | ConsentError::ForeignScope(_) => {
                Self::new(services, request, Problem::Expired)
            }
        }
    }

    /// With a page of ours to go on with.
    pub(in crate::http) fn with_link(mut self, label: &str, url: String) -> Self {
        self.page.link = Some(Link { label: label.to_owned(), url });
        self
    }

    /// With what the log says.
    fn with_cause(self, cause: &str) -> Self {
        let label = self.page.layout.texts.errors.cause;
        self.with_detail(label, cause)
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
        let mut response = response.body(self.page.render().unwrap_or_else(|_| self.page.title.clone()));
        language::mark(response.headers_mut(), self.page.layout.texts);
        response
    }
}

/// The answer to an authorization request that gets no code: a page, or a redirect with the error.
pub(in crate::http) fn authorize_error(
    services: &Services,
    request: &HttpRequest,
    error: AuthorizeError,
) -> Result<HttpResponse, PageError> {
    match error {
        AuthorizeError::Store(error) => Err(PageError::store(services, request, &error)),
        AuthorizeError::Page(cause) => Err(authorize_page(services, request, &cause)),
        AuthorizeError::Withheld { refusal } => {
            tracing::info!(error.code = %refusal.code, "authorization refused on a page: nobody vouches for the redirect URI");
            Err(PageError::new(services, request, Problem::Malformed).with_cause(&refusal.to_string()))
        }
        AuthorizeError::Redirect { location, refusal, .. } => {
            // The client is told by a redirect, which would raise no alarm.
            if let Some(error) = &refusal.source {
                tracing::error!(error = %error, "the database did not answer");
            }
            tracing::info!(error.code = %refusal.code, error.description = %printable(&refusal.description), "authorization refused");
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
        Cause::ClientDocument(DocumentError::Domain { .. }) | Cause::ClientDocumentsOff | Cause::ClientIdNotHttps => {
            Problem::ClientNotAccepted
        }
        Cause::ClientDocument(_) => Problem::ClientDocument,
        Cause::RedirectUriUnknown { .. } => Problem::RedirectUri,
        Cause::ClientIdMissing | Cause::Repeated(_) | Cause::RedirectUriMissing => Problem::Malformed,
    };
    let page = PageError::new(services, request, problem).with_cause(&cause.to_string());
    match cause {
        Cause::RedirectUriUnknown { presented } => page.with_detail("redirect_uri", presented),
        _ => page,
    }
}
