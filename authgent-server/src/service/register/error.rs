use crate::store::StoreError;
use authgent_core::metadata::client::ClientMetadataError;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriError};

/// Why a client is not registered, or its registration not touched.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Nobody may register here.
    #[error("registration is turned off here: ask the operator for a client_id")]
    Off,
    /// An initial access token is needed, and none was sent (RFC 7591, section 3).
    #[error(
        "an initial access token is needed to register here: ask the operator for one, and send it as Authorization: Bearer"
    )]
    InitialAccessTokenMissing,
    /// The registration access token is needed, and none was sent (RFC 7592, section 2).
    #[error("the registration_access_token of this client is needed: send it as Authorization: Bearer")]
    RegistrationAccessTokenMissing,
    /// The header holds no bearer token.
    #[error("the Authorization header is malformed: expected Bearer and a token")]
    TokenMalformed,
    /// It is no initial access token that is good now. Which of the reasons it is, is for the log alone.
    #[error("the initial access token is not good here, or no longer: ask the operator for another one")]
    TokenRefused {
        /// Why.
        cause: &'static str,
    },
    /// Its last use was taken in between.
    #[error("the initial access token is not good here, or no longer: ask the operator for another one")]
    TokenUsedUp,
    /// No such client, or not its token: nobody learns which.
    #[error("the registration access token is not good for this client, or there is no such client")]
    NotManager,
    /// The operator disabled the client.
    #[error("the operator disabled this client, {client_id}")]
    Disabled {
        /// Its identifier.
        client_id: String,
    },
    /// The body is no JSON object.
    #[error("the body must be a JSON object with the client's metadata")]
    NotAnObject,
    /// Its metadata are not acceptable.
    #[error(transparent)]
    Metadata(#[from] ClientMetadataError),
    /// The operator does not approve of a redirect URI.
    #[error("redirect_uris: {uri} is not among those that the operator of this server approves")]
    RedirectUriNotApproved {
        /// The redirect URI.
        uri: RedirectUri,
    },
    /// It asks for nothing but tokens without a person.
    #[error("grant_types: client_credentials is given to clients that the operator makes, with authgent client add")]
    ClientCredentials,
    /// An update holds what it must not hold, or names another client (RFC 7592, section 2.2).
    #[error("{field}: {problem}")]
    Update {
        /// The member.
        field: &'static str,
        /// What is wrong, and what was expected.
        problem: &'static str,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegisterError {
    /// The cause as the log has it. What the client does not learn is in it; redirect URIs, which may hold a secret, are not.
    #[must_use]
    pub fn for_log(&self) -> String {
        match self {
            Self::TokenRefused { cause } => format!("the initial access token is {cause}"),
            Self::TokenUsedUp => "the last use of the initial access token was taken in between".to_owned(),
            Self::RedirectUriNotApproved { uri } => {
                let host = uri.host().unwrap_or_else(|| format!("{}:", uri.scheme()));
                format!("redirect_uris: the operator does not approve of {host}")
            }
            Self::Metadata(ClientMetadataError::RedirectUri(error)) => format!("redirect_uris: {}", rule(error)),
            Self::Metadata(ClientMetadataError::RedirectUris(_)) => "redirect_uris: not acceptable together".to_owned(),
            other => other.to_string(),
        }
    }
}

/// The rule that a redirect URI breaks, without the URI.
const fn rule(error: &RedirectUriError) -> &'static str {
    match error {
        RedirectUriError::TooLong => "one is too long",
        RedirectUriError::NotAbsolute(_) => "one is not absolute",
        RedirectUriError::Character(_) => "one holds a character that a URI must not hold",
        RedirectUriError::Fragment(_) => "one has a fragment",
        RedirectUriError::UserInfo(_) => "one carries a user name or password",
        RedirectUriError::PlainHttp(_) => "one uses http to another host than this computer",
        RedirectUriError::Scheme(_) => "one has a scheme that is never a client's",
    }
}
