//! A JWT in compact form that a stranger sent: RFC 7515, sections 4.1 and 5.2; RFC 7519, section 7.2.

use crate::strict_json;
use crate::text::from_base64url;
use serde_json::{Map, Value};

/// Why a text is no signed JWT. No message holds anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// It is not in compact form.
    #[error("it is no JWT in compact form: expected three parts of base64url with dots between")]
    NotCompact,
    /// Header or claims are no JSON object, or one of their members is there twice.
    #[error("its {0} must be a JSON object without repeated members")]
    NotAnObject(&'static str),
    /// A member of the header is missing or of another type.
    #[error("its header needs {0}")]
    Header(&'static str),
    /// It is not signed.
    #[error("alg none is not accepted: it must be signed")]
    Unsigned,
    /// It asks for extensions, of which none is known (RFC 7515, section 4.1.11).
    #[error("its header has crit, and no extension is known")]
    Critical,
}

/// A JWT that was read, and that nobody may believe yet.
pub(super) struct CompactJwt<'a> {
    /// The algorithm that it says it was signed with. Never `none`.
    pub(super) alg: String,
    /// The key that it says it was signed with.
    pub(super) kid: Option<String>,
    /// What it says.
    pub(super) claims: Map<String, Value>,
    /// What was signed.
    pub(super) signing_input: &'a str,
    /// The signature.
    pub(super) signature: Vec<u8>,
}

/// Reads a JWT without believing it. How long it may be is for the caller to say.
pub(super) fn read(compact: &str) -> Result<CompactJwt<'_>, CompactError> {
    use CompactError as E;
    let (signing_input, signature) = compact.rsplit_once('.').ok_or(E::NotCompact)?;
    let (header, claims) = signing_input.split_once('.').ok_or(E::NotCompact)?;
    let decode = |part: &str| from_base64url(part).ok_or(E::NotCompact);
    let header = strict_json::object(&decode(header)?).ok_or(E::NotAnObject("header"))?;
    let claims = strict_json::object(&decode(claims)?).ok_or(E::NotAnObject("claims"))?;
    let signature = decode(signature)?;
    let alg = header.get("alg").and_then(Value::as_str).ok_or(E::Header("alg, a string"))?.to_owned();
    if alg.eq_ignore_ascii_case("none") {
        return Err(E::Unsigned);
    }
    if header.contains_key("crit") {
        return Err(E::Critical);
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err(E::Header("kid to be a string")),
    };
    Ok(CompactJwt { alg, kid, claims, signing_input, signature })
}
