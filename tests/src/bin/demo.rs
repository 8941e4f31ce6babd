//! `cargo demo`: Authgent and a demo MCP server, to look at. `cargo demo --headless` walks the whole journey itself.

use anyhow::{Context as _, Result, ensure};
use authgent_tests::journey::{Narrator, Traveller, call, result_of, walk};
use authgent_tests::sign_in::SignIn;
use authgent_tests::stack::{EMAIL, Ports, Stack};
use clap::Parser;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tracing_subscriber::EnvFilter;

/// How long the person may take to sign in.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Start Authgent and a demo MCP server, and connect a client to them.
#[derive(Debug, Parser)]
#[command(name = "cargo demo")]
struct Arguments {
    /// Walk the whole journey without a person, print each step, and exit with 0 only if all of it held.
    #[arg(long)]
    headless: bool,
    /// The MCP server of a stack that runs already: nothing is started here. Needs --email and --password.
    #[arg(long, requires_all = ["email", "password", "headless"])]
    mcp: Option<String>,
    /// The issuer of a stack that runs already; checked against what the MCP server says.
    #[arg(long, requires = "mcp")]
    issuer: Option<String>,
    /// Who signs in at a stack that runs already.
    #[arg(long, requires = "mcp")]
    email: Option<String>,
    /// Their password.
    #[arg(long, requires = "mcp")]
    password: Option<String>,
    /// Port of Authgent [default: 8080, or a free one with --headless].
    #[arg(long)]
    port: Option<u16>,
    /// Port of the MCP server [default: 8000, or a free one with --headless].
    #[arg(long)]
    mcp_port: Option<u16>,
    /// Do not open the browser.
    #[arg(long)]
    no_browser: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,rmcp=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = if arguments.headless { headless(arguments).await } else { interactive(&arguments).await };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn headless(arguments: Arguments) -> Result<()> {
    let directory = TempDir::new()?;
    let traveller = match arguments.mcp {
        Some(mcp) => Traveller {
            mcp,
            issuer: arguments.issuer,
            email: arguments.email.context("--email")?,
            password: arguments.password.context("--password")?,
        },
        None => {
            let ports = Ports { authgent: arguments.port.unwrap_or(0), mcp: arguments.mcp_port.unwrap_or(0) };
            let stack = Stack::start(directory.path(), ports).await?;
            println!("Authgent listens at {}, the demo MCP server at {}.", stack.issuer, stack.mcp);
            Traveller { mcp: stack.mcp, issuer: Some(stack.issuer), email: EMAIL.to_owned(), password: stack.password }
        }
    };
    let mut printer = Printer { steps: 0 };
    walk(traveller, &mut printer).await.with_context(|| format!("step {} did not hold", printer.steps))?;
    println!("\nAll {} steps held.", printer.steps);
    Ok(())
}

async fn interactive(arguments: &Arguments) -> Result<()> {
    let directory = TempDir::new()?;
    let ports = Ports { authgent: arguments.port.unwrap_or(8080), mcp: arguments.mcp_port.unwrap_or(8000) };
    let stack = Stack::start(directory.path(), ports).await?;
    let sign_in = SignIn::begin(&stack.mcp).await?;
    println!(
        "\n  Authgent         {}\n  MCP server       {}\n\n  Sign in as       {EMAIL}\n  with password    {}\n\n  \
         A demo client waits for you to sign in and allow it:\n  {}\n\n  \
         Any other client can connect too, for example:\n  npx @modelcontextprotocol/inspector --transport http --server-url {}\n\n  \
         Ctrl-C ends it. Nothing is kept.\n",
        stack.issuer,
        stack.mcp,
        stack.password,
        sign_in.url(),
        stack.mcp
    );
    if !arguments.no_browser {
        open_browser(sign_in.url());
    }
    tokio::select! {
        stopped = stop_signal() => return stopped,
        signed_in = tokio::time::timeout(PATIENCE, sign_in.finish()) => {
            let token = signed_in.context("nobody signed in")??;
            let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
            let response = call(&http, &stack.mcp, Some(&token), "whoami", serde_json::json!({})).await?;
            ensure!(response.status().is_success(), "whoami answered {}", response.status());
            println!("  The demo client is connected. It called whoami, and the MCP server answered:\n\n{:#}\n", result_of(response).await?);
        }
    }
    stop_signal().await
}

/// Ctrl-C, or what a supervisor sends.
async fn stop_signal() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => stopped?,
            _ = terminated.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c().await?)
}

/// Opens the browser where there is one; the address is printed anyway.
fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let _ = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}

struct Printer {
    steps: usize,
}

impl Narrator for Printer {
    fn step(&mut self, title: &str) {
        self.steps += 1;
        println!("\n{:>2}. {title}", self.steps);
    }

    fn detail(&mut self, text: &str) {
        println!("    {text}");
    }
}
