//! How fast it is, beside the ceilings of the same machine and beside other servers, in the same run. See
//! docs/performance.md.
//!
//! ```text
//! cargo build --release -p authgent-server -p authgent-tests --bins
//! target/release/bench
//! target/release/bench --seconds 10 --connections 16 --growth --json figures.json
//! ```

mod authgent;
mod ceilings;
mod child;
mod client;
mod disk;
mod load;
mod peers;
mod report;

use anyhow::{Context as _, Result, ensure};
use authgent::{Authgent, Site};
use authgent_tests::postgres::{Durability, Postgres};
use ceilings::Ceilings;
use clap::Parser;
use load::{Load, Row, Work, Workload};
use peers::{Kind, Peer};
use report::{Report, Target};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// Measure Authgent, and the ceilings and peers beside it.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// How long each workload is measured, in all rounds together.
    #[arg(long, default_value_t = 9)]
    seconds: u64,
    /// In how many rounds: what is compared is measured by turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only workloads with this in their name.
    #[arg(long)]
    only: Option<String>,
    /// Also with a million grants in the database, which takes minutes to fill.
    #[arg(long)]
    growth: bool,
    /// As if whatever waits for the disk waited for so many microseconds longer.
    #[arg(long, value_name = "MICROSECONDS")]
    slower_disk: Option<u32>,
    /// One minute, and fail where a ratio is a quarter below the baseline.
    #[arg(long)]
    short: bool,
    /// Write everything to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What a short run is compared with.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/baseline.json"))]
    baseline: PathBuf,
    /// Serve the bare handlers instead, with these documents.
    #[arg(long, hide = true)]
    serve_ceilings: bool,
    #[arg(hide = true, requires = "serve_ceilings")]
    documents: Vec<String>,
}

// One thread: it sends little and waits much, and leaves as much as possible of the machine to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.serve_ceilings {
        return ceilings::serve(arguments.documents).await;
    }
    if let Some(microseconds) = arguments.slower_disk
        && disk::slower().is_none()
    {
        let status = disk::run_slowly(microseconds)?;
        ensure!(status.success(), "{status}");
        return Ok(());
    }
    let report = run(&arguments).await?;
    if !arguments.short {
        return Ok(());
    }
    let mut fallen = report.compare(&arguments.baseline)?;
    if !fallen.is_empty() {
        // Two seconds are few, and something else may have had the cores: what really fell has fallen the second time as well.
        let again = run(&arguments).await?.compare(&arguments.baseline)?;
        let name = |line: &String| line.split(':').next().map(str::to_owned);
        fallen.retain(|line| again.iter().any(|other| name(other) == name(line)));
    }
    ensure!(fallen.is_empty(), "fell by more than a quarter, or not measured:\n  {}", fallen.join("\n  "));
    Ok(())
}

/// Measures everything and says so.
async fn run(arguments: &Arguments) -> Result<Report> {
    let mut report = Report::new();
    measure(arguments, &mut report).await?;
    report.print();
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(report)
}

const SIGN: &str = "sign one JWT in a loop";
const BARE_SIGN: &str = "bare actix handler that signs";
const BARE_JWKS: &str = "bare actix handler with the answer of JWKS";
const BARE_METADATA: &str = "bare actix handler with that of metadata";
const FDATASYNC: &str = "4 KiB written and fdatasync, one by one";
const CREDENTIALS: &str = "client_credentials";
const REFRESH: &str = "refresh rotation, SQLite";
const EXCHANGE: &str = "code exchange, SQLite";
const JWKS: &str = "JWKS";
const METADATA: &str = "metadata";
const OPEN: &str = "actix handler without mcp-resource";
const GUARDED: &str = "the same behind mcp-resource, warm token";
const PGBENCH: &str = "pgbench, one indexed UPDATE";
const PG_REFRESH: &str = "refresh rotation, PostgreSQL";
const TWO_REPLICAS: &str = "refresh rotation, PostgreSQL, two replicas";
const GROWN: &str = "refresh rotation, SQLite, 1 000 000 grants";

const JWKS_PATH: &str = "/.well-known/jwks.json";
const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The same as [`CREDENTIALS`], at a peer.
fn peer_credentials(kind: &Kind) -> String {
    format!("{}: client_credentials", kind.name)
}

/// The same as [`REFRESH`], at a peer, of which nothing is durable.
fn peer_refresh(kind: &Kind) -> String {
    format!("{}: refresh rotation in memory", kind.name)
}

/// The chains of refresh tokens per connection.
const CHAINS: usize = 4;
/// More codes than are exchanged in a second.
const CODES_PER_SECOND: usize = 12_000;
/// Before answers count.
const WARM_UP: Duration = Duration::from_millis(300);
const GROWN_GRANTS: usize = 1_000_000;
const GROWN_CLIENTS: usize = 100_000;
/// Of so many of the grants tokens are refreshed, each of another client and another person: more clients than a replica remembers.
const GROWN_CHAINS: usize = 20_000;

/// What is measured, and what has to run for it.
struct Bench<'a> {
    arguments: &'a Arguments,
    load: Load,
    directory: TempDir,
    workloads: Vec<Workload>,
    report: &'a mut Report,
}

async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let (seconds, rounds) = arguments.length();
    let load = Load {
        connections: arguments.connections,
        warm_up: WARM_UP,
        duration: Duration::from_secs_f64(seconds / f64::from(rounds)),
    };
    let mut bench = Bench { arguments, load, directory: tempfile::tempdir()?, workloads: Vec::new(), report };
    let (site, server, idle) = bench.server().await?;
    let ceilings = Ceilings::start(&[server.document(JWKS_PATH).await?, server.document(METADATA_PATH).await?])?;
    bench.on_sqlite(&ceilings, &site, &server).await?;
    let _on_postgres = bench.on_postgres().await?;
    let _grown = if arguments.growth { Some(bench.grown().await?) } else { None };
    let peers = bench.peers().await;
    bench.run(rounds).await?;
    bench.ratios();
    let Bench { report, .. } = bench;
    if let (Some(idle), Some(peak)) = (idle, server.process.mebibytes("VmHWM")) {
        report.figure("memory, idle", idle, "MiB", Target::AtMost(25.0), true);
        report.figure("memory, the most at full load", peak, "MiB", Target::AtMost(80.0), true);
    }
    for peer in &peers {
        if let Some(peak) = peer.process.mebibytes("VmHWM") {
            report.figure(&format!("memory of {}, the most", peer.kind.name), peak, "MiB", Target::None, false);
        }
    }
    server.process.stop()?;
    // The last one to close folds the write-ahead log into the file, as an orderly stop of the server does elsewhere.
    site.store.close().await;
    report.figure("start to ready, existing SQLite file", start(&site).await?, "ms", Target::AtMost(150.0), false);
    Ok(())
}

/// The median of five starts, in milliseconds.
async fn start(site: &Site) -> Result<f64> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = site.start().await?;
        starts.push(server.start.as_secs_f64() * 1e3);
        server.process.stop()?;
    }
    starts.sort_by(f64::total_cmp);
    Ok(starts[2])
}

impl Arguments {
    /// The seconds of a workload, and in how many rounds.
    fn length(&self) -> (f64, u32) {
        if self.short { (2.0, 2) } else { (self.seconds as f64, self.rounds.max(1)) }
    }
}

impl Bench<'_> {
    fn chains(&self) -> usize {
        self.load.connections * CHAINS
    }

    fn wants(&self, name: &str) -> bool {
        self.arguments.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// The server on SQLite, and what it took of memory before anybody asked anything, in MiB.
    async fn server(&self) -> Result<(Site, Authgent, Option<f64>)> {
        let site = Site::new(format!("sqlite://{}/authgent.db", self.directory.path().display())).await?;
        let server = site.start().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let idle = server.process.mebibytes("VmRSS");
        Ok((site, server, idle))
    }

    async fn on_sqlite(&mut self, ceilings: &Ceilings, site: &Site, server: &Authgent) -> Result<()> {
        let directory = self.directory.path();
        let sign = ceilings.endpoint("/sign")?;
        let chains = site.refresh_tokens(self.chains(), server).await?;
        self.workloads.extend([
            Workload::alone(SIGN, ceilings::signer()?),
            Workload::new(BARE_SIGN, &sign, authgent::service(&sign)).of([&ceilings.process]),
            Workload::new(CREDENTIALS, &server.token, server.client_credentials()).of([&server.process]),
            Workload::alone(FDATASYNC, ceilings::durable_write(directory)?),
            Workload::new(REFRESH, &server.token, server.chains(chains)).of([&server.process]),
        ]);
        if self.wants(EXCHANGE) {
            let (seconds, rounds) = self.arguments.length();
            let codes = (CODES_PER_SECOND as f64 * (seconds + f64::from(rounds) * WARM_UP.as_secs_f64())) as usize;
            let work = Work::Once(site.exchanges(codes, server).await?);
            self.workloads.push(Workload::new(EXCHANGE, &server.token, work).of([&server.process]));
        }
        let authorization = format!("Authorization: Bearer {}\r\n", ceilings.token);
        for (name, endpoint, headers, process) in [
            (BARE_JWKS, ceilings.endpoint("/fixed/0")?, "", &ceilings.process),
            (JWKS, server.endpoint(JWKS_PATH)?, "", &server.process),
            (BARE_METADATA, ceilings.endpoint("/fixed/1")?, "", &ceilings.process),
            (METADATA, server.endpoint(METADATA_PATH)?, "", &server.process),
            (OPEN, ceilings.endpoint("/open")?, "", &ceilings.process),
            (GUARDED, ceilings.endpoint("/guarded")?, &*authorization, &ceilings.process),
        ] {
            let work = Work::Same(endpoint.get(headers));
            self.workloads.push(Workload::new(name, &endpoint, work).of([process]));
        }
        Ok(())
    }

    /// Gives what has to live until everything is measured.
    async fn on_postgres(&mut self) -> Result<Option<impl Sized + use<>>> {
        let postgres = match Postgres::start(Durability::Full) {
            Ok(postgres) => postgres,
            Err(error) => {
                self.report.skip("PostgreSQL", &error);
                return Ok(None);
            }
        };
        let (database, pages) = (postgres.database()?, postgres.database()?);
        self.report.program(format!("PostgreSQL {}", postgres.psql(&database, "SHOW server_version")?.trim()));
        let pgbench = ceilings::pgbench(&postgres, &pages, self.directory.path(), self.load.connections)?;
        let site = Site::new(database.dsn().to_owned()).await?;
        let first = site.start().await?;
        let second = site.start_beside(&first).await?;
        let alone = first.chains(site.refresh_tokens(self.chains(), &first).await?);
        let both = first.chains(site.refresh_tokens(2 * self.chains(), &first).await?);
        self.workloads.extend([
            Workload::alone(PGBENCH, pgbench),
            Workload::new(PG_REFRESH, &first.token, alone).of([&first.process]),
            Workload::new(TWO_REPLICAS, &first.token, both).and(&second.token).of([&first.process, &second.process]),
        ]);
        Ok(Some((first, second, site, database, pages, postgres)))
    }

    /// The same as [`REFRESH`], in a database with a million grants.
    async fn grown(&mut self) -> Result<impl Sized + use<>> {
        eprintln!("filling a database with {GROWN_GRANTS} grants of {GROWN_CLIENTS} clients");
        let path = self.directory.path().join("grown.db");
        let site = Site::new(format!("sqlite://{}", path.display())).await?;
        let chains = site.grow(GROWN_CLIENTS, GROWN_GRANTS, GROWN_CHAINS).await?;
        let server = site.start().await?;
        let workload = Workload::new(GROWN, &server.token, server.refresh(chains)).of([&server.process]);
        self.workloads.push(workload);
        Ok((server, site))
    }

    /// Those of which something is to be measured and that can be started.
    async fn peers(&mut self) -> Vec<Peer> {
        let mut peers = Vec::new();
        for kind in &peers::ALL {
            let (credentials, refresh) = (peer_credentials(kind), peer_refresh(kind));
            if !self.wants(&credentials) && !self.wants(&refresh) {
                continue;
            }
            let peer = async {
                let peer = Peer::start(kind).await?;
                let chains = peer.chains(self.chains()).await?;
                anyhow::Ok((peer, chains))
            };
            match peer.await {
                Ok((peer, chains)) => {
                    self.report.program(peer.program());
                    let credentials = Workload::new(&credentials, peer.token(), peer.client_credentials());
                    let refresh = Workload::new(&refresh, peer.token(), chains);
                    self.workloads.extend([credentials.of([&peer.process]), refresh.of([&peer.process])]);
                    peers.push(peer);
                }
                Err(error) => self.report.skip(kind.name, &error),
            }
        }
        peers
    }

    async fn run(&mut self, rounds: u32) -> Result<()> {
        let only = self.arguments.only.as_deref();
        self.workloads.retain(|workload| only.is_none_or(|only| workload.name.contains(only)));
        for _ in 0..rounds {
            for workload in &mut self.workloads {
                workload.run(&self.load).await.with_context(|| workload.name.clone())?;
            }
        }
        for workload in &self.workloads {
            self.report.row(workload.row());
        }
        Ok(())
    }

    fn ratios(&mut self) {
        use Target::{AtLeast, AtMost};
        let report = &mut *self.report;
        let rate = |row: &Row| Some(row.per_second);
        report.ratio(
            "client_credentials / bare handler that signs",
            [CREDENTIALS, BARE_SIGN],
            rate,
            AtLeast(0.6),
            true,
        );
        for kind in &peers::ALL {
            let (credentials, refresh) = (peer_credentials(kind), peer_refresh(kind));
            let name = format!("client_credentials / {}", kind.name);
            report.ratio(&name, [CREDENTIALS, &credentials], rate, kind.credentials, true);
            let name = format!("refresh on SQLite / {} in memory", kind.name);
            report.ratio(&name, [REFRESH, &refresh], rate, kind.refresh, true);
        }
        report.ratio("refresh on SQLite / fdatasync", [REFRESH, FDATASYNC], rate, AtLeast(1.0), false);
        report.ratio("refresh on PostgreSQL / pgbench", [PG_REFRESH, PGBENCH], rate, AtLeast(0.5), true);
        report.ratio("code exchange / refresh, both on SQLite", [EXCHANGE, REFRESH], rate, Target::None, true);
        report.ratio("JWKS / bare handler with its answer", [JWKS, BARE_JWKS], rate, AtLeast(0.9), true);
        report.ratio("metadata / bare handler with its answer", [METADATA, BARE_METADATA], rate, AtLeast(0.9), true);
        report.ratio("mcp-resource warm / the same without it", [GUARDED, OPEN], rate, AtLeast(0.9), true);
        // Two replicas have twice the cores where each has its own, and twice the load: what an answer costs decides what they do with
        // them.
        let of_two = |row: &Row| Some(if row.name == TWO_REPLICAS { 2.0 } else { 1.0 } / row.processor_us?);
        report.ratio("two replicas / one, by their CPU time", [TWO_REPLICAS, PG_REFRESH], of_two, AtLeast(1.7), true);
        report.ratio("p99 of a refresh, 1 000 000 grants / 64", [GROWN, REFRESH], |row| row.p99_ms, AtMost(1.3), false);
    }
}
