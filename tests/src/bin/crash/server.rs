//! The program itself, as a process that can be killed.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// How long a start may take.
const START: Duration = Duration::from_secs(40);
/// How long a stop in order may take: the server gives running requests 20 seconds.
const STOP: Duration = Duration::from_secs(30);

/// What every process of one deployment is started with.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) directory: PathBuf,
}

impl Program {
    /// The program, with the settings of the deployment and no others.
    fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AUTHGENT_")) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs one of its commands to the end, as an operator does; gives what it printed.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| self.binary.display().to_string())?;
        let mut stdin = child.stdin.take().context("standard input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "authgent {}: {}: {said}", arguments.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// One `authgent serve`.
#[derive(Debug)]
pub(crate) struct Server {
    program: Program,
    port: u16,
    log: PathBuf,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn new(program: &Program, port: u16) -> Self {
        let log = program.directory.join(format!("server-{port}.log"));
        let mut program = program.clone();
        program.variables.push(("AUTHGENT_PORT".to_owned(), port.to_string()));
        Self { program, port, log, child: None }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub(crate) fn base(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Changes a setting, from the next start on.
    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.program.variables.push((variable.to_owned(), value.to_owned()));
    }

    /// Starts it.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = self.program.command(["serve"]);
        command.stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| self.program.binary.display().to_string())?);
        Ok(())
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(&mut self, http: &reqwest::Client) -> Result<()> {
        self.spawn()?;
        let began = Instant::now();
        let ready = format!("{}/health/ready", self.base());
        loop {
            if let Some(status) = self.ended()? {
                bail!("authgent serve ended at its start: {status}\n{}", self.end_of_log());
            }
            let answer = http.get(&ready).timeout(Duration::from_secs(2)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(began.elapsed() < START, "authgent serve is not ready\n{}", self.end_of_log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its process, while it runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// How it ended, where it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.as_mut().context("not started")?.try_wait()?)
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&mut self) -> Result<ExitStatus> {
        let child = self.child.as_mut().context("not started")?;
        let ended = tokio::time::timeout(STOP, child.wait()).await;
        Ok(ended.with_context(|| format!("it still runs after {} s", STOP.as_secs()))??)
    }

    /// The places of its log where it says that it panicked.
    pub(crate) fn panics(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains("panicked")).map(ToOwned::to_owned).collect()
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// What its log says that it does not say where nothing is broken, each once.
    pub(crate) fn errors(&self) -> BTreeSet<String> {
        let log = match std::fs::read_to_string(&self.log) {
            Ok(log) => log,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(), // Never started.
            Err(error) => return BTreeSet::from([format!("the log cannot be read: {error}")]),
        };
        let panics = log.lines().filter(|line| line.contains("panicked at")).map(str::to_owned);
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        lines
            .filter(|line| line["level"] == "ERROR" || line["message"] == "clean-up failed, and is tried again")
            .map(|line| {
                format!("{} {} {}", text(&line, "message"), text(&line["span"], "http.route"), text(&line, "error"))
            })
            .chain(panics)
            .collect()
    }

    /// The last lines of its log.
    pub(crate) fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Sends a signal to all of them at once. One that has ended meanwhile is no error.
pub(crate) fn signal(name: &str, processes: &[u32]) -> Result<()> {
    if processes.is_empty() {
        return Ok(());
    }
    let processes = processes.iter().map(ToString::to_string);
    std::process::Command::new("kill").arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status()?;
    Ok(())
}

/// A port that nobody listens at, and that no outgoing connection is given while its server is down: where the kernel does
/// that, a client would find itself there.
pub(crate) fn port(not: &[u16]) -> Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lowest = range.split_whitespace().next().and_then(|port| port.parse().ok()).unwrap_or(32_768_u16);
    let lowest = lowest.clamp(10_000, 32_768);
    let first = 10_000 + u16::try_from(std::process::id() % 1_000)? * 20;
    let mut ports = (first..lowest).chain(10_000..lowest).filter(|port| !not.contains(port));
    ports.find(|port| TcpListener::bind(("localhost", *port)).is_ok()).context("no port is free")
}

/// The server's program beside this one.
pub(crate) fn beside() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("authgent");
    File::open(&path).with_context(|| format!("{}: build it first, or name it with --bin", path.display()))?;
    Ok(path)
}
