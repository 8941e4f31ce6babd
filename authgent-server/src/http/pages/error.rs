//! The error page, and each error that a person can meet.

use askama::Template;

use super::Layout;
use super::display::filters;
use super::home::Link;

/// A line for the operator: what was sent, what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What the value is.
    pub label: String,
    /// The value.
    pub value: String,
}

/// Says what happened and what to do, in the person's words, with a code for the operator.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub layout: Layout,
    /// What happened, as a heading.
    pub title: String,
    /// The same in a sentence or two.
    pub message: String,
    /// What the person can do about it. May be empty.
    pub what_to_do: String,
    /// Code for the operator, for example the OAuth error code.
    pub code: Option<String>,
    /// More for the operator. Never a secret, a code or a token.
    pub details: Vec<Detail>,
    /// A page with which the person can go on.
    pub link: Option<Link>,
    /// Identifier under which the log knows this request.
    pub request_id: Option<String>,
}

/// The errors that end in a page instead of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Authorize: the client is not registered here. HTTP 400.
    UnknownClient,
    /// Authorize: the document that describes the client cannot be used. HTTP 400.
    ClientDocument,
    /// Authorize: clients like this one are not taken here, and trying again changes nothing. HTTP 400.
    ClientNotAccepted,
    /// Authorize: the redirect URI is missing or not registered for the client. HTTP 400.
    RedirectUri,
    /// Authorize: the request is malformed in a way that leaves nobody to redirect to. HTTP 400.
    Malformed,
    /// The pending authorization is too old, was used, or belongs to another sign-in. HTTP 400.
    Expired,
    /// An upstream provider's answer came too late, twice, or in another browser. HTTP 400.
    SignInGone,
    /// The person or the upstream provider did not want to. HTTP 403.
    SignInDeclined,
    /// The upstream provider does not answer. HTTP 503.
    ProviderDown,
    /// The upstream provider answers something that cannot be believed. HTTP 502.
    ProviderWrong,
    /// The upstream provider signs them in, and the operator does not let them. HTTP 403.
    NotAllowed,
    /// The person at the upstream provider belongs to another account here. HTTP 409.
    LinkedElsewhere,
    /// A form's CSRF token was missing or wrong. HTTP 403.
    ForeignForm,
    /// No such page. HTTP 404.
    NotFound,
    /// The page exists for another method only. HTTP 405.
    MethodNotAllowed,
    /// Our own failure. HTTP 500.
    Internal,
    /// The database cannot be reached, or the server is overloaded. HTTP 503.
    Unavailable,
}

impl Problem {
    /// The code for the operator.
    const fn code(self) -> &'static str {
        match self {
            Self::UnknownClient | Self::ClientDocument | Self::ClientNotAccepted => "invalid_client",
            Self::RedirectUri => "invalid_redirect_uri",
            Self::Malformed => "invalid_request",
            Self::Expired => "expired_interaction",
            Self::SignInGone => "sign_in_expired",
            Self::SignInDeclined => "access_denied",
            Self::ProviderDown => "provider_unavailable",
            Self::ProviderWrong => "provider_error",
            Self::NotAllowed => "not_allowed",
            Self::LinkedElsewhere => "already_linked",
            Self::ForeignForm => "csrf_mismatch",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Internal => "server_error",
            Self::Unavailable => "temporarily_unavailable",
        }
    }
}

impl ErrorPage {
    /// The page for a problem, in the language of its frame; add `details` where the operator needs them.
    pub fn new(layout: Layout, problem: Problem, request_id: Option<String>) -> Self {
        let words = layout.texts.errors.of(problem);
        Self {
            layout,
            title: words.title.to_owned(),
            message: words.message.to_owned(),
            what_to_do: words.what_to_do.to_owned(),
            code: Some(problem.code().to_owned()),
            details: Vec::new(),
            link: None,
            request_id,
        }
    }
}
