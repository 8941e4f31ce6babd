//! A PostgreSQL of the tests' own, from the binaries of Debian's packages: in a temporary directory, behind a Unix socket
//! that only its owner reaches, gone when the process ends, however it ends. [`Postgres::over_tcp`] is one as in production:
//! at a port, with passwords, and with TLS or without.
//!
//! The unit tests of the server use this file as well (`store/tests/mod.rs`).

use anyhow::{Context as _, Result, bail, ensure};
use std::ffi::OsStr;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Where it is set, and not empty, a test that needs PostgreSQL fails without it instead of doing nothing.
pub const REQUIRED: &str = "AUTHGENT_TEST_REQUIRE_POSTGRES";

/// The oldest version that Authgent supports.
const OLDEST: u32 = 15;

/// Whether a commit is to survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing is forced to the disk: for tests that crash nothing.
    None,
    /// As in production (`fsync`, `synchronous_commit` and `full_page_writes` are on).
    Full,
}

/// The superuser of the test servers, and who tests connect as.
const USER: &str = "authgent";

/// Stops the server and removes its directory when the pipe is closed: when the [`Postgres`] is dropped, or the process died.
const WATCHDOG: &str = r#"cat >/dev/null; "$1/pg_ctl" -D "$2/data" -m immediate -s stop; cd /; rm -rf "$2""#;

/// A server. It goes when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    directory: PathBuf,
    account: Option<Account>,
    durability: Durability,
    /// Where it listens beside its socket, and whether it speaks TLS there and nothing else.
    tcp: Option<(u16, bool)>,
    watchdog: Child,
}

/// The server that all tests of this process share, each in a database of its own; not durable. `None` where it is not
/// [`installed`].
///
/// # Panics
/// Where it has to be, or where the server does not start.
pub fn shared() -> Option<&'static Postgres> {
    static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
    let start = || Postgres::start(Durability::None).unwrap_or_else(|error| panic!("PostgreSQL: {error:#}"));
    SHARED.get_or_init(|| installed().then(start)).as_ref()
}

/// Whether there are binaries of PostgreSQL. Where there are none, it is said once.
///
/// # Panics
/// Where there are none although [`REQUIRED`] is set.
pub fn installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let look = || match binaries() {
        Ok(_) => true,
        Err(problem) => {
            let required = std::env::var_os(REQUIRED).is_some_and(|value| !value.is_empty());
            assert!(!required, "{REQUIRED} is set, but {problem:#}");
            // Past the capture of the test runner, which shows nothing of tests that pass.
            drop(writeln!(std::io::stderr(), "PostgreSQL is skipped, tests run on SQLite alone: {problem:#}"));
            false
        }
    };
    *INSTALLED.get_or_init(look)
}

impl Postgres {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// Where there are no binaries, or one of them fails; with what it said.
    pub fn start(durability: Durability) -> Result<Self> {
        let server = Self::prepare(durability)?;
        server.start_again()?;
        Ok(server)
    }

    /// The same, and not durable, also at a port of `localhost`, where it asks for passwords (`scram-sha-256`). With `tls`, the
    /// PEM of a certificate and of its key, it speaks TLS there and nothing else; without, it does not know TLS.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn over_tcp(tls: Option<[&[u8]; 2]>) -> Result<Self> {
        let mut server = Self::prepare(Durability::None)?;
        server.tcp = Some((TcpListener::bind("localhost:0")?.local_addr()?.port(), tls.is_some()));
        if let Some([certificate, key]) = tls {
            server.write("server.crt", certificate)?;
            server.write("server.key", key)?;
        }
        let kind = if tls.is_some() { "hostssl" } else { "host" };
        let who = format!("local all all trust\n{kind} all all all scram-sha-256\n");
        server.write("pg_hba.conf", who.as_bytes())?;
        server.start_again()?;
        Ok(server)
    }

    /// Makes a cluster.
    fn prepare(durability: Durability) -> Result<Self> {
        let binaries = binaries()?;
        let account = Account::of_servers()?;
        let directory = tempfile::Builder::new().prefix("authgent-pg-").tempdir()?.keep();
        if let Some(account) = &account {
            std::os::unix::fs::chown(&directory, Some(account.uid), Some(account.gid))?;
        }
        let watchdog = command(account.as_ref(), OsStr::new("sh"))
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&binaries, &directory])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Of its own, so that the terminal's Ctrl-C does not take it along with the tests.
            .process_group(0)
            .spawn()
            .context("sh")?;
        let server = Self { binaries, directory, account, durability, tcp: None, watchdog };
        let mut initdb = server.command("initdb");
        initdb.arg("-D").arg(server.data()).args(["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        run(initdb.arg("--no-sync"))?;
        Ok(server)
    }

    /// Starts it after [`Postgres::kill`], or a stop; gives back control when it answers.
    ///
    /// # Errors
    /// Where it does not start; with its log.
    pub fn start_again(&self) -> Result<()> {
        let off = match self.durability {
            Durability::None => " -c fsync=off -c synchronous_commit=off -c full_page_writes=off",
            Durability::Full => "",
        };
        let socket = self.directory.display();
        let tcp = match self.tcp {
            Some((port, true)) => format!("-c listen_addresses=localhost -c port={port} -c ssl=on"),
            Some((port, false)) => format!("-c listen_addresses=localhost -c port={port} -c ssl=off"),
            None => "-c listen_addresses=''".to_owned(),
        };
        let options = format!("{tcp} -k '{socket}' -c max_connections=400{off}");
        let log = self.directory.join("log");
        let mut start = self.command("pg_ctl");
        start.arg("-D").arg(self.data()).arg("-l").arg(&log).args(["-w", "-t", "60", "-o", &options, "start"]);
        let mut outcome = run(&mut start);
        for _ in 0..50 {
            if outcome.is_ok() {
                break;
            }
            // After a crash the children of the old server need a moment to notice, and hold its memory until then.
            std::thread::sleep(Duration::from_millis(100));
            outcome = run(&mut start);
        }
        outcome.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())
    }

    /// Ends it at once, as a crash does: `SIGKILL` to the server process, whose children notice and end as well.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill(&self) -> Result<()> {
        let pid_file = self.data().join("postmaster.pid");
        let pid = std::fs::read_to_string(&pid_file).context("postmaster.pid")?;
        run(Command::new("kill").args(["-KILL", pid.lines().next().context("a process")?]))
    }

    /// Stops it in order: what runs is broken off, what was committed is written.
    ///
    /// # Errors
    /// Where it does not stop.
    pub fn stop(&self) -> Result<()> {
        run(self.command("pg_ctl").arg("-D").arg(self.data()).args(["-m", "fast", "-w", "stop"]))
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn database(&self) -> Result<Database> {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        run(self.client("createdb").args(["-T", "template0", &name]))?;
        let socket = self.directory.display().to_string().replace('/', "%2F");
        let port = self.tcp.map_or_else(String::new, |(port, _)| format!(":{port}"));
        let dsn = format!("postgres://{USER}@localhost{port}/{name}?host={socket}");
        let mut drop = self.client("dropdb");
        drop.args(["--force", "--if-exists", &name]);
        Ok(Database { dsn, drop })
    }

    /// A new, empty database of somebody with a password, on a server [`over_tcp`](Postgres::over_tcp).
    ///
    /// # Errors
    /// Where the server refuses, or listens at no port.
    pub fn database_with_password(&self, password: &str) -> Result<(Database, Login)> {
        let database = self.database()?;
        let name = database.name()?.to_owned();
        let (port, _) = self.tcp.context("it does not listen at a port")?;
        let role = format!("person_{}", uuid::Uuid::new_v4().simple());
        let quoted = password.replace('\'', "''");
        self.psql(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD '{quoted}'"))?;
        self.psql(&database, &format!("ALTER DATABASE {name} OWNER TO {role}"))?;
        Ok((database, Login { role, port, name }))
    }

    /// A new, empty database that behaves as those do which only speak PostgreSQL's protocol, as far as PostgreSQL can: every
    /// transaction is `SERIALIZABLE`, and there are no advisory locks.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn strict_database(&self) -> Result<Database> {
        const ADVISORY: &str = "DO $$ DECLARE f text; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'pg%advisory%' \
             LOOP EXECUTE 'REVOKE ALL ON FUNCTION ' || f || ' FROM PUBLIC'; END LOOP; END $$";
        let mut database = self.database()?;
        let name = database.name()?.to_owned();
        let role = format!("strict_{}", uuid::Uuid::new_v4().simple());
        self.psql(&database, ADVISORY)?;
        self.psql(&database, &format!("CREATE ROLE {role} LOGIN"))?;
        self.psql(&database, &format!("ALTER DATABASE {name} OWNER TO {role}"))?;
        self.psql(&database, &format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"))?;
        database.dsn = database.dsn.replacen(&format!("//{USER}@"), &format!("//{role}@"), 1);
        Ok(database)
    }

    /// Runs SQL in a database, as its administrator does beside the server; gives what comes out, without headers.
    ///
    /// # Errors
    /// Where it fails; with what was said.
    pub fn psql(&self, database: &Database, sql: &str) -> Result<String> {
        output(self.client("psql").args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", &database.dsn]))
    }

    /// The directory of the cluster, such as for its size.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// A program that works on the cluster's files, as who they belong to.
    fn command(&self, name: &str) -> Command {
        let mut command = command(self.account.as_ref(), self.binaries.join(name).as_os_str());
        command.current_dir(&self.directory);
        command
    }

    /// A program that connects.
    fn client(&self, name: &str) -> Command {
        let mut client = Command::new(self.binaries.join(name));
        client.env("PGHOST", &self.directory).env("PGUSER", USER).env_remove("PGDATABASE").env_remove("PGPORT");
        if let Some((port, _)) = self.tcp {
            // The name of the socket has it, too.
            client.env("PGPORT", port.to_string());
        }
        client
    }

    /// Writes a file of the cluster that only the server reads.
    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.data().join(name);
        std::fs::write(&path, content)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        if let Some(account) = &self.account {
            std::os::unix::fs::chown(&path, Some(account.uid), Some(account.gid))?;
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        drop(self.watchdog.wait());
    }
}

/// A database for one test. It goes when it is dropped, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    dsn: String,
    drop: Command,
}

impl Database {
    /// Its name.
    fn name(&self) -> Result<&str> {
        let name = self.dsn.split(['/', '?']).nth(3);
        name.with_context(|| format!("no name in {}", self.dsn))
    }

    /// What `AUTHGENT_DB_DSN` is for it.
    #[must_use]
    pub fn dsn(&self) -> &str {
        &self.dsn
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Where the server is gone, the database is too.
        drop(self.drop.output());
    }
}

/// How somebody with a password reaches their database over TCP.
#[derive(Debug)]
pub struct Login {
    role: String,
    port: u16,
    name: String,
}

impl Login {
    /// Who they are.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }

    /// What `AUTHGENT_DB_DSN` is: at `host`, with `password` as it stands in the address, and with `parameters`, such as
    /// `sslmode=require`.
    #[must_use]
    pub fn dsn(&self, host: &str, password: &str, parameters: &str) -> String {
        let Self { role, port, name } = self;
        format!("postgres://{role}:{password}@{host}:{port}/{name}?{parameters}")
    }
}

/// An account that servers may run as.
#[derive(Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// PostgreSQL refuses to run as root: then it is the account of Debian's package or, without it, nobody.
    fn of_servers() -> Result<Option<Self>> {
        if output(Command::new("id").arg("-u"))?.trim() != "0" {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let find = |name: &str| {
            let mut fields = passwd.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        let account = find("postgres").or_else(|| find("nobody"));
        account
            .map(Some)
            .context("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
    }
}

fn command(account: Option<&Account>, program: &OsStr) -> Command {
    let mut command = Command::new(program);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// The directory with `initdb` and its like: of `PATH`, or the newest of Debian's packages.
///
/// # Errors
/// Where there is none, or only one that is too old.
pub fn binaries() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<(u32, PathBuf)> =
        std::env::split_paths(&path).filter_map(|directory| Some((version(&directory)?, directory))).take(1).collect();
    if found.is_empty()
        && let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql")
    {
        let directories = versions.flatten().map(|entry| entry.path().join("bin"));
        found.extend(directories.filter_map(|directory| Some((version(&directory)?, directory))));
    }
    match found.into_iter().max() {
        Some((version, directory)) if version >= OLDEST => Ok(directory),
        Some((version, _)) => bail!("PostgreSQL {version} is too old: install version {OLDEST} or newer"),
        None => bail!("there is no initdb in PATH or /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)"),
    }
}

/// The version of the server whose binaries are in `directory`, where all that are needed are.
fn version(directory: &Path) -> Option<u32> {
    let needed = ["initdb", "pg_ctl", "postgres", "createdb", "dropdb", "psql"];
    if !needed.iter().all(|name| directory.join(name).is_file()) {
        return None;
    }
    let version = output(Command::new(directory.join("postgres")).arg("--version")).ok()?;
    let number = version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok()
}

fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {said}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
