//! How people sign in, from where, and what happened to their accounts.

use crate::domain::Email;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::sea_query::{
    ColumnDef, Expr, ExprTrait as _, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index, Query, Table,
    TableCreateStatement,
};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use std::collections::HashMap;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "0003_people"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            // One column each: SQLite adds no more at a time.
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        for table in [
            challenges(),
            passkeys(),
            totp(),
            recovery_codes(),
            one_time_links(),
            identities(),
            sign_in_failures(),
            account_events(),
        ] {
            manager.create_table(table).await?;
        }
        for (table, column) in INDEXES {
            let index = Index::create().name(format!("{table}_{column}")).table(table).col(column).take();
            manager.create_index(index).await?;
        }
        let mut events = Index::create();
        events.name("account_events_user_id_id").table("account_events").col("user_id").col("id");
        manager.create_index(events).await?;
        for statement in [
            "UPDATE sessions SET last_seen_at = auth_time, amr = 'pwd'",
            "UPDATE grants SET amr = 'pwd'",
            "UPDATE consents SET first_granted_at = granted_at",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        renew_addresses(manager.get_connection()).await
    }

    /// Everything is done in the transaction that holds the lock.
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}

/// People are found by another form of their address than before: without compatibility forms, the host as IDNA writes it.
/// Two people whose addresses are one by that rule are for the operator to tell apart.
pub(in crate::store) async fn renew_addresses(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let select = Query::select().columns(["email", "email_canonical"]).from("users").take();
    let mut known = HashMap::new();
    let mut renewed = Vec::new();
    for row in db.query_all(&select).await? {
        let (text, former): (String, String) = (row.try_get("", "email")?, row.try_get("", "email_canonical")?);
        let canonical = match Email::parse(&text) {
            Ok(email) => email.canonical().to_owned(),
            Err(error) => return Err(DbErr::Custom(format!("the account {text:?} has no e-mail address: {error}"))),
        };
        if let Some(other) = known.insert(canonical.clone(), text.clone()) {
            return Err(DbErr::Custom(format!(
                "the accounts {other:?} and {text:?} have one e-mail address by the rules of this release: remove one of them, or \
                 change its address, and start again"
            )));
        }
        if canonical != former {
            renewed.push((former, canonical));
        }
    }
    for (former, canonical) in renewed {
        let update = Query::update()
            .table("users")
            .value("email_canonical", canonical)
            .and_where(Expr::col("email_canonical").eq(former))
            .take();
        db.execute(&update).await?;
    }
    Ok(())
}

/// All may be empty or have a default: the previous release does not write them. `users.password_hash` stays mandatory for
/// its sake; somebody without a password has an empty one there.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("users", ColumnDef::new("email_verified").boolean().not_null().default(false).take()),
        ("sessions", text_or_none("amr")),
        ("sessions", time_or_none("last_seen_at")),
        ("sessions", text_or_none("address")),
        ("sessions", text_or_none("user_agent")),
        ("sessions", text_or_none("upstream_issuer")),
        ("sessions", text_or_none("upstream_sid")),
        ("grants", text_or_none("amr")),
        ("grants", ColumnDef::new("session_hash").blob().take()),
        ("consents", time_or_none("first_granted_at")),
        ("consents", ColumnDef::new("shown_hash").blob().take()),
        ("clients", text_or_none("consent")),
    ]
}

/// By their owner, by the time at which rows go, and by what an upstream provider calls a session.
const INDEXES: [(&str, &str); 11] = [
    ("sessions", "upstream_sid"),
    ("grants", "session_hash"),
    ("challenges", "user_id"),
    ("challenges", "expires_at"),
    ("passkeys", "user_id"),
    ("recovery_codes", "user_id"),
    ("one_time_links", "user_id"),
    ("one_time_links", "expires_at"),
    ("identities", "user_id"),
    ("sign_in_failures", "expires_at"),
    ("account_events", "at"),
];

fn challenges() -> TableCreateStatement {
    Table::create()
        .table("challenges")
        .col(hash("id_hash").primary_key())
        .col(text("kind"))
        .col(ColumnDef::new("browser_hash").blob())
        .col(ColumnDef::new("user_id").uuid())
        .col(text("data"))
        .col(time("created_at"))
        .col(time("expires_at"))
        .foreign_key(&mut of_user("challenges"))
        .take()
}

fn passkeys() -> TableCreateStatement {
    Table::create()
        .table("passkeys")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(hash("credential_id").unique_key())
        .col(text("credential"))
        .col(text("name"))
        .col(time("created_at"))
        .col(time_or_none("last_used_at"))
        .foreign_key(&mut of_user("passkeys"))
        .take()
}

fn totp() -> TableCreateStatement {
    Table::create()
        .table("totp")
        .col(uuid("user_id").primary_key())
        .col(hash("sealed_secret"))
        .col(time_or_none("confirmed_at"))
        .col(time("last_step"))
        .col(time("created_at"))
        .foreign_key(&mut of_user("totp"))
        .take()
}

fn recovery_codes() -> TableCreateStatement {
    Table::create()
        .table("recovery_codes")
        .col(hash("code_hash").primary_key())
        .col(uuid("user_id"))
        .col(time("created_at"))
        .col(time_or_none("used_at"))
        .foreign_key(&mut of_user("recovery_codes"))
        .take()
}

fn one_time_links() -> TableCreateStatement {
    Table::create()
        .table("one_time_links")
        .col(hash("token_hash").primary_key())
        .col(uuid("user_id"))
        .col(text("purpose"))
        .col(ColumnDef::new("mailed").boolean().not_null())
        .col(time("created_at"))
        .col(time("expires_at"))
        .col(time_or_none("used_at"))
        .foreign_key(&mut of_user("one_time_links"))
        .take()
}

fn identities() -> TableCreateStatement {
    Table::create()
        .table("identities")
        .col(text("issuer"))
        .col(text("subject"))
        .col(uuid("user_id"))
        .col(text("provider"))
        .col(text_or_none("email"))
        .col(text("groups"))
        .col(time("created_at"))
        .col(time("last_used_at"))
        .primary_key(Index::create().col("issuer").col("subject"))
        .foreign_key(&mut of_user("identities"))
        .take()
}

/// No foreign key: failures are counted for addresses that nobody has, too.
fn sign_in_failures() -> TableCreateStatement {
    Table::create()
        .table("sign_in_failures")
        .col(hash("key_hash").primary_key())
        .col(time("failures"))
        .col(time("blocked_until"))
        .col(time("expires_at"))
        .take()
}

fn account_events() -> TableCreateStatement {
    Table::create()
        .table("account_events")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(time("at"))
        .col(text("kind"))
        .col(text_or_none("address"))
        .col(text_or_none("user_agent"))
        .col(text("detail"))
        .foreign_key(&mut of_user("account_events"))
        .take()
}

fn of_user(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_user_id_fkey"))
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

fn text(name: &'static str) -> ColumnDef {
    text_or_none(name).not_null().take()
}

fn text_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

fn hash(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

/// Whole seconds since the epoch, or another number of 64 bits.
fn time(name: &'static str) -> ColumnDef {
    time_or_none(name).not_null().take()
}

fn time_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}
