//! The report: for people in a terminal, and for machines.

use super::finding::{Finding, Severity, Stage};
use serde::Serialize;
use std::fmt::Write as _;

/// Where lines are broken, in characters.
const WIDTH: usize = 110;
/// The column at which the text of a finding begins.
const INDENT: usize = 11;

/// What the URL turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An MCP server.
    McpServer,
    /// An authorization server.
    AuthorizationServer,
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// As it should be.
    pub ok: usize,
    /// Worth knowing.
    pub info: usize,
    /// Some clients break.
    pub warning: usize,
    /// Clients cannot connect, or nobody is safe.
    pub error: usize,
}

/// What the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The URL that was typed.
    pub url: String,
    /// What it turned out to be.
    pub kind: Kind,
    /// The worst severity.
    pub verdict: Severity,
    /// How many findings there are of each severity.
    pub counts: Counts,
    /// The stages, in the order in which a client passes them.
    pub stages: Vec<Stage>,
}

impl Report {
    pub(in crate::doctor) fn new(url: &str, kind: Kind, stages: Vec<Stage>) -> Self {
        let stages: Vec<Stage> = stages.into_iter().filter(|stage| !stage.findings.is_empty()).collect();
        let findings = || stages.iter().flat_map(|stage| &stage.findings);
        let count = |severity| findings().filter(|finding| finding.severity == severity).count();
        Self {
            url: url.to_owned(),
            kind,
            verdict: findings().map(|finding| finding.severity).max().unwrap_or(Severity::Ok),
            counts: Counts {
                ok: count(Severity::Ok),
                info: count(Severity::Info),
                warning: count(Severity::Warning),
                error: count(Severity::Error),
            },
            stages,
        }
    }

    /// Every finding, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.stages.iter().flat_map(|stage| &stage.findings)
    }

    /// Takes secrets out of whatever a server repeated.
    pub(in crate::doctor) fn redact(&mut self, secrets: &[&str]) {
        for finding in self.stages.iter_mut().flat_map(|stage| &mut stage.findings) {
            for text in
                [&mut finding.title, &mut finding.at, &mut finding.found, &mut finding.expected, &mut finding.remedy]
            {
                for secret in secrets {
                    if text.contains(secret) {
                        *text = text.replace(secret, "[token]");
                    }
                }
            }
        }
    }

    /// The exit status of the process: 0 where there is nothing worse than a note, 3 for warnings, 4 for errors. 1 and 2 are
    /// left to a doctor that could not begin.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self.verdict {
            Severity::Ok | Severity::Info => 0,
            Severity::Warning => 3,
            Severity::Error => 4,
        }
    }

    /// The report for people. Colour repeats what the words say.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let kind = match self.kind {
            Kind::McpServer => "an MCP server",
            Kind::AuthorizationServer => "an authorization server",
        };
        let mut text = format!("{} ({kind})\n", self.url);
        for stage in &self.stages {
            let _ = write!(text, "\n{}\n", bold(&stage.title, colour));
            for finding in &stage.findings {
                write_finding(&mut text, finding, colour);
            }
        }
        let Counts { ok, info, warning, error } = self.counts;
        let _ = write!(
            text,
            "\n{} {}, {warning} {}, {info} {}, {ok} {} as they should be\n",
            error,
            plural(error, "error"),
            plural(warning, "warning"),
            plural(info, "note"),
            plural(ok, "check"),
        );
        text
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn bold(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn write_finding(text: &mut String, finding: &Finding, colour: bool) {
    let (word, code) = match finding.severity {
        Severity::Ok => ("ok", "32"),
        Severity::Info => ("note", "36"),
        Severity::Warning => ("WARNING", "33"),
        Severity::Error => ("ERROR", "31"),
    };
    let padded = format!("{word:<9}");
    let padded = if colour { format!("\u{1b}[{code}m{padded}\u{1b}[0m") } else { padded };
    if finding.severity == Severity::Ok {
        let _ = writeln!(text, "  {padded}{}", wrap(&finding.title, INDENT));
        if !finding.found.is_empty() {
            let _ = writeln!(text, "{:INDENT$}{}", "", wrap(&finding.found, INDENT));
        }
        return;
    }
    let _ = writeln!(text, "  {padded}{}", wrap(&format!("{} [{}]", finding.title, finding.code), INDENT));
    for (name, value) in [
        ("at", &finding.at),
        ("found", &finding.found),
        ("expected", &finding.expected),
        ("breaks", &finding.breaks),
        ("to mend", &finding.remedy),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "{:INDENT$}{name:<10}{}", "", wrap(value, INDENT + 10));
        }
    }
}

/// Breaks a text between words; what follows the first line is indented. A long word, such as a URL, is never broken.
fn wrap(text: &str, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            let _ = write!(wrapped, "\n{:indent$}", "");
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::faults::{discovery, server};

    fn report() -> Report {
        let mut reach = Stage::new("reach", "Reaching https://mcp.example.com");
        reach.add(Finding::ok("reach.connection", "an answer in 3 ms"));
        reach.add(
            server::REDIRECT.found("307 to https://mcp.example.com/mcp/ eyJhbGciOi").at("https://mcp.example.com/mcp"),
        );
        let mut discovery = Stage::new("discovery", "Authorization server");
        discovery.add(discovery::NO_NONE.found("token_endpoint_auth_methods_supported = []"));
        Report::new("https://mcp.example.com/mcp", Kind::McpServer, vec![reach, discovery, Stage::new("keys", "Keys")])
    }

    #[test]
    fn the_worst_finding_decides() {
        let report = report();
        assert_eq!((report.verdict, report.exit_status()), (Severity::Error, 4));
        assert_eq!(report.counts, Counts { ok: 1, info: 0, warning: 1, error: 1 });
        assert_eq!(report.stages.len(), 2, "a stage that says nothing is left out");
        assert_eq!(Report::new("https://a", Kind::McpServer, Vec::new()).exit_status(), 0);
    }

    #[test]
    fn the_text_is_complete_without_colour() {
        let text = report().text(false);
        assert!(!text.contains('\u{1b}'));
        for part in [
            "  ERROR    the server redirects the request [reach.redirect]",
            "found     307 to",
            "1 error, 1 warning, 0 notes, 1 check",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        let coloured = report().text(true);
        assert!(coloured.contains("\u{1b}[31mERROR"), "{coloured}");
    }

    #[test]
    fn secrets_are_taken_out() {
        let mut report = report();
        report.redact(&["eyJhbGciOi"]);
        assert!(!serde_json::to_string(&report).unwrap().contains("eyJhbGciOi"));
        assert!(report.text(false).contains("[token]"));
    }
}
