//! What was found: the table, the ratios beside their targets, and the comparison with an earlier run.

use crate::disk;
use crate::load::Row;
use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// A ratio that fell below this part of the baseline's fails a short run.
const FALLEN: f64 = 0.75;

/// Everything that is reported.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: String,
    /// What was measured beside Authgent, with its version.
    programs: Vec<String>,
    rows: Vec<Row>,
    figures: Vec<Figure>,
    skipped: Vec<String>,
}

/// A figure with its target.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Option<f64>,
    /// Whether more is better.
    rising: bool,
    /// Whether it says something about another machine, so that runs can be compared.
    portable: bool,
    met: Option<bool>,
}

/// What a figure is to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// That much or more.
    AtLeast(f64),
    /// That much or less.
    AtMost(f64),
    /// It is only told.
    None,
}

impl Report {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { machine: machine(), programs: Vec::new(), rows: Vec::new(), figures: Vec::new(), skipped: Vec::new() }
    }

    /// Something that could not be measured, and why.
    pub(crate) fn skip(&mut self, what: &str, error: &anyhow::Error) {
        self.skipped.push(format!("{what}: {error:#}"));
    }

    /// Something that is measured beside Authgent, with its version.
    pub(crate) fn program(&mut self, program: impl Into<String>) {
        self.programs.push(program.into());
    }

    /// Adds a row of the table.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds the ratio of what `of` says of two rows, where both were measured.
    pub(crate) fn ratio(
        &mut self,
        name: &str,
        rows: [&str; 2],
        of: impl Fn(&Row) -> Option<f64>,
        target: Target,
        portable: bool,
    ) {
        let of = |name: &str| self.rows.iter().find(|row| row.name == name).and_then(&of);
        if let (Some(part), Some(whole)) = (of(rows[0]), of(rows[1])) {
            self.figure(name, part / whole, "×", target, portable);
        }
    }

    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &'static str, target: Target, portable: bool) {
        let (target, rising, met) = match target {
            Target::AtLeast(target) => (Some(target), true, Some(value >= target)),
            Target::AtMost(target) => (Some(target), false, Some(value <= target)),
            Target::None => (None, true, None),
        };
        self.figures.push(Figure { name: name.to_owned(), value, unit, target, rising, portable, met });
    }

    /// Prints everything.
    pub(crate) fn print(&self) {
        println!("{}\nbeside it: {}\n\n{}", self.machine, self.programs.join(", "), Row::HEADER);
        for row in &self.rows {
            println!("{row}");
        }
        println!("\n{:<52} {:>12} {:>14}", "figure", "measured", "target");
        for figure in &self.figures {
            let target = figure.target.map_or_else(String::new, |target| {
                format!("{} {target} {}", if figure.rising { "≥" } else { "≤" }, figure.unit)
            });
            let met = figure.met.map_or("", |met| if met { "met" } else { "MISSED" });
            println!("{:<52} {:>9.2} {:<3} {target:>13}  {met}", figure.name, figure.value, figure.unit);
        }
        for skipped in &self.skipped {
            println!("skipped: {skipped}");
        }
    }

    /// Writes everything as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// Compares the figures that mean something elsewhere with those of an earlier run. Gives those that fell by more than a quarter, or
    /// were not measured.
    ///
    /// # Errors
    /// Where the earlier run cannot be read.
    pub(crate) fn compare(&self, path: &Path) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let baseline: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let mut fallen = Vec::new();
        for earlier in baseline["figures"].as_array().context("no figures in the baseline")? {
            if earlier["portable"] != true {
                continue;
            }
            let (name, before) =
                (earlier["name"].as_str().context("name")?, earlier["value"].as_f64().context("value")?);
            let Some(now) = self.figures.iter().find(|figure| figure.name == name) else {
                fallen.push(format!("{name}: not measured"));
                continue;
            };
            let kept = if now.rising { now.value / before } else { before / now.value };
            println!("{name}: {:.2}, the baseline has {before:.2}", now.value);
            if kept < FALLEN {
                fallen.push(format!("{name}: {:.2}, the baseline has {before:.2}", now.value));
            }
        }
        Ok(fallen)
    }
}

/// The machine, as far as figures depend on it.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let memory = read("/proc/meminfo");
    let kibibytes: Option<f64> = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    format!(
        "{cores} cores ({}), {:.0} GiB, {} {} {}; servers, databases and load share them{}",
        model.unwrap_or("unknown"),
        kibibytes.unwrap_or_default() / 1024.0 / 1024.0,
        std::env::consts::OS,
        read("/proc/sys/kernel/osrelease").trim(),
        std::env::consts::ARCH,
        disk::slower().map_or_else(String::new, |slower| format!("; the disk is made {slower:?} slower"))
    )
}
