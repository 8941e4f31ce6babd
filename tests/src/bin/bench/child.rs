//! Programs beside this one: a real Authgent, the bare handlers, the peers. Each has its memory, its processor time and its
//! start to itself.

use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. It is ended when it is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it. What it prints is dropped.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("{command:?}"))?))
    }

    /// Starts it and waits for the first line that it prints. It is expected to end when its input does.
    pub(crate) fn start_and_listen(command: &mut Command) -> Result<(Self, String)> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut running = Self(child.with_context(|| format!("{command:?}"))?);
        let mut output = BufReader::new(running.0.stdout.take().context("its output")?);
        let mut errors = running.0.stderr.take().context("its errors")?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{command:?} did not start: {}", std::io::read_to_string(errors)?.trim());
        }
        // Read on, so that it can write on. Each thread ends with the program.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Ok((running, line))
    }

    /// Ends it in order, as an operator does.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        ensure!(status.success(), "kill: {status}");
        let begin = Instant::now();
        while self.0.try_wait()?.is_none() {
            ensure!(begin.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// A line of `/proc/PID/status`, in MiB: `VmRSS` is the memory in use, `VmHWM` the most that it ever was.
    pub(crate) fn mebibytes(&self, name: &str) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }

    /// What tells its processor time.
    pub(crate) fn processor_time(&self) -> ProcessorTime {
        ProcessorTime(self.0.id())
    }
}

/// Tells what a program has spent, by its process identifier.
pub(crate) struct ProcessorTime(u32);

impl ProcessorTime {
    /// In seconds, since it started.
    pub(crate) fn seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        // Linux counts in hundredths there, whatever the kernel's own tick is.
        Some((user + system) / 100.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The program `authgent` that was built with this one.
pub(crate) fn authgent() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let path = this.parent().unwrap_or(Path::new(".")).join("authgent");
    ensure!(
        path.is_file(),
        "there is no {}: build it in the same profile first, with\n  cargo build --release -p authgent-server -p authgent-tests --bins",
        path.display()
    );
    Ok(path)
}

/// Asks until the answer is 200, and says how long that took since `begin`.
pub(crate) async fn ready(url: &str, begin: Instant) -> Result<Duration> {
    let endpoint = crate::client::Endpoint::parse(url)?;
    while begin.elapsed() < PATIENCE {
        if let Ok(mut connection) = crate::client::Connection::open(&endpoint).await
            && let Ok((200, _)) = connection.exchange(&endpoint.get("")).await
        {
            return Ok(begin.elapsed());
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    bail!("{url} is not ready after {} seconds", PATIENCE.as_secs())
}
