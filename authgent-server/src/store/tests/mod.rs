//! One suite for both databases: on SQLite, and on a PostgreSQL that the tests start where its binaries are installed
//! (`AUTHGENT_TEST_REQUIRE_POSTGRES`: they have to be). Each test has a database of its own. Where `AUTHGENT_TEST_POSTGRES_DSN`
//! names a server on which schemas may be made, it is that one, such as another version, and each test has a schema.

mod applications;
mod backup;
mod cleanup;
mod corrupt;
mod damage;
mod fixtures;
mod group_commit;
mod many;
mod migrations;
mod opening;
mod page;
mod people;
#[path = "../../../../tests/src/postgres.rs"]
#[expect(dead_code, unreachable_pub, reason = "the harness of the tests over HTTP has uses for more of it")]
mod postgres;
mod redemption;
mod registration;
mod resources;
mod rotation;
mod round_trip;
mod silence;
mod single_winner;
mod transactions;

use super::{Store, WriteTransaction};
use sea_orm::ConnectionTrait;
use secrecy::SecretString;

impl Store {
    /// Runs a statement that is written for a test.
    async fn execute(&self, sql: &str) {
        let transaction = self.begin().await.unwrap();
        transaction.inner.execute_unprepared(sql).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

impl WriteTransaction {
    /// Lets the commit fail that this transaction shares with others, on SQLite.
    pub(crate) async fn spoil_commit(&self) {
        let spoil = "PRAGMA defer_foreign_keys = ON; UPDATE sessions SET user_id = x'00'";
        self.inner.execute_unprepared(spoil).await.unwrap();
    }
}

/// Runs `test` with the DSN of an empty database of each kind.
async fn on_every_database(test: impl AsyncFn(SecretString)) {
    let directory = tempfile::tempdir().unwrap();
    test(format!("sqlite://{}/authgent.db", directory.path().display()).into()).await;

    let Ok(server) = std::env::var("AUTHGENT_TEST_POSTGRES_DSN") else {
        let Some(server) = postgres::shared() else { return };
        let database = server.database().unwrap();
        return test(database.dsn().into()).await;
    };
    let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
    let owner = Store::connect(&server.clone().into()).await.unwrap();
    owner.execute(&format!("CREATE SCHEMA {schema}")).await;
    let separator = if server.contains('?') { '&' } else { '?' };
    test(format!("{server}{separator}options[search_path]={schema}").into()).await;
    owner.execute(&format!("DROP SCHEMA {schema} CASCADE")).await;
}

/// Runs `test` with the DSN of an empty database that behaves as CockroachDB and YugabyteDB do, as far as PostgreSQL can.
async fn on_a_strict_database(test: impl AsyncFn(SecretString)) {
    let Some(server) = postgres::shared() else { return };
    let database = server.strict_database().unwrap();
    test(database.dsn().into()).await;
}

/// Runs `test` with an empty, migrated store of each kind.
async fn on_every_store(test: impl AsyncFn(Store)) {
    on_every_database(async |dsn| {
        let store = Store::connect(&dsn).await.unwrap();
        store.migrate().await.unwrap();
        test(store).await;
    })
    .await;
}
