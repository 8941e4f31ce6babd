//! Kills Authgent, PostgreSQL and both at random moments under load, and looks whether anything that a client was told is
//! lost. `docs/crash-safety.md` says what is tried and what must hold.
//!
//! ```text
//! cargo build -p authgent-server -p authgent-tests --bins
//! target/debug/crash --rounds 20 --seed 7
//! ```
//!
//! `crash upgrade` updates from one version to another one under the same load: `tests/upgrade/run`.
//!
//! Exit status 0 if nothing is wrong, 1 after a violation, 2 where the run itself failed.

mod caller;
mod checker;
mod clients;
mod database;
mod history;
mod inspect;
mod people;
mod power;
mod report;
mod rounds;
mod rows;
mod sabotage;
mod seeded;
mod server;
mod site;
mod unanswered;
mod upgrade;
mod world;

use anyhow::{Context as _, Result, ensure};
use checker::{Kind, Violation};
use clap::{Parser, Subcommand, ValueEnum};
use power::Disk;
use report::{Chains, Outcome};
use sabotage::Sabotage;
use seeded::Seeded;
use site::{Setting, Site};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use upgrade::Upgrade;

/// At the end at most so many of each kind are looked at over HTTP.
const AT_THE_END: usize = 400;

/// Kill Authgent and its database under load, again and again, and look whether anything is lost.
#[derive(Debug, Parser)]
#[command(name = "crash")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// How many kills, on each database (on PostgreSQL: with one server, and again with two).
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// Repeats a run as far as the machine allows: the same kills after the same times [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// Which databases.
    #[arg(long, value_enum, default_value = "both")]
    database: Databases,
    /// The program [default: `authgent` beside this one].
    #[arg(long, value_name = "PATH")]
    bin: Option<PathBuf>,
    /// Writes the report to a file as well.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How many clients refresh tokens at once.
    #[arg(long, default_value_t = 10)]
    clients: u64,
    /// After how many kills everything is looked at.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// With each server that is killed the power goes, too: of what it wrote and did not sync, any part may be lost. For `--database sqlite`.
    #[arg(long)]
    power_loss: bool,
    /// A disk that syncs nothing: the run has to notice, and to end with 1.
    #[arg(long, hide = true, requires = "power_loss")]
    lying_disk: bool,
    /// Tampers with a row between a kill and a restart: the run has to notice, and to end with 1.
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Sabotage>,
}

/// What is done in the place of kills.
#[derive(Debug, Subcommand)]
enum Instead {
    Upgrade(Upgrade),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

impl Databases {
    fn settings(self) -> Vec<Setting> {
        let sqlite = Setting { is_postgres: false, servers: 1 };
        let postgres = [1, 2].map(|servers| Setting { is_postgres: true, servers });
        match self {
            Self::Sqlite => vec![sqlite],
            Self::Postgres => postgres.to_vec(),
            Self::Both => [&[sqlite], &postgres[..]].concat(),
        }
    }

    const fn are_postgres(self) -> &'static [bool] {
        match self {
            Self::Sqlite => &[false],
            Self::Postgres => &[true],
            Self::Both => &[true, false],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whoever ends this program ends its servers with it.
    let outcome = tokio::select! {
        outcome = run(&arguments) => outcome,
        ended = stop_signal() => ended.and_then(|()| anyhow::bail!("it was stopped")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("crash: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn stop_signal() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

/// Whether nothing was wrong.
async fn run(arguments: &Arguments) -> Result<bool> {
    if let Some(Instead::Upgrade(upgrade)) = &arguments.instead {
        return upgrade::run(upgrade).await;
    }
    ensure!(
        !arguments.power_loss || arguments.database == Databases::Sqlite,
        "--power-loss needs --database sqlite: what PostgreSQL writes is not looked at"
    );
    let binary = arguments.bin.clone().map_or_else(server::beside, |path| Ok(std::path::absolute(path)?))?;
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => u64::from(uuid::Uuid::new_v4().as_fields().0),
    };
    println!("crash: seed {seed}, {} kills on each", arguments.rounds);
    let mut outcomes = Vec::new();
    for setting in arguments.database.settings() {
        println!("crash: {}", setting.words());
        outcomes.push(one(arguments, &binary, setting, Seeded::new(seed)).await.context(setting.words())?);
    }
    let report = report::report(&outcomes, seed);
    println!("\n{report}");
    if let Some(path) = &arguments.report {
        std::fs::write(path, &report).with_context(|| path.display().to_string())?;
    }
    Ok(outcomes.iter().all(|outcome| outcome.violations.is_empty()))
}

/// All rounds of one setting.
async fn one(arguments: &Arguments, binary: &Path, setting: Setting, mut seeded: Seeded) -> Result<Outcome> {
    let began = Instant::now();
    let disk = if arguments.lying_disk { Disk::Lying } else { Disk::Honest };
    let disk = arguments.power_loss.then(|| (disk, seeded.fork()));
    let mut site = Site::start(binary, setting, arguments.clients, disk).await?;
    let mut load = tokio::task::JoinSet::new();
    for number in 0..arguments.clients {
        load.spawn(clients::client(site.caller(seeded.fork())?, site::email(number)));
    }
    for _ in 0..2 {
        load.spawn(clients::program(site.caller(seeded.fork())?));
    }
    let last = seeded.fork();
    let mut tally = rounds::run(&mut site, seeded, arguments.rounds, arguments.every, arguments.sabotage).await?;
    site.world.end();
    if tally.is_broken {
        // Whoever asks again would do so for as long as they have patience.
        load.abort_all();
    }
    while let Some(ended) = load.join_next().await {
        if !tally.is_broken {
            ended??;
        }
    }
    let mut violations = std::mem::take(&mut tally.violations);
    let chains = Chains::of(&site.world.journal.entries());
    let mut stolen = 0;
    if !tally.is_broken {
        let mut caller = site.caller(last)?;
        match at_the_end(&mut site, &mut caller).await {
            Ok((thefts, found)) => {
                stolen = thefts;
                violations.extend(found);
                tally.inspections += 1;
            }
            // Files that lost what was acknowledged may not let themselves be asked.
            Err(problem) if arguments.power_loss => {
                violations.push(Violation::new(Kind::Rows, format!("at the end: {problem:#}")));
            }
            Err(problem) => return Err(problem),
        }
    }
    violations.sort();
    violations.dedup();
    if arguments.sabotage.is_some() && !tally.is_sabotaged {
        anyhow::bail!("there was nothing to tamper with: more rounds are needed");
    }
    let counts = site.world.counts();
    if !violations.is_empty() {
        let logs: Vec<String> = site.servers.iter().map(|server| server.log().display().to_string()).collect();
        eprintln!("crash: the log is {}", logs.join(" and "));
        site.directory.disable_cleanup(true);
    }
    Ok(Outcome { setting, took: began.elapsed(), tally, counts, chains, thefts: stolen, violations })
}

/// Looks at everything once more; how many thefts were tried, and what is wrong.
async fn at_the_end(site: &mut Site, caller: &mut caller::Caller) -> Result<(usize, Vec<Violation>)> {
    inspect::over_http(caller, AT_THE_END).await?;
    let stolen = thefts(site, caller).await?;
    Ok((stolen, inspect::everything(site).await?))
}

/// With a short grace from now on, so that it is soon over.
async fn thefts(site: &mut Site, caller: &mut caller::Caller) -> Result<usize> {
    for serving in site.world.serving() {
        let server = &mut site.servers[serving];
        server::signal("TERM", &server.process().into_iter().collect::<Vec<_>>())?;
        server.wait().await?;
        server.set("AUTHGENT_REFRESH_GRACE", "1");
        server.start(&site.http).await?;
    }
    // The grace, twice what clocks may differ by, and the rest of a second.
    tokio::time::sleep(Duration::from_secs(6)).await;
    Ok(inspect::thefts(caller, AT_THE_END).await)
}
