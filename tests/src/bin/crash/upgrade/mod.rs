//! An update under load: one version after the other, and both at once on the new schema. `docs/crash-safety.md` says what is
//! tried and what must hold.

mod contract;
mod crossing;
mod ground;
mod kept;
mod report;

use crate::caller::Caller;
use crate::checker::{self, Kind, Violation};
use crate::rounds::{Tally, stop_in_order};
use crate::seeded::Seeded;
use crate::server::{Program, Server, beside, port, signal};
use crate::site::{self, Setting, Site};
use crate::{Databases, clients, inspect, thefts};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use contract::Contract;
use ground::Ground;
use kept::Kept;
use report::{Outcome, Stage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What the previous version says of a database that the new one has migrated.
const NEWER: &str = "made by a later version of Authgent";

/// Update from one version to another one under load, and look whether everything goes on.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// The program that is replaced.
    #[arg(long, value_name = "PATH")]
    previous: PathBuf,
    /// The program that replaces it [default: `authgent` beside this one].
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// How long each stage takes at least. After 300 seconds a server removes what is over, for the first time.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Which databases.
    #[arg(long, value_enum, default_value = "both")]
    database: Databases,
    /// How many clients refresh tokens at once.
    #[arg(long, default_value_t = 6)]
    clients: u64,
    /// Repeats what each client does next [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// Writes the report to a file as well.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Adds to the migrations what none may do: the run has to notice, and to end with 1.
    #[arg(long, value_enum, hide = true)]
    contract: Option<Contract>,
}

/// Whether nothing was wrong.
pub(crate) async fn run(arguments: &Upgrade) -> Result<bool> {
    let previous = std::path::absolute(&arguments.previous)?;
    let new = arguments.bin.clone().map_or_else(beside, |path| Ok(std::path::absolute(path)?))?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    let mut outcomes = Vec::new();
    for is_postgres in arguments.database.are_postgres() {
        let setting = Setting { is_postgres: *is_postgres, servers: if *is_postgres { 2 } else { 1 } };
        println!("upgrade: {}", setting.words());
        outcomes.push(one(arguments, &previous, &new, setting, Seeded::new(seed)).await.context(setting.words())?);
    }
    let report = report::report(&outcomes);
    println!("\n{report}");
    if let Some(path) = &arguments.report {
        std::fs::write(path, &report).with_context(|| path.display().to_string())?;
    }
    Ok(outcomes.iter().all(|outcome| outcome.violations.is_empty()))
}

/// The whole update on one database.
async fn one(
    arguments: &Upgrade,
    previous: &Path,
    new: &Path,
    setting: Setting,
    mut seeded: Seeded,
) -> Result<Outcome> {
    let began = Instant::now();
    let binaries = [vec![previous; setting.servers], vec![new; setting.servers]].concat();
    // Beside the people of the load, one whose things are kept and one who is at both versions at once.
    let site = Site::with(&binaries, setting, arguments.clients + 2, None).await?;
    let mut load = JoinSet::new();
    for number in 0..arguments.clients {
        load.spawn(clients::client(site.caller(seeded.fork())?, site::email(number)));
    }
    for _ in 0..2 {
        load.spawn(clients::program(site.caller(seeded.fork())?));
    }
    let people = [site::email(arguments.clients), site::email(arguments.clients + 1)];
    let last = site.caller(seeded.fork())?;
    let old = Program { binary: previous.to_owned(), ..site.program.clone() };
    let new = Program { binary: new.to_owned(), ..site.program.clone() };
    let mut update = Update {
        caller: site.caller(seeded.fork())?,
        stages: Vec::new(),
        violations: Vec::new(),
        tally: Tally::default(),
        flows: 0,
        seconds: Duration::from_secs(arguments.seconds),
        migrations: Vec::new(),
        migration: Duration::ZERO,
        contract: arguments.contract,
        people,
        site,
        old,
        new,
    };
    let finished = update.stages().await?;
    update.site.world.end();
    if finished {
        while let Some(ended) = load.join_next().await {
            ended??;
        }
        update.end(last).await?;
    }
    // Where something is broken, nobody waits for clients that ask again and again.
    load.shutdown().await;
    Ok(update.outcome(setting, began))
}

/// An update on its way.
struct Update {
    site: Site,
    old: Program,
    new: Program,
    caller: Caller,
    seconds: Duration,
    contract: Option<Contract>,
    people: [String; 2],
    stages: Vec<Stage>,
    tally: Tally,
    /// How many flows went from one server to another one.
    flows: usize,
    migrations: Vec<String>,
    /// How long `authgent migrate` took under load.
    migration: Duration,
    violations: Vec<Violation>,
}

impl Update {
    /// All of it; `false` where something was wrong, which is not gone on with.
    async fn stages(&mut self) -> Result<bool> {
        let each = self.site.setting.servers;
        let (before, after): (Vec<usize>, Vec<usize>) = ((0..each).collect(), (each..2 * each).collect());
        let last = each - 1;
        let mut kept = Kept::new(&self.ground(0, last)).await?;
        if !self.stage("the previous version, its own schema", &[(0, last)], &mut kept).await? {
            return Ok(false);
        }
        self.migrate().await?;
        self.violations.extend(self.previous_started_again().await?);
        if !self.stage("the previous version, the new schema", &[(0, last)], &mut kept).await? {
            return Ok(false);
        }
        for server in &after {
            self.site.servers[*server].start(&self.site.http).await?;
            self.site.world.serve(&[&before[..], &after[..=server - each]].concat());
        }
        let pairs = if each == 1 { vec![(0, 1)] } else { vec![(0, each), (each + last, last)] };
        if !self.stage("both versions", &pairs, &mut kept).await? {
            return Ok(false);
        }
        if !self.replace(&before, &after).await? {
            return Ok(false);
        }
        self.stage("the new version alone", &[(each, each + last)], &mut kept).await
    }

    /// Requests go around while everything that has to cross does, and for the length of the stage. `false` where something
    /// was wrong.
    async fn stage(&mut self, name: &'static str, pairs: &[(usize, usize)], kept: &mut Kept) -> Result<bool> {
        println!("upgrade: {name}");
        let (began, before) = (Instant::now(), self.site.world.counts());
        let serving = self.site.world.serving();
        let mut found = kept.again(&self.ground(serving[0], serving[serving.len() - 1]), &serving).await;
        for (from, to) in pairs {
            let (passed, wrong) = crossing::all(&self.ground(*from, *to)).await;
            self.flows += passed;
            found.extend(wrong);
        }
        tokio::time::sleep(self.seconds.saturating_sub(began.elapsed())).await;
        let stage = Stage::between(name, &before, &self.site.world.counts(), began.elapsed());
        found.extend(stage.put_off());
        self.stages.push(stage);
        self.is_good(found).await
    }

    /// The previous version ends, one server after the other, and never asks a client for more than to try again.
    async fn replace(&mut self, before: &[usize], after: &[usize]) -> Result<bool> {
        println!("upgrade: the previous version is stopped");
        let (began, counts) = (Instant::now(), self.site.world.counts());
        for server in before {
            stop_in_order(&mut self.site, *server, &mut self.tally).await?;
            self.site.world.serve(&[&before[server + 1..], after].concat());
            tokio::time::sleep(self.seconds / 4).await;
        }
        let stage =
            Stage::between("the previous version is stopped", &counts, &self.site.world.counts(), began.elapsed());
        let mut found = std::mem::take(&mut self.tally.violations);
        // Connections end then, and clients send again what was not answered: that had no effect. But the database is there.
        found.extend(stage.unavailable());
        self.stages.push(stage);
        self.is_good(found).await
    }

    /// Whether nothing is wrong up to now.
    async fn is_good(&mut self, mut found: Vec<Violation>) -> Result<bool> {
        if found.is_empty() {
            inspect::over_http(&mut self.caller, 10).await?;
        }
        found.extend(checker::check(&self.site.world.journal.entries()));
        for server in &self.site.servers {
            found.extend(server.errors().into_iter().map(|said| Violation::new(Kind::Logged, said)));
        }
        if let Some(first) = found.first() {
            eprintln!("upgrade: {first}");
        }
        let is_good = found.is_empty();
        self.violations.extend(found);
        Ok(is_good)
    }

    /// `authgent migrate` of the new version, beside the previous one.
    async fn migrate(&mut self) -> Result<()> {
        let began = Instant::now();
        let said: Value = serde_json::from_str(&self.new.run(&["migrate", "--json"], "").await?)?;
        self.migration = began.elapsed();
        let applied = said["applied"].as_array().context("applied")?;
        self.migrations = applied.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        println!("upgrade: applied {} in {} ms", report::names(&self.migrations), self.migration.as_millis());
        if let Some(contract) = self.contract {
            self.site.database.tamper(contract.statement()).await?;
        }
        Ok(())
    }

    /// A server of the previous version that is started now refuses, as its commands do; where no migration was new, it runs.
    async fn previous_started_again(&self) -> Result<Vec<Violation>> {
        let wrong =
            |what: String| Violation::new(Kind::Strange, format!("the previous version, started again: {what}"));
        let mut found = Vec::new();
        let taken: Vec<u16> = self.site.servers.iter().map(Server::port).collect();
        let mut server = Server::new(&self.old, port(&taken)?);
        if self.migrations.is_empty() {
            if let Err(problem) = server.start(&self.site.http).await {
                found.push(wrong(format!("{problem:#}")));
            }
            signal("TERM", &server.process().into_iter().collect::<Vec<_>>())?;
            server.wait().await?;
            return Ok(found);
        }
        server.spawn()?;
        match server.wait().await {
            Ok(status) if !status.success() && server.end_of_log().contains(NEWER) => {}
            Ok(status) => found.push(wrong(format!("{status}: {}", server.end_of_log()))),
            Err(_) => found.push(wrong("it runs on a schema that it does not know".to_owned())),
        }
        match self.old.run(&["user", "list"], "").await {
            Err(problem) if problem.to_string().contains(NEWER) => {}
            outcome => found.push(wrong(format!("authgent user list: {outcome:?}"))),
        }
        Ok(found)
    }

    /// What an operator's commands are run with: those of the previous version refuse the new schema.
    fn operator(&self) -> &Program {
        if self.migration.is_zero() { &self.old } else { &self.new }
    }

    fn ground(&self, from: usize, to: usize) -> Ground<'_> {
        Ground { site: &self.site, operator: self.operator(), people: &self.people, from, to }
    }

    /// When the load is over: everything that clients were told, all rows, and thefts.
    async fn end(&mut self, mut caller: Caller) -> Result<()> {
        inspect::over_http(&mut caller, crate::AT_THE_END).await?;
        self.violations.extend(inspect::everything(&self.site).await?);
        if thefts(&mut self.site, &mut caller).await? == 0 {
            bail!("there was no chain to steal from: more seconds are needed");
        }
        self.violations.extend(inspect::everything(&self.site).await?);
        self.is_good(Vec::new()).await.map(drop)
    }

    fn outcome(mut self, setting: Setting, began: Instant) -> Outcome {
        self.violations.sort();
        self.violations.dedup();
        if !self.violations.is_empty() && self.contract.is_none() {
            let logs: Vec<String> = self.site.servers.iter().map(|server| server.log().display().to_string()).collect();
            eprintln!("upgrade: the logs are {}", logs.join(" and "));
            self.site.directory.disable_cleanup(true);
        }
        Outcome {
            setting,
            took: began.elapsed(),
            migrations: self.migrations,
            migration: self.migration,
            stages: self.stages,
            flows: self.flows,
            stop: self.tally.stop,
            unanswered: self.tally.not_accepted,
            violations: self.violations,
        }
    }
}
