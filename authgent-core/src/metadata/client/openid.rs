//! The members of client metadata that are about OpenID Connect: Dynamic Client Registration 1.0, section 2;
//! RP-Initiated Logout 1.0, section 3.1.

use super::{ClientMetadataError, field, text, texts, uris};
use crate::redirect_uri::RedirectUri;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The algorithms that an authorization server may sign ID tokens with. Which of them it does is its own affair.
pub const ID_TOKEN_ALGORITHMS: &[&str] = &["ES256", "ES384", "RS256"];

/// Members whose meaning is not supported, and what may stand in them all the same. A client that asks for one of these would
/// not understand what it gets, so it hears of it when it registers.
const UNSUPPORTED: [(&str, Option<&str>, &str); 4] = [
    ("id_token_encrypted_response_alg", None, "ID tokens are signed, not encrypted: leave it out"),
    ("userinfo_signed_response_alg", None, "userinfo answers with JSON, not with a JWT: leave it out"),
    ("userinfo_encrypted_response_alg", None, "userinfo answers with JSON, not with a JWT: leave it out"),
    ("subject_type", Some("public"), "must be public: every client is told the same sub"),
];

/// Client metadata of OpenID Connect, checked. Absent members have no default of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIdMetadata {
    /// Where people may be sent to after they signed out; compared letter by letter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// What its ID tokens are signed with. A server that signs with another algorithm says which in its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// How `sub` is made, `public`; there where the client named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// How old a sign-in may be where a request does not say, in seconds; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Whether ID tokens must carry `auth_time`. Those of Authgent always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_auth_time: Option<bool>,
    /// How sure a sign-in has to be where a request does not say: values of `acr`, any of which will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where another party may begin a sign-in with the client (OpenID Connect Core, section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
}

pub(super) fn parse(document: &Map<String, Value>) -> Result<OpenIdMetadata, ClientMetadataError> {
    for (name, allowed, problem) in UNSUPPORTED {
        if text(document, name)?.is_some_and(|value| Some(value.as_str()) != allowed) {
            return Err(field(name, problem));
        }
    }
    let id_token_signed_response_alg = text(document, "id_token_signed_response_alg")?;
    if id_token_signed_response_alg.as_deref().is_some_and(|alg| alg == "none" || alg.starts_with("HS")) {
        return Err(field(
            "id_token_signed_response_alg",
            &format!("must be one of {}", ID_TOKEN_ALGORITHMS.join(", ")),
        ));
    }
    const POST_LOGOUT: &str = "post_logout_redirect_uris";
    let post_logout_redirect_uris = uris(
        document,
        POST_LOGOUT,
        |problem| field(POST_LOGOUT, &problem),
        |error| field(POST_LOGOUT, &error.to_string()),
    )?;
    Ok(OpenIdMetadata {
        post_logout_redirect_uris,
        id_token_signed_response_alg,
        subject_type: text(document, "subject_type")?,
        default_max_age: default_max_age(document)?,
        require_auth_time: flag(document, "require_auth_time")?,
        default_acr_values: texts(document, "default_acr_values")?.unwrap_or_default(),
        initiate_login_uri: initiate_login_uri(document)?,
    })
}

/// Zero would ask for a sign-in again after each sign-in.
fn default_max_age(document: &Map<String, Value>) -> Result<Option<u32>, ClientMetadataError> {
    match document.get("default_max_age") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|seconds| u32::try_from(seconds).ok()) {
            Some(seconds) if seconds > 0 => Ok(Some(seconds)),
            _ => Err(field("default_max_age", "must be a number of seconds, at least 1")),
        },
    }
}

fn flag(document: &Map<String, Value>, name: &'static str) -> Result<Option<bool>, ClientMetadataError> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(field(name, "must be true or false")),
    }
}

fn initiate_login_uri(document: &Map<String, Value>) -> Result<Option<String>, ClientMetadataError> {
    let uri = text(document, "initiate_login_uri")?.filter(|uri| !uri.is_empty());
    let https = |uri: &str| url::Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some());
    match uri {
        Some(uri) if !https(&uri) => Err(field("initiate_login_uri", "must be an https URL")),
        uri => Ok(uri),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(document: &Value) -> Result<OpenIdMetadata, String> {
        parse(document.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_an_openid_client_registers_is_kept_and_reads_back() {
        let document = json!({
            "post_logout_redirect_uris": ["https://app.example.com/bye", "https://app.example.com/bye", "http://127.0.0.1:7/bye"],
            "id_token_signed_response_alg": "RS256", "subject_type": "public", "default_max_age": 3600, "require_auth_time": true,
            "default_acr_values": ["phr"], "initiate_login_uri": "https://app.example.com/login", "userinfo_signed_response_alg": null,
        });
        let openid = parsed(&document).unwrap();
        assert_eq!(openid.post_logout_redirect_uris.len(), 2);
        assert_eq!((openid.default_max_age, openid.require_auth_time), (Some(3600), Some(true)));
        assert_eq!(parsed(&serde_json::to_value(&openid).unwrap()).unwrap(), openid);
        assert_eq!(serde_json::to_value(parsed(&json!({})).unwrap()).unwrap(), json!({}), "nothing is added");
    }

    #[test]
    fn what_is_not_supported_or_wrong_is_named() {
        for (document, message) in [
            (
                json!({"post_logout_redirect_uris": "https://x.example"}),
                "post_logout_redirect_uris: must be an array of strings",
            ),
            (
                json!({"post_logout_redirect_uris": ["http://x.example/bye"]}),
                "post_logout_redirect_uris: the redirect URI \"http://x.example/bye\" uses http, which is only for 127.0.0.1, [::1] and localhost: use https",
            ),
            (
                json!({"post_logout_redirect_uris": vec!["https://x.example/"; 21]}),
                "post_logout_redirect_uris: at most 20 are accepted, these are 21",
            ),
            (
                json!({"id_token_signed_response_alg": "none"}),
                "id_token_signed_response_alg: must be one of ES256, ES384, RS256",
            ),
            (
                json!({"id_token_signed_response_alg": "HS256"}),
                "id_token_signed_response_alg: must be one of ES256, ES384, RS256",
            ),
            (
                json!({"id_token_encrypted_response_alg": "RSA-OAEP"}),
                "id_token_encrypted_response_alg: ID tokens are signed, not encrypted: leave it out",
            ),
            (
                json!({"userinfo_signed_response_alg": "RS256"}),
                "userinfo_signed_response_alg: userinfo answers with JSON, not with a JWT: leave it out",
            ),
            (json!({"subject_type": "pairwise"}), "subject_type: must be public: every client is told the same sub"),
            (json!({"default_max_age": 0}), "default_max_age: must be a number of seconds, at least 1"),
            (json!({"default_max_age": "60"}), "default_max_age: must be a number of seconds, at least 1"),
            (json!({"require_auth_time": "yes"}), "require_auth_time: must be true or false"),
            (json!({"default_acr_values": "phr"}), "default_acr_values: must be an array of strings"),
            (json!({"initiate_login_uri": "http://x.example/"}), "initiate_login_uri: must be an https URL"),
        ] {
            assert_eq!(parsed(&document).unwrap_err(), message);
        }
    }
}
