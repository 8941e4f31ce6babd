//! What is to stay cheap among very many rows.

use super::fixtures::*;
use super::{on_every_store, postgres};
use crate::domain::{ClientOrigin, Grant};
use crate::store::Store;
use crate::store::at_once::{Kind, in_postgres};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use uuid::Uuid;

/// How SQLite finds the rows of a statement.
async fn plan(store: &Store, statement: &str) -> String {
    let explain = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = store.read.here().query_all_raw(explain).await.unwrap();
    steps.iter().map(|step| step.try_get::<String>("", "detail").unwrap()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn what_a_person_disconnects_is_not_looked_for_among_all_that_the_client_was_granted() {
    let store = Store::connect(&"sqlite::memory:".into()).await.unwrap();
    store.migrate().await.unwrap();
    let revoke = "UPDATE grants SET revoked_at = 1 WHERE user_id = x'00' AND client_id = 'c' AND revoked_at IS NULL";
    let plan = plan(&store, revoke).await;
    assert!(plan.contains("grants_user_id_client_id (user_id=? AND client_id=?)"), "{plan}");
}

#[tokio::test]
async fn clients_that_did_not_register_are_not_looked_for_among_those_that_did() {
    on_every_store(async |store| {
        let write = store.begin().await.unwrap();
        for (n, origin) in [ClientOrigin::Registered, ClientOrigin::Document, ClientOrigin::Operator].iter().enumerate() {
            write.insert_client(&crate::domain::Client { origin: *origin, ..client(&n.to_string()) }).await.unwrap();
        }
        write.commit().await.unwrap();
        let found = store.clients_that_did_not_register(10).await.unwrap();
        assert_eq!(found.iter().map(|client| &*client.id).collect::<Vec<_>>(), ["2", "1"]);
        if store.writer.is_some() {
            let select = "SELECT * FROM clients WHERE origin IN ('operator', 'document') ORDER BY origin DESC, created_at LIMIT 10";
            let plan = plan(&store, select).await;
            assert!(plan.contains("clients_origin_created_at (origin=?)"), "{plan}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_grants_of_a_client_go_some_at_a_time_and_those_of_others_stay() {
    on_every_store(async |store| {
        let (user, grant) = with_grant(&store).await;
        let write = store.begin().await.unwrap();
        write.insert_client(&client("other")).await.unwrap();
        for n in 100..107 {
            write.insert_grant(&Grant { id: Uuid::from_u128(n), ..grant.clone() }).await.unwrap();
        }
        let of_other = Grant { id: Uuid::from_u128(1000), client_id: "other".into(), ..grant.clone() };
        write.insert_grant(&of_other).await.unwrap();
        write.commit().await.unwrap();
        let mut deleted = Vec::new();
        while deleted.last() != Some(&0) {
            let write = store.begin().await.unwrap();
            deleted.push(write.delete_grants_of_client("client", 3).await.unwrap());
            write.commit().await.unwrap();
        }
        assert_eq!(deleted, [3, 3, 2, 0]);
        assert_eq!(store.refresh_token_with_grant(&hash(2)).await.unwrap(), None, "its tokens go with a grant");
        assert_eq!(store.grant(of_other.id).await.unwrap(), Some(of_other));
        assert_eq!(store.user(user.id).await.unwrap(), Some(user));
    })
    .await;
}

/// Of a client with very many grants the planner would begin with those, where it may.
#[tokio::test]
async fn an_exchange_on_postgresql_does_not_look_at_everything_that_the_client_was_granted() {
    let Some(server) = postgres::shared() else { return };
    let database = server.database().unwrap();
    let store = Store::connect(&database.dsn().into()).await.unwrap();
    store.migrate().await.unwrap();
    with_grant(&store).await;
    let fill = "INSERT INTO grants (id, user_id, client_id, resource, scope, auth_time, created_at, sweep_at) \
                SELECT gen_random_uuid(), user_id, client_id, resource, scope, 1, 1, 1 FROM grants, generate_series(1, 5000)";
    // As long as nobody has counted, and then with few and with many.
    for step in ["SELECT 1", "ANALYZE", fill, "ANALYZE"] {
        server.psql(&database, step).unwrap();
        for kind in Kind::ALL {
            let explain = format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE exchange (json) AS {}; EXPLAIN EXECUTE exchange ('[]')",
                in_postgres(kind)
            );
            let plan = server.psql(&database, &explain).unwrap();
            assert!(plan.contains(" on grants") && !plan.contains("client_id on grants"), "{step}: {plan}");
        }
    }
    let explain =
        format!("PREPARE exchange (json) AS {}; EXPLAIN EXECUTE exchange ('[]')", in_postgres(Kind::Rotation));
    let plan = server.psql(&database, &explain).unwrap();
    assert!(plan.contains("grants_pkey"), "{plan}");
}
