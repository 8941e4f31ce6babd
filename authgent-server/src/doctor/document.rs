//! Documents at well-known places, read leniently: a doctor must look into what is malformed.

use super::compare::excerpt;
use super::finding::{Fault, Stage};
use crate::net::probe::{Answered, Ask, Probe, ProbeError, Reply};
use serde_json::{Map, Value};

/// The revision that metadata requests name, as clients do.
const PROTOCOL_VERSION: &str = "2026-07-28";

/// A place where a document may be, and what it answered.
pub(in crate::doctor) struct Place {
    /// What the place is, for people.
    pub(in crate::doctor) name: &'static str,
    pub(in crate::doctor) url: String,
    pub(in crate::doctor) answered: Answered,
}

impl Place {
    pub(in crate::doctor) async fn ask(probe: &Probe, name: &'static str, url: String) -> Self {
        let answered = probe.ask(&Ask::get(url.as_str()).header("mcp-protocol-version", PROTOCOL_VERSION)).await;
        Self { name, url, answered }
    }
}

/// A JSON object that was found.
pub(in crate::doctor) struct Document {
    pub(in crate::doctor) name: &'static str,
    pub(in crate::doctor) url: String,
    pub(in crate::doctor) members: Map<String, Value>,
}

impl Document {
    /// A member that is a text.
    pub(in crate::doctor) fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member).and_then(Value::as_str)
    }

    /// The texts in a member that is a list; a lone text counts as a list of one.
    pub(in crate::doctor) fn list(&self, member: &str) -> Vec<&str> {
        match self.members.get(member) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => vec![text],
            _ => Vec::new(),
        }
    }

    /// Whether a member is there.
    pub(in crate::doctor) fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// Whether a member is `true`.
    pub(in crate::doctor) fn is_true(&self, member: &str) -> bool {
        self.members.get(member) == Some(&Value::Bool(true))
    }
}

/// What the faults of one kind of document are called.
pub(in crate::doctor) struct Faults {
    /// What tells such a document from another one: it has at least one of these members.
    pub(in crate::doctor) members: &'static [&'static str],
    pub(in crate::doctor) unreachable: &'static Fault,
    pub(in crate::doctor) tls: &'static Fault,
    pub(in crate::doctor) status: &'static Fault,
    pub(in crate::doctor) redirect: &'static Fault,
    pub(in crate::doctor) not_json: &'static Fault,
    pub(in crate::doctor) missing: &'static Fault,
}

/// The documents at the places, in their order; says what is wrong with the others.
pub(in crate::doctor) fn read(stage: &mut Stage, places: &[Place], faults: &Faults) -> Vec<Document> {
    let before = stage.findings.len();
    let is_one = |members: &Map<String, Value>| faults.members.iter().any(|member| members.contains_key(*member));
    // A server may answer every address with the same cheerful object. Where none is right, the first is as good as any.
    let some_is = places.iter().any(|place| {
        let reply = place.answered.as_ref().ok().filter(|reply| reply.status == 200);
        reply.and_then(object).is_some_and(|members| is_one(&members))
    });
    let mut documents: Vec<Document> = Vec::new();
    for place in places {
        match &place.answered {
            Err(error) => {
                let fault = if matches!(error, ProbeError::Tls(_)) { faults.tls } else { faults.unreachable };
                // The places are on one machine: once is enough.
                if !stage.has(fault) {
                    stage.add(fault.found(error.to_string()).at(&place.url));
                }
            }
            Ok(reply) if reply.status == 200 => match object(reply) {
                Some(members) if is_one(&members) || !some_is => {
                    documents.push(Document { name: place.name, url: place.url.clone(), members });
                }
                Some(_) | None => stage.add(faults.not_json.found(shown(reply)).at(&place.url)),
            },
            Ok(reply) if reply.is_redirect() => {
                let target = reply.header("location").unwrap_or("nowhere");
                stage.add(faults.redirect.found(format!("{} to {}", reply.status, excerpt(target))).at(&place.url));
            }
            // Clients take any other 4xx for "not here", and try the next place.
            Ok(reply) if (400..500).contains(&reply.status) => {}
            Ok(reply) => stage.add(faults.status.found(shown(reply)).at(&place.url)),
        }
    }
    let explained = stage.findings[before..].iter().any(|finding| finding.code != faults.status.code);
    if documents.is_empty() && !explained {
        let tried = places.iter().map(|place| format!("{} {}", place.url, status(&place.answered)));
        stage.add(faults.missing.found(tried.collect::<Vec<_>>().join(", ")));
    }
    documents
}

/// The JSON object in an answer.
pub(in crate::doctor) fn object(reply: &Reply) -> Option<Map<String, Value>> {
    match reply.json() {
        Some(Value::Object(members)) => Some(members),
        _ => None,
    }
}

fn status(answered: &Answered) -> String {
    answered.as_ref().map_or_else(ToString::to_string, |reply| reply.status.to_string())
}

/// An answer in a line: status, type, and how it begins. Never used for an answer that may hold a token.
pub(in crate::doctor) fn shown(reply: &Reply) -> String {
    let kind = reply.header("content-type").unwrap_or("no Content-Type");
    let body = excerpt(&String::from_utf8_lossy(&reply.body));
    let body = if body.is_empty() { "empty".to_owned() } else { body };
    format!("{} ({}): {body}", reply.status, excerpt(kind))
}
