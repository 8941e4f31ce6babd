//! An access token: what stands in it, and whether the MCP server can accept it (RFC 9068, section 4).
//!
//! The token itself is never shown: its header and claims are, without the signature.

use super::compare::{difference, excerpt, only_slash};
use super::faults::token as faults;
use super::finding::{Finding, Stage};
use super::keys::Key;
use crate::crypto::jwk_verifier::JwkVerifier;
use authgent_core::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 30;
/// What counts as a long life of an access token, in seconds.
const LONG: i64 = 3600;

/// What the token should say, as far as it is known.
pub(in crate::doctor) struct Expected<'a> {
    pub(in crate::doctor) issuer: Option<&'a str>,
    pub(in crate::doctor) resource: Option<&'a str>,
    /// The scopes that were asked for, or that the challenge wants.
    pub(in crate::doctor) scope: Vec<String>,
    /// `None` where the keys could not be read: that has been said already.
    pub(in crate::doctor) keys: Option<&'a [Key]>,
}

/// A token that was taken apart.
struct Parts<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

fn take_apart(token: &str) -> Option<Parts<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (read(header)?, read(claims)?);
    (header.is_object() && claims.is_object())
        .then(|| URL_SAFE_NO_PAD.decode(signature).ok())
        .flatten()
        .map(|signature| Parts { header, claims, signed, signature })
}

/// What can be said of a token without sending it anywhere.
pub(in crate::doctor) fn check(token: &str, expected: &Expected<'_>, now: Timestamp) -> Stage {
    let mut stage = Stage::new("token", "Access token");
    let Some(parts) = take_apart(token) else {
        stage.add(faults::OPAQUE.found(format!("{} characters that are no JWT", token.chars().count())));
        return stage;
    };
    let mut read = Finding::ok("token.read", "header and claims");
    // JSON with spaces, so that a terminal can break it into lines.
    let shown = format!("{:#}", json!({"header": parts.header, "claims": parts.claims}));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    read.found = shown.chars().filter(|c| !c.is_control()).collect();
    stage.add(read);
    check_signature(&mut stage, &parts, expected.keys);
    check_issuer(&mut stage, &parts.claims, expected.issuer);
    check_audience(&mut stage, &parts.claims, expected.resource);
    check_time(&mut stage, &parts.claims, now);
    check_scope(&mut stage, &parts.claims, &expected.scope);
    check_profile(&mut stage, &parts);
    stage
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn check_signature(stage: &mut Stage, parts: &Parts<'_>, keys: Option<&[Key]>) {
    let alg = text(&parts.header, "alg");
    if alg.is_empty() || alg.eq_ignore_ascii_case("none") || alg.starts_with("HS") {
        stage.add(faults::ALG_NONE.found(format!("alg = {}", excerpt(alg))));
        return;
    }
    let Some(keys) = keys else { return };
    let kid = parts.header.get("kid").and_then(Value::as_str);
    let candidates: Vec<&Key> = keys.iter().filter(|key| kid.is_none() || key.jwk.kid.as_deref() == kid).collect();
    if candidates.is_empty() {
        stage.add(faults::UNKNOWN_KEY.found(format!("kid = {}", excerpt(kid.unwrap_or_default()))));
        return;
    }
    let good = candidates.iter().any(|key| {
        JwkVerifier::new(&key.jwk, alg)
            .is_ok_and(|verifier| verifier.verifies(parts.signed.as_bytes(), &parts.signature))
    });
    if good {
        stage.add(Finding::ok("token.signature", format!("the signature is good ({alg})")));
    } else {
        stage.add(faults::SIGNATURE.found(format!("alg = {}, kid = {}", excerpt(alg), excerpt(kid.unwrap_or("none")))));
    }
}

fn check_issuer(stage: &mut Stage, claims: &Value, issuer: Option<&str>) {
    let found = text(claims, "iss");
    match issuer {
        Some(issuer) if found.is_empty() => stage.add(faults::WRONG_ISSUER.found("no iss").expected(excerpt(issuer))),
        Some(issuer) if issuer == found => {
            stage.add(Finding::ok("token.issuer", "iss is the issuer, letter by letter"));
        }
        Some(issuer) => {
            let finding = faults::WRONG_ISSUER.found(format!("{}: {}", excerpt(found), difference(issuer, found)));
            stage.add(finding.expected(excerpt(issuer)));
        }
        None => {}
    }
}

fn check_audience(stage: &mut Stage, claims: &Value, resource: Option<&str>) {
    let Some(resource) = resource else { return };
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if audiences.contains(&resource) {
        stage.add(Finding::ok(
            "token.audience",
            format!("aud is the resource, letter by letter: {}", excerpt(resource)),
        ));
        return;
    }
    let found = match audiences.as_slice() {
        [] => "no aud".to_owned(),
        [one] => format!("{}: {}", excerpt(one), difference(resource, one)),
        many => excerpt(&many.join(" ")),
    };
    let hint = if audiences.iter().any(|audience| only_slash(resource, audience)) {
        "They differ by the trailing slash alone: remove it where it stands."
    } else {
        ""
    };
    let title = format!("invalid_audience — expected \"{}\"", excerpt(resource));
    let finding = faults::AUDIENCE.found(found).expected(format!("aud = {}", excerpt(resource))).hint(hint);
    stage.add(Finding { title, ..finding });
}

fn check_time(stage: &mut Stage, claims: &Value, now: Timestamp) {
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age of the world are exact in a double")]
    let now = now.0 as f64;
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let leeway = LEEWAY as f64;
    let Some(exp) = time("exp") else {
        stage.add(faults::CLAIMS.found("no exp: the token never ends"));
        return;
    };
    if exp <= now {
        stage.add(faults::EXPIRED.found(format!("exp was {} seconds ago", (now - exp).round())));
    } else {
        stage.add(Finding::ok("token.expired", format!("it lives for another {} seconds", (exp - now).round())));
    }
    for claim in ["nbf", "iat"] {
        if let Some(begin) = time(claim).filter(|begin| *begin > now + leeway) {
            stage.add(faults::NOT_YET_VALID.found(format!("{claim} is {} seconds ahead", (begin - now).round())));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "an hour")]
    if let Some(life) = time("iat").map(|iat| exp - iat).filter(|life| *life > LONG as f64) {
        stage.add(faults::LONG_LIFE.found(format!("{} seconds", life.round())));
    }
}

fn check_scope(stage: &mut Stage, claims: &Value, wanted: &[String]) {
    let granted: Vec<&str> = match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(text)) => text.split(' ').collect(),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    // Whether `offline_access` stands in an access token is for the server to say.
    let missing: Vec<&str> = wanted
        .iter()
        .map(String::as_str)
        .filter(|scope| *scope != "offline_access" && !granted.contains(scope))
        .collect();
    let shown = if granted.is_empty() { "no scope".to_owned() } else { excerpt(&granted.join(" ")) };
    if missing.is_empty() {
        stage.add(Finding::ok("token.scope", format!("scope: {shown}")));
        return;
    }
    let title = format!("insufficient_scope — required scope \"{}\" not present", excerpt(&missing.join(" ")));
    let finding = faults::SCOPE.found(shown).expected(excerpt(&wanted.join(" ")));
    stage.add(Finding { title, ..finding });
}

fn check_profile(stage: &mut Stage, parts: &Parts<'_>) {
    let mut lacking: Vec<String> = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]
        .into_iter()
        .filter(|claim| parts.claims.get(claim).is_none())
        .map(|claim| format!("no {claim}"))
        .collect();
    let typ = text(&parts.header, "typ").to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) != "at+jwt" {
        lacking.push(format!("typ = {}", if typ.is_empty() { "none".to_owned() } else { excerpt(&typ) }));
    }
    if lacking.is_empty() {
        stage.add(Finding::ok("token.claims", "typ and claims are those of RFC 9068"));
    } else if !stage.has(&faults::CLAIMS) {
        stage.add(faults::CLAIMS.found(lacking.join(", ")));
    }
}
