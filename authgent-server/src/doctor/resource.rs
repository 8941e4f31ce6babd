//! The protected resource metadata: RFC 9728.

use super::compare::{difference, excerpt, origin, path};
use super::document::{Document, Faults, Place, read};
use super::faults::server as faults;
use super::finding::{Finding, Stage};
use crate::net::probe::Probe;
use authgent_core::metadata::resource::WELL_KNOWN;
use serde_json::Value;
use url::Url;

const FAULTS: Faults = Faults {
    members: &["resource", "authorization_servers"],
    unreachable: &faults::METADATA_UNREACHABLE,
    tls: &faults::TLS,
    status: &faults::METADATA_STATUS,
    redirect: &faults::METADATA_REDIRECT,
    not_json: &faults::METADATA_NOT_JSON,
    missing: &faults::METADATA_MISSING,
};

/// Asks each place, in the order of clients (MCP authorization, protected resource metadata discovery).
pub(in crate::doctor) async fn ask(probe: &Probe, url: &Url, of_challenge: Option<&str>) -> Vec<Place> {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let inserted = format!("{}{WELL_KNOWN}{}{query}", origin(url), path(url));
    let root = format!("{}{WELL_KNOWN}", origin(url));
    let mut places: Vec<Place> = Vec::new();
    let named = [
        ("the place that the challenge names", of_challenge.map(str::to_owned)),
        ("the place with the path inserted", Some(inserted)),
        ("the place at the root", Some(root)),
    ];
    for (name, place) in named {
        let Some(place) = place.filter(|place| places.iter().all(|known| known.url != *place)) else { continue };
        places.push(Place::ask(probe, name, place).await);
    }
    places
}

/// What the places say, and the document that clients use.
pub(in crate::doctor) fn check(
    url: &Url,
    typed: &str,
    places: &[Place],
    challenge_scope: bool,
) -> (Stage, Option<Document>) {
    let mut stage = Stage::new("resource", "Protected resource metadata");
    let mut documents = read(&mut stage, places, &FAULTS);
    if documents.is_empty() {
        return (stage, None);
    }
    let used = documents.remove(0);
    stage.add(Finding::ok("resource.found", format!("found at {}", used.name)).at(&used.url));
    check_resource(&mut stage, url, typed, &used);
    check_authorization_servers(&mut stage, &used);
    check_scopes(&mut stage, &used, challenge_scope);
    let methods = used.list("bearer_methods_supported");
    if used.has("bearer_methods_supported") && !methods.contains(&"header") {
        stage.add(faults::BEARER_METHODS.found(excerpt(&format!("{methods:?}"))).at(&used.url));
    }
    check_agreement(&mut stage, &used, &documents);
    (stage, Some(used))
}

fn check_resource(stage: &mut Stage, url: &Url, typed: &str, document: &Document) {
    let Some(resource) = document.text("resource") else {
        stage.add(faults::RESOURCE_ABSENT.found(shown(document, "resource")).at(&document.url));
        return;
    };
    // A person who types a host without a path types no slash either; the parser adds one.
    let same = resource == typed || resource == url.as_str() && url.path() == "/";
    if same {
        stage.add(Finding::ok("resource.matches", format!("resource is the typed URL: {}", excerpt(resource))));
        return;
    }
    let hint = match Url::parse(resource) {
        Ok(resource) if resource.host() == url.host() && path(url).is_empty() && !path(&resource).is_empty() => {
            format!("If {resource} is what people should type, type that.")
        }
        _ => String::new(),
    };
    let found = format!("{}: {}", excerpt(resource), difference(typed, resource));
    stage.add(faults::RESOURCE_MISMATCH.found(found).expected(typed).hint(&hint).at(&document.url));
}

fn check_authorization_servers(stage: &mut Stage, document: &Document) {
    let servers = document.list("authorization_servers");
    if servers.is_empty() {
        let found = shown(document, "authorization_servers");
        stage.add(faults::NO_AUTHORIZATION_SERVERS.found(found).at(&document.url));
    } else {
        let title = format!("authorization servers: {}", excerpt(&servers.join(" ")));
        stage.add(Finding::ok("resource.authorization_servers", title));
    }
}

fn check_scopes(stage: &mut Stage, document: &Document, challenge_scope: bool) {
    let scopes = document.list("scopes_supported");
    if scopes.contains(&"offline_access") {
        stage.add(faults::OFFLINE_ACCESS_LISTED.found(excerpt(&scopes.join(" "))).at(&document.url));
    }
    if scopes.is_empty() && !challenge_scope {
        stage.add(faults::NO_SCOPES_SUPPORTED.found(shown(document, "scopes_supported")).at(&document.url));
    }
}

fn check_agreement(stage: &mut Stage, used: &Document, others: &[Document]) {
    for other in others {
        // The root place may be that of another resource of the host.
        let another = other.name == "the place at the root" && other.text("resource") != used.text("resource");
        let differing: Vec<&str> = ["resource", "authorization_servers", "scopes_supported"]
            .into_iter()
            .filter(|member| !another && other.members.get(*member) != used.members.get(*member))
            .collect();
        if !differing.is_empty() {
            let found = format!("{} differs from {}", differing.join(", "), used.url);
            stage.add(faults::METADATA_DIFFER.found(found).at(&other.url));
        }
    }
}

fn shown(document: &Document, member: &str) -> String {
    document
        .members
        .get(member)
        .map_or_else(|| format!("no {member}"), |value: &Value| excerpt(&format!("{member} = {value}")))
}
