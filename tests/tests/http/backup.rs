//! `authgent backup` and `authgent restore`: what was acknowledged before a backup holds on the server that is started on it.

use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::store::{BackupError, RestoreOptions, Restored, Store};
use authgent_tests::flow::{Flow, payload};
use authgent_tests::server::{TestServer, free_port};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

fn token(body: &Value) -> &str {
    body["refresh_token"].as_str().unwrap()
}

/// Waits until the server, which was told to stop, has let go of the database.
async fn restore(dsn: &str, file: &Path, end_grants: bool) -> Restored {
    let how = RestoreOptions { replace: true, discard: true, end_grants };
    for _ in 0..200 {
        match Store::restore(&dsn.into(), file, how).await {
            Ok(restored) => return restored,
            Err(BackupError::File { problem, .. }) if problem.contains("in use") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the database stays in use");
}

#[tokio::test]
async fn tokens_of_before_the_backup_work_on_the_restored_database() {
    let directory = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite://{}/authgent.db", directory.path().display());
    let key = generate_pem(SigningAlgorithm::Es256);
    let port = free_port().unwrap();
    let issuer = format!("http://localhost:{port}");
    let start = async || {
        let setup = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).with("AUTHGENT_SIGNING_KEY_DATA", &key);
        let setup = setup.with("AUTHGENT_PORT", port).with("AUTHGENT_ISSUER", &issuer);
        for _ in 0..100 {
            // The one before may still have the port.
            if let Ok(mut server) = setup.clone().start().await {
                server.issuer.clone_from(&issuer);
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no start at {issuer}");
    };
    let file = directory.path().join("backup.db");

    let server = start().await;
    let flow = Flow::new(&server).await.unwrap();
    let kept = flow.tokens().await.unwrap();
    let rotated = flow.tokens().await.unwrap();
    let code = flow.code().await.unwrap();
    let made = Store::back_up(&dsn.as_str().into(), &file, false).await.unwrap();
    assert!(made.bytes > 50_000 && made.pending.is_empty(), "{made:?}");
    // Afterwards: none of this is in the backup.
    let (status, successor) = flow.refresh(token(&rotated)).await.unwrap();
    assert_eq!(status, 200);
    let later = flow.tokens().await.unwrap();
    let refused =
        Store::restore(&dsn.as_str().into(), &file, RestoreOptions { replace: true, ..RestoreOptions::default() })
            .await;
    assert!(refused.unwrap_err().to_string().contains("is in use"));
    assert_eq!(server.http.get(server.url("/health/ready")).send().await.unwrap().status(), 200, "nothing happened");
    let (client_id, verifier, parameters) = (flow.client_id.clone(), flow.verifier, flow.parameters);
    drop(server);

    restore(&dsn, &file, false).await;
    let server = start().await;
    let flow = Flow { verifier, parameters, ..Flow::of_client(&server, &client_id).unwrap() };
    let (status, refreshed) = flow.refresh(token(&kept)).await.unwrap();
    assert_eq!(status, 200, "{refreshed}");
    let claims = |body: &Value| payload(body["access_token"].as_str().unwrap()).unwrap()["sub"].clone();
    assert_eq!(claims(&refreshed), claims(&kept));
    assert_eq!(flow.exchange(&code).await.unwrap().0, 200, "a code is redeemed once, in this history");
    // What was used up after the backup is live again: `--end-grants` is for those to whom that matters.
    let (status, again) = flow.refresh(token(&rotated)).await.unwrap();
    assert_eq!(status, 200, "{again}");
    // What came of it is not there, and says of which grant it is: one of the two who hold a token of it should not.
    for unknown in [&successor, &later, &again] {
        let (status, body) = flow.refresh(token(unknown)).await.unwrap();
        assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()), "{body}");
    }
    drop(server);

    restore(&dsn, &file, true).await;
    let server = start().await;
    let flow = Flow::of_client(&server, &client_id).unwrap();
    for ended in [&kept, &rotated] {
        assert_eq!(flow.refresh(token(ended)).await.unwrap().1["error"], "invalid_grant");
    }
    assert_eq!(flow.tokens().await.unwrap()["token_type"], "Bearer", "the person and the client are there");
}
