use crate::domain::Client;
use crate::service::client_documents::DocumentError;
use crate::service::clients::FindClientError;
use crate::service::{Settings, TargetError};
use crate::store::StoreError;
use authgent_core::error::{OAuthErrorCode, printable};
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};

/// Why an authorization request gets no code. Whether the client is told is part of the type: before client and redirect
/// URI are verified there is no [`ReturnAddress`], and without one no redirect can be made (OAuth 2.1, section 4.1.2.1).
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Shown to the person, never redirected.
    #[error("{0}")]
    Page(Cause),
    /// Sent to the client.
    #[error("{refusal}")]
    Redirect {
        /// The redirect URI with `error`, `error_description`, `state` and `iss`.
        location: String,
        /// What was wrong.
        refusal: Box<Refusal>,
        /// Whether the person may be sent there without having done anything here.
        trusted: bool,
    },
    /// Shown to the person, who is not sent on: nobody vouches for where it would lead.
    #[error("{refusal}")]
    Withheld {
        /// What was wrong.
        refusal: Box<Refusal>,
    },
    /// The database did not answer, or something else broke.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FindClientError> for AuthorizeError {
    fn from(error: FindClientError) -> Self {
        match error {
            FindClientError::Document(error) => Self::Page(Cause::ClientDocument(error)),
            FindClientError::Store(error) => Self::Store(error),
        }
    }
}

impl AuthorizeError {
    /// A redirect that anybody can bring about with a link, to a web address that nobody vouches for, becomes a page: else
    /// the sign-in host would lead people who trust it to whoever registered a client (RFC 9700, section 4.11.2).
    #[must_use]
    pub fn withheld_from_strangers(self) -> Self {
        match self {
            Self::Redirect { refusal, trusted: false, .. } => Self::Withheld { refusal },
            other => other,
        }
    }
}

/// Why a request must not be answered at its redirect URI.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// `client_id` is not there.
    #[error("client_id is missing")]
    ClientIdMissing,
    /// `client_id` or `redirect_uri` is there twice.
    #[error("{0} is there more than once")]
    Repeated(&'static str),
    /// Nobody registered it, or it was deleted.
    #[error("no client is registered under this client_id")]
    ClientUnknown,
    /// It is a URL, and documents are not taken here.
    #[error(
        "the client_id is the URL of a client metadata document, and these are switched off here (AUTHGENT_CLIENT_DOCUMENTS)"
    )]
    ClientDocumentsOff,
    /// It is a URL, but one without encryption.
    #[error("the client_id is a URL: expected the https URL of a client metadata document")]
    ClientIdNotHttps,
    /// Its metadata document cannot be used.
    #[error("{}", .0.for_strangers())]
    ClientDocument(DocumentError),
    /// The operator disabled it.
    #[error("this client was disabled by the operator")]
    ClientDisabled,
    /// `redirect_uri` is not there.
    #[error("redirect_uri is missing")]
    RedirectUriMissing,
    /// It is not one of those that the client registered.
    #[error("the redirect_uri is not one that this client registered")]
    RedirectUriUnknown {
        /// What was sent.
        presented: String,
    },
}

impl Cause {
    /// The code for the operator.
    #[must_use]
    pub const fn code(&self) -> OAuthErrorCode {
        match self {
            Self::ClientUnknown
            | Self::ClientDisabled
            | Self::ClientDocumentsOff
            | Self::ClientIdNotHttps
            | Self::ClientDocument(_) => OAuthErrorCode::InvalidClient,
            Self::ClientIdMissing | Self::Repeated(_) | Self::RedirectUriMissing | Self::RedirectUriUnknown { .. } => {
                OAuthErrorCode::InvalidRequest
            }
        }
    }
}

/// A refusal that the client is told of.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {description}")]
pub struct Refusal {
    /// The standard's code.
    pub code: OAuthErrorCode,
    /// What is wrong, and what was expected.
    pub description: String,
    /// What the log is told beside it.
    #[source]
    pub source: Option<StoreError>,
}

impl Refusal {
    /// A refusal with a code and a description.
    pub fn new(code: OAuthErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), source: None }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code =
            if error.is_unavailable() { OAuthErrorCode::TemporarilyUnavailable } else { OAuthErrorCode::ServerError };
        Self { code, description: "the request could not be stored: try again".into(), source: Some(error) }
    }
}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Store(error) => error.into(),
            error => Self::new(OAuthErrorCode::InvalidTarget, error.to_string()),
        }
    }
}

/// Where an answer may be sent: made only of a redirect URI that was found registered for the client.
#[derive(Debug, Clone)]
pub struct ReturnAddress {
    redirect_uri: RedirectUri,
    state: Option<String>,
    issuer: String,
    trusted: bool,
}

impl ReturnAddress {
    /// The address of a request whose redirect URI was checked.
    #[must_use]
    pub fn new(client: &Client, redirect_uri: RedirectUri, state: Option<&str>, settings: &Settings) -> Self {
        // What leads to a program on the person's own computer leads to no stranger's page.
        let trusted = settings.vouches_for(client) || redirect_uri.kind() != RedirectUriKind::Https;
        Self { redirect_uri, state: state.map(str::to_owned), issuer: settings.issuer.to_string(), trusted }
    }

    /// The redirect URI as the client sent it.
    #[must_use]
    pub const fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// The answer with a code: `code`, `state` and `iss` (OAuth 2.1, section 4.1.2; RFC 9207, section 2).
    #[must_use]
    pub fn with_code(&self, code: &str) -> String {
        self.location(&[("code", code)])
    }

    /// The answer with an error (OAuth 2.1, section 4.1.2.1; RFC 9207, section 2).
    #[must_use]
    pub fn with_error(&self, code: OAuthErrorCode, description: &str) -> String {
        self.location(&[("error", code.as_str()), ("error_description", &printable(description))])
    }

    /// The refusal as an error that redirects.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> AuthorizeError {
        AuthorizeError::Redirect {
            location: self.with_error(refusal.code, &refusal.description),
            refusal: Box::new(refusal),
            trusted: self.trusted,
        }
    }

    fn location(&self, answer: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        self.redirect_uri.with_query(answer.iter().copied().chain(state).chain([("iss", self.issuer.as_str())]))
    }
}
