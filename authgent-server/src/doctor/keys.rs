//! The public keys: RFC 7517.

use super::compare::excerpt;
use super::document::{object, shown};
use super::faults::discovery as faults;
use super::finding::{Finding, Stage};
use crate::crypto::jwk_verifier::{JwkVerifier, likely_algorithm};
use crate::net::probe::Answered;
use authgent_core::jwk::PublicJwk;
use serde_json::Value;
use std::collections::HashSet;

/// The members that only private keys have (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key that can verify, and its algorithm.
pub(in crate::doctor) struct Key {
    pub(in crate::doctor) jwk: PublicJwk,
    pub(in crate::doctor) alg: String,
}

/// What the answer of `jwks_uri` says, and the keys that are of use.
pub(in crate::doctor) fn check(url: &str, answered: &Answered) -> (Stage, Vec<Key>) {
    let mut stage = Stage::new("keys", "Keys");
    let reply = match answered {
        Ok(reply) if reply.status == 200 => reply,
        Ok(reply) => {
            stage.add(faults::KEYS_UNREACHABLE.found(shown(reply)).at(url));
            return (stage, Vec::new());
        }
        Err(error) => {
            stage.add(faults::KEYS_UNREACHABLE.found(error.to_string()).at(url));
            return (stage, Vec::new());
        }
    };
    let document = object(reply);
    let Some(Value::Array(members)) = document.as_ref().and_then(|document| document.get("keys")) else {
        stage.add(faults::KEYS_NOT_JWKS.found(shown(reply)).at(url));
        return (stage, Vec::new());
    };
    let keys = check_keys(&mut stage, url, members);
    check_names(&mut stage, url, members);
    if keys.is_empty() {
        stage.add(faults::KEYS_EMPTY.found(format!("{} keys, of which none is usable", members.len())).at(url));
    } else {
        let named: Vec<String> =
            keys.iter().map(|key| format!("{} {}", key.alg, key.jwk.kid.as_deref().unwrap_or("without kid"))).collect();
        stage.add(Finding::ok("keys.usable", format!("usable keys: {}", excerpt(&named.join(", ")))));
        check_fastmcp(&mut stage, url, &keys);
    }
    let caching = reply.header("cache-control").unwrap_or_default();
    if !caching.contains("max-age") {
        let found = if caching.is_empty() { "no Cache-Control".to_owned() } else { excerpt(caching) };
        stage.add(faults::KEYS_CACHING.found(found).at(url));
    }
    (stage, keys)
}

fn check_keys(stage: &mut Stage, url: &str, members: &[Value]) -> Vec<Key> {
    let mut keys = Vec::new();
    for (position, member) in members.iter().enumerate() {
        let name = member.get("kid").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("key {}", position + 1), |kid| format!("key {}", excerpt(kid)));
        let private: Vec<&str> = PRIVATE.into_iter().filter(|secret| member.get(secret).is_some()).collect();
        if !private.is_empty() {
            // The members are named, never shown.
            stage.add(faults::KEYS_PRIVATE.found(format!("{name} has {}", private.join(", "))).at(url));
        }
        if member.get("use").and_then(Value::as_str).is_some_and(|key_use| key_use != "sig") {
            continue;
        }
        match usable(member) {
            Ok(key) => keys.push(key),
            Err(_) if !private.is_empty() => {}
            Err(problem) => stage.add(faults::KEYS_UNUSABLE.found(format!("{name}: {problem}")).at(url)),
        }
    }
    keys
}

fn usable(member: &Value) -> Result<Key, String> {
    let jwk: PublicJwk =
        serde_json::from_value(member.clone()).map_err(|_| "it is no EC, RSA or OKP key".to_owned())?;
    let alg = likely_algorithm(&jwk).ok_or_else(|| "its curve is not known".to_owned())?.to_owned();
    JwkVerifier::new(&jwk, &alg).map_err(|error| error.to_string())?;
    Ok(Key { jwk, alg })
}

fn check_names(stage: &mut Stage, url: &str, members: &[Value]) {
    let mut seen = HashSet::new();
    for (position, member) in members.iter().enumerate() {
        match member.get("kid").and_then(Value::as_str) {
            None => stage.add(faults::KEYS_NO_KID.found(format!("key {} has none", position + 1)).at(url)),
            Some(kid) if !seen.insert(kid) => stage.add(faults::KEYS_SAME_KID.found(excerpt(kid)).at(url)),
            Some(_) => {}
        }
        if member.get("alg").is_none() {
            stage.add(faults::KEYS_NO_ALG.found(format!("key {} has none", position + 1)).at(url));
        }
    }
}

fn check_fastmcp(stage: &mut Stage, url: &str, keys: &[Key]) {
    if keys.iter().any(|key| key.alg == "RS256") {
        return;
    }
    let mut algorithms: Vec<&str> = keys.iter().map(|key| key.alg.as_str()).collect();
    algorithms.dedup();
    let mut finding = faults::KEYS_NOT_RS256.found(algorithms.join(", ")).at(url);
    if let Some(algorithm) = algorithms.first() {
        finding.remedy = finding.remedy.replace("ES256", algorithm);
    }
    stage.add(finding);
}

/// What is said of metadata without `jwks_uri`.
pub(in crate::doctor) fn no_jwks_uri(metadata_url: &str) -> Stage {
    let mut stage = Stage::new("keys", "Keys");
    stage.add(faults::NO_JWKS_URI.found("no jwks_uri").at(metadata_url));
    stage
}
