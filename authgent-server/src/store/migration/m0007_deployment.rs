//! Whose database it is: the issuer that it is served with.

use sea_orm::DbErr;
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0007_deployment"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One row, and none before the first start.
        let table = Table::create()
            .table("deployment")
            .col(ColumnDef::new("id").big_integer().not_null().primary_key())
            .col(ColumnDef::new("issuer").text().not_null())
            .col(ColumnDef::new("noted_at").big_integer().not_null())
            .take();
        manager.create_table(table).await
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
