//! What a run found, as a table.

use crate::checker::{Violation, count};
use crate::history::{Entry, Event};
use crate::power::Lost;
use crate::rounds::{Pause, Tally, Target};
use crate::site::Setting;
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

/// How many violations are printed one by one.
const SHOWN: usize = 20;

/// What came of one setting.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) setting: Setting,
    pub(crate) took: Duration,
    pub(crate) tally: Tally,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) chains: Chains,
    /// The chains whose first token was presented again after the grace.
    pub(crate) thefts: usize,
    pub(crate) violations: Vec<Violation>,
}

/// How many chains there were.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Chains {
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    /// Codes whose exchange was not answered and which were refused then: the client began again.
    pub(crate) begun_again: usize,
}

impl Chains {
    pub(crate) fn of<E: Borrow<Entry>>(entries: &[E]) -> Self {
        let (mut accepted, mut begun_again, mut ended) = (HashSet::new(), 0, 0);
        for entry in entries {
            match &entry.borrow().event {
                Event::CodeAccepted { code, .. } => drop(accepted.insert(code)),
                Event::CodeRefused { code } if accepted.contains(code) => ended += 1,
                Event::CodeRefused { .. } => begun_again += 1,
                Event::Ended { .. } => ended += 1,
                _ => {}
            }
        }
        Self { begun: accepted.len(), ended, begun_again }
    }
}

type Cell = fn(&Outcome) -> String;

fn counted(outcome: &Outcome, what: &str) -> u64 {
    outcome.counts.get(what).copied().unwrap_or_default()
}

fn number(outcome: &Outcome, what: &str) -> String {
    counted(outcome, what).to_string()
}

/// What counts as an acknowledged request.
pub(crate) const ACKNOWLEDGED: [&str; 7] =
    ["codes", "exchanges", "refreshes", "revocations", "replays refused", "client_credentials", "introspections"];

fn acknowledged(outcome: &Outcome) -> String {
    ACKNOWLEDGED.iter().map(|what| counted(outcome, what)).sum::<u64>().to_string()
}

fn kills(outcome: &Outcome) -> String {
    outcome.tally.pauses.values().map(|pause| pause.kills).sum::<u64>().to_string()
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn of(outcome: &Outcome, target: Target, cell: fn(&Pause) -> String) -> String {
    outcome.tally.pauses.get(&target).map_or_else(|| "-".to_owned(), cell)
}

/// From the kill, and from the restart, to the first answer.
fn pauses(pause: &Pause) -> String {
    let (killed, restarted) = (milliseconds(pause.since_kill), milliseconds(pause.since_restart));
    let database =
        if pause.database.is_zero() { String::new() } else { format!(", {} of it", milliseconds(pause.database)) };
    format!("{killed} ({restarted}{database})")
}

/// After a stop the rows are read before the restart, so that the time from one to the other says nothing.
fn restarts(pause: &Pause) -> String {
    format!("({})", milliseconds(pause.since_restart))
}

fn looked_at(outcome: &Outcome) -> String {
    let Tally { done, looked_at, .. } = &outcome.tally;
    if *looked_at == 0 { "-".to_owned() } else { format!("{done} of {looked_at}") }
}

fn or_none(number: u64) -> String {
    if number == 0 { "-".to_owned() } else { number.to_string() }
}

fn sectors(outcome: &Outcome) -> String {
    let Lost { unsynced, lost } = outcome.tally.sectors;
    if outcome.tally.power_losses == 0 { "-".to_owned() } else { format!("{unsynced}, {lost}") }
}

/// After the kills by kind.
const ROWS: [(&str, Cell); 25] = [
    ("kills and stops", kills),
    ("… and killed again during the restart", |outcome| outcome.tally.interrupted.to_string()),
    ("losses of power with them", |outcome| or_none(outcome.tally.power_losses)),
    ("sectors that were not synced then, and of them lost", sectors),
    ("requests acknowledged", acknowledged),
    ("… codes", |outcome| number(outcome, "codes")),
    ("… exchanges", |outcome| number(outcome, "exchanges")),
    ("… refreshes", |outcome| number(outcome, "refreshes")),
    ("… revocations", |outcome| number(outcome, "revocations")),
    ("… tokens of programs", |outcome| number(outcome, "client_credentials")),
    ("… sign-ins", |outcome| number(outcome, "sign-ins")),
    ("sign-ins put off for a second or two", |outcome| number(outcome, "sign-ins put off")),
    ("sent, and not answered", |outcome| number(outcome, "unanswered")),
    ("… of those looked at, had been done", looked_at),
    ("answered with 503", |outcome| number(outcome, "503")),
    ("not sent: nobody listened", |outcome| number(outcome, "not sent")),
    ("tried again", |outcome| number(outcome, "retried")),
    ("chains begun", |outcome| outcome.chains.begun.to_string()),
    ("… ended by their clients", |outcome| outcome.chains.ended.to_string()),
    ("… alive at the end", |outcome| outcome.chains.begun.saturating_sub(outcome.chains.ended).to_string()),
    ("codes lost with their answer, begun again", |outcome| outcome.chains.begun_again.to_string()),
    ("thefts tried at the end, each noticed", |outcome| outcome.thefts.to_string()),
    ("inspections of all rows", |outcome| outcome.tally.inspections.to_string()),
    ("unanswered at a stop in order, without an effect", |outcome| outcome.tally.not_accepted.to_string()),
    ("longest stop in order", |outcome| milliseconds(outcome.tally.stop)),
];

/// The table, and below it each violation.
pub(crate) fn report(outcomes: &[Outcome], seed: u64) -> String {
    let names: Vec<&str> = outcomes.iter().map(|outcome| outcome.setting.words()).collect();
    let mut text = format!("Seed {seed}.\n\n| | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()));
    let mut line = |name: &str, cell: &dyn Fn(&Outcome) -> String| {
        let cells: Vec<String> = outcomes.iter().map(cell).collect();
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    for target in [Target::Server, Target::Servers, Target::Database, Target::Everything, Target::Stop] {
        if outcomes.iter().any(|outcome| outcome.tally.pauses.contains_key(&target)) {
            line(target.words(), &|outcome| of(outcome, target, |pause| pause.kills.to_string()));
        }
    }
    for (name, cell) in ROWS {
        line(name, &cell);
    }
    for target in [Target::Server, Target::Servers, Target::Database, Target::Everything, Target::Stop] {
        if outcomes.iter().any(|outcome| outcome.tally.pauses.contains_key(&target)) {
            let name = format!("longest pause: {}", target.words());
            let cell = if target == Target::Stop { restarts } else { pauses };
            line(&name, &|outcome| of(outcome, target, cell));
        }
    }
    line("**violations**", &|outcome| format!("**{}**", outcome.violations.len()));
    line("minutes", &|outcome| format!("{:.1}", outcome.took.as_secs_f64() / 60.0));
    text.push_str(&violations(outcomes.iter().map(|outcome| (outcome.setting.words(), &outcome.violations[..]))));
    text
}

/// Each violation, by database.
pub(crate) fn violations<'a>(outcomes: impl Iterator<Item = (&'a str, &'a [Violation])>) -> String {
    let mut text = String::new();
    for (words, violations) in outcomes.filter(|(_, violations)| !violations.is_empty()) {
        let _ = writeln!(text, "\nViolations on {words}:\n");
        for (kind, number) in count(violations) {
            let _ = writeln!(text, "- {number} × {}", kind.words());
        }
        text.push('\n');
        for violation in violations.iter().take(SHOWN) {
            let _ = writeln!(text, "    {violation}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Tokens;

    #[test]
    fn a_code_that_was_refused_after_a_lost_answer_is_begun_again() {
        let tokens = Tokens { refresh: "refresh".into(), access: "access".into() };
        let code = |name: &str| name.to_owned();
        let events = [
            Event::CodeAccepted { code: code("one"), tokens: tokens.clone() },
            Event::CodeRefused { code: code("one") },
            Event::CodeRefused { code: code("lost") },
            Event::CodeAccepted { code: code("two"), tokens },
            Event::Ended { token: "refresh".into() },
            Event::CodeAccepted { code: code("three"), tokens: Tokens { refresh: "r".into(), access: "a".into() } },
        ];
        let entries = events.map(|event| Entry { sent: 0, event });
        let Chains { begun, ended, begun_again } = Chains::of(&entries);
        assert_eq!((begun, ended, begun_again), (3, 2, 1));
    }
}
