//! `authgent backup` and `authgent restore`, and those of PostgreSQL in `backup/`: what was acknowledged before a backup holds on the
//! server that is started on it.

mod postgres;

use authgent_core::pkce::CodeVerifier;
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

/// One server after another, at one address and with one key.
struct Site {
    dsn: String,
    key: String,
    port: u16,
    issuer: String,
}

impl Site {
    fn on(dsn: String) -> Self {
        let port = free_port().unwrap();
        Self { dsn, key: generate_pem(SigningAlgorithm::Es256), port, issuer: format!("http://localhost:{port}") }
    }

    async fn start(&self) -> TestServer {
        let setup = TestServer::setup().with("AUTHGENT_DB_DSN", &self.dsn).with("AUTHGENT_SIGNING_KEY_DATA", &self.key);
        let setup = setup.with("AUTHGENT_PORT", self.port).with("AUTHGENT_ISSUER", &self.issuer);
        for _ in 0..100 {
            // The one before may still have the port.
            if let Ok(mut server) = setup.clone().start().await {
                server.issuer.clone_from(&self.issuer);
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no start at {}", self.issuer);
    }
}

/// A client of which a backup is made.
struct Client {
    id: String,
    verifier: CodeVerifier,
    parameters: Vec<(String, String)>,
    /// What is in the backup, and not used since.
    kept: Value,
    /// What is in the backup, and was exchanged since.
    rotated: Value,
    code: String,
    /// What was issued since.
    later: Vec<Value>,
}

impl Client {
    async fn before_the_backup(server: &TestServer) -> Self {
        let flow = Flow::new(server).await.unwrap();
        let (kept, rotated) = (flow.tokens().await.unwrap(), flow.tokens().await.unwrap());
        let code = flow.code().await.unwrap();
        Self {
            kept,
            rotated,
            code,
            later: Vec::new(),
            id: flow.client_id,
            verifier: flow.verifier,
            parameters: flow.parameters,
        }
    }

    fn flow<'a>(&self, server: &'a TestServer) -> Flow<'a> {
        let (verifier, parameters) = (self.verifier.clone(), self.parameters.clone());
        Flow { verifier, parameters, ..Flow::of_client(server, &self.id).unwrap() }
    }

    /// Afterwards: none of this is in the backup.
    async fn goes_on(&mut self, server: &TestServer) {
        let flow = self.flow(server);
        let (status, successor) = flow.refresh(token(&self.rotated)).await.unwrap();
        assert_eq!(status, 200, "{successor}");
        self.later = vec![successor, flow.tokens().await.unwrap()];
    }

    /// As docs/guides/backup.md says what a restore means.
    async fn is_as_before(&self, server: &TestServer) {
        let flow = self.flow(server);
        let (status, refreshed) = flow.refresh(token(&self.kept)).await.unwrap();
        assert_eq!(status, 200, "{refreshed}");
        let claims = |body: &Value| payload(body["access_token"].as_str().unwrap()).unwrap()["sub"].clone();
        assert_eq!(claims(&refreshed), claims(&self.kept));
        assert_eq!(flow.exchange(&self.code).await.unwrap().0, 200, "a code is redeemed once, in this history");
        // What was used up after the backup is live again: `--end-grants` is for those to whom that matters.
        let (status, again) = flow.refresh(token(&self.rotated)).await.unwrap();
        assert_eq!(status, 200, "{again}");
        // What came of it is not there, and says of which grant it is: one of the two who hold a token of it should not.
        for unknown in self.later.iter().chain([&again]) {
            let (status, body) = flow.refresh(token(unknown)).await.unwrap();
            assert_eq!((status, &body["error"]), (400, &"invalid_grant".into()), "{body}");
        }
    }

    /// Every grant was ended with the restore.
    async fn has_ended(&self, server: &TestServer) {
        let flow = Flow::of_client(server, &self.id).unwrap();
        for ended in [&self.kept, &self.rotated] {
            assert_eq!(flow.refresh(token(ended)).await.unwrap().1["error"], "invalid_grant");
        }
        assert_eq!(flow.tokens().await.unwrap()["token_type"], "Bearer", "the person and the client are there");
    }
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
    let site = Site::on(format!("sqlite://{}/authgent.db", directory.path().display()));
    let (dsn, file) = (site.dsn.as_str(), directory.path().join("backup.db"));

    let server = site.start().await;
    let mut client = Client::before_the_backup(&server).await;
    let made = Store::back_up(&dsn.into(), &file, false).await.unwrap();
    assert!(made.bytes > 50_000 && made.pending.is_empty(), "{made:?}");
    client.goes_on(&server).await;
    let replace = RestoreOptions { replace: true, ..RestoreOptions::default() };
    let refused = Store::restore(&dsn.into(), &file, replace).await;
    assert!(refused.unwrap_err().to_string().contains("is in use"));
    assert_eq!(server.http.get(server.url("/health/ready")).send().await.unwrap().status(), 200, "nothing happened");
    drop(server);

    restore(dsn, &file, false).await;
    let server = site.start().await;
    client.is_as_before(&server).await;
    drop(server);

    restore(dsn, &file, true).await;
    client.has_ended(&site.start().await).await;
}
