//! The schema and its changes, each in a file of its own that is never changed once released.
//!
//! A change expands first (new tables, new columns that may be empty) and contracts in a later release, so that the previous
//! release keeps running on the new schema while replicas are replaced one after another.

mod m0001_initial;
mod m0002_clients;

use super::{StoreError, WriteTransaction};
use sea_orm::{ConnectionTrait, DbBackend, DynIden};
use sea_orm_migration::sea_query::{IntoIden, Query};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};
use std::collections::BTreeSet;

/// Where the applied migrations are noted. A name of our own: other programs that use sea-orm may share a database.
const TABLE: &str = "authgent_migrations";

/// Names the advisory lock: the letters "authgent" as a number.
const LOCK: i64 = i64::from_be_bytes(*b"authgent");

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_initial::Migration), Box::new(m0002_clients::Migration)]
    }

    fn migration_table_name() -> DynIden {
        TABLE.into_iden()
    }
}

/// Runs what is pending in `transaction`, which on SQLite already holds the lock that others wait for.
pub(super) async fn run(transaction: WriteTransaction) -> Result<(), StoreError> {
    let failed = |error: sea_orm::DbErr| StoreError::Migration { problem: error.to_string() };
    if transaction.inner.get_database_backend() == DbBackend::Postgres {
        // Held until the transaction ends, however it ends.
        transaction.inner.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await.map_err(failed)?;
    }
    if pending(&transaction.inner).await?.is_empty() {
        return Ok(());
    }
    Migrator::up(&transaction.inner, None).await.map_err(failed)?;
    transaction.commit().await
}

/// The names of the migrations that are not applied.
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
    Ok(known.into_iter().filter(|name| !applied.contains(name)).collect())
}
