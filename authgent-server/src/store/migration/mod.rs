//! The schema and its changes, each in a file of its own that is never changed once released.
//!
//! A change expands first (new tables, new columns that may be empty) and contracts in a later release, so that the previous
//! release keeps running on the new schema while replicas are replaced one after another.

mod m0001_initial;
mod m0002_clients;
pub(super) mod m0003_people;
mod m0004_replicas;
mod m0005_redemption;
mod m0006_many;
mod m0007_deployment;

use super::error::is_there_already;
use super::{Attempts, Store, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, DynIden, Statement};
use sea_orm_migration::sea_query::{IntoIden, Query};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};
use std::collections::BTreeSet;

/// Where the applied migrations are noted. A name of our own: other programs that use sea-orm may share a database.
const TABLE: &str = "authgent_migrations";

/// All other tables.
const TABLES: [&str; 23] = [
    "account_events",
    "authorization_codes",
    "cache_generation",
    "challenges",
    "clients",
    "consents",
    "deployment",
    "grants",
    "identities",
    "initial_access_tokens",
    "interactions",
    "one_time_links",
    "passkeys",
    "recovery_codes",
    "refresh_tokens",
    "resource_names",
    "resources",
    "sessions",
    "sign_in_failures",
    "signing_keys",
    "totp",
    "used_assertions",
    "users",
];

/// The table whose one row is written by whoever migrates. Not an advisory lock, which CockroachDB has not; a row is let go
/// of however the transaction ends.
const LOCK: &str = "authgent_migration_lock";

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Migration),
            Box::new(m0002_clients::Migration),
            Box::new(m0003_people::Migration),
            Box::new(m0004_replicas::Migration),
            Box::new(m0005_redemption::Migration),
            Box::new(m0006_many::Migration),
            Box::new(m0007_deployment::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        TABLE.into_iden()
    }
}

/// Runs what is pending, in one transaction.
pub(super) async fn run(store: &Store) -> Result<(), StoreError> {
    let mut attempts = Attempts::default();
    let mut number = 0_u8;
    loop {
        let outcome = locked(store).await;
        number = number.wrapping_add(85);
        match outcome {
            Err(error) if attempts.again(&error, number).await => {}
            Err(StoreError::SerializationFailure { problem }) => return Err(StoreError::Migration { problem }),
            outcome => return outcome,
        }
    }
}

/// One attempt. Of many at once one runs the migrations, and the others wait, or are told to try again.
async fn locked(store: &Store) -> Result<(), StoreError> {
    let failed = |error: DbErr| match StoreError::from(error) {
        error @ StoreError::SerializationFailure { .. } => error,
        error => StoreError::Migration { problem: error.problem() },
    };
    // Before the lock, which is written: what is another program's, or of a later version, stays untouched.
    if is_up_to_date(store.read.here().inner()).await? {
        return Ok(());
    }
    let postgres = store.writer.is_none();
    if postgres {
        make_lock(store.read.here().inner()).await.map_err(failed)?;
    }
    let transaction = store.begin().await?;
    if postgres {
        // Others may hold the lock, and a large table may take, for longer than a request may.
        transaction.inner.take_your_time().await.map_err(failed)?;
        let lock = format!("UPDATE {LOCK} SET times = times + 1 WHERE id = 1");
        transaction.inner.execute_unprepared(&lock).await.map_err(failed)?;
    }
    if is_up_to_date(transaction.inner.inner()).await? {
        return Ok(());
    }
    Migrator::up(transaction.inner.inner(), None).await.map_err(failed)?;
    transaction.commit().await
}

/// Makes the table and its row, where they are missing.
async fn make_lock(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let table = format!("CREATE TABLE IF NOT EXISTS {LOCK} (id BIGINT PRIMARY KEY, times BIGINT NOT NULL)");
    match db.execute_unprepared(&table).await {
        Err(error) if !is_there_already(&error) => return Err(error),
        _ => {}
    }
    let row = format!("INSERT INTO {LOCK} (id, times) VALUES (1, 0) ON CONFLICT (id) DO NOTHING");
    db.execute_unprepared(&row).await.map(drop)
}

/// Whether nothing is pending. An error where the database is another program's, or of a later version.
async fn is_up_to_date<'c, C>(db: &'c C) -> Result<bool, StoreError>
where
    C: ConnectionTrait,
    &'c C: sea_orm_migration::IntoSchemaManagerConnection<'c>,
{
    if pending(db).await?.is_empty() {
        return Ok(true);
    }
    let foreign = foreign_tables(db).await?;
    if foreign.is_empty() { Ok(false) } else { Err(StoreError::ForeignTables { tables: foreign.join(", ") }) }
}

/// The tables of another program in the places of ours: those that are there although no migration of ours ever ran.
pub(super) async fn foreign_tables<'c, C>(db: &'c C) -> Result<Vec<String>, DbErr>
where
    C: ConnectionTrait,
    &'c C: sea_orm_migration::IntoSchemaManagerConnection<'c>,
{
    let there = tables(db).await?;
    // Also where nothing may be seen of it: then what is missing is a right.
    if there.iter().any(|name| name == TABLE) {
        return Ok(Vec::new());
    }
    Ok(there.into_iter().filter(|table| TABLES.contains(&table.to_ascii_lowercase().as_str())).collect())
}

/// Runs the next one alone, for tests of a schema in between.
#[cfg(test)]
pub(super) async fn run_next(transaction: &sea_orm::DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, Some(1)).await
}

/// How many migrations there are.
pub(super) fn count() -> usize {
    Migrator::migrations().len()
}

/// The names of the migrations that are not applied. An error where all are, and tables are missing nevertheless: each request that
/// needs one would fail.
pub(super) async fn pending<'c, C>(db: &'c C) -> Result<Vec<String>, StoreError>
where
    C: ConnectionTrait,
    &'c C: sea_orm_migration::IntoSchemaManagerConnection<'c>,
{
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    if !SchemaManager::new(db).has_table(TABLE).await? {
        return Ok(known);
    }
    let select = Query::select().column("version").from(TABLE).take();
    let rows = db.query_all(&select).await?;
    let applied: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?;
    let unknown: Vec<&str> = applied.iter().filter(|name| !known.contains(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(StoreError::NewerSchema { migrations: unknown.join(", ") });
    }
    let pending: Vec<String> = known.into_iter().filter(|name| !applied.contains(name)).collect();
    if pending.is_empty() {
        let there = tables(db).await?;
        let missing: Vec<&str> = TABLES.into_iter().filter(|table| !there.iter().any(|name| name == table)).collect();
        if !missing.is_empty() {
            return Err(StoreError::MissingTables { tables: missing.join(", ") });
        }
    }
    Ok(pending)
}

/// The names of the tables and views that are there, whosever they are.
async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let select = match backend {
        // Other than in information_schema, also those are there of which nothing may be seen.
        DbBackend::Postgres => {
            "SELECT relname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
             WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1"
        }
        _ => "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, select)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use authgent_core::time::Timestamp;

    #[tokio::test]
    async fn the_list_of_tables_is_complete() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        store.migrate().await.unwrap();
        let select =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'authgent_migrations' ORDER BY name";
        let rows = store.read.here().query_all_raw(Statement::from_string(DbBackend::Sqlite, select)).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(names, TABLES);
    }

    #[tokio::test]
    async fn clients_of_the_first_schema_read_on_and_are_looked_at_by_clean_up() {
        let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
        let transaction = store.begin().await.unwrap();
        Migrator::up(transaction.inner.inner(), Some(1)).await.unwrap();
        for (id, origin) in [("came", "registered"), ("made", "operator")] {
            // As the first release wrote it.
            let metadata = r#"{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"response_types":["code"],"application_type":"native"}"#;
            let insert = format!(
                "INSERT INTO clients (id, metadata, origin, enabled, created_at) VALUES ('{id}', '{metadata}', '{origin}', true, 1000)"
            );
            transaction.inner.execute_unprepared(&insert).await.unwrap();
        }
        transaction.commit().await.unwrap();
        store.migrate().await.unwrap();
        let sweep_at = async |id: &str| store.client(id).await.unwrap().unwrap().sweep_at;
        assert_eq!((sweep_at("came").await, sweep_at("made").await), (Some(Timestamp(87_400)), None));
    }
}
