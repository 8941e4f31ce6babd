//! Client metadata that the client publishes itself, at the URL that is its `client_id`: OAuth Client ID Metadata Document
//! (draft-ietf-oauth-client-id-metadata-document), as MCP 2026-07-28, Client Registration, asks for it.
//!
//! Nothing is fetched here: the caller brings the bytes.

use super::client::{ClientMetadata, ClientMetadataError, GrantType, TokenEndpointAuthMethod};
use crate::strict_json;
use serde_json::{Map, Value};
use std::fmt;
use url::{Host, Url};

/// The longest `client_id` that is read as a URL, in bytes.
const MAX_URL: usize = 2048;

/// Why a `client_id` is not the URL of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdUrlError {
    /// It is no `https` URL with a host, or holds characters that a URL has not.
    #[error("client_id must be an https URL with a host")]
    NotHttps,
    /// It is too long.
    #[error("client_id must not be longer than {MAX_URL} bytes")]
    TooLong,
    /// It names a person or a password.
    #[error("client_id must hold no user information")]
    UserInfo,
    /// It has a fragment.
    #[error("client_id must have no fragment")]
    Fragment,
    /// Its path is empty or `/`.
    #[error("client_id must have a path, such as https://app.example.com/client.json")]
    NoPath,
    /// Its path holds `.` or `..`, plain or encoded.
    #[error("client_id must hold no . or .. in its path")]
    DotSegment,
    /// Its host is an address.
    #[error("client_id must name a host, not an address")]
    Address,
}

/// A `client_id` that is the URL of a document. Kept and compared letter by letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientIdUrl {
    text: String,
    host: String,
}

impl ClientIdUrl {
    /// Whether a `client_id` is meant as a URL. Identifiers that this server makes never are.
    #[must_use]
    pub fn is_meant(client_id: &str) -> bool {
        client_id.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }

    /// Parses a `client_id`.
    ///
    /// # Errors
    /// [`ClientIdUrlError`] naming the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, ClientIdUrlError> {
        if text.len() > MAX_URL {
            return Err(ClientIdUrlError::TooLong);
        }
        // What a URL parser would quietly repair is refused: the text itself is the identifier.
        let sound = text.starts_with("https://") && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let url = Url::parse(text).ok().filter(|_| sound).ok_or(ClientIdUrlError::NotHttps)?;
        let rest = &text["https://".len()..];
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(ClientIdUrlError::NotHttps);
        }
        if authority.contains('@') {
            return Err(ClientIdUrlError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(ClientIdUrlError::Fragment);
        }
        let path = path.split('?').next().unwrap_or_default();
        if matches!(path, "" | "/") {
            return Err(ClientIdUrlError::NoPath);
        }
        let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split('/').any(dots) {
            return Err(ClientIdUrlError::DotSegment);
        }
        match url.host() {
            Some(Host::Domain(host)) => Ok(Self { text: text.to_owned(), host: host.to_owned() }),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => Err(ClientIdUrlError::Address),
            None => Err(ClientIdUrlError::NotHttps),
        }
    }

    /// The URL, letter by letter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host in lower case, international names in their ASCII form.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientDocumentError {
    /// It is no JSON object, or names a member twice.
    #[error("the document is not a JSON object without repeated members")]
    NotAnObject,
    /// Its `client_id` is not the URL that it was fetched from.
    #[error("client_id: must be {expected}, letter by letter")]
    WrongClientId {
        /// The URL that it was fetched from.
        expected: String,
    },
    /// It holds a member that only a secret shared with one server could be.
    #[error("{0}: must not be in a document that everybody can read")]
    Secret(&'static str),
    /// It names only methods that need a shared secret, or that are not supported.
    #[error("token_endpoint_auth_method: must be none or private_key_jwt")]
    AuthMethod,
    /// It has no name.
    #[error("client_name: is missing")]
    NoName,
    /// Its metadata are not acceptable.
    #[error(transparent)]
    Metadata(#[from] ClientMetadataError),
}

/// Reads the document that was found at `client_id`.
///
/// Beyond [`ClientMetadata::parse`]: `client_id` is the URL, letter by letter; `client_name` is there (MCP requires it);
/// no secret, and no method that needs one. An absent method is `none`. A list, `token_endpoint_auth_methods_supported`,
/// is understood beside the single member or without it (ChatGPT publishes one). `client_credentials` is left out, as are
/// grant types that are not known.
///
/// # Errors
/// [`ClientDocumentError`] naming the member and what was expected.
pub fn parse_client_document(client_id: &ClientIdUrl, body: &[u8]) -> Result<ClientMetadata, ClientDocumentError> {
    let mut document = strict_json::object(body).ok_or(ClientDocumentError::NotAnObject)?;
    if document.get("client_id").and_then(Value::as_str) != Some(client_id.as_str()) {
        return Err(ClientDocumentError::WrongClientId { expected: client_id.to_string() });
    }
    if let Some(secret) =
        ["client_secret", "client_secret_expires_at"].into_iter().find(|name| document.contains_key(*name))
    {
        return Err(ClientDocumentError::Secret(secret));
    }
    let methods = methods(&document)?;
    document.insert("token_endpoint_auth_method".into(), methods[0].as_str().into());
    if let Some(Value::Array(grant_types)) = document.get_mut("grant_types") {
        grant_types.retain(|name| name.as_str() != Some(GrantType::ClientCredentials.as_str()));
    }
    let mut metadata = ClientMetadata::parse(&document)?;
    if metadata.client_name.is_none() {
        return Err(ClientDocumentError::NoName);
    }
    if methods.len() > 1 {
        metadata.token_endpoint_auth_methods_supported = methods;
    }
    Ok(metadata)
}

/// The methods that the document names and that are supported, the one that it prefers first. At least one.
fn methods(document: &Map<String, Value>) -> Result<Vec<TokenEndpointAuthMethod>, ClientDocumentError> {
    let has_keys = ["jwks", "jwks_uri"].iter().any(|name| document.contains_key(*name));
    let preferred = document.get("token_endpoint_auth_method").filter(|value| !value.is_null());
    let list = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    if preferred.is_none() && list.is_none() {
        return Ok(vec![TokenEndpointAuthMethod::None]);
    }
    let mut methods: Vec<TokenEndpointAuthMethod> = Vec::new();
    for name in preferred.into_iter().chain(list.into_iter().flatten()) {
        match name.as_str().and_then(TokenEndpointAuthMethod::parse) {
            Some(method) if method.has_secret() || methods.contains(&method) => {}
            // A list may name what the client could do elsewhere; without keys it cannot do it here.
            Some(TokenEndpointAuthMethod::PrivateKeyJwt) if !has_keys && preferred != Some(name) => {}
            Some(method) => methods.push(method),
            None => {}
        }
    }
    if methods.is_empty() { Err(ClientDocumentError::AuthMethod) } else { Ok(methods) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ID: &str = "https://app.example.com/oauth/client.json";

    fn id() -> ClientIdUrl {
        ClientIdUrl::parse(ID).unwrap()
    }

    fn document(members: &Value) -> Result<ClientMetadata, ClientDocumentError> {
        let mut document = json!({
            "client_id": ID, "client_name": "An application", "redirect_uris": ["https://app.example.com/callback"]
        });
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        parse_client_document(&id(), document.to_string().as_bytes())
    }

    #[test]
    fn the_urls_of_real_clients_are_accepted() {
        for (url, host) in [
            ("https://claude.ai/oauth/mcp-oauth-client-metadata", "claude.ai"),
            ("https://chatgpt.com/oauth/client.json", "chatgpt.com"),
            ("https://vscode.dev/oauth/client-metadata.json", "vscode.dev"),
            ("https://app.example.com:8443/c?version=2", "app.example.com"),
            ("https://APP.example.com/c/", "app.example.com"),
            ("https://app.example.com/..c/c..", "app.example.com"),
        ] {
            let parsed = ClientIdUrl::parse(url).unwrap();
            assert_eq!((parsed.as_str(), parsed.host()), (url, host));
            assert!(ClientIdUrl::is_meant(url));
        }
    }

    #[test]
    fn each_rule_of_a_client_id_url_has_its_error() {
        use ClientIdUrlError::*;
        for (url, error) in [
            ("http://app.example.com/c", NotHttps),
            ("HTTPS://app.example.com/c", NotHttps),
            ("https:app.example.com/c", NotHttps),
            ("https:///c", NotHttps),
            ("https://app.example.com/a b", NotHttps),
            ("https://app.example.com\\@evil.example/c", NotHttps),
            ("https://app.example.com/c\n", NotHttps),
            ("https://app.example.com/é", NotHttps),
            ("https://ada@app.example.com/c", UserInfo),
            ("https://@app.example.com/c", UserInfo),
            ("https://ada:secret@app.example.com/c", UserInfo),
            ("https://app.example.com/c#", Fragment),
            ("https://app.example.com/c#part", Fragment),
            ("https://app.example.com", NoPath),
            ("https://app.example.com/", NoPath),
            ("https://app.example.com?x=1", NoPath),
            ("https://app.example.com/?x=1", NoPath),
            ("https://app.example.com/a/../c", DotSegment),
            ("https://app.example.com/./c", DotSegment),
            ("https://app.example.com/a/%2e%2E/c", DotSegment),
            ("https://app.example.com/a/.%2e", DotSegment),
            ("https://127.0.0.1/c", Address),
            ("https://2130706433/c", Address),
            ("https://0x7f.1/c", Address),
            ("https://[::1]/c", Address),
        ] {
            assert_eq!(ClientIdUrl::parse(url), Err(error), "{url}");
        }
        assert_eq!(ClientIdUrl::parse(&format!("https://a.example/{}", "c".repeat(2048))), Err(TooLong));
        assert!(!ClientIdUrl::is_meant("5f1c7c9e-7e54-4a6f-9f0e-1b6d2e3a4b5c") && !ClientIdUrl::is_meant("é"));
    }

    #[test]
    fn a_document_is_a_public_client_unless_it_says_otherwise() {
        let client = document(&json!({})).unwrap();
        assert_eq!(client.token_endpoint_auth_method, TokenEndpointAuthMethod::None);
        assert_eq!(client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
        let client = document(&json!({"grant_types": [
            "authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"
        ]}));
        assert_eq!(client.unwrap().grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }

    #[test]
    fn several_ways_to_authenticate() {
        let client = document(&json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example.com/jwks.json",
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "none", "client_secret_basic", "tls_client_auth"]
        }))
        .unwrap();
        assert_eq!(client.token_endpoint_auth_method, TokenEndpointAuthMethod::PrivateKeyJwt);
        assert!(client.may_authenticate_with(TokenEndpointAuthMethod::None));
        assert!(!client.may_authenticate_with(TokenEndpointAuthMethod::ClientSecretBasic));
        let alone = document(&json!({"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]})).unwrap();
        assert_eq!(alone.token_endpoint_auth_method, TokenEndpointAuthMethod::None);
        let only = document(&json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example.com/jwks.json"
        }));
        assert!(!only.unwrap().may_authenticate_with(TokenEndpointAuthMethod::None));
    }

    #[test]
    fn each_rule_of_a_document_has_its_error() {
        for (members, message) in [
            (
                json!({"client_id": "https://app.example.com/oauth/client.json/"}),
                "client_id: must be https://app.example.com/oauth/client.json, letter by letter",
            ),
            (
                json!({"client_id": null}),
                "client_id: must be https://app.example.com/oauth/client.json, letter by letter",
            ),
            (json!({"client_secret": "s"}), "client_secret: must not be in a document that everybody can read"),
            (
                json!({"client_secret_expires_at": 0}),
                "client_secret_expires_at: must not be in a document that everybody can read",
            ),
            (
                json!({"token_endpoint_auth_method": "client_secret_post"}),
                "token_endpoint_auth_method: must be none or private_key_jwt",
            ),
            (
                json!({"token_endpoint_auth_methods_supported": ["client_secret_jwt"]}),
                "token_endpoint_auth_method: must be none or private_key_jwt",
            ),
            (
                json!({"token_endpoint_auth_method": "private_key_jwt"}),
                "jwks_uri: is missing: token_endpoint_auth_method private_key_jwt needs jwks_uri or jwks",
            ),
            (json!({"client_name": " "}), "client_name: is missing"),
            (json!({"redirect_uris": []}), "redirect_uris: at least one is needed for authorization_code"),
            (
                json!({"grant_types": ["client_credentials"]}),
                "grant_types: must hold authorization_code or client_credentials",
            ),
        ] {
            assert_eq!(document(&members).unwrap_err().to_string(), message);
        }
        for body in ["", "[]", "<!doctype html>", "{\"client_id\":", r#"{"client_id": "a", "client_id": "a"}"#] {
            assert_eq!(parse_client_document(&id(), body.as_bytes()), Err(ClientDocumentError::NotAnObject));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400), url in "https://.{0,40}|.{0,20}") {
            let _ = parse_client_document(&id(), &body);
            let _ = ClientIdUrl::is_meant(&url);
            if let Ok(parsed) = ClientIdUrl::parse(&url) {
                prop_assert_eq!(parsed.as_str(), url.as_str());
            }
        }

        #[test]
        fn no_member_makes_it_panic(
            name in "(client_id|token_endpoint_auth_method|token_endpoint_auth_methods_supported|jwks|jwks_uri|grant_types|redirect_uris)",
            text in any::<String>(),
        ) {
            for value in [json!(text), json!([text]), json!([[text]]), json!({"keys": [text]}), json!({"keys": text}), json!(7)] {
                let _ = document(&json!({name.clone(): value}));
            }
        }
    }
}
