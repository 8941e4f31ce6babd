//! The commands of docs/guides/backup.md for PostgreSQL, as they stand there. Without PostgreSQL these tests do nothing, which is said
//! once.

use super::{Client, Site};
use authgent_tests::postgres::{Database, Durability, Postgres, binaries, installed};
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const PAGE: &str = include_str!("../../../../docs/guides/backup.md");

/// What the page shows below a heading, block by block.
fn blocks<const N: usize>(heading: &str) -> [String; N] {
    let section = PAGE.split("\n### ").find(|section| section.starts_with(heading)).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut blocks = vec![String::new()];
    for line in section.lines() {
        match line.strip_prefix("    ") {
            Some(line) => writeln!(blocks.last_mut().unwrap(), "{line}").unwrap(),
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks.try_into().unwrap()
}

/// Commands of the page with what is so here instead of its example, which has to be there as a word of its own.
fn with(commands: &str, example: &str, here: &str) -> String {
    let ends = |rest: &str| rest.starts_with(['/', ' ', '\'', '\n']);
    assert!(
        commands.contains(example) && commands.split(example).skip(1).all(ends),
        "the page has another example than {example}:\n{commands}"
    );
    commands.replace(example, here)
}

/// The machine of the page: who works there, on which directories.
struct Machine {
    postgres: Postgres,
    /// By which the server is asked beside what the page does.
    admin: Database,
    backup: tempfile::TempDir,
}

impl Machine {
    /// With an empty database that has the name of the page.
    fn new() -> Self {
        let postgres = Postgres::start(Durability::None).unwrap();
        let admin = postgres.database().unwrap();
        let backup = tempfile::tempdir().unwrap();
        let owner = std::fs::metadata(postgres.data()).unwrap();
        std::os::unix::fs::chown(backup.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let machine = Self { postgres, admin, backup };
        machine.run("createdb --owner=authgent authgent");
        machine
    }

    fn dsn(&self) -> String {
        let name = self.admin.dsn().split(['/', '?']).nth(3).unwrap();
        self.admin.dsn().replacen(name, "authgent", 1)
    }

    fn ask(&self, sql: &str) -> String {
        self.postgres.psql(&self.admin, sql).unwrap().trim().to_owned()
    }

    /// With the directories of this machine.
    fn here(&self, text: &str) -> String {
        let bin = binaries().unwrap();
        let text = text.replace("/usr/lib/postgresql/15/bin", bin.to_str().unwrap());
        let text = text.replace("/var/lib/postgresql/15/main", self.postgres.data().to_str().unwrap());
        text.replace("/backup/", &format!("{}/", self.backup.path().display()))
    }

    /// Runs commands of the page as the user `postgres`.
    fn run(&self, commands: &str) {
        let data = self.postgres.data();
        let owner = std::fs::metadata(&data).unwrap();
        let mut path = binaries().unwrap().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &self.here(commands)]).current_dir(data.parent().unwrap());
        // `PGUSER` is the superuser here.
        shell.env("PATH", path).env("PGHOST", data.parent().unwrap()).env("PGUSER", "authgent");
        if owner.uid() != std::fs::metadata("/proc/self").unwrap().uid() {
            shell.uid(owner.uid()).gid(owner.gid());
        }
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}\n{said}");
    }

    fn configuration(&self) -> PathBuf {
        self.postgres.data().join("postgresql.conf")
    }

    /// Adds lines of the page to `postgresql.conf`.
    fn configure(&self, lines: &str) {
        let before = std::fs::read_to_string(self.configuration()).unwrap();
        std::fs::write(self.configuration(), format!("{before}\n{}", self.here(lines))).unwrap();
    }

    /// Waits until nobody is connected to the database any more.
    async fn until_left(&self) {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'authgent'";
        self.until(count, "0").await;
    }

    async fn until(&self, sql: &str, expected: &str) {
        let began = Instant::now();
        while self.ask(sql) != expected {
            assert!(began.elapsed() < Duration::from_secs(60), "{sql}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_restored_beside_the_database_that_is_there() {
    if !installed() {
        return;
    }
    let [dump, restore, exchange] = blocks("A dump:");
    let [.., end_grants] = blocks::<7>("Point-in-time recovery:");
    let machine = Machine::new();
    let site = Site::on(machine.dsn());

    let server = site.start().await;
    let mut client = Client::before_the_backup(&server).await;
    machine.run(&dump);
    client.goes_on(&server).await;
    machine.run(&restore);
    server.store.close().await;
    drop(server);
    machine.until_left().await;
    machine.run(&exchange);

    let server = site.start().await;
    client.is_as_before(&server).await;
    server.store.close().await;
    drop(server);
    machine.until_left().await;
    machine.run(&end_grants);
    client.has_ended(&site.start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_goes_back_to_the_second_before_a_mistake() {
    if !installed() {
        return;
    }
    let [directory, archive, base, put_back, recovery, tidy, _] = blocks("Point-in-time recovery:");
    let machine = Machine::new();
    let site = Site::on(machine.dsn());
    machine.run(&directory);
    machine.configure(&archive);
    machine.postgres.stop().unwrap();
    machine.postgres.start_again().unwrap();

    let server = site.start().await;
    machine.run(&base);
    let mut client = Client::before_the_backup(&server).await;
    let now = "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 s', 'YYYY-MM-DD HH24:MI:SS\"+00\"')";
    let moment = machine.ask(now);
    machine.until(&format!("SELECT now() > '{moment}'::timestamptz"), "t").await;
    client.goes_on(&server).await;
    server.store.close().await;
    drop(server);
    machine.until_left().await;
    machine.postgres.stop().unwrap();

    let names = |directory: &std::path::Path| {
        let names =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let made = names(machine.backup.path()).into_iter().find(|name| name.starts_with("base-")).unwrap();
    machine.run(&with(&put_back, "base-2026-11-23T0315", &made));
    let before = std::fs::read_to_string(machine.configuration()).unwrap();
    machine.configure(&with(&recovery, "2026-11-23 13:48:17+00", &moment));
    machine.postgres.start_again().unwrap();
    machine.until("SELECT pg_is_in_recovery()", "f").await;
    std::fs::write(machine.configuration(), before).unwrap();
    machine.ask("SELECT pg_reload_conf()");

    client.is_as_before(&site.start().await).await;
    let log = machine.backup.path().join("wal");
    let first = |names: Vec<String>| names.into_iter().filter(|name| name.len() == 24).min().unwrap();
    let (oldest, kept) = (first(names(&log)), machine.backup.path().join(&made));
    machine.run(&tidy);
    let label = std::fs::read_to_string(kept.join("backup_label")).unwrap();
    assert!(first(names(&log)) > oldest && label.contains(&first(names(&log))), "{label}");
}
