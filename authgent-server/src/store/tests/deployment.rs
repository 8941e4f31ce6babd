//! Whose database it is. What is done about it is tested beside `service/deployment.rs`.

use super::on_every_store;

#[tokio::test]
async fn what_is_no_issuer_is_named() {
    on_every_store(async |store| {
        store.execute("INSERT INTO deployment (id, issuer, noted_at) VALUES (1, 'auth', 1)").await;
        let error = store.issuer().await.unwrap_err().to_string();
        let expected = "the database is corrupt: in table deployment, column issuer of row 1 cannot be read: ";
        assert!(error.starts_with(expected), "{error}");
    })
    .await;
}
