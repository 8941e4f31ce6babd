//! What the MCP server answers to a request without a token, and to one with a made-up token.

use super::compare::{excerpt, is_safe};
use super::document::shown;
use super::faults::server as faults;
use super::finding::{Finding, Stage};
use super::messages;
use crate::net::probe::{Answered, Probe, Reply};
use authgent_core::challenge::Challenge;
use url::Url;

/// The answers to requests that are to be refused.
pub(in crate::doctor) struct Answers {
    /// To `initialize`, as clients of revision 2025-11-25 and before begin.
    pub(in crate::doctor) initialize: Answered,
    /// To `tools/list` without a session, as clients of revision 2026-07-28 begin.
    pub(in crate::doctor) tools_list: Answered,
    /// To `tools/list` with a token that nobody issued.
    pub(in crate::doctor) made_up: Answered,
}

/// A token that nobody issued.
const MADE_UP: &str = "made-up-by-authgent-doctor";

impl Answers {
    pub(in crate::doctor) async fn ask(probe: &Probe, url: &str) -> Self {
        Self {
            initialize: probe.ask(&messages::initialize(url)).await,
            tools_list: probe.ask(&messages::tools_list(url)).await,
            made_up: probe.ask(&messages::tools_list(url).bearer(MADE_UP)).await,
        }
    }

    /// Whether any answer shows that an MCP server stands there.
    pub(in crate::doctor) fn look_like_mcp(&self) -> bool {
        self.replies().any(|reply| {
            let speaks_json_rpc = reply.json().is_some_and(|body| body.get("jsonrpc").is_some());
            speaks_json_rpc || (reply.status == 401 && reply.header("www-authenticate").is_some())
        })
    }

    fn replies(&self) -> impl Iterator<Item = &Reply> {
        [&self.tools_list, &self.initialize].into_iter().filter_map(|answered| answered.as_ref().ok())
    }

    /// The one that clients act upon: a 401 where there is one.
    pub(in crate::doctor) fn refusal(&self) -> Option<&Reply> {
        self.replies().find(|reply| reply.status == 401)
    }
}

/// The Bearer challenge of an answer.
pub(in crate::doctor) fn bearer(reply: &Reply) -> Option<Challenge> {
    reply
        .all("www-authenticate")
        .filter_map(|value| Challenge::parse(value).ok())
        .flatten()
        .find(|challenge| challenge.scheme().eq_ignore_ascii_case("Bearer"))
}

/// What the answers say.
pub(in crate::doctor) fn check(url: &Url, answers: &Answers) -> Stage {
    let mut stage = Stage::new("challenge", "Asking without a token");
    check_status(&mut stage, url, answers);
    if let Some(reply) = answers.refusal() {
        check_header(&mut stage, url, reply);
    }
    check_made_up(&mut stage, url, answers);
    stage
}

fn check_status(stage: &mut Stage, url: &Url, answers: &Answers) {
    let statuses: Vec<u16> = answers.replies().map(|reply| reply.status).collect();
    let Some(worst) = answers.replies().find(|reply| reply.status != 401) else {
        if !statuses.is_empty() {
            stage.add(Finding::ok("challenge.status", "401 to initialize (2025-11-25) and to tools/list (2026-07-28)"));
        }
        return;
    };
    let finding = if answers.replies().any(Reply::is_success) {
        let open = answers.replies().find(|reply| reply.is_success()).unwrap_or(worst);
        faults::OPEN.found(shown(open))
    } else if statuses.contains(&401) {
        faults::ONE_ERA.found(format!("401 and {}", shown(worst)))
    } else {
        match worst.status {
            300..=399 => return, // `reach.redirect` has said it
            404 | 405 => faults::NO_ENDPOINT.found(shown(worst)),
            500..=599 => faults::SERVER_ERROR.found(shown(worst)),
            _ => faults::STATUS.found(shown(worst)),
        }
    };
    stage.add(finding.at(url.as_str()));
}

fn check_header(stage: &mut Stage, url: &Url, reply: &Reply) {
    let values: Vec<&str> = reply.all("www-authenticate").collect();
    if values.is_empty() {
        stage.add(faults::NO_CHALLENGE.found("401 without it").at(url.as_str()));
        return;
    }
    if let Some((value, error)) = values.iter().find_map(|value| Some((value, Challenge::parse(value).err()?))) {
        stage.add(faults::MALFORMED.found(format!("{}: {error}", excerpt(value))).at(url.as_str()));
        return;
    }
    let Some(challenge) = bearer(reply) else {
        stage.add(faults::NOT_BEARER.found(excerpt(&values.join(", "))).at(url.as_str()));
        return;
    };
    let before = stage.findings.len();
    check_resource_metadata(stage, url, &challenge);
    check_scope(stage, url, &challenge);
    if let Some(error) = challenge.get("error") {
        stage.add(faults::ERROR_WITHOUT_TOKEN.found(format!("error=\"{}\"", excerpt(error))).at(url.as_str()));
    }
    let found = format!("the challenge: {}", excerpt(&challenge.to_string()));
    stage.ok_unless_worse_since(before, Finding::ok("challenge.header", found));
}

fn check_resource_metadata(stage: &mut Stage, url: &Url, challenge: &Challenge) {
    let Some(metadata) = challenge.get("resource_metadata") else {
        stage.add(faults::NO_RESOURCE_METADATA.found(excerpt(&challenge.to_string())).at(url.as_str()));
        return;
    };
    let same_host = Url::parse(metadata).is_ok_and(|metadata| metadata.host() == url.host());
    let downgraded = url.scheme() == "https" && !metadata.starts_with("https://");
    if !same_host || downgraded || !is_safe(metadata) && is_safe(url.as_str()) {
        let found = format!("resource_metadata=\"{}\"", excerpt(metadata));
        stage.add(faults::RESOURCE_METADATA_URL.found(found).at(url.as_str()));
    }
}

fn check_scope(stage: &mut Stage, url: &Url, challenge: &Challenge) {
    match challenge.get("scope") {
        None => stage.add(faults::NO_SCOPE.found("no scope parameter").at(url.as_str())),
        Some(scope) if scope.split(' ').any(|token| token == "offline_access") => {
            stage.add(faults::OFFLINE_ACCESS_ASKED.found(excerpt(scope)).at(url.as_str()));
        }
        Some(_) => {}
    }
}

fn check_made_up(stage: &mut Stage, url: &Url, answers: &Answers) {
    // A server that asks nobody for a token has been reported already.
    let (Ok(reply), true) = (&answers.made_up, answers.refusal().is_some()) else { return };
    let says_invalid = bearer(reply).is_some_and(|challenge| challenge.get("error") == Some("invalid_token"));
    if reply.is_success() {
        stage.add(faults::BAD_TOKEN_ACCEPTED.found(shown(reply)).at(url.as_str()));
    } else if reply.status != 401 || !says_invalid {
        let header = reply.header("www-authenticate").unwrap_or("no WWW-Authenticate");
        stage.add(faults::BAD_TOKEN_ANSWER.found(format!("{}: {}", reply.status, excerpt(header))).at(url.as_str()));
    } else {
        stage.add(Finding::ok("challenge.bad_token", "a made-up token is refused with 401 invalid_token"));
    }
}
