//! The members of client metadata that are about keys: RFC 7591, section 2; RFC 7523.

use super::{ClientMetadataError, TokenEndpointAuthMethod, field, text};
use crate::jwk::JwkSet;
use serde_json::{Map, Value};

/// The algorithms that a client may sign its assertions with.
pub const ASSERTION_ALGORITHMS: &[&str] = &["RS256", "ES256", "ES384", "EdDSA"];

/// How many keys one client may have.
const MAX_KEYS: usize = 20;

pub(super) struct Keys {
    pub(super) jwks: Option<JwkSet>,
    pub(super) jwks_uri: Option<String>,
    pub(super) signing_alg: Option<String>,
}

pub(super) fn parse(
    document: &Map<String, Value>,
    method: TokenEndpointAuthMethod,
) -> Result<Keys, ClientMetadataError> {
    let jwks = jwks(document)?;
    let jwks_uri = text(document, "jwks_uri")?.filter(|uri| !uri.is_empty());
    if let Some(uri) = &jwks_uri {
        let https = url::Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some());
        if !https {
            return Err(field("jwks_uri", "must be an https URL"));
        }
    }
    if jwks.is_some() && jwks_uri.is_some() {
        return Err(field("jwks_uri", "must not be there together with jwks"));
    }
    let signing_alg = text(document, "token_endpoint_auth_signing_alg")?;
    if method == TokenEndpointAuthMethod::PrivateKeyJwt {
        if jwks.is_none() && jwks_uri.is_none() {
            return Err(field(
                "jwks_uri",
                "is missing: token_endpoint_auth_method private_key_jwt needs jwks_uri or jwks",
            ));
        }
        if signing_alg.as_deref().is_some_and(|alg| !ASSERTION_ALGORITHMS.contains(&alg)) {
            let problem = format!("must be one of {}", ASSERTION_ALGORITHMS.join(", "));
            return Err(field("token_endpoint_auth_signing_alg", &problem));
        }
    }
    Ok(Keys { jwks, jwks_uri, signing_alg })
}

fn jwks(document: &Map<String, Value>) -> Result<Option<JwkSet>, ClientMetadataError> {
    let value = match document.get("jwks") {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let keys = value.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| field("jwks", "must be an object with keys, an array (RFC 7517, section 5)"))?;
    if keys.len() > MAX_KEYS {
        return Err(field("jwks", &format!("must not hold more than {MAX_KEYS} keys")));
    }
    // Whoever reads these metadata could sign in the client's place: better that its developer hears of it.
    if keys.iter().any(|key| ["d", "k", "p"].iter().any(|private| key.get(private).is_some())) {
        return Err(field("jwks", "must hold public keys only, and one of these is private: replace it"));
    }
    let set: JwkSet = serde_json::from_value(value.clone()).map_err(|error| field("jwks", &error.to_string()))?;
    if set.keys.is_empty() {
        return Err(field("jwks", "must hold at least one RSA, EC or OKP key"));
    }
    Ok(Some(set))
}
