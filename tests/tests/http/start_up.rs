//! Start-up: what is wrong is said in one sentence.

use authgent_tests::server::TestServer;
use sea_orm::{ConnectionTrait as _, Database};

async fn refused(variable: &str, value: &str) -> String {
    match TestServer::setup().with(variable, value).start().await {
        Ok(_) => panic!("{variable}={value} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn each_mistake_is_named() {
    let ec384 = authgent_server::crypto::pem::generate_pem(authgent_server::crypto::pem::SigningAlgorithm::Es384);
    for (variable, value, expected) in [
        ("AUTHGENT_SIGNING_KEY_DATA", "no key", "PEM"),
        ("AUTHGENT_SIGNING_KEY_DATA", ec384.as_str(), "P-256"),
        ("AUTHGENT_DB_DSN", "sqlite:///no/such/directory/authgent.db", "/no/such/directory"),
        ("AUTHGENT_DB_DSN", "mysql://u:hidden@h/d", "sqlite"),
        ("AUTHGENT_PORT", "seventy", "AUTHGENT_PORT"),
        ("AUTHGENT_ISSUER", "auth.example.com", "AUTHGENT_ISSUER"),
    ] {
        let sentence = refused(variable, value).await;
        assert!(sentence.contains(expected) && !sentence.contains('\n'), "{variable}: {sentence}");
        assert!(!sentence.contains("hidden"), "no password: {sentence}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("localhost:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sentence = refused("AUTHGENT_PORT", &port).await;
    assert!(sentence.contains(&format!("localhost:{port}")) && sentence.contains("AUTHGENT_PORT"), "{sentence}");
}

#[tokio::test]
async fn no_server_starts_on_the_database_of_a_later_version() {
    let setup = TestServer::setup();
    for setup in [Some(setup.clone()), setup.postgres().unwrap()].into_iter().flatten() {
        let server = setup.clone().start().await.unwrap();
        let database = Database::connect(&server.dsn).await.unwrap();
        let later = "INSERT INTO authgent_migrations (version, applied_at) VALUES ('0099_later', 1)";
        database.execute_unprepared(later).await.unwrap();
        let before = server.store.signing_keys().await.unwrap();
        let expected = "the database was made by a later version of Authgent (it has 0099_later): use that version or another database";
        assert_eq!(refused("AUTHGENT_DB_DSN", &server.dsn).await, expected);
        assert_eq!(server.store.signing_keys().await.unwrap(), before, "the key of the settings is not noted");
        let ready = server.http.get(server.url("/health/ready")).send().await.unwrap();
        assert_eq!(ready.status(), 200, "whoever runs goes on");
    }
}
