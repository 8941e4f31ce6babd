//! `authgent doctor`

use super::Context;
use super::answer::{Answer, Failure};
use crate::doctor::{Browser, Options, Tools, examine};
use crate::net::probe::Probe;
use clap::Args;
use secrecy::SecretString;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The longest token that is read, in bytes.
const LONGEST_TOKEN: u64 = 64 * 1024;

const HELP: &str = "\
Examples:
  authgent doctor https://mcp.example.com/mcp
  authgent doctor https://mcp.example.com/mcp --login
  authgent doctor https://mcp.example.com/mcp --token-stdin < token.txt
  authgent doctor https://auth.example.com --json

Exit status:
  0  nothing worse than a note
  1  the doctor could not begin
  2  the command line cannot be read
  3  warnings: some clients break
  4  errors: clients cannot connect, or nobody is safe

Without --login nothing is registered and nobody signs in; a token is sent to the MCP server alone, and is never shown.
It needs no configuration and no database.";

/// Walk the path of a client to an MCP server or an authorization server, and say what is wrong on the way.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Doctor {
    /// The URL of an MCP server, as people type it, or an issuer. Any server, not only Authgent.
    #[arg(value_name = "URL")]
    url: String,
    /// Sign in with the browser ($BROWSER, or the system's), look at the token, call the server with it, and refresh once.
    #[arg(long)]
    login: bool,
    /// The client to sign in as, whose redirect URI is http://127.0.0.1/callback; otherwise one is registered, and deleted
    /// afterwards where the server can do that.
    #[arg(long, value_name = "ID", requires = "login")]
    client_id: Option<String>,
    /// The scopes to ask for, or that the token must have; otherwise those that the server asks for.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// The loopback port that the browser comes back to; otherwise a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true, requires = "login")]
    port: u16,
    /// How many seconds the person may take to sign in.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
    /// Read an access token from standard input, look at it, and call the server with it.
    #[arg(long)]
    token_stdin: bool,
    /// A certification authority (PEM) to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let probe = self.probe()?;
        let browser = Arc::new(SystemBrowser);
        let (clock, random) = (Arc::clone(&context.dependencies.clock), Arc::clone(&context.dependencies.random));
        let options = self.options(context)?;
        let report = examine(&options, &Tools { probe, clock, random, browser }).await;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Ok(Answer::new(serde_json::to_value(&report)?, report.text(colour)).with_status(report.exit_status()))
    }

    fn probe(&self) -> Result<Probe, Failure> {
        let Some(file) = &self.ca_file else { return Ok(Probe::new(None)?) };
        let unreadable = |error: &dyn std::fmt::Display| Failure::new(format!("--ca-file {}: {error}", file.display()));
        let pem = std::fs::read(file).map_err(|error| unreadable(&error))?;
        Probe::new(Some(&pem)).map_err(|error| unreadable(&error))
    }

    fn options(self, context: &Context) -> Result<Options, Failure> {
        let bad =
            || Failure::new(format!("{:?} is no URL of a server: for example https://mcp.example.com/mcp", self.url));
        let url = Url::parse(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none()).ok_or_else(bad)?;
        let token = if self.token_stdin { Some(read_token(context)?) } else { None };
        Ok(Options {
            login: self.login,
            client_id: self.client_id,
            scope: self.scope,
            token,
            port: self.port,
            wait: Duration::from_secs(self.wait),
            ..Options::new(self.url, url)
        })
    }
}

fn read_token(context: &Context) -> Result<SecretString, Failure> {
    let mut stdin = context.stdin.lock().map_err(|_| Failure::new("standard input is gone"))?;
    let mut line = String::new();
    (&mut **stdin)
        .take(LONGEST_TOKEN)
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("the token cannot be read from standard input: {error}")))?;
    let token = line.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(
            "standard input holds no token: expected one line of printable characters without spaces",
        ));
    }
    Ok(token.to_owned().into())
}

/// What the person looks at the Web with: `$BROWSER`, or the system's.
struct SystemBrowser;

impl Browser for SystemBrowser {
    fn open(&self, url: &str) {
        eprintln!("Sign in at:\n  {url}\n");
        let system = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let configured = std::env::var("BROWSER").ok().filter(|browser| !browser.trim().is_empty());
        let mut words = command(configured.as_deref().unwrap_or(system), url).into_iter();
        let Some(program) = words.next() else { return };
        let started =
            Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if started.is_err() {
            eprintln!("No browser could be started here: open that address yourself.");
        }
    }
}

/// The words of a browser's command line; `%s` stands for the URL, which otherwise comes last. No shell reads it.
fn command(browser: &str, url: &str) -> Vec<String> {
    let first = browser.split(':').next().unwrap_or(browser);
    let mut words: Vec<String> = first.split_whitespace().map(|word| word.replace("%s", url)).collect();
    if !first.contains("%s") {
        words.push(url.to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_line_of_a_browser() {
        assert_eq!(command("firefox", "http://a/?b&c"), ["firefox", "http://a/?b&c"]);
        assert_eq!(command("chromium --new-window:lynx", "http://a"), ["chromium", "--new-window", "http://a"]);
        assert_eq!(command("open --url=%s -g", "http://a"), ["open", "--url=http://a", "-g"]);
    }
}
