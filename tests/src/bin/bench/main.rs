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
mod load;
mod peers;
mod report;

use anyhow::{Context as _, Result};
use authgent::Site;
use authgent_tests::postgres::{Durability, Postgres};
use ceilings::Ceilings;
use clap::Parser;
use load::{Load, Work, Workload};
use peers::Peer;
use report::{Report, Target};
use std::path::PathBuf;
use std::time::Duration;

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
    /// One minute, and fail where a ratio is a quarter below the baseline.
    #[arg(long)]
    short: bool,
    /// Write everything to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What a short run is compared with.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/baseline.json"))]
    baseline: PathBuf,
    /// Serve the bare handlers instead.
    #[arg(long, hide = true)]
    serve_ceilings: bool,
}

// One thread: it sends little and waits much, and leaves as much as possible of the machine to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.serve_ceilings {
        return ceilings::serve().await;
    }
    let mut report = Report::new();
    measure(&arguments, &mut report).await?;
    report.print();
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    if arguments.short {
        report.compare(&arguments.baseline)?;
    }
    Ok(())
}

const SIGN: &str = "sign one JWT in a loop";
const BARE_SIGN: &str = "bare actix handler that signs";
const BARE_FIXED: &str = "bare actix handler, fixed answer";
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
const PEER_CREDENTIALS: &str = "oidc-provider: client_credentials";
const PEER_REFRESH: &str = "oidc-provider: refresh rotation in memory";

/// The chains of refresh tokens per connection.
const CHAINS: usize = 4;
/// More codes than are exchanged in a second.
const CODES_PER_SECOND: usize = 12_000;

async fn peer(chains: usize) -> Result<(Peer, [Workload; 2])> {
    let peer = Peer::start("oidc-provider").await?;
    let workloads = [
        Workload::new(PEER_CREDENTIALS, peer.token(), peer.client_credentials()),
        Workload::new(PEER_REFRESH, peer.token(), peer.chains(chains).await?),
    ];
    Ok((peer, workloads))
}

async fn measure(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let rounds = if arguments.short { 2 } else { arguments.rounds.max(1) };
    let seconds = if arguments.short { 2.0 } else { arguments.seconds as f64 };
    let load = Load {
        connections: arguments.connections,
        warm_up: Duration::from_millis(300),
        duration: Duration::from_secs_f64(seconds / f64::from(rounds)),
    };
    let directory = tempfile::tempdir()?;
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| name.contains(only));
    let chains = load.connections * CHAINS;

    let site = Site::new(format!("sqlite://{}/authgent.db", directory.path().display())).await?;
    let server = site.start(None).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = server.process.mebibytes("VmRSS");

    let ceilings = Ceilings::start()?;
    let mut workloads = vec![
        Workload::alone(SIGN, ceilings::signer()?),
        Workload::new(BARE_SIGN, &ceilings.endpoint("/sign")?, authgent::service(&ceilings.endpoint("/sign")?)),
        Workload::new(CREDENTIALS, &server.token, server.client_credentials()),
        Workload::alone(FDATASYNC, ceilings::durable_write(directory.path())?),
        Workload::new(REFRESH, &server.token, server.chains(site.refresh_tokens(chains, &server).await?)),
    ];
    if wanted(EXCHANGE) {
        let codes = (CODES_PER_SECOND as f64 * (seconds + f64::from(rounds) * 0.3)) as usize;
        workloads.push(Workload::new(EXCHANGE, &server.token, Work::Once(site.exchanges(codes, &server).await?)));
    }
    let plain = |endpoint: client::Endpoint| (endpoint.clone(), Work::Same(endpoint.get("")));
    let authorization = format!("Authorization: Bearer {}\r\n", ceilings.token);
    let guarded = ceilings.endpoint("/guarded")?;
    for (name, (endpoint, work)) in [
        (BARE_FIXED, plain(ceilings.endpoint("/fixed")?)),
        (JWKS, plain(server.endpoint("/.well-known/jwks.json")?)),
        (METADATA, plain(server.endpoint("/.well-known/oauth-authorization-server")?)),
        (OPEN, plain(ceilings.endpoint("/open")?)),
        (GUARDED, (guarded.clone(), Work::Same(guarded.get(&authorization)))),
    ] {
        workloads.push(Workload::new(name, &endpoint, work));
    }
    let postgres = match Postgres::start(Durability::Full) {
        Ok(postgres) => Some(postgres),
        Err(error) => {
            report.skip("PostgreSQL", &error);
            None
        }
    };
    let mut on_postgres = None;
    if let Some(postgres) = &postgres {
        let database = postgres.database()?;
        let pages = postgres.database()?;
        workloads
            .push(Workload::alone(PGBENCH, ceilings::pgbench(postgres, &pages, directory.path(), load.connections)?));
        let site = Site::new(database.dsn().to_owned()).await?;
        let server = site.start(None).await?;
        workloads.push(Workload::new(
            PG_REFRESH,
            &server.token,
            server.chains(site.refresh_tokens(chains, &server).await?),
        ));
        on_postgres = Some((server, site, database, pages));
    }
    let peer = match peer(chains).await {
        Ok((peer, its_workloads)) => {
            workloads.extend(its_workloads);
            Some(peer)
        }
        Err(error) => {
            report.skip("oidc-provider", &error);
            None
        }
    };

    workloads.retain(|workload| wanted(&workload.name));
    for _ in 0..rounds {
        for workload in &mut workloads {
            workload.run(&load).await.with_context(|| workload.name.clone())?;
        }
    }
    for workload in &workloads {
        report.row(workload.row());
    }
    use Target::{AtLeast, AtMost};
    report.ratio("client_credentials / bare handler that signs", [CREDENTIALS, BARE_SIGN], AtLeast(0.6), true);
    report.ratio("client_credentials / oidc-provider", [CREDENTIALS, PEER_CREDENTIALS], AtLeast(4.0), true);
    report.ratio("refresh on SQLite / oidc-provider in memory", [REFRESH, PEER_REFRESH], AtLeast(2.0), true);
    report.ratio("refresh on SQLite / fdatasync", [REFRESH, FDATASYNC], AtLeast(1.0), false);
    report.ratio("refresh on PostgreSQL / pgbench", [PG_REFRESH, PGBENCH], AtLeast(0.5), true);
    report.ratio("code exchange / refresh, both on SQLite", [EXCHANGE, REFRESH], Target::None, true);
    report.ratio("JWKS / fixed answer", [JWKS, BARE_FIXED], AtLeast(0.9), true);
    report.ratio("metadata / fixed answer", [METADATA, BARE_FIXED], AtLeast(0.9), true);
    report.ratio("mcp-resource warm / the same without it", [GUARDED, OPEN], AtLeast(0.9), true);
    if let (Some(idle), Some(peak)) = (idle, server.process.mebibytes("VmHWM")) {
        report.figure("memory, idle", idle, "MiB", AtMost(25.0), true);
        report.figure("memory, the most at full load", peak, "MiB", AtMost(80.0), true);
    }
    if let Some(peak) = peer.as_ref().and_then(|peer| peer.process.mebibytes("VmHWM")) {
        report.figure("memory of oidc-provider, the most", peak, "MiB", Target::None, false);
    }
    drop(on_postgres);
    server.process.stop()?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = site.start(None).await?;
        starts.push(server.start.as_secs_f64() * 1e3);
        server.process.stop()?;
    }
    starts.sort_by(f64::total_cmp);
    report.figure("start to ready, existing SQLite file", starts[2], "ms", AtMost(150.0), true);
    Ok(())
}
