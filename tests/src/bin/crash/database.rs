//! The database: killed and started, and looked at beside the server.

use crate::rows::{CodeRow, GrantRow, Snapshot, TokenRow};
use anyhow::{Context as _, Result};
use authgent_tests::postgres::{self, Durability, Postgres};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use std::path::Path;

/// Where the server keeps its rows.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file.
    Sqlite { dsn: String },
    /// A server of the harness, as durable as in production.
    Postgres { database: Box<postgres::Database>, server: Box<Postgres> },
}

/// Three tables in one statement, so that it is one moment.
const SNAPSHOT: &str = "\
    SELECT 'token' AS kind, {token} AS id, {grant} AS belongs, created_at AS made, consumed_at AS ended, {nonce} AS extra \
      FROM refresh_tokens \
    UNION ALL SELECT 'code', {code}, {grant}, CAST(NULL AS bigint), consumed_at, NULL FROM authorization_codes \
    UNION ALL SELECT 'grant', {id}, '', created_at, revoked_at, revocation_reason FROM grants";

/// Each foreign key of one column, with a statement that counts the rows whose other end is not there.
const FOREIGN_KEYS: &str = "\
    SELECT format('SELECT count(*) FROM %s AS a WHERE a.%I IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s AS b WHERE b.%I = a.%I)', \
      k.conrelid::regclass, f.attname, k.confrelid::regclass, t.attname, f.attname) \
    FROM pg_constraint AS k \
    JOIN pg_attribute AS f ON f.attrelid = k.conrelid AND f.attnum = k.conkey[1] \
    JOIN pg_attribute AS t ON t.attrelid = k.confrelid AND t.attnum = k.confkey[1] \
    WHERE k.contype = 'f' AND array_length(k.conkey, 1) = 1 AND k.connamespace = 'public'::regnamespace";

/// The extension `amcheck` of PostgreSQL compares every index with its table, and every page with itself.
const AMCHECK: [&str; 2] = [
    "SELECT CAST(amcheck.bt_index_check(c.oid, true) AS text) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid \
     JOIN pg_am AS a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relnamespace = 'public'::regnamespace",
    "SELECT c.relname || ': ' || v.msg FROM pg_class AS c CROSS JOIN LATERAL amcheck.verify_heapam(c.oid) AS v \
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
];

impl Database {
    pub(crate) fn sqlite(directory: &Path) -> Self {
        Self::Sqlite { dsn: format!("sqlite://{}/authgent.db", directory.display()) }
    }

    /// # Errors
    /// Where PostgreSQL is not installed, or does not start.
    pub(crate) fn postgres() -> Result<Self> {
        let server = Postgres::start(Durability::Full)?;
        let database = server.database()?;
        // Where the package of PostgreSQL has no `amcheck`, the other checks have to do.
        let amcheck = "CREATE SCHEMA amcheck; CREATE EXTENSION amcheck SCHEMA amcheck";
        if let Err(problem) = server.psql(&database, amcheck) {
            eprintln!("crash: indexes are not compared with their tables: {problem:#}");
        }
        Ok(Self::Postgres { database: Box::new(database), server: Box::new(server) })
    }

    /// What `AUTHGENT_DB_DSN` is.
    pub(crate) fn dsn(&self) -> &str {
        match self {
            Self::Sqlite { dsn } => dsn,
            Self::Postgres { database, .. } => database.dsn(),
        }
    }

    /// The processes of the database: on PostgreSQL the first one and all its children; none where it does not run.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let Self::Postgres { server, .. } = self else { return Ok(vec![]) };
        let Ok(file) = std::fs::read_to_string(server.data().join("postmaster.pid")) else { return Ok(vec![]) };
        let Some(first) = file.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
            return Ok(vec![]);
        };
        // The file outlives a kill, and the number may be somebody else's by then.
        let data = std::fs::canonicalize(server.data())?;
        if !std::fs::read_link(format!("/proc/{first}/cwd")).is_ok_and(|directory| directory == data) {
            return Ok(vec![]);
        }
        let children = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            // `pid (name) state parent …`; a name may hold spaces and parentheses.
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
            (parent.parse() == Ok(first)).then_some(process)
        });
        Ok(std::iter::once(first).chain(children).collect())
    }

    /// Starts what was killed; gives back control when it answers.
    pub(crate) fn start_again(&self) -> Result<()> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres { server, .. } => server.start_again(),
        }
    }

    async fn connect(&self) -> Result<DatabaseConnection> {
        let mut options = ConnectOptions::new(self.dsn());
        options.max_connections(1).sqlx_logging(false);
        Ok(sea_orm::Database::connect(options).await?)
    }

    /// The rows as they are now.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        let connection = self.connect().await?;
        let hex = |column: &str| match self {
            Self::Sqlite { .. } => format!("lower(hex({column}))"),
            Self::Postgres { .. } => format!("encode({column}, 'hex')"),
        };
        let uuid = |column: &str| match self {
            Self::Sqlite { .. } => format!("lower(hex({column}))"),
            Self::Postgres { .. } => format!("replace(CAST({column} AS text), '-', '')"),
        };
        let sql = SNAPSHOT
            .replace("{token}", &hex("token_hash"))
            .replace("{nonce}", &format!("CASE WHEN successor_nonce IS NOT NULL THEN {} END", hex("successor_nonce")))
            .replace("{code}", &hex("code_hash"))
            .replace("{grant}", &uuid("grant_id"))
            .replace("{id}", &uuid("id"));
        let mut snapshot = Snapshot::default();
        for row in query(&connection, &sql).await? {
            take(&mut snapshot, &row)?;
        }
        connection.close().await?;
        Ok(snapshot)
    }

    /// What the database says against itself.
    pub(crate) async fn complaints(&self) -> Result<Vec<String>> {
        let connection = self.connect().await?;
        let mut found = Vec::new();
        match self {
            Self::Sqlite { .. } => {
                for row in query(&connection, "PRAGMA integrity_check").await? {
                    let said: String = row.try_get_by_index(0)?;
                    found.extend((said != "ok").then(|| format!("integrity_check: {said}")));
                }
                for row in query(&connection, "PRAGMA foreign_key_check").await? {
                    let table: String = row.try_get_by_index(0)?;
                    let parent: String = row.try_get_by_index(2)?;
                    found.push(format!("foreign_key_check: a row of {table} has nothing in {parent}"));
                }
            }
            Self::Postgres { .. } => {
                for row in query(&connection, FOREIGN_KEYS).await? {
                    let sql: String = row.try_get_by_index(0)?;
                    for row in query(&connection, &sql).await? {
                        let orphans: i64 = row.try_get_by_index(0)?;
                        found.extend((orphans > 0).then(|| format!("{orphans} orphans: {sql}")));
                    }
                }
                let amcheck = "SELECT extname::text FROM pg_extension WHERE extname = 'amcheck'";
                if !query(&connection, amcheck).await?.is_empty() {
                    found.extend(amcheck_complaints(&connection).await?);
                }
            }
        }
        connection.close().await?;
        Ok(found)
    }

    /// Changes rows as nobody should. How many there were.
    pub(crate) async fn tamper(&self, sql: &str) -> Result<u64> {
        let connection = self.connect().await?;
        let done = connection.execute_unprepared(sql).await?;
        connection.close().await?;
        Ok(done.rows_affected())
    }

    /// A value of bytes, or a UUID, as it stands in a statement.
    pub(crate) fn literal(&self, hex: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("X'{hex}'"),
            Self::Postgres { .. } if hex.len() == 32 => format!("CAST('{hex}' AS uuid)"),
            Self::Postgres { .. } => format!("decode('{hex}', 'hex')"),
        }
    }
}

/// `bt_index_check` reports by failing, `verify_heapam` by rows.
async fn amcheck_complaints(connection: &DatabaseConnection) -> Result<Vec<String>> {
    let [indexes, tables] = AMCHECK;
    let mut found = Vec::new();
    if let Err(problem) = query(connection, indexes).await {
        found.push(format!("bt_index_check: {problem:#}"));
    }
    for row in query(connection, tables).await? {
        let said: String = row.try_get_by_index(0)?;
        found.push(format!("verify_heapam: {said}"));
    }
    Ok(found)
}

async fn query(connection: &DatabaseConnection, sql: &str) -> Result<Vec<QueryResult>> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.with_context(|| sql.to_owned())
}

fn take(snapshot: &mut Snapshot, row: &QueryResult) -> Result<()> {
    let (kind, id): (String, String) = (row.try_get("", "kind")?, row.try_get("", "id")?);
    let grant: String = row.try_get("", "belongs")?;
    let (made, ended): (Option<i64>, Option<i64>) = (row.try_get("", "made")?, row.try_get("", "ended")?);
    let extra: Option<String> = row.try_get("", "extra")?;
    match kind.as_str() {
        "token" => {
            let created_at = made.context("created_at")?;
            snapshot.tokens.insert(id, TokenRow { grant, created_at, consumed_at: ended, successor_nonce: extra });
        }
        "code" => drop(snapshot.codes.insert(id, CodeRow { grant, consumed_at: ended })),
        _ => drop(snapshot.grants.insert(id, GrantRow { revoked_at: ended, revocation_reason: extra })),
    }
    Ok(())
}
