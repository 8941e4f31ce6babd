//! One suite for both databases: on SQLite, and on a PostgreSQL that the tests start where its binaries are installed
//! (`AUTHGENT_TEST_REQUIRE_POSTGRES`: they have to be). Each test has a database of its own. Where `AUTHGENT_TEST_POSTGRES_DSN`
//! names a server on which schemas may be made, it is that one, such as another version, and each test has a schema.

mod applications;
mod backup;
mod checkpoint;
mod cleanup;
mod corrupt;
mod damage;
mod deployment;
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
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::SecretString;

impl Store {
    /// Runs a statement that is written for a test.
    async fn execute(&self, sql: &str) {
        let transaction = self.begin().await.unwrap();
        transaction.inner.execute_unprepared(sql).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

impl Store {
    /// Lets a strict database refuse the next statements that change anything, so many for each time, as what it cannot put in
    /// order with others (`40001`). Gives how many such statements came since the last time, the refused ones included.
    pub(crate) async fn refuse_changes(&self, count: u32) -> i64 {
        // What a sequence has counted stays, whatever becomes of the transaction.
        self.execute("CREATE SEQUENCE IF NOT EXISTS changes").await;
        let row = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM changes";
        let row = self.read.here().query_one_raw(Statement::from_string(DbBackend::Postgres, row)).await.unwrap();
        let count = format!(
            "ALTER SEQUENCE changes RESTART;
             CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('changes') <= {count} THEN RAISE EXCEPTION 'others were first' USING ERRCODE = '40001'; END IF;
             RETURN NULL; END $$;
             DO $$ DECLARE t text; BEGIN
             FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() LOOP
             EXECUTE format('CREATE OR REPLACE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON %I EXECUTE FUNCTION refuse()', t);
             END LOOP; END $$"
        );
        self.execute(&count).await;
        row.unwrap().try_get_by_index(0).unwrap()
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
pub(crate) async fn on_every_database(test: impl AsyncFn(SecretString)) {
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
pub(crate) async fn on_a_strict_database(test: impl AsyncFn(SecretString)) {
    let Some(server) = postgres::shared() else { return };
    let database = server.strict_database().unwrap();
    test(database.dsn().into()).await;
}

/// Runs `test` with the DSN of an empty database that says that it is PostgreSQL 14: what stands in the schema `public` is found before
/// PostgreSQL's own. Gives how many tables it has then.
pub(crate) async fn on_an_old_database(test: impl AsyncFn(SecretString)) -> Option<String> {
    let server = postgres::shared()?;
    let database = server.database().unwrap();
    let fake = "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS $$ SELECT 'PostgreSQL 14.13 (Debian) on x86_64'::text $$;
         CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '140013'::text $$";
    server.psql(&database, fake).unwrap();
    test(format!("{}&options[search_path]=public,pg_catalog", database.dsn()).into()).await;
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    Some(server.psql(&database, tables).unwrap().trim().to_owned())
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
