//! Indexes for a person among very many grants of one client, and for few clients among very many that registered themselves.

use sea_orm::DbErr;
use sea_orm_migration::sea_query::{Index, IndexCreateStatement};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0006_many"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of two indexes of one column each, SQLite may take that of the client, and read everything that it was ever granted.
        manager.create_index(index("grants", ["user_id", "client_id"])).await?;
        manager.drop_index(Index::drop().name("grants_user_id").table("grants").to_owned()).await?;
        manager.create_index(index("clients", ["origin", "created_at"])).await
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

fn index(table: &'static str, columns: [&'static str; 2]) -> IndexCreateStatement {
    let name = format!("{table}_{}", columns.join("_"));
    let mut index = Index::create().name(name).table(table).take();
    columns.into_iter().for_each(|column| {
        index.col(column);
    });
    index
}
