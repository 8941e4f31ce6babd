//! The first schema.

use sea_orm::DbErr;
use sea_orm_migration::sea_query::{
    ColumnDef, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index, IndexCreateStatement, Table,
    TableCreateStatement,
};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            users(),
            clients(),
            resources(),
            resource_names(),
            sessions(),
            interactions(),
            consents(),
            grants(),
            authorization_codes(),
            refresh_tokens(),
        ] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

fn users() -> TableCreateStatement {
    table("users")
        .col(uuid("id").primary_key())
        .col(text("email"))
        .col(text("email_canonical").unique_key())
        .col(text_or_none("name"))
        .col(text("password_hash"))
        .col(boolean("enabled"))
        .col(time("created_at"))
        .take()
}

fn clients() -> TableCreateStatement {
    table("clients")
        .col(text("id").primary_key())
        .col(text("metadata"))
        .col(bytes_or_none("secret_hash"))
        .col(text("origin"))
        .col(boolean("enabled"))
        .col(time("created_at"))
        .col(time_or_none("last_used_at"))
        .take()
}

fn resources() -> TableCreateStatement {
    table("resources")
        .col(text("uri").primary_key())
        .col(text("name"))
        .col(text("scopes"))
        .col(text("profile_claims"))
        .col(text("source"))
        .take()
}

fn resource_names() -> TableCreateStatement {
    table("resource_names")
        .col(text("name").primary_key())
        .col(text("resource_uri"))
        .col(text_or_none("alias"))
        .col(ColumnDef::new("position").integer().not_null())
        .foreign_key(&mut belongs_to("resource_names", "resource_uri", "resources", "uri"))
        .take()
}

fn sessions() -> TableCreateStatement {
    table("sessions")
        .col(bytes("id_hash").primary_key())
        .col(uuid("user_id"))
        .col(time("auth_time"))
        .col(time("expires_at"))
        .foreign_key(&mut belongs_to("sessions", "user_id", "users", "id"))
        .take()
}

/// `grant_id` and `code_hash` are no foreign keys: they say what was answered, also before the grant is written.
fn interactions() -> TableCreateStatement {
    table("interactions")
        .col(bytes("ticket_hash").primary_key())
        .col(bytes("session_hash"))
        .col(uuid("user_id"))
        .col(time("auth_time"))
        .col(text("request"))
        .col(time("created_at"))
        .col(time("expires_at"))
        .col(text("state"))
        .col(ColumnDef::new("grant_id").uuid())
        .col(bytes_or_none("code_hash"))
        .foreign_key(&mut belongs_to("interactions", "session_hash", "sessions", "id_hash"))
        .foreign_key(&mut belongs_to("interactions", "user_id", "users", "id"))
        .take()
}

/// `resource` is no foreign key here and in `grants`: a resource that is missing from the configuration for one start
/// must not take everybody's consents and grants with it.
fn consents() -> TableCreateStatement {
    table("consents")
        .col(uuid("user_id"))
        .col(text("client_id"))
        .col(text("resource"))
        .col(text("scope"))
        .col(time("granted_at"))
        .primary_key(Index::create().col("user_id").col("client_id").col("resource"))
        .foreign_key(&mut belongs_to("consents", "user_id", "users", "id"))
        .foreign_key(&mut belongs_to("consents", "client_id", "clients", "id"))
        .take()
}

fn grants() -> TableCreateStatement {
    table("grants")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(text("client_id"))
        .col(text("resource"))
        .col(text("scope"))
        .col(time("auth_time"))
        .col(time("created_at"))
        .col(time_or_none("revoked_at"))
        .col(text_or_none("revocation_reason"))
        .col(time("sweep_at"))
        .foreign_key(&mut belongs_to("grants", "user_id", "users", "id"))
        .foreign_key(&mut belongs_to("grants", "client_id", "clients", "id"))
        .take()
}

fn authorization_codes() -> TableCreateStatement {
    table("authorization_codes")
        .col(bytes("code_hash").primary_key())
        .col(uuid("grant_id"))
        .col(text("client_id"))
        .col(text("redirect_uri"))
        .col(text("code_challenge"))
        .col(text_or_none("nonce"))
        .col(time("expires_at"))
        .col(time_or_none("consumed_at"))
        .foreign_key(&mut belongs_to("authorization_codes", "grant_id", "grants", "id"))
        .take()
}

fn refresh_tokens() -> TableCreateStatement {
    table("refresh_tokens")
        .col(bytes("token_hash").primary_key())
        .col(uuid("grant_id"))
        .col(time("created_at"))
        .col(time("expires_at"))
        .col(time_or_none("consumed_at"))
        .col(bytes_or_none("successor_nonce"))
        .foreign_key(&mut belongs_to("refresh_tokens", "grant_id", "grants", "id"))
        .take()
}

/// One for each way in which rows are found other than by primary key: by their owner (also when an owner is deleted, for
/// the foreign keys' sake) and by the time at which they go.
fn indexes() -> Vec<IndexCreateStatement> {
    [
        ("resource_names", "resource_uri"),
        ("sessions", "user_id"),
        ("sessions", "expires_at"),
        ("interactions", "session_hash"),
        ("interactions", "user_id"),
        ("interactions", "expires_at"),
        ("consents", "client_id"),
        ("grants", "user_id"),
        ("grants", "client_id"),
        ("grants", "sweep_at"),
        ("authorization_codes", "grant_id"),
        ("refresh_tokens", "grant_id"),
        ("refresh_tokens", "expires_at"),
    ]
    .into_iter()
    .map(|(table, column)| Index::create().name(format!("{table}_{column}")).table(table).col(column).take())
    .collect()
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn belongs_to(
    table: &'static str,
    column: &'static str,
    owner: &'static str,
    owner_column: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_{column}_fkey"))
        .from(table, column)
        .to(owner, owner_column)
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn text(name: &'static str) -> ColumnDef {
    text_or_none(name).not_null().take()
}

fn text_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

fn bytes(name: &'static str) -> ColumnDef {
    bytes_or_none(name).not_null().take()
}

fn bytes_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn boolean(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// Whole seconds since the epoch.
fn time(name: &'static str) -> ColumnDef {
    time_or_none(name).not_null().take()
}

fn time_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}
