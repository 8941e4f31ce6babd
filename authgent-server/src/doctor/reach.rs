//! Whether the server is reached at all: connection, TLS, redirects, time, clock.

use super::compare::{http_date, is_loopback, origin};
use super::faults::server as faults;
use super::finding::{Finding, Stage};
use crate::net::probe::{Answered, Ask, Probe, ProbeError, Reply};
use authgent_core::time::Timestamp;
use std::time::Duration;
use url::Url;

/// How far clocks may differ, in seconds: MCP servers commonly allow this much.
const CLOCK_TOLERANCE: i64 = 30;
/// What counts as slow: half of what claude.ai waits.
const SLOW: Duration = Duration::from_secs(5);

/// A path that no server knows.
const UNKNOWN: &str = "/.well-known/authgent-doctor-unknown";

/// Asks for a path that no server knows.
pub(in crate::doctor) async fn ask_unknown(probe: &Probe, url: &Url) -> Answered {
    probe.ask(&Ask::get(format!("{}{UNKNOWN}", origin(url)))).await
}

/// What the answers to the first requests say, before anything is read in them.
pub(in crate::doctor) fn check(url: &Url, first: &Answered, unknown: &Answered, now: Timestamp) -> Stage {
    let mut stage = Stage::new("reach", format!("Reaching {}", origin(url)));
    let reply = match first {
        Ok(reply) => reply,
        Err(error) => {
            stage.add(failure(error).at(url.as_str()));
            return stage;
        }
    };
    stage.add(Finding::ok("reach.connection", format!("an answer in {} ms", reply.elapsed.as_millis())));
    check_scheme(&mut stage, url);
    check_redirect(&mut stage, url, reply);
    if reply.elapsed > SLOW {
        stage.add(faults::SLOW.found(format!("{:.1} seconds", reply.elapsed.as_secs_f32())).at(url.as_str()));
    }
    check_clock(&mut stage, reply, now);
    check_unknown(&mut stage, unknown);
    stage
}

fn failure(error: &ProbeError) -> Finding {
    let fault = match error {
        ProbeError::Tls(_) => &faults::TLS,
        ProbeError::Timeout(_) => &faults::TIMEOUT,
        _ => &faults::CONNECTION,
    };
    fault.found(error.to_string())
}

fn check_scheme(stage: &mut Stage, url: &Url) {
    match url.scheme() {
        "https" => stage.add(Finding::ok("reach.tls", "TLS with a certificate that is trusted here")),
        _ if is_loopback(url) => stage.add(faults::LOOPBACK_HTTP.found(origin(url)).at(url.as_str())),
        _ => stage.add(faults::PLAIN_HTTP.found(origin(url)).at(url.as_str())),
    }
}

fn check_redirect(stage: &mut Stage, url: &Url, reply: &Reply) {
    if reply.is_redirect() {
        let target = reply.header("location").unwrap_or("nowhere");
        let target = url.join(target).map_or_else(|_| target.to_owned(), String::from);
        stage.add(
            faults::REDIRECT
                .found(format!("{} to {}", reply.status, super::compare::excerpt(&target)))
                .at(url.as_str()),
        );
    }
}

/// Says how far the clock of a server is off, from its `Date` header.
pub(in crate::doctor) fn check_clock(stage: &mut Stage, reply: &Reply, now: Timestamp) {
    let Some(date) = reply.header("date").and_then(http_date) else { return };
    let ahead = date - now.0;
    if ahead.abs() > CLOCK_TOLERANCE {
        let direction = if ahead > 0 { "ahead" } else { "behind" };
        stage.add(faults::CLOCK.found(format!("{} seconds {direction}", ahead.abs())).at(&reply.url));
    } else {
        stage.add(Finding::ok("reach.clock", "its clock agrees with the one here"));
    }
}

/// Says what an unknown path is answered with, where that is not 404.
pub(in crate::doctor) fn check_unknown(stage: &mut Stage, unknown: &Answered) {
    match unknown {
        Ok(reply) if (400..500).contains(&reply.status) => {
            stage.add(Finding::ok(
                "reach.unknown_well_known",
                format!("an unknown well-known path is {}", reply.status),
            ));
        }
        Ok(reply) => stage.add(faults::UNKNOWN_WELL_KNOWN.found(super::document::shown(reply)).at(&reply.url)),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    fn faults_of(url: &str, elapsed: u64, date: &str) -> Vec<&'static str> {
        let answer = |status| {
            let headers = vec![("date".to_owned(), date.to_owned())];
            Ok(Reply { url: url.to_owned(), status, headers, body: Vec::new(), elapsed: Duration::from_secs(elapsed) })
        };
        let stage = check(&Url::parse(url).unwrap(), &answer(401), &answer(404), Timestamp(784_111_777));
        stage.findings.iter().filter(|finding| finding.severity > Severity::Ok).map(|finding| finding.code).collect()
    }

    #[test]
    fn what_a_server_elsewhere_must_keep() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(faults_of("https://mcp.example.com/mcp", 1, now), Vec::<&str>::new());
        assert_eq!(faults_of("http://mcp.example.com/mcp", 1, now), ["reach.plain_http"]);
        assert_eq!(faults_of("https://mcp.example.com/mcp", 7, now), ["reach.slow"]);
        assert_eq!(faults_of("https://mcp.example.com/mcp", 1, "Sun, 06 Nov 1994 08:50:37 GMT"), ["reach.clock"]);
        assert_eq!(faults_of("https://mcp.example.com/mcp", 1, "yesterday"), Vec::<&str>::new());
    }
}
