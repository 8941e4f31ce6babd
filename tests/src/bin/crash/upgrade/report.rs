//! What an update came to, as a table.

use crate::checker::{Kind, Violation};
use crate::report::{ACKNOWLEDGED, violations};
use crate::site::Setting;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

type Counts = BTreeMap<&'static str, u64>;

/// What was counted in one stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    took: Duration,
    answered: u64,
    /// With 503.
    unavailable: u64,
    /// Not answered, or not accepted.
    cut_off: u64,
    retried: u64,
}

impl Stage {
    pub(super) fn between(name: &'static str, before: &Counts, after: &Counts, took: Duration) -> Self {
        let more = |what: &str| after.get(what).copied().unwrap_or(0) - before.get(what).copied().unwrap_or(0);
        Self {
            name,
            took,
            answered: ACKNOWLEDGED.iter().map(|what| more(what)).sum(),
            unavailable: more("503"),
            cut_off: more("unanswered") + more("not sent"),
            retried: more("retried"),
        }
    }

    /// Where nothing is stopped, every request has its answer at once.
    pub(super) fn put_off(&self) -> Vec<Violation> {
        let cut_off = (self.cut_off > 0).then(|| format!("{}: {} requests not answered", self.name, self.cut_off));
        let silent = (self.answered == 0).then(|| format!("{}: nobody had an answer", self.name));
        let found = cut_off.into_iter().chain(silent).map(|what| Violation::new(Kind::PutOff, what));
        found.chain(self.unavailable()).collect()
    }

    /// 503 is for a database that does not answer, and this one did all the time.
    pub(super) fn unavailable(&self) -> Vec<Violation> {
        let unavailable =
            (self.unavailable > 0).then(|| format!("{}: {} answered with 503", self.name, self.unavailable));
        unavailable.into_iter().map(|what| Violation::new(Kind::PutOff, what)).collect()
    }
}

/// What came of one database.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) setting: Setting,
    pub(super) took: Duration,
    pub(super) migrations: Vec<String>,
    pub(super) migration: Duration,
    pub(super) stages: Vec<Stage>,
    pub(super) flows: usize,
    pub(super) stop: Duration,
    /// Requests that a stop left without an answer, and without an effect.
    pub(super) unanswered: usize,
    pub(super) violations: Vec<Violation>,
}

/// The migrations in words.
pub(super) fn names(migrations: &[String]) -> String {
    if migrations.is_empty() { "no migration".to_owned() } else { migrations.join(", ") }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// The table, and below it each violation.
pub(super) fn report(outcomes: &[Outcome]) -> String {
    let databases: Vec<&str> = outcomes.iter().map(|outcome| outcome.setting.words()).collect();
    let mut text = format!("| | {} |\n|---|{}\n", databases.join(" | "), "---:|".repeat(outcomes.len()));
    let mut line = |name: &str, cell: &dyn Fn(&Outcome) -> String| {
        let cells: Vec<String> = outcomes.iter().map(cell).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    line("migrations", &|outcome| names(&outcome.migrations));
    line("`authgent migrate`, under load", &|outcome| milliseconds(outcome.migration));
    line("the previous version, started afterwards", &|outcome| {
        if outcome.migrations.is_empty() { "runs".to_owned() } else { "refuses".to_owned() }
    });
    let longest = outcomes.iter().max_by_key(|outcome| outcome.stages.len());
    for (place, stage) in longest.iter().flat_map(|outcome| outcome.stages.iter().enumerate()) {
        let cell = |outcome: &Outcome| {
            let stage = outcome.stages.get(place);
            stage.map_or_else(
                || "-".to_owned(),
                |stage| format!("{} in {:.0} s", stage.answered, stage.took.as_secs_f64()),
            )
        };
        line(&format!("answered: {}", stage.name), &cell);
    }
    let sum = |outcome: &Outcome, of: fn(&Stage) -> u64| outcome.stages.iter().map(of).sum::<u64>().to_string();
    line("answered with 503", &|outcome| sum(outcome, |stage| stage.unavailable));
    line("not accepted, or not answered, by a server that stops", &|outcome| sum(outcome, |stage| stage.cut_off));
    line("… of the latter, without an effect", &|outcome| outcome.unanswered.to_string());
    line("tried again", &|outcome| sum(outcome, |stage| stage.retried));
    line("flows from one server to another one", &|outcome| outcome.flows.to_string());
    line("longest stop in order", &|outcome| milliseconds(outcome.stop));
    line("**violations**", &|outcome| format!("**{}**", outcome.violations.len()));
    line("seconds", &|outcome| outcome.took.as_secs().to_string());
    text.push_str(&violations(outcomes.iter().map(|outcome| (outcome.setting.words(), &outcome.violations[..]))));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(after: &[(&'static str, u64)]) -> Vec<String> {
        let before = Counts::from([("codes", 5), ("503", 1)]);
        let after = before.iter().map(|(what, number)| (*what, *number)).chain(after.iter().copied()).collect();
        let stage = Stage::between("stage", &before, &after, Duration::ZERO);
        stage.put_off().into_iter().map(|violation| violation.what).collect()
    }

    #[test]
    fn who_is_put_off_while_nothing_stops_is_counted() {
        assert_eq!(kinds(&[("codes", 7), ("retried", 3)]), Vec::<String>::new());
        assert_eq!(kinds(&[("codes", 7), ("503", 3)]), ["stage: 2 answered with 503"]);
        assert_eq!(kinds(&[("codes", 7), ("unanswered", 1), ("not sent", 1)]), ["stage: 2 requests not answered"]);
        assert_eq!(kinds(&[]), ["stage: nobody had an answer"]);
    }
}
