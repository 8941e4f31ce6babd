//! Signing out because a client asks for it: OpenID Connect RP-Initiated Logout 1.0.
//!
//! Whatever is wrong with a request takes only its own effect away (section 2): the person can sign out all the same, is asked
//! first, and is sent nowhere.

use super::clients::{self, FindClientError};
use super::id_token_hint::IdTokenHint;
use crate::domain::Client;
use crate::service::Services;
use crate::service::parameters::Parameters;
use crate::service::sign_in::SignedIn;
use crate::store::StoreError;
use authgent_core::error::printable;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};

/// The parameters that are understood (section 2). `logout_hint` is not among them: the session says who is there.
const PARAMETERS: [&str; 5] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

/// What a client asks for, as far as it may.
#[derive(Debug, Default)]
pub struct LogoutRequest {
    hint: Option<IdTokenHint>,
    next: Option<Next>,
}

/// Where the client wants the person to be afterwards: one of its `post_logout_redirect_uris`, letter by letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The URI, with `state` where the client sent one.
    pub location: String,
    /// Whether a person may be sent there who has done nothing here: the operator vouches for the client, or it is a program on
    /// the person's own computer. Anybody can register a client with a web address, and write a link that leads there.
    pub trusted: bool,
}

impl LogoutRequest {
    /// Whether the client showed an ID token of this very session: nobody has to be asked then. One of an earlier session, of
    /// another person or of nobody is no reason to end this one (section 2).
    #[must_use]
    pub fn is_about(&self, signed_in: &SignedIn) -> bool {
        self.hint.as_ref().is_some_and(|hint| hint.is_of_session(signed_in))
    }

    /// Where to go on to.
    #[must_use]
    pub fn next(&self) -> Option<&Next> {
        self.next.as_ref()
    }
}

/// Checks a request.
///
/// # Errors
/// [`StoreError`] where the database does not answer.
pub async fn check(services: &Services, parameters: &Parameters) -> Result<LogoutRequest, StoreError> {
    let ignored = |cause: &dyn std::fmt::Display| {
        tracing::info!(cause = %printable(&cause.to_string()), "a part of a sign-out request is ignored");
    };
    let client_id = parameters.get("client_id");
    let hint = match parameters.get("id_token_hint") {
        Some(token) => match client_id {
            Some(client_id) => IdTokenHint::read_of(services, token, client_id),
            None => IdTokenHint::read(services, token),
        },
        None => return with_client(services, parameters, client_id, None).await,
    };
    match hint {
        Ok(hint) => {
            let client_id = hint.client_id.clone();
            with_client(services, parameters, Some(&client_id), Some(hint)).await
        }
        Err(error) => {
            // Who shows a bad one is not believed in the rest either.
            ignored(&error);
            Ok(LogoutRequest::default())
        }
    }
}

async fn with_client(
    services: &Services,
    parameters: &Parameters,
    client_id: Option<&str>,
    hint: Option<IdTokenHint>,
) -> Result<LogoutRequest, StoreError> {
    let (Some(client_id), Some(uri)) = (client_id, parameters.get("post_logout_redirect_uri")) else {
        return Ok(LogoutRequest { hint, next: None });
    };
    let client = match clients::find(services, client_id).await {
        Ok(client) => client.filter(|client| client.enabled),
        Err(FindClientError::Store(error)) => return Err(error),
        Err(FindClientError::Document(_)) => None,
    };
    let next = client.and_then(|client| next(services, &client, uri, parameters.get("state")));
    if next.is_none() {
        tracing::info!(client.id = %printable(client_id), "nobody is sent to an unregistered post_logout_redirect_uri");
    }
    Ok(LogoutRequest { hint, next })
}

fn next(services: &Services, client: &Client, presented: &str, state: Option<&str>) -> Option<Next> {
    let uri = client.metadata.openid.post_logout_redirect_uris.iter().find(|uri| uri.as_str() == presented)?;
    Some(Next {
        location: match state {
            Some(state) => uri.with_query([("state", state)]),
            None => uri.to_string(),
        },
        trusted: services.settings.vouches_for(client) || leads_to_own_computer(uri),
    })
}

fn leads_to_own_computer(uri: &RedirectUri) -> bool {
    uri.kind() != RedirectUriKind::Https
}

/// The same request with nothing in it that is not understood.
#[must_use]
pub fn understood(parameters: &Parameters) -> Parameters {
    PARAMETERS
        .into_iter()
        .fold(Parameters::default(), |understood, name| understood.with(name, parameters.get(name).map(str::to_owned)))
}
