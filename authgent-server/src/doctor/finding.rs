//! What a check says.

use serde::Serialize;

/// How bad it is. Ordered: the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing breaks.
    Info,
    /// Some clients break, or all of them under some conditions.
    Warning,
    /// Clients cannot connect, or nobody is safe.
    Error,
}

/// A fault that the doctor knows: everything about it that does not depend on the server at hand.
#[derive(Debug)]
pub(in crate::doctor) struct Fault {
    /// Its stable name.
    pub(in crate::doctor) code: &'static str,
    pub(in crate::doctor) severity: Severity,
    /// One sentence: what is wrong.
    pub(in crate::doctor) title: &'static str,
    pub(in crate::doctor) expected: &'static str,
    /// Which clients it breaks, and how. Empty where none.
    pub(in crate::doctor) breaks: &'static str,
    pub(in crate::doctor) remedy: &'static str,
}

impl Fault {
    /// The fault, found at a server: what was found, in words or as it was sent.
    pub(in crate::doctor) fn found(&self, found: impl Into<String>) -> Finding {
        Finding {
            severity: self.severity,
            code: self.code,
            title: self.title.to_owned(),
            at: String::new(),
            expected: self.expected.to_owned(),
            found: found.into(),
            breaks: self.breaks.to_owned(),
            remedy: self.remedy.to_owned(),
        }
    }
}

/// What one check says about one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable name of what was found, such as `discovery.no_s256`; of the check where all is well.
    pub code: &'static str,
    /// One sentence.
    pub title: String,
    /// The URL that it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What was expected.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What was found instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// Which clients it breaks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub breaks: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Finding {
    /// All is well: what was checked, and what was found.
    pub(in crate::doctor) fn ok(code: &'static str, title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            code,
            title: title.into(),
            at: String::new(),
            expected: String::new(),
            found: String::new(),
            breaks: String::new(),
            remedy: String::new(),
        }
    }

    /// Names the URL that it is about.
    pub(in crate::doctor) fn at(mut self, url: impl Into<String>) -> Self {
        self.at = url.into();
        self
    }

    /// Says what was expected of this very server.
    pub(in crate::doctor) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Adds to the remedy what holds for this very server.
    pub(in crate::doctor) fn hint(mut self, hint: &str) -> Self {
        if !hint.is_empty() {
            self.remedy = format!("{hint} {}", self.remedy);
        }
        self
    }
}

/// One part of the walk, and what its checks say, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its stable name.
    pub name: &'static str,
    /// Its name for people.
    pub title: String,
    /// What its checks say.
    pub findings: Vec<Finding>,
}

impl Stage {
    pub(in crate::doctor) fn new(name: &'static str, title: impl Into<String>) -> Self {
        Self { name, title: title.into(), findings: Vec::new() }
    }

    pub(in crate::doctor) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds `ok` where no finding worse than [`Severity::Info`] was added since there were `before` of them.
    pub(in crate::doctor) fn ok_unless_worse_since(&mut self, before: usize, ok: Finding) {
        if self.findings[before..].iter().all(|finding| finding.severity <= Severity::Info) {
            self.findings.insert(before, ok);
        }
    }

    /// Whether a finding of this fault is there.
    pub(in crate::doctor) fn has(&self, fault: &Fault) -> bool {
        self.findings.iter().any(|finding| finding.code == fault.code && finding.severity > Severity::Ok)
    }
}
