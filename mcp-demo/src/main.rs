//! `mcp-demo`: a sample MCP server protected by Authgent. `mcp-demo --help` tells how it is set up.

use anyhow::Context;
use clap::Parser;
use mcp_demo::config::Arguments;
use mcp_demo::health;
use mcp_demo::server::{self, Server};
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged where `RUST_LOG` says nothing. rmcp tells about every request, twice; actix about every worker.
const LOG: &str = "info,rmcp=warn,rmcp_actix_web=warn,actix_server=warn";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.health {
        return Ok(health::check(&arguments.host, arguments.port).await?);
    }
    if arguments.stdio {
        // stdout belongs to the protocol.
        log_to(io::stderr, io::stderr().is_terminal())?;
        return Ok(server::serve_stdio(&arguments.db_dsn).await?);
    }
    log_to(io::stdout, io::stdout().is_terminal())?;
    Ok(Server::start(arguments.into_config()?).await?.run().await?)
}

/// Lines for people on a terminal, JSON for programs otherwise.
fn log_to<W>(writer: W, for_people: bool) -> anyhow::Result<()>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.trim().is_empty() => {
            EnvFilter::try_new(directives).context("RUST_LOG cannot be read")?
        }
        _ => EnvFilter::new(LOG),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    if for_people {
        registry.with(lines.with_target(false)).init();
    } else {
        registry.with(lines.json().flatten_event(true).with_current_span(false).with_span_list(false)).init();
    }
    Ok(())
}
