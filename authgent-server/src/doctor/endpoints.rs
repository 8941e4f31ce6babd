//! The authorization server's endpoints: what they answer to requests that are to be refused.
//!
//! Nothing is registered and nobody is signed in here.

use super::compare::excerpt;
use super::document::{Document, object, shown};
use super::faults::endpoints as faults;
use super::finding::{Fault, Finding, Stage};
use super::login::same_origin;
use crate::net::probe::{Answered, Ask, Probe, Reply};
use serde_json::json;
use url::Url;

/// Where an open redirector would send people: a name that does not exist (RFC 6761, section 6.4).
const ELSEWHERE: &str = "https://authgent-doctor.invalid/callback";

/// The answers of the endpoints that the metadata names.
pub(in crate::doctor) struct Answers {
    pub(in crate::doctor) token: Option<Answered>,
    pub(in crate::doctor) registration: Option<Answered>,
    pub(in crate::doctor) authorize: Option<Answered>,
}

impl Answers {
    pub(in crate::doctor) async fn ask(probe: &Probe, metadata: &Document) -> Self {
        let mut answers = Self { token: None, registration: None, authorize: None };
        if let Some(url) = metadata.text("token_endpoint") {
            answers.token = Some(probe.ask(&Ask::post_form(url, &[])).await);
        }
        if let Some(url) = metadata.text("registration_endpoint") {
            // RFC 7591 lets a server register a client from `{}`: members of a wrong type leave it no choice.
            let nonsense = json!({"redirect_uris": "not a list", "token_endpoint_auth_method": 7, "grant_types": {}});
            answers.registration = Some(probe.ask(&Ask::post_json(url, &nonsense)).await);
            answers.undo_registration(probe).await;
        }
        if let Some(url) = metadata.text("authorization_endpoint").and_then(|url| Url::parse(url).ok()) {
            answers.authorize = Some(probe.ask(&Ask::get(unknown_client(url))).await);
        }
        answers
    }

    /// A server that registered nonsense after all is asked to forget it (RFC 7592, section 2.3).
    async fn undo_registration(&self, probe: &Probe) {
        let Some(Ok(reply)) = &self.registration else { return };
        let Some(client) = object(reply).filter(|_| reply.is_success()) else { return };
        let member = |name: &str| client.get(name).and_then(serde_json::Value::as_str);
        if let (Some(url), Some(token)) = (member("registration_client_uri"), member("registration_access_token"))
            && same_origin(url, &reply.url)
        {
            let _ = probe.ask(&Ask::delete(url).bearer(token)).await;
        }
    }
}

fn unknown_client(mut url: Url) -> String {
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", "unknown-to-everybody-authgent-doctor")
        .append_pair("redirect_uri", ELSEWHERE)
        .append_pair("state", "doctor")
        .append_pair("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        .append_pair("code_challenge_method", "S256");
    url.into()
}

/// What the answers say.
pub(in crate::doctor) fn check(answers: &Answers) -> Stage {
    let mut stage = Stage::new("endpoints", "Endpoints");
    if let Some(reply) = reached(&mut stage, answers.token.as_ref()) {
        let faults = Refusal { status: &faults::TOKEN_STATUS, not_json: &faults::TOKEN_NOT_JSON };
        check_refusal(&mut stage, reply, &faults, "token_endpoint.refuses", "the token endpoint refuses in JSON");
    }
    if let Some(reply) = reached(&mut stage, answers.registration.as_ref()) {
        check_registration(&mut stage, reply);
    }
    if let Some(reply) = reached(&mut stage, answers.authorize.as_ref()) {
        check_authorize(&mut stage, reply);
    }
    stage
}

fn reached<'a>(stage: &mut Stage, answered: Option<&'a Answered>) -> Option<&'a Reply> {
    match answered? {
        Ok(reply) => Some(reply),
        Err(error) => {
            stage.add(faults::UNREACHABLE.found(error.to_string()));
            None
        }
    }
}

struct Refusal {
    status: &'static Fault,
    not_json: &'static Fault,
}

/// A refusal has a status of the caller's fault, and JSON with an `error`.
fn check_refusal(stage: &mut Stage, reply: &Reply, faults: &Refusal, code: &'static str, title: &str) {
    let error = object(reply).and_then(|body| body.get("error").and_then(|error| error.as_str().map(str::to_owned)));
    let refused = matches!(reply.status, 400 | 401 | 403 | 422 | 429);
    match error {
        _ if !refused => stage.add(faults.status.found(shown(reply)).at(&reply.url)),
        None => stage.add(faults.not_json.found(shown(reply)).at(&reply.url)),
        Some(error) => stage.add(Finding::ok(code, format!("{title}: {} {}", reply.status, excerpt(&error)))),
    }
}

fn check_registration(stage: &mut Stage, reply: &Reply) {
    if reply.is_success() {
        // What was registered may hold a secret: it is not shown.
        stage.add(faults::REGISTRATION_CARELESS.found(format!("{} and a client", reply.status)).at(&reply.url));
        return;
    }
    let faults = Refusal { status: &faults::REGISTRATION_STATUS, not_json: &faults::REGISTRATION_NOT_JSON };
    if matches!(reply.status, 401 | 403) {
        stage.add(super::faults::endpoints::REGISTRATION_CLOSED.found(shown(reply)).at(&reply.url));
        return;
    }
    check_refusal(stage, reply, &faults, "registration.refuses", "the registration endpoint refuses in JSON");
}

fn check_authorize(stage: &mut Stage, reply: &Reply) {
    let location = reply.header("location").unwrap_or_default();
    let at = reply.url.split('?').next().unwrap_or_default();
    if reply.is_redirect() && location.starts_with("https://authgent-doctor.invalid") {
        stage.add(faults::OPEN_REDIRECTOR.found(format!("{} to {}", reply.status, excerpt(location))).at(at));
    } else if reply.is_redirect() || reply.is_success() {
        let found = if location.is_empty() {
            reply.status.to_string()
        } else {
            format!("{} to {}", reply.status, excerpt(location))
        };
        stage.add(faults::UNKNOWN_CLIENT_UNNOTICED.found(found).at(at));
    } else if matches!(reply.status, 404 | 405 | 500..=599) {
        stage.add(faults::AUTHORIZE_STATUS.found(shown(reply)).at(at));
    } else {
        let title = format!("an unknown client is answered with {} and no redirect", reply.status);
        stage.add(Finding::ok("authorize.unknown_client", title));
    }
}
