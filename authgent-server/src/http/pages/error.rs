//! The error page, and the words for each error that a person can meet.

use askama::Template;

use super::Layout;
use super::display::filters;

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
    /// Title, message, what to do, and the code for the operator.
    fn words(self) -> [&'static str; 4] {
        const RETRY: &str = "Go back to the app and start connecting again.";
        match self {
            Self::UnknownClient => [
                "This app is not known here",
                "The app that sent you here is not registered with this server, or is no longer.",
                "In the app, remove this connection and add it again. That registers it anew.",
                "invalid_client",
            ],
            Self::ClientDocument => [
                "We could not check this app",
                "The app that sent you here describes itself in a document on its own website, and we could not use that document.",
                "Try again in a minute. If it stays like this, tell the people who make the app.",
                "invalid_client",
            ],
            Self::ClientNotAccepted => [
                "This app cannot connect here",
                "The app that sent you here introduces itself in a way that this server does not accept.",
                "Trying again does not help. Ask the person who runs this server, and give them the details below.",
                "invalid_client",
            ],
            Self::RedirectUri => [
                "We stopped this sign-in",
                "The app asked us to send you back to an address that it did not register. \
                 That can be a mistake in the app, or somebody else’s attempt to get in.",
                "If you did not start this yourself, close this window. Otherwise remove the connection in the app and add it again.",
                "invalid_redirect_uri",
            ],
            Self::Malformed => [
                "Something is missing",
                "The app sent you here with an incomplete request, so there is nothing to sign in to.",
                RETRY,
                "invalid_request",
            ],
            Self::Expired => [
                "This page is no longer valid",
                "It was open for too long, was already used, or belongs to another sign-in. Nothing was allowed.",
                RETRY,
                "expired_interaction",
            ],
            Self::ForeignForm => [
                "Please try that again",
                "We could not tell that this came from your own browser window. Nothing was changed.",
                "Allow cookies for this site, reload the page, and try again.",
                "csrf_mismatch",
            ],
            Self::NotFound => [
                "There is no such page",
                "The address may be mistyped, or the page is gone.",
                "If you were connecting an app, go back to it and start again there.",
                "not_found",
            ],
            Self::MethodNotAllowed => [
                "This page cannot be opened like that",
                "The address belongs to programs, or to a form on another page.",
                RETRY,
                "method_not_allowed",
            ],
            Self::Internal => [
                "That did not work, and it is our fault",
                "Something went wrong on this server while it worked on your request.",
                "Try again in a minute. If it happens again, tell the person who runs this server, and give them the request below.",
                "server_error",
            ],
            Self::Unavailable => [
                "We cannot answer right now",
                "This server is too busy, or cannot reach its data.",
                "Try again in a minute.",
                "temporarily_unavailable",
            ],
        }
    }
}

impl ErrorPage {
    /// The page for a problem; add `details` where the operator needs them.
    pub fn new(layout: Layout, problem: Problem, request_id: Option<String>) -> Self {
        let [title, message, what_to_do, code] = problem.words().map(str::to_owned);
        Self { layout, title, message, what_to_do, code: Some(code), details: Vec::new(), request_id }
    }
}
