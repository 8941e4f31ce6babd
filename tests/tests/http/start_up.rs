//! Start-up: what is wrong is said in one sentence.

use authgent_tests::server::TestServer;

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
