//! One suite for both databases: always on SQLite, and on PostgreSQL as well where `AUTHGENT_TEST_POSTGRES_DSN` names a
//! server on which schemas may be made. Each test has a database (there: a schema) of its own.

mod applications;
mod cleanup;
mod corrupt;
mod fixtures;
mod opening;
mod people;
mod registration;
mod resources;
mod round_trip;
mod single_winner;
mod transactions;

use super::Store;
use sea_orm::ConnectionTrait;
use secrecy::SecretString;

/// Runs `test` with the DSN of an empty database of each kind.
async fn on_every_database(test: impl AsyncFn(SecretString)) {
    let directory = tempfile::tempdir().unwrap();
    test(format!("sqlite://{}/authgent.db", directory.path().display()).into()).await;

    let Ok(server) = std::env::var("AUTHGENT_TEST_POSTGRES_DSN") else { return };
    let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
    let owner = Store::connect(&server.clone().into()).await.unwrap();
    owner.write.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    test(format!("{server}{separator}options[search_path]={schema}").into()).await;
    owner.write.execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
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
