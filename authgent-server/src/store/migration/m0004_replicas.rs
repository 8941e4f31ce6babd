//! What several replicas agree on: whether what they remember is still so, and which keys sign.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::sea_query::{ColumnDef, Table, TableCreateStatement};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0004_replicas"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [cache_generation(), signing_keys()] {
            manager.create_table(table).await?;
        }
        let first = "INSERT INTO cache_generation (id, generation) VALUES (1, 1)";
        manager.get_connection().execute_unprepared(first).await?;
        Ok(())
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// One row.
fn cache_generation() -> TableCreateStatement {
    Table::create()
        .table("cache_generation")
        .col(ColumnDef::new("id").big_integer().not_null().primary_key())
        .col(ColumnDef::new("generation").big_integer().not_null())
        .take()
}

fn signing_keys() -> TableCreateStatement {
    Table::create()
        .table("signing_keys")
        .col(ColumnDef::new("kid").text().not_null().primary_key())
        .col(ColumnDef::new("alg").text().not_null())
        .col(ColumnDef::new("origin").text().not_null())
        .col(ColumnDef::new("public_jwk").text().not_null())
        .col(ColumnDef::new("sealed_private_key").blob())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("active_from").big_integer().not_null())
        .col(ColumnDef::new("retired_at").big_integer())
        .col(ColumnDef::new("withdrawn_at").big_integer())
        .take()
}
