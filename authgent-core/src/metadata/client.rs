//! Client metadata: RFC 7591, section 2, and OpenID Connect Dynamic Client Registration, section 2. The same metadata
//! published by the client itself: [`super::client_document`].
//!
//! [`ClientMetadata::parse`] is made for what real clients send: members that it does not know are ignored, absent ones
//! get the default of the specification or, where a client is known to mean something else, what it means.

mod keys;
mod openid;

pub use keys::ASSERTION_ALGORITHMS;
pub use openid::{ID_TOKEN_ALGORITHMS, OpenIdMetadata};

use crate::jwk::JwkSet;
use crate::redirect_uri::{RedirectUri, RedirectUriError, RedirectUriKind};
use crate::scope::Scope;
use crate::wire::token::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How many redirect URIs one client may register.
pub const MAX_REDIRECT_URIS: usize = 20;

/// The longest text of any other member, in characters.
pub const MAX_TEXT: usize = 2048;

/// How a client authenticates at the token endpoint (RFC 7591, section 2; OpenID Connect Core, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// A public client: it has no secret.
    None,
    /// The secret in the `Authorization` header (RFC 6749, section 2.3.1).
    ClientSecretBasic,
    /// The secret in the body (RFC 6749, section 2.3.1).
    ClientSecretPost,
    /// A JWT that the client signs with a private key of its own (RFC 7523, section 2.2).
    PrivateKeyJwt,
}

impl TokenEndpointAuthMethod {
    /// Every method that is supported.
    pub const ALL: &[Self] = &[Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// Its registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of that name, or `None` for one that is not supported.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text)
    }

    /// Whether the client authenticates at all.
    #[must_use]
    pub const fn is_confidential(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether it authenticates with a secret that it shares with the server.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// A grant type that a client may register for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// The authorization code grant.
    AuthorizationCode,
    /// Refreshing.
    RefreshToken,
    /// The client acts for itself.
    ClientCredentials,
}

impl GrantType {
    /// Its registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => AUTHORIZATION_CODE,
            Self::RefreshToken => REFRESH_TOKEN,
            Self::ClientCredentials => CLIENT_CREDENTIALS,
        }
    }

    /// The grant type of that name, or `None` for one that is not known here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials]
            .into_iter()
            .find(|known| known.as_str() == text)
    }
}

/// `application_type` (OpenID Connect Dynamic Client Registration, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Runs on a web server.
    Web,
    /// Runs on a person's computer or telephone.
    Native,
}

/// The metadata of a client, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Where answers may be sent to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<RedirectUri>,
    /// How it authenticates.
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Every way in which it may authenticate, where its metadata document lists several (ChatGPT); empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<TokenEndpointAuthMethod>,
    /// The one algorithm that its assertions are signed with, where it named one (OpenID Connect Dynamic Client
    /// Registration, section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Where its public keys are. Never there together with `jwks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// `["code"]` where it uses the authorization code grant.
    #[serde(default)]
    pub response_types: Vec<String>,
    /// Its kind.
    pub application_type: ApplicationType,
    /// Its name for people. Not verified by anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Its privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// How to reach the people responsible for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// What it registered for. It never limits a later request: clients register the scope of their first challenge and
    /// step up later (Python and TypeScript SDK).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Its software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// The version of its software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// What is about OpenID Connect.
    #[serde(flatten)]
    pub openid: OpenIdMetadata,
}

/// Why client metadata is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientMetadataError {
    /// A redirect URI is not acceptable: the wire code is `invalid_redirect_uri`.
    #[error("redirect_uris: {0}")]
    RedirectUri(#[from] RedirectUriError),
    /// The redirect URIs as a whole are not acceptable: the wire code is `invalid_redirect_uri`.
    #[error("redirect_uris: {0}")]
    RedirectUris(String),
    /// Another member is not acceptable: the wire code is `invalid_client_metadata`.
    #[error("{field}: {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

impl ClientMetadata {
    /// Reads the metadata that a client sent.
    ///
    /// Defaults: `grant_types` is `authorization_code` (RFC 7591, section 2) and always gains `refresh_token` beside it,
    /// because clients forget to name it and then cannot stay signed in. Grant types and response types that are not
    /// known are left out (ChatGPT and claude.ai name more than they use). An absent `token_endpoint_auth_method` is
    /// `client_secret_basic`, but `none` for a native application, which could keep no secret.
    /// `application_type: web` with a private-use scheme is read as `native` (Cursor sends that).
    ///
    /// # Errors
    /// [`ClientMetadataError`] naming the member and what was expected.
    pub fn parse(document: &Map<String, Value>) -> Result<Self, ClientMetadataError> {
        let redirect_uris = redirect_uris(document)?;
        let private_scheme = redirect_uris.iter().find(|uri| uri.kind() == RedirectUriKind::PrivateUseScheme);
        let application_type = match text(document, "application_type")?.as_deref() {
            Some("native") => ApplicationType::Native,
            Some("web") | None if private_scheme.is_some() => ApplicationType::Native,
            Some("web") | None => ApplicationType::Web,
            Some(_) => return Err(field("application_type", "must be web or native")),
        };
        let token_endpoint_auth_method = auth_method(document, application_type)?;
        if let (true, Some(uri)) = (token_endpoint_auth_method.is_confidential(), private_scheme) {
            let problem = format!("{uri} has a private-use scheme, which needs token_endpoint_auth_method none");
            return Err(ClientMetadataError::RedirectUris(problem));
        }
        let grant_types = grant_types(document)?;
        let uses_code = grant_types.contains(&GrantType::AuthorizationCode);
        if uses_code && redirect_uris.is_empty() {
            return Err(ClientMetadataError::RedirectUris("at least one is needed for authorization_code".into()));
        }
        if grant_types.contains(&GrantType::ClientCredentials) && !token_endpoint_auth_method.is_confidential() {
            return Err(field(
                "grant_types",
                "client_credentials needs a client that authenticates, not token_endpoint_auth_method none",
            ));
        }
        check_response_types(document, uses_code)?;
        let keys = keys::parse(document, token_endpoint_auth_method)?;
        let scope = text(document, "scope")?.map(|scope| Scope::parse(&scope)).transpose();
        Ok(Self {
            redirect_uris,
            token_endpoint_auth_method,
            token_endpoint_auth_methods_supported: Vec::new(),
            token_endpoint_auth_signing_alg: keys.signing_alg,
            jwks: keys.jwks,
            jwks_uri: keys.jwks_uri,
            grant_types,
            response_types: if uses_code { vec!["code".into()] } else { vec![] },
            application_type,
            client_name: text(document, "client_name")?
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty()),
            client_uri: web_uri(document, "client_uri")?,
            logo_uri: web_uri(document, "logo_uri")?,
            tos_uri: web_uri(document, "tos_uri")?,
            policy_uri: web_uri(document, "policy_uri")?,
            contacts: texts(document, "contacts")?.unwrap_or_default(),
            scope: scope.map_err(|error| field("scope", &error.to_string()))?,
            software_id: text(document, "software_id")?,
            software_version: text(document, "software_version")?,
            openid: openid::parse(document)?,
        })
    }

    /// Whether `presented` is one of the redirect URIs (see [`RedirectUri::matches`]).
    #[must_use]
    pub fn accepts_redirect_uri(&self, presented: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.matches(presented))
    }

    /// Whether it may authenticate with `method`.
    #[must_use]
    pub fn may_authenticate_with(&self, method: TokenEndpointAuthMethod) -> bool {
        self.token_endpoint_auth_method == method || self.token_endpoint_auth_methods_supported.contains(&method)
    }

    /// Whether it may use `grant_type`.
    #[must_use]
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}

fn redirect_uris(document: &Map<String, Value>) -> Result<Vec<RedirectUri>, ClientMetadataError> {
    uris(document, "redirect_uris", ClientMetadataError::RedirectUris, ClientMetadataError::RedirectUri)
}

/// A list of places that people are sent to, each once.
fn uris(
    document: &Map<String, Value>,
    name: &str,
    refuse: impl Fn(String) -> ClientMetadataError,
    refuse_one: impl Fn(RedirectUriError) -> ClientMetadataError,
) -> Result<Vec<RedirectUri>, ClientMetadataError> {
    let values = match document.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(refuse("must be an array of strings".into())),
    };
    if values.len() > MAX_REDIRECT_URIS {
        return Err(refuse(format!("at most {MAX_REDIRECT_URIS} are accepted, these are {}", values.len())));
    }
    let mut uris: Vec<RedirectUri> = Vec::with_capacity(values.len());
    for value in values {
        let text = value.as_str().ok_or_else(|| refuse("must be an array of strings".into()))?;
        let uri = RedirectUri::parse(text).map_err(&refuse_one)?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

fn auth_method(
    document: &Map<String, Value>,
    application_type: ApplicationType,
) -> Result<TokenEndpointAuthMethod, ClientMetadataError> {
    let Some(name) = text(document, "token_endpoint_auth_method")? else {
        return Ok(match application_type {
            ApplicationType::Native => TokenEndpointAuthMethod::None,
            ApplicationType::Web => TokenEndpointAuthMethod::ClientSecretBasic,
        });
    };
    TokenEndpointAuthMethod::parse(&name).ok_or_else(|| {
        let known: Vec<_> = TokenEndpointAuthMethod::ALL.iter().map(|method| method.as_str()).collect();
        field("token_endpoint_auth_method", &format!("must be one of {}", known.join(", ")))
    })
}

fn grant_types(document: &Map<String, Value>) -> Result<Vec<GrantType>, ClientMetadataError> {
    let Some(names) = texts(document, "grant_types")? else {
        return Ok(vec![GrantType::AuthorizationCode, GrantType::RefreshToken]);
    };
    let mut grant_types: Vec<GrantType> = Vec::new();
    for grant_type in names.iter().filter_map(|name| GrantType::parse(name)) {
        if !grant_types.contains(&grant_type) {
            grant_types.push(grant_type);
        }
    }
    if grant_types.is_empty() || grant_types == [GrantType::RefreshToken] {
        return Err(field("grant_types", "must hold authorization_code or client_credentials"));
    }
    if grant_types.contains(&GrantType::AuthorizationCode) && !grant_types.contains(&GrantType::RefreshToken) {
        grant_types.push(GrantType::RefreshToken);
    }
    Ok(grant_types)
}

fn check_response_types(document: &Map<String, Value>, uses_code: bool) -> Result<(), ClientMetadataError> {
    match texts(document, "response_types")? {
        Some(types) if uses_code && !types.iter().any(|name| name == "code") => {
            Err(field("response_types", "must hold code for the grant type authorization_code"))
        }
        _ => Ok(()),
    }
}

fn text(document: &Map<String, Value>, name: &'static str) -> Result<Option<String>, ClientMetadataError> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= MAX_TEXT => Ok(Some(text.clone())),
        Some(Value::String(_)) => Err(field(name, &format!("must not be longer than {MAX_TEXT} characters"))),
        Some(_) => Err(field(name, "must be a string")),
    }
}

fn texts(document: &Map<String, Value>, name: &'static str) -> Result<Option<Vec<String>>, ClientMetadataError> {
    const MOST: usize = 32;
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) if values.len() <= MOST => {
            let texts = values
                .iter()
                .map(|value| value.as_str().filter(|text| text.chars().count() <= MAX_TEXT).map(str::to_owned));
            texts.collect::<Option<_>>().map(Some).ok_or_else(|| field(name, "must be an array of strings"))
        }
        Some(Value::Array(_)) => Err(field(name, &format!("must not hold more than {MOST} entries"))),
        Some(_) => Err(field(name, "must be an array of strings")),
    }
}

/// A page for people: `https` or `http`, so that a link on the consent page cannot run code.
fn web_uri(document: &Map<String, Value>, name: &'static str) -> Result<Option<String>, ClientMetadataError> {
    let Some(text) = text(document, name)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match url::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.host_str().is_some() => Ok(Some(text)),
        _ => Err(field(name, "must be an https URL")),
    }
}

fn field(field: &'static str, problem: &str) -> ClientMetadataError {
    ClientMetadataError::Field { field, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests;
