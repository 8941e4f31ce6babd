//! The schema. A change is a new migration behind the last one; a released one is never changed.

use sea_orm::{DatabaseConnection, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use sea_orm_migration::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait};

/// Brings the schema up to date, or leaves all of it as it was. The write lock is taken first, so that a second
/// process that starts at the same moment waits and then finds nothing left to do.
pub(super) async fn run(database: &DatabaseConnection) -> Result<(), DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = database.begin_with_options(options).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Initial)]
    }
}

struct Initial;

impl MigrationName for Initial {
    fn name(&self) -> &str {
        "0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Initial {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("projects")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("owner").text().not_null())
            .col(ColumnDef::new("name").text().not_null())
            .col(ColumnDef::new("description").text().not_null());
        manager.create_table(table).await?;
        let index = Index::create().name("projects_owner_id").table("projects").col("owner").col("id").take();
        manager.create_index(index).await
    }

    /// [`run`] holds a transaction around all of them.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
