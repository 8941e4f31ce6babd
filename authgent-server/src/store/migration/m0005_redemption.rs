//! By what the one who redeemed a code is known, so that it is one statement.

use sea_orm::DbErr;
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0005_redemption"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The previous release does not write it.
        let column = ColumnDef::new("redemption").blob().take();
        manager.alter_table(Table::alter().table("authorization_codes").add_column(column).take()).await
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
