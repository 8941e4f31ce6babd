//! The kills: which, when, and what has to come after each.

use crate::checker::{Kind, Violation};
use crate::inspect;
use crate::power::{Lost, Power};
use crate::sabotage::{Sabotage, tamper};
use crate::seeded::Seeded;
use crate::server::signal;
use crate::site::{Setting, Site};
use crate::unanswered::Unanswered;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long it may take until a server answers again.
const RECOVERY: Duration = Duration::from_secs(60);
/// How long a server may call itself ready without its database.
const UNREADY: Duration = Duration::from_secs(10);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// One server, with `SIGKILL`.
    Server,
    /// All servers at once.
    Servers,
    /// All processes of PostgreSQL at once.
    Database,
    /// Both at once.
    Everything,
    /// One server, in order: `SIGTERM`.
    Stop,
}

impl Target {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Server => "a server killed",
            Self::Servers => "both servers killed",
            Self::Database => "PostgreSQL killed",
            Self::Everything => "PostgreSQL and every server killed",
            Self::Stop => "a server stopped in order",
        }
    }

    fn all(setting: Setting) -> &'static [Self] {
        match (setting.is_postgres, setting.servers) {
            (false, _) => &[Self::Server, Self::Server, Self::Server, Self::Stop],
            (true, 1) => &[Self::Server, Self::Database, Self::Everything, Self::Server, Self::Everything, Self::Stop],
            (true, _) => &[Self::Server, Self::Servers, Self::Database, Self::Everything, Self::Stop],
        }
    }
}

/// The longest times of one kind of kill.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pause {
    pub(crate) kills: u64,
    /// From the kill to the first answer of a server that was concerned.
    pub(crate) since_kill: Duration,
    /// From the beginning of the restart to that answer.
    pub(crate) since_restart: Duration,
    /// What PostgreSQL took of that until it accepted connections.
    pub(crate) database: Duration,
}

/// What came of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) pauses: BTreeMap<Target, Pause>,
    /// The longest time that a stop in order took.
    pub(crate) stop: Duration,
    /// The requests that a stop in order left without an answer, and without an effect.
    pub(crate) not_accepted: usize,
    /// Of the requests that a kill left without an answer, how many were looked at, and how many of them had been done.
    pub(crate) looked_at: usize,
    pub(crate) done: usize,
    pub(crate) inspections: u64,
    /// How often the power was lost, and what went with it.
    pub(crate) power_losses: u64,
    pub(crate) sectors: Lost,
    /// The restarts that were killed.
    pub(crate) interrupted: u64,
    pub(crate) violations: Vec<Violation>,
    /// Whether something did not come back, so that nothing can be asked any more.
    pub(crate) is_broken: bool,
    pub(crate) is_sabotaged: bool,
}

/// What happens in one round.
#[derive(Debug)]
struct Round {
    target: Target,
    victim: usize,
    /// Under load before the kill.
    delay: Duration,
    /// From the kill to the restart.
    down: Duration,
    /// Whether nobody asks again until it is known what the unanswered requests did. Then times say nothing.
    is_looked_at: bool,
    /// Whether, and how long after the beginning of the restart, it is killed once more.
    again: Option<Duration>,
}

/// In how many of a hundred kills it is looked at what was done without an answer.
const LOOKED_AT: u64 = 30;
/// After how many of a hundred the restart is killed as well, and how long after its beginning at most, in milliseconds.
const INTERRUPTED: u64 = 20;
const INTERRUPTED_WITHIN: u64 = 400;

/// The rounds of a seed, in order: each kind comes as often as it should, in random order.
struct Plan {
    seeded: Seeded,
    setting: Setting,
    ahead: Vec<Target>,
}

impl Plan {
    fn next(&mut self, sabotage: bool) -> Round {
        if self.ahead.is_empty() {
            let all = Target::all(self.setting);
            self.ahead = self.seeded.sample(all, all.len());
        }
        let target = self.ahead.pop().unwrap_or(Target::Server);
        let again =
            self.seeded.happens(INTERRUPTED).then(|| Duration::from_millis(self.seeded.below(INTERRUPTED_WITHIN)));
        Round {
            again: again.filter(|_| !sabotage),
            // The database has to be there to be tampered with.
            target: if sabotage { Target::Servers } else { target },
            victim: self.seeded.index(self.setting.servers).unwrap_or(0),
            delay: Duration::from_micros(50_000 + self.seeded.below(1_450_000)),
            down: Duration::from_millis(self.seeded.below(400)),
            is_looked_at: self.seeded.happens(LOOKED_AT) && target != Target::Stop && self.setting.servers == 1,
        }
    }
}

/// Kills `rounds` times while the clients go on, and looks at everything after each `every`.
pub(crate) async fn run(
    site: &mut Site,
    mut seeded: Seeded,
    rounds: u64,
    every: u64,
    sabotage: Option<Sabotage>,
) -> Result<Tally> {
    let mut caller = site.caller(seeded.fork())?;
    let mut plan = Plan { seeded, setting: site.setting, ahead: Vec::new() };
    let mut tally = Tally::default();
    for number in 1..=rounds {
        let planned = sabotage.filter(|_| !tally.is_sabotaged && number > rounds / 3);
        let round = plan.next(sabotage.is_some());
        tokio::time::sleep(round.delay).await;
        if let Err(problem) = round.run(site, planned, &mut tally).await {
            tally.violations.push(Violation::new(Kind::Unavailable, format!("round {number}: {problem:#}")));
            tally.is_broken = true;
            break;
        }
        if number % every == 0 {
            inspect::over_http(&mut caller, 15).await?;
            let found = inspect::everything(site).await?;
            tally.inspections += 1;
            println!("crash: {number} of {rounds}, {} events, {} violations", site.world.journal.len(), found.len());
            if let Some(first) = found.first() {
                eprintln!("crash: {first}");
            }
            tally.violations.extend(found);
        }
    }
    Ok(tally)
}

impl Round {
    async fn run(&self, site: &mut Site, sabotage: Option<Sabotage>, tally: &mut Tally) -> Result<()> {
        let concerned: Vec<usize> = match self.target {
            Target::Server | Target::Stop => vec![self.victim],
            _ => (0..site.servers.len()).collect(),
        };
        let from = site.world.journal.len();
        site.world.hold(self.is_looked_at);
        let killed = Instant::now();
        if self.target == Target::Stop {
            stop_in_order(site, self.victim, tally).await?;
            site.power.as_ref().map_or(Ok(()), Power::settled)?;
        } else {
            self.kill(site, &concerned, tally).await?;
        }
        for server in &concerned {
            site.world.watch(*server);
        }
        tokio::time::sleep(self.down).await;
        if self.is_looked_at && self.target == Target::Database {
            tally.violations.extend(turns_unready(site, &concerned).await);
        }
        if let Some(sabotage) = sabotage {
            tally.is_sabotaged = tamper(sabotage, site).await?;
        }
        if let Some(after) = self.again {
            self.interrupted_restart(site, &concerned, after, tally).await?;
            tally.interrupted += 1;
        }
        let restarted = Instant::now();
        self.restart(site, &concerned, tally).await?;
        if self.is_looked_at {
            let snapshot = site.database.snapshot().await?;
            let unanswered = Unanswered::of(&site.world.journal.entries(), from, &snapshot);
            tally.looked_at += unanswered.all;
            tally.done += unanswered.done.len();
            site.world.hold(false);
        }
        self.recovered(site, &concerned, (killed, restarted), tally).await;
        Ok(())
    }

    fn kills_database(&self) -> bool {
        matches!(self.target, Target::Database | Target::Everything)
    }

    async fn restart(&self, site: &mut Site, concerned: &[usize], tally: &mut Tally) -> Result<()> {
        if self.kills_database() && site.database.processes()?.is_empty() {
            let began = Instant::now();
            tokio::task::block_in_place(|| site.database.start_again())?;
            if self.is_measured() {
                let pause = tally.pauses.entry(self.target).or_default();
                pause.database = pause.database.max(began.elapsed());
            }
        }
        for server in concerned {
            let server = &mut site.servers[*server];
            if self.target == Target::Database {
                let Some(status) = server.ended()? else { continue };
                let what = format!("authgent serve ended when PostgreSQL was killed: {status}");
                tally.violations.push(Violation::new(Kind::Unavailable, what));
            }
            server.start(&site.http).await?;
        }
        Ok(())
    }

    /// Starts what was killed, and kills it once more before it is ready, or as it is: so recovery itself is interrupted.
    async fn interrupted_restart(
        &self,
        site: &mut Site,
        concerned: &[usize],
        after: Duration,
        tally: &mut Tally,
    ) -> Result<()> {
        if self.kills_database() {
            return tokio::task::block_in_place(|| {
                std::thread::scope(|scope| {
                    let killer = scope.spawn(|| {
                        std::thread::sleep(after);
                        signal("KILL", &site.database.processes()?)
                    });
                    // It tries again where it finds the server dead.
                    let started = site.database.start_again();
                    killer.join().unwrap_or(Ok(()))?;
                    started
                })
            });
        }
        for server in concerned {
            site.servers[*server].spawn()?;
        }
        tokio::time::sleep(after).await;
        let processes: Vec<u32> = concerned.iter().filter_map(|server| site.servers[*server].process()).collect();
        signal("KILL", &processes)?;
        for server in concerned {
            site.servers[*server].wait().await?;
        }
        lose_power(site, tally)
    }

    /// Whether its times say something.
    const fn is_measured(&self) -> bool {
        !self.is_looked_at && self.again.is_none()
    }

    /// All processes at one moment.
    async fn kill(&self, site: &mut Site, concerned: &[usize], tally: &mut Tally) -> Result<()> {
        let mut processes = Vec::new();
        if self.target != Target::Database {
            processes.extend(concerned.iter().filter_map(|server| site.servers[*server].process()));
        }
        if self.kills_database() {
            let database = site.database.processes()?;
            ensure!(!database.is_empty(), "PostgreSQL does not run: nothing can be killed");
            processes.extend(database);
        }
        signal("KILL", &processes)?;
        if self.target != Target::Database {
            for server in concerned {
                site.servers[*server].wait().await?;
            }
        }
        lose_power(site, tally)
    }

    /// Waits until each of these servers answers to the load.
    async fn recovered(&self, site: &Site, concerned: &[usize], at: (Instant, Instant), tally: &mut Tally) {
        let (killed, restarted) = at;
        let mut pause = tally.pauses.get(&self.target).copied().unwrap_or_default();
        pause.kills += 1;
        for server in concerned {
            let first = loop {
                if let Some(first) = site.world.first_answer(*server) {
                    break first;
                }
                if restarted.elapsed() > RECOVERY {
                    let what = format!("{}: no answer for {} s", self.target.words(), RECOVERY.as_secs());
                    tally.violations.push(Violation::new(Kind::Unavailable, what));
                    break Instant::now();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            if self.is_measured() {
                pause.since_kill = pause.since_kill.max(first.duration_since(killed));
                pause.since_restart = pause.since_restart.max(first.duration_since(restarted));
            }
        }
        tally.pauses.insert(self.target, pause);
    }
}

/// Where the power is lost with each server that is killed.
fn lose_power(site: &mut Site, tally: &mut Tally) -> Result<()> {
    if let Some(power) = &mut site.power {
        let Lost { unsynced, lost } = power.lose()?;
        tally.power_losses += 1;
        tally.sectors.unsynced += unsynced;
        tally.sectors.lost += lost;
    }
    Ok(())
}

/// Whatever has an effect must have an answer, and the process must end by itself with 0.
pub(crate) async fn stop_in_order(site: &mut Site, victim: usize, tally: &mut Tally) -> Result<()> {
    let world = site.world.clone();
    world.hold(true);
    let from = world.journal.len();
    let began = Instant::now();
    let server = &mut site.servers[victim];
    signal("TERM", &server.process().into_iter().collect::<Vec<_>>())?;
    match server.wait().await {
        Ok(status) if status.success() => {}
        Ok(status) => {
            tally.violations.push(Violation::new(Kind::Unavailable, format!("a stop in order ended with {status}")));
        }
        Err(problem) => {
            tally.violations.push(Violation::new(Kind::Unavailable, format!("a stop in order: {problem:#}")));
            signal("KILL", &server.process().into_iter().collect::<Vec<_>>())?;
            server.wait().await?;
        }
    }
    tally.stop = tally.stop.max(began.elapsed());
    // Whoever was cut off has noticed by then.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let snapshot = site.database.snapshot().await?;
    let unanswered = Unanswered::of(&world.journal.entries(), from, &snapshot);
    tally.not_accepted += unanswered.all - unanswered.done.len();
    tally.violations.extend(unanswered.cut_off());
    world.hold(false);
    Ok(())
}

/// Without its database a server lives, and says within a few seconds that it is not ready.
async fn turns_unready(site: &Site, concerned: &[usize]) -> Vec<Violation> {
    let mut found = Vec::new();
    for server in concerned {
        let base = site.servers[*server].base();
        let status = async |path: &str| {
            let answer = site.http.get(format!("{base}/health/{path}")).send().await;
            answer.map_or(0, |answer| answer.status().as_u16())
        };
        let began = Instant::now();
        while status("ready").await != 503 {
            if began.elapsed() > UNREADY {
                found.push(Violation::new(Kind::Unavailable, "ready without PostgreSQL"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if status("live").await != 200 {
            found.push(Violation::new(Kind::Unavailable, "not alive without PostgreSQL"));
        }
    }
    found
}
