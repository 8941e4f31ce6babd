//! The authorization server's metadata: RFC 8414, OpenID Connect Discovery, and what MCP asks of it.

use super::compare::{difference, excerpt, is_loopback, is_safe, only_slash, origin, path};
use super::document::{Document, Faults, Place, read};
use super::faults::discovery as faults;
use super::finding::{Finding, Stage};
use crate::net::probe::Probe;
use url::Url;

const FAULTS: Faults = Faults {
    members: &["issuer", "authorization_endpoint", "token_endpoint"],
    unreachable: &faults::AS_CONNECTION,
    tls: &faults::AS_TLS,
    status: &faults::LOCATION_STATUS,
    redirect: &faults::AS_REDIRECT,
    not_json: &faults::AS_NOT_JSON,
    missing: &faults::AS_MISSING,
};

/// What a client does not find the same at two places would be another server to it.
const COMPARED: [&str; 9] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "jwks_uri",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "client_id_metadata_document_supported",
    "authorization_response_iss_parameter_supported",
];

/// Asks each place, in the order of clients (MCP authorization, authorization server metadata discovery).
pub(in crate::doctor) async fn ask(probe: &Probe, issuer: &Url) -> Vec<Place> {
    let (origin, path) = (origin(issuer), path(issuer));
    let mut places = vec![
        ("RFC 8414", format!("{origin}/.well-known/oauth-authorization-server{path}")),
        ("OpenID Connect, path inserted", format!("{origin}/.well-known/openid-configuration{path}")),
    ];
    if !path.is_empty() {
        places.push(("OpenID Connect, appended", format!("{origin}{path}/.well-known/openid-configuration")));
    }
    let mut asked = Vec::new();
    for (name, url) in places {
        asked.push(Place::ask(probe, name, url).await);
    }
    asked
}

/// What an MCP server says that its authorization server should know.
#[derive(Default)]
pub(in crate::doctor) struct Wanted {
    /// The resource.
    pub(in crate::doctor) resource: Option<String>,
    /// The scopes of the challenge and of the metadata.
    pub(in crate::doctor) scopes: Vec<String>,
}

/// What the places say, and the document that clients use. `issuer` is letter by letter as it was named.
pub(in crate::doctor) fn check(issuer: &str, places: &[Place], wanted: &Wanted) -> (Stage, Option<Document>) {
    let mut stage = Stage::new("discovery", format!("Authorization server {}", excerpt(issuer)));
    let mut documents = read(&mut stage, places, &FAULTS);
    check_scheme(&mut stage, issuer);
    if documents.is_empty() {
        return (stage, None);
    }
    let used = documents.remove(0);
    stage.add(Finding::ok("discovery.found", format!("metadata found ({})", used.name)).at(&used.url));
    check_issuer(&mut stage, issuer, &used);
    for other in &documents {
        check_agreement(&mut stage, &used, other);
    }
    check_endpoints(&mut stage, &used);
    check_pkce(&mut stage, &used, &documents);
    check_flows(&mut stage, &used);
    check_registration(&mut stage, &used);
    check_wanted(&mut stage, &used, wanted);
    (stage, Some(used))
}

/// What stands in the place of metadata where the issuer cannot be asked at all.
pub(in crate::doctor) fn unusable(issuer: &str) -> Stage {
    let mut stage = Stage::new("discovery", format!("Authorization server {}", excerpt(issuer)));
    stage.add(faults::ISSUER_URL.found(excerpt(issuer)));
    stage
}

fn check_scheme(stage: &mut Stage, issuer: &str) {
    match Url::parse(issuer) {
        Ok(url) if url.scheme() == "https" => {}
        Ok(url) if is_loopback(&url) => stage.add(faults::AS_LOOPBACK_HTTP.found(origin(&url)).at(issuer)),
        _ => stage.add(faults::AS_PLAIN_HTTP.found(excerpt(issuer)).at(issuer)),
    }
}

fn check_issuer(stage: &mut Stage, issuer: &str, document: &Document) {
    let Some(found) = document.text("issuer") else {
        stage.add(faults::NO_ISSUER.found("no issuer").at(&document.url));
        return;
    };
    if found == issuer {
        stage.add(Finding::ok("discovery.issuer", format!("issuer is the same letter by letter: {}", excerpt(found))));
        return;
    }
    let fault = if only_slash(issuer, found) { &faults::ISSUER_SLASH } else { &faults::ISSUER_MISMATCH };
    let difference = difference(issuer, found);
    stage.add(fault.found(format!("{}: {difference}", excerpt(found))).expected(excerpt(issuer)).at(&document.url));
}

fn check_agreement(stage: &mut Stage, used: &Document, other: &Document) {
    let differing: Vec<&str> = COMPARED
        .into_iter()
        // A missing PKCE member is a fault of its own.
        .filter(|member| *member != "code_challenge_methods_supported" || other.has(member) && used.has(member))
        .filter(|member| used.members.get(*member) != other.members.get(*member))
        .collect();
    if !differing.is_empty() {
        stage
            .add(faults::AS_DIFFER.found(format!("{} differs from {}", differing.join(", "), used.url)).at(&other.url));
    }
}

fn check_endpoints(stage: &mut Stage, document: &Document) {
    let before = stage.findings.len();
    for (member, required) in [
        ("authorization_endpoint", true),
        ("token_endpoint", true),
        ("registration_endpoint", false),
        ("jwks_uri", false),
        ("revocation_endpoint", false),
    ] {
        match document.text(member) {
            None if required => stage.add(faults::NO_ENDPOINT.found(format!("no {member}")).at(&document.url)),
            Some(url) if !is_safe(url) && is_safe(&document.url) => {
                stage.add(faults::ENDPOINT_URL.found(format!("{member} = {}", excerpt(url))).at(&document.url));
            }
            _ => {}
        }
    }
    stage.ok_unless_worse_since(
        before,
        Finding::ok("discovery.endpoints", "each endpoint has a URL that is safe to use"),
    );
}

fn check_pkce(stage: &mut Stage, used: &Document, others: &[Document]) {
    let member = "code_challenge_methods_supported";
    let lacking = std::iter::once(used).chain(others).find(|document| !document.list(member).contains(&"S256"));
    match lacking {
        None => stage.add(Finding::ok("discovery.s256", "PKCE with S256 is advertised")),
        Some(document) => {
            let methods = document.members.get(member).map(ToString::to_string);
            let found = methods.map_or_else(|| format!("no {member}"), |methods| format!("{member} = {methods}"));
            stage.add(faults::NO_S256.found(excerpt(&found)).at(&document.url));
        }
    }
}

fn check_flows(stage: &mut Stage, document: &Document) {
    let at = &document.url;
    let (responses, grants) = (document.list("response_types_supported"), document.list("grant_types_supported"));
    // RFC 8414, section 2: without the member, the grants are authorization_code and implicit.
    let has_code = grants.is_empty() || grants.contains(&"authorization_code");
    if !responses.contains(&"code") || !has_code {
        let found = format!("response_types_supported = {responses:?}, grant_types_supported = {grants:?}");
        stage.add(faults::NO_CODE.found(excerpt(&found)).at(at));
    }
    if !grants.contains(&"refresh_token") {
        stage.add(faults::NO_REFRESH.found(excerpt(&format!("grant_types_supported = {grants:?}"))).at(at));
    }
    let methods = document.list("token_endpoint_auth_methods_supported");
    if !methods.contains(&"none") {
        let found = format!("token_endpoint_auth_methods_supported = {methods:?}");
        stage.add(faults::NO_NONE.found(excerpt(&found)).at(at));
    }
    if !document.is_true("authorization_response_iss_parameter_supported") {
        stage.add(faults::NO_ISS.found("authorization_response_iss_parameter_supported is not true").at(at));
    }
}

fn check_registration(stage: &mut Stage, document: &Document) {
    let dynamic = document.has("registration_endpoint");
    let documents = document.is_true("client_id_metadata_document_supported");
    let found = "no registration_endpoint";
    match (documents, dynamic) {
        (true, true) => stage.add(Finding::ok("registration.ways", "clients register by document or dynamically")),
        (true, false) => stage.add(faults::NO_DYNAMIC.found(found).at(&document.url)),
        (false, true) => {
            stage
                .add(faults::NO_DOCUMENTS.found("client_id_metadata_document_supported is not true").at(&document.url));
        }
        (false, false) => {
            let found = format!("{found}, and client_id_metadata_document_supported is not true");
            stage.add(faults::NO_REGISTRATION.found(found).at(&document.url));
        }
    }
}

fn check_wanted(stage: &mut Stage, document: &Document, wanted: &Wanted) {
    let known = document.list("scopes_supported");
    let unknown: Vec<&str> = wanted.scopes.iter().map(String::as_str).filter(|scope| !known.contains(scope)).collect();
    if !known.is_empty() && !unknown.is_empty() {
        stage
            .add(faults::SCOPE_UNKNOWN.found(format!("not listed: {}", excerpt(&unknown.join(" ")))).at(&document.url));
    }
    let resources = document.list("protected_resources");
    if let Some(resource) = wanted.resource.as_deref().filter(|resource| !resources.contains(resource))
        && !resources.is_empty()
    {
        let near = resources.iter().find(|known| difference(resource, known).contains("slash"));
        let hint = near.map(|near| format!("{near} is registered, which differs by a slash.")).unwrap_or_default();
        let found = format!("{} is not among {}", excerpt(resource), excerpt(&resources.join(" ")));
        stage.add(faults::RESOURCE_UNLISTED.found(found).hint(&hint).at(&document.url));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::net::probe::{ProbeError, Reply};

    fn place(answered: crate::net::probe::Answered) -> Place {
        Place {
            name: "RFC 8414",
            url: "http://auth.example.com/.well-known/oauth-authorization-server".into(),
            answered,
        }
    }

    fn faults_of(issuer: &str, place: Place) -> Vec<&'static str> {
        let (stage, _) = check(issuer, &[place], &Wanted::default());
        stage.findings.iter().filter(|finding| finding.severity > Severity::Info).map(|finding| finding.code).collect()
    }

    #[test]
    fn an_authorization_server_elsewhere_without_tls() {
        let body = serde_json::json!({"issuer": "http://auth.example.com", "authorization_endpoint": "http://auth.example.com/a",
            "token_endpoint": "http://auth.example.com/t", "registration_endpoint": "http://auth.example.com/r",
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"]});
        let reply = Reply {
            url: String::new(),
            status: 200,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            elapsed: std::time::Duration::ZERO,
        };
        assert_eq!(faults_of("http://auth.example.com", place(Ok(reply))), ["discovery.plain_http"]);
        let certificate = || place(Err(ProbeError::Tls("certificate verify failed".into())));
        assert_eq!(faults_of("https://auth.example.com", certificate()), ["discovery.tls"]);
    }
}
