//! Calling the MCP server with a token, and what it says when it refuses.

use super::challenge::bearer;
use super::compare::excerpt;
use super::document::{object, shown};
use super::faults::token as faults;
use super::finding::{Fault, Finding, Severity, Stage};
use super::messages::{initialize, tools_list, within_session};
use crate::net::probe::{Answered, Ask, Probe, Reply};
use serde_json::Value;

/// The answers to requests with a token.
pub(in crate::doctor) struct Answers {
    pub(in crate::doctor) initialize: Answered,
    /// To `tools/list` within the session that `initialize` began, where it began one.
    pub(in crate::doctor) in_session: Option<Answered>,
    pub(in crate::doctor) stateless: Answered,
}

impl Answers {
    pub(in crate::doctor) async fn ask(probe: &Probe, url: &str, token: &str) -> Self {
        let initialize = probe.ask(&initialize(url).bearer(token)).await;
        let session = initialize.as_ref().ok().filter(|reply| reply.is_success());
        let session = session.and_then(|reply| reply.header("mcp-session-id")).map(str::to_owned);
        let mut in_session = None;
        if let Some(session) = session {
            for ask in within_session(url, &session) {
                in_session = Some(probe.ask(&ask.bearer(token)).await);
            }
            // The session is the doctor's alone.
            let _ = probe.ask(&Ask::delete(url).header("mcp-session-id", session).bearer(token)).await;
        }
        Self { initialize, in_session, stateless: probe.ask(&tools_list(url).bearer(token)).await }
    }
}

/// What the answers say. `token` is what the check of the token itself said: many servers do not say why they refuse.
pub(in crate::doctor) fn check(url: &str, answers: &Answers, token: &Stage) -> Stage {
    let mut stage = Stage::new("call", "Calling the MCP server with the token");
    let replies = [Some(&answers.stateless), answers.in_session.as_ref(), Some(&answers.initialize)];
    let replies: Vec<&Answered> = replies.into_iter().flatten().collect();
    let tools = replies.iter().filter_map(|answered| answered.as_ref().ok()).find_map(tools);
    let server = answers.initialize.as_ref().ok().and_then(server);
    if server.is_some() || tools.is_some() {
        if let Some(server) = server {
            stage.add(Finding::ok("call.initialize", format!("initialize (2025-11-25): {}", excerpt(&server))));
        }
        if let Some(tools) = tools {
            stage.add(Finding::ok("call.tools", format!("tools/list: {}", excerpt(&tools))));
        }
        return stage;
    }
    for answered in replies {
        let finding = match answered {
            Ok(reply) => explain(reply, token),
            Err(error) => faults::CALL_FAILED.found(error.to_string()),
        };
        if stage.findings.iter().all(|known| known.code != finding.code) {
            stage.add(finding.at(url));
        }
    }
    stage
}

fn result(reply: &Reply) -> Option<Value> {
    reply.json().filter(|_| reply.is_success())?.get("result").cloned()
}

fn server(reply: &Reply) -> Option<String> {
    let result = result(reply)?;
    let member =
        |name: &str| result.pointer(&format!("/serverInfo/{name}")).and_then(Value::as_str).unwrap_or("unnamed");
    Some(format!("{} {}", member("name"), member("version")))
}

fn tools(reply: &Reply) -> Option<String> {
    let result = result(reply)?;
    let tools = result.get("tools")?.as_array()?;
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool.get("name")?.as_str()).collect();
    Some(format!("{} tools: {}", names.len(), names.join(", ")))
}

/// Why a token was refused, from everything that the server says.
fn explain(reply: &Reply, token: &Stage) -> Finding {
    let challenge = bearer(reply);
    let of_challenge =
        |name: &str| challenge.as_ref().and_then(|challenge| challenge.get(name)).unwrap_or_default().to_owned();
    let body = object(reply).unwrap_or_default();
    let of_body = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let said =
        [of_challenge("error"), of_challenge("error_description"), of_body("error"), of_body("error_description")];
    let text = said.join(" ").to_ascii_lowercase();
    let fault = cause(reply.status, &text, token);
    let wanted = of_challenge("scope");
    let hint = if fault.code == faults::CALL_SCOPE.code && !wanted.is_empty() {
        format!("The server wants: {}.", excerpt(&wanted))
    } else {
        String::new()
    };
    let description = said.iter().rev().find(|text| !text.is_empty());
    let found = description.map_or_else(|| shown(reply), |text| format!("{}: {}", reply.status, excerpt(text)));
    fault.found(found).hint(&hint)
}

/// The fault that a refusal stands for. A server that gives no reason of its own is explained by what the token itself shows.
fn cause(status: u16, text: &str, token: &Stage) -> &'static Fault {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let mut own = token.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let only = own.next().filter(|_| own.next().is_none()).map(|finding| finding.code);
    // FastMCP's one text for every refusal, which names all the reasons that there might be.
    let vague = text.contains("invalid, expired, or no longer recognized");
    if says(&["connectionerror", "cannot connect"]) {
        &faults::CALL_CONNECTION
    } else if says(&["insufficient_scope"]) || status == 403 {
        &faults::CALL_SCOPE
    } else if says(&["token_expired"]) || !vague && says(&["expired"]) {
        &faults::CALL_EXPIRED
    } else if says(&["audience"]) {
        &faults::CALL_AUDIENCE
    } else if status == 401 && only == Some(faults::EXPIRED.code) {
        &faults::CALL_EXPIRED
    } else if status == 401 && only == Some(faults::AUDIENCE.code) {
        &faults::CALL_AUDIENCE
    } else if status == 401 {
        &faults::CALL_REFUSED
    } else {
        &faults::CALL_FAILED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_without_a_reason_is_explained_by_the_token() {
        const VAGUE: &str = "invalid_token authentication failed. the provided bearer token is invalid, expired, or no longer \
            recognized by the server.";
        let stage = |own: &[&Fault]| {
            let mut stage = Stage::new("token", "Access token");
            stage.add(Finding::ok(faults::EXPIRED.code, "it lives"));
            own.iter().for_each(|fault| stage.add(fault.found("something")));
            stage
        };
        for (text, own, expected) in [
            (VAGUE, &[&faults::EXPIRED][..], &faults::CALL_EXPIRED),
            (VAGUE, &[&faults::AUDIENCE], &faults::CALL_AUDIENCE),
            (VAGUE, &[&faults::SIGNATURE, &faults::AUDIENCE], &faults::CALL_REFUSED),
            (VAGUE, &[], &faults::CALL_REFUSED),
            ("invalid_token the access token expired", &[], &faults::CALL_EXPIRED),
            ("invalid_token invalid_audience", &[&faults::EXPIRED], &faults::CALL_AUDIENCE),
        ] {
            assert_eq!(cause(401, text, &stage(own)).code, expected.code, "{text}");
        }
        assert_eq!(cause(500, "", &stage(&[&faults::EXPIRED])).code, faults::CALL_FAILED.code);
        assert_eq!(cause(403, "", &stage(&[])).code, faults::CALL_SCOPE.code);
    }
}
