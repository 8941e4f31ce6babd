//! The way to a PostgreSQL over a network: TLS and passwords. Without PostgreSQL these tests do nothing, which is said once.

use authgent_server::store::Store;
use authgent_tests::certificates::Authority;
use authgent_tests::postgres::{Login, Postgres, installed};
use authgent_tests::server::TestServer;
use std::sync::OnceLock;
use tempfile::TempDir;

/// In the database, and in its addresses.
const PASSWORD: &str = "hunter2";

/// A server that speaks TLS as `localhost`, and the authority that says so.
fn with_tls() -> Option<(&'static Postgres, &'static Authority)> {
    static SERVER: OnceLock<(Postgres, Authority)> = OnceLock::new();
    let start = || {
        let authority = Authority::new().unwrap();
        let identity = authority.certify(&["localhost"]).unwrap();
        let (certificate, key) = (identity.certificate_pem().unwrap(), identity.key_pem().unwrap());
        (Postgres::over_tcp(Some([&certificate, &key])).unwrap(), authority)
    };
    installed().then(|| SERVER.get_or_init(start)).map(|(server, authority)| (server, authority))
}

fn without_tls() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    installed().then(|| SERVER.get_or_init(|| Postgres::over_tcp(None).unwrap()))
}

/// Connects, and says whether the connection is encrypted.
async fn encrypted(server: &Postgres, login: &Login, dsn: String) -> bool {
    let store = Store::connect(&dsn.clone().into()).await.unwrap_or_else(|error| panic!("{dsn}: {error}"));
    let select = format!(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '{}'",
        login.role()
    );
    let encrypted = server.psql(&server.database().unwrap(), &select).unwrap();
    store.close().await;
    match encrypted.trim() {
        "t" => true,
        "f" => false,
        other => panic!("{dsn}: {other:?}"),
    }
}

/// Why there is no connection.
async fn refusal(dsn: String) -> String {
    let Err(error) = Store::connect(&dsn.clone().into()).await else { panic!("{dsn} was accepted") };
    let message = error.to_string();
    assert!(!message.contains(PASSWORD) && !message.contains('\n'), "{message}");
    assert!(message.contains("no connection to PostgreSQL at "), "{message}");
    message
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let Some(server) = without_tls() else { return };
    let (_database, login) = server.database_with_password(PASSWORD).unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let message = refusal(login.dsn("localhost", PASSWORD, &format!("sslmode={mode}"))).await;
        assert!(message.ends_with(": it does not speak TLS, which sslmode asks for"), "{message}");
    }
    for parameters in ["sslmode=disable", "sslmode=prefer", ""] {
        assert!(!encrypted(server, &login, login.dsn("localhost", PASSWORD, parameters)).await, "{parameters}");
    }
}

#[tokio::test]
async fn a_server_is_believed_for_its_certificate() {
    let Some((server, authority)) = with_tls() else { return };
    let directory = TempDir::new().unwrap();
    let file = |name: &str, authorities: &[&Authority]| {
        let path = directory.path().join(name);
        let pem: Vec<u8> = authorities.iter().flat_map(|authority| authority.pem().unwrap()).collect();
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let other = Authority::new().unwrap();
    let (right, wrong) = (file("right.pem", &[authority]), file("wrong.pem", &[&other]));
    let (_database, login) = server.database_with_password(PASSWORD).unwrap();
    let dsn = |host: &str, parameters: String| login.dsn(host, PASSWORD, &parameters);

    assert!(encrypted(server, &login, dsn("localhost", format!("sslmode=verify-full&sslrootcert={right}"))).await);
    // Another host than that of the certificate.
    assert!(encrypted(server, &login, dsn("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={right}"))).await);
    assert!(encrypted(server, &login, dsn("localhost", "sslmode=require".to_owned())).await);
    assert!(encrypted(server, &login, dsn("localhost", String::new())).await);

    let message = refusal(dsn("127.0.0.1", format!("sslmode=verify-full&sslrootcert={right}"))).await;
    let expected = ": its certificate is not accepted (IP address mismatch); sslmode=verify-full wants the host of AUTHGENT_DB_DSN in it";
    assert!(message.ends_with(expected), "{message}");
    for mode in ["verify-ca", "verify-full"] {
        let message = refusal(dsn("localhost", format!("sslmode={mode}&sslrootcert={wrong}"))).await;
        assert!(message.contains(": its certificate is not accepted (") && message.ends_with(')'), "{message}");
        let message = refusal(dsn("localhost", format!("sslmode={mode}"))).await;
        assert!(message.contains(": its certificate is not accepted (unable to get local issuer"), "{message}");
        assert!(message.contains("; sslrootcert names the file of its authority"), "{message}");
    }
    let message = refusal(dsn("localhost", "sslmode=disable".to_owned())).await;
    assert!(message.contains("no encryption"), "{message}");
}

/// sqlx hands one on, and native-tls reads no more than that. Clouds give out files with an authority for each region.
#[tokio::test]
async fn of_several_authorities_in_a_file_the_first_one_counts_and_that_is_said() {
    let Some((server, authority)) = with_tls() else { return };
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("bundle.pem");
    let (_database, login) = server.database_with_password(PASSWORD).unwrap();
    let other = Authority::new().unwrap();
    let dsn = |authorities: [&Authority; 2]| {
        std::fs::write(&file, authorities.map(|authority| authority.pem().unwrap()).concat()).unwrap();
        login.dsn("localhost", PASSWORD, &format!("sslmode=verify-full&sslrootcert={}", file.display()))
    };
    assert!(encrypted(server, &login, dsn([authority, &other])).await);
    let message = refusal(dsn([&other, authority])).await;
    let hint = format!("; of the 2 certificates in {} the first one counts, and no other", file.display());
    assert!(message.ends_with(&hint), "{message}");
}

#[tokio::test]
async fn special_characters_of_a_password_are_encoded() {
    let Some((server, _)) = with_tls() else { return };
    for (password, encoded) in [
        ("p@ss%w/o#r:d?&+ =[]\"'é", "p%40ss%25w%2Fo%23r%3Ad%3F%26%2B%20%3D%5B%5D%22'%C3%A9"),
        ("%41%zz%", "%2541%25zz%25"),
        ("@%/#:", "%40%25%2f%23%3a"),
    ] {
        let (database, login) = server.database_with_password(password).unwrap();
        let stored =
            format!("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = '{}'", login.role());
        assert_eq!(server.psql(&database, &stored).unwrap().trim(), "t");
        let dsn = login.dsn("localhost", encoded, "sslmode=require");
        let authgent = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await.unwrap();
        let ready = authgent.http.get(authgent.url("/health/ready")).send().await.unwrap();
        assert_eq!(ready.status(), 200, "{password}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let Some((server, _)) = with_tls() else { return };
    let (_database, login) = server.database_with_password("another").unwrap();
    let dsn = login.dsn("localhost", PASSWORD, "sslmode=require");
    let message = refusal(dsn.clone()).await;
    let said = format!("password authentication failed for user \"{}\"", login.role());
    assert!(message.ends_with(&said), "{message}");
    let Err(start) = TestServer::setup().with("AUTHGENT_DB_DSN", &dsn).start().await else { panic!("it started") };
    assert_eq!(start.to_string(), message);
}

/// `%41` is an A to us, and was meant as it stands.
#[tokio::test]
async fn a_percent_sign_that_was_not_encoded_is_hinted_at() {
    let Some((server, _)) = with_tls() else { return };
    let (_database, login) = server.database_with_password("hunter2%41x").unwrap();
    let message = refusal(login.dsn("localhost", "hunter2%41x", "sslmode=require")).await;
    assert!(message.contains("write % as %25"), "{message}");
    assert!(encrypted(server, &login, login.dsn("localhost", "hunter2%2541x", "")).await);
}
