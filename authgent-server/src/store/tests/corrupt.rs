//! A row that cannot mean anything is named.

use super::fixtures::*;
use super::on_every_store;
use crate::domain::ResourceSource;
use crate::store::Store;

async fn sql(store: &Store, statement: &str) {
    store.execute(statement).await;
}

#[tokio::test]
async fn table_column_and_row_are_named() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_session(&session(5, &user)).await.unwrap();
        write.insert_interaction(&interaction(6, &session(5, &user))).await.unwrap();
        write
            .put_resource(&resource("https://a.example", &["https://b.example"], ResourceSource::Operator))
            .await
            .unwrap();
        write.commit().await.unwrap();

        let prefix = "the database is corrupt: in table";
        sql(&store, "UPDATE grants SET revoked_at = 5").await;
        let error = store.grant(grant.id).await.unwrap_err().to_string();
        let row = "column revocation_reason of row 00000000-0000-0000-0000-000000000001";
        assert_eq!(error, format!("{prefix} grants, {row} is missing, but revoked_at is set"));
        let error = store.refresh_token_with_grant(&hash(2)).await.unwrap_err().to_string();
        assert!(error.contains("table grants"), "{error}");
        sql(&store, "UPDATE grants SET revocation_reason = 'because'").await;
        let error = store.grant(grant.id).await.unwrap_err().to_string();
        assert_eq!(error, format!("{prefix} grants, {row} holds the unknown value \"because\""));
        sql(&store, "UPDATE grants SET revoked_at = NULL, revocation_reason = NULL, scope = 'a\"b'").await;
        let error = store.grant(grant.id).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{prefix} grants, column scope of row 0000")), "{error}");

        sql(&store, "UPDATE refresh_tokens SET successor_nonce = token_hash").await;
        let error = store.refresh_token_with_grant(&hash(2)).await.unwrap_err().to_string();
        let row = "column successor_nonce of row 02020202..";
        assert_eq!(error, format!("{prefix} refresh_tokens, {row} is set, but consumed_at is not"));

        sql(&store, "UPDATE interactions SET state = 'allowed'").await;
        let error = store.interaction(&hash(6)).await.unwrap_err().to_string();
        assert!(error.contains("column state of row 06060606.. is allowed but grant_id"), "{error}");
        sql(&store, "UPDATE interactions SET state = 'pending', request = '{}'").await;
        let error = store.interaction(&hash(6)).await.unwrap_err().to_string();
        assert!(error.contains("column request of row 06060606.. cannot be read: missing field"), "{error}");

        sql(&store, "UPDATE users SET email_canonical = 'x'").await;
        let error = store.user(user.id).await.unwrap_err().to_string();
        assert!(error.contains("users, column email_canonical"), "{error}");
        sql(&store, "UPDATE clients SET origin = 'x'").await;
        let error = store.clients().await.unwrap_err().to_string();
        assert!(error.contains("clients, column origin of row client holds"), "{error}");
        sql(&store, "UPDATE authorization_codes SET code_challenge = 'short'").await;
        let error = store.code(&hash(1)).await.unwrap_err().to_string();
        assert!(error.contains("authorization_codes, column code_challenge of row 01010101.."), "{error}");
        sql(&store, "UPDATE resource_names SET alias = 'x' WHERE alias IS NOT NULL").await;
        let error = store.resources().await.unwrap_err().to_string();
        assert!(error.contains("resource_names, column alias of row https://b.example"), "{error}");
        sql(&store, "UPDATE resources SET scopes = '[{}]'").await;
        sql(&store, "DELETE FROM resource_names").await;
        let error = store.resources().await.unwrap_err().to_string();
        assert!(error.contains("resources, column scopes of row https://a.example"), "{error}");
    })
    .await;
}
