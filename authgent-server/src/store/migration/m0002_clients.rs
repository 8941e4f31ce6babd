//! Clients that publish a document, share a registration, manage it, and go when nobody uses them; initial access tokens;
//! assertions that were used.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::sea_query::{ColumnDef, Index, Table, TableAlterStatement, TableCreateStatement};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0002_clients"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in client_columns() {
            manager.alter_table(add(column)).await?;
        }
        for table in [initial_access_tokens(), used_assertions()] {
            manager.create_table(table).await?;
        }
        let index = |table: &'static str, column: &'static str| {
            Index::create().name(format!("{table}_{column}")).table(table).col(column).take()
        };
        manager.create_index(index("clients", "fingerprint").unique().take()).await?;
        manager.create_index(index("clients", "sweep_at")).await?;
        manager.create_index(index("used_assertions", "expires_at")).await?;
        // Registrations from before this release are looked at once, like those from now on.
        let sweep = "UPDATE clients SET sweep_at = created_at + 86400 WHERE origin = 'registered'";
        manager.get_connection().execute_unprepared(sweep).await?;
        Ok(())
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// All may be empty: the previous release does not write them.
fn client_columns() -> [ColumnDef; 5] {
    [
        ColumnDef::new("registration_token_hash").blob().take(),
        ColumnDef::new("fingerprint").blob().take(),
        ColumnDef::new("scope_limit").text().take(),
        ColumnDef::new("fresh_until").big_integer().take(),
        ColumnDef::new("sweep_at").big_integer().take(),
    ]
}

/// One column each: SQLite adds no more at a time.
fn add(column: ColumnDef) -> TableAlterStatement {
    Table::alter().table("clients").add_column(column).take()
}

fn initial_access_tokens() -> TableCreateStatement {
    Table::create()
        .table("initial_access_tokens")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("token_hash").blob().not_null().unique_key())
        .col(ColumnDef::new("name").text())
        .col(ColumnDef::new("scope_limit").text())
        .col(ColumnDef::new("uses").big_integer().not_null())
        .col(ColumnDef::new("max_uses").big_integer())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer())
        .col(ColumnDef::new("revoked_at").big_integer())
        .take()
}

fn used_assertions() -> TableCreateStatement {
    Table::create()
        .table("used_assertions")
        .col(ColumnDef::new("id_hash").blob().not_null().primary_key())
        .col(ColumnDef::new("expires_at").big_integer().not_null())
        .take()
}
