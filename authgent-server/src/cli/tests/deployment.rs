//! Commands on the database of another deployment.

use super::*;

const OURS: &str = "https://auth.example.com";
const OTHER: &str = "https://staging.example.com";
const REFUSED: &str =
    "the database belongs to the issuer https://auth.example.com, but AUTHGENT_ISSUER is https://staging.example.com: ";

impl Machine {
    /// A database that belongs to [`OURS`], and settings of [`OTHER`].
    async fn elsewhere() -> Self {
        let mut machine = Self::of_a_server().await;
        machine.set("AUTHGENT_ISSUER", OURS);
        machine.start().await.unwrap();
        machine.set("AUTHGENT_ISSUER", OTHER);
        machine
    }

    async fn issuer(&self) -> String {
        let dsn = self.environment.iter().find(|(name, _)| name == "AUTHGENT_DB_DSN").unwrap().1.clone();
        Store::connect(&dsn.into()).await.unwrap().issuer().await.unwrap().unwrap().to_string()
    }
}

#[tokio::test]
async fn the_database_of_another_deployment_is_left_alone() {
    let mut machine = Machine::elsewhere().await;
    for line in [
        "migrate",
        "user list",
        "user add ada@example.com --no-password",
        "resource add https://mcp.example.com/mcp",
        "client add --name A --redirect-uri https://a.example.com/cb",
        "initial-access-token add",
        "key rotate --leaked",
        "serve",
    ] {
        let failure = machine.failure(line).await;
        assert!(failure.starts_with(REFUSED), "{line}: {failure}");
    }
    let dev = format!("dev --dir {} --port 0", machine.path("dev"));
    let failure = machine.failure(&dev).await;
    assert!(failure.starts_with(REFUSED), "it adds a person whose password is known: {failure}");
    machine.set("AUTHGENT_ISSUER", OURS);
    for line in ["user list", "resource list", "client list", "initial-access-token list"] {
        assert_eq!(machine.json(line).await, json!([]), "{line}");
    }
    // Nobody has to say which deployment it is.
    machine.environment.retain(|(name, _)| name != "AUTHGENT_ISSUER");
    machine.run("user add ada@example.com --no-password").await.unwrap();
    assert_eq!(machine.json("migrate").await, json!({"applied": []}));
}

#[tokio::test]
async fn a_database_moves_to_another_issuer_when_it_is_told_to() {
    let mut machine = Machine::elsewhere().await;
    let wrong = machine.failure("migrate --former-issuer https://login.example.com").await;
    let expected = "the database belongs to the issuer https://auth.example.com, and not to https://login.example.com, which --former-issuer names";
    assert_eq!(wrong, expected);
    assert!(machine.failure("migrate --former-issuer auth").await.contains("is not an absolute URL"));
    for _ in 0..2 {
        let moved = machine.run(&format!("migrate --former-issuer {OURS}")).await.unwrap();
        assert_eq!(moved.json, json!({"applied": [], "issuer": OTHER}), "again is no harm");
        let text = "The database is up to date.\nIt belongs to the issuer https://staging.example.com from now on.";
        assert_eq!(moved.text, text);
    }
    machine.start().await.unwrap();
    machine.set("AUTHGENT_ISSUER", OURS);
    assert!(machine.start().await.unwrap_err().contains(&format!("--former-issuer {OTHER}")));
    machine.environment.retain(|(name, _)| name != "AUTHGENT_ISSUER");
    assert!(
        machine.failure(&format!("migrate --former-issuer {OTHER}")).await.starts_with("AUTHGENT_ISSUER is missing")
    );
}

#[tokio::test]
async fn a_database_to_try_things_with_takes_any_issuer() {
    let mut machine = Machine::new();
    machine.environment.clear();
    let directory = machine.path("dev");
    // So that it ends, after everything that it does with the database.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dev = format!("dev --dir {directory} --port {}", taken.local_addr().unwrap().port());
    for issuer in [None, Some("https://one.tunnel.example"), Some("https://two.tunnel.example"), None] {
        if let Some(issuer) = issuer {
            machine.set("AUTHGENT_ISSUER", issuer);
        } else {
            machine.environment.clear();
        }
        let failure = machine.failure(&dev).await;
        assert!(failure.starts_with("cannot listen at 127.0.0.1:"), "{issuer:?}: {failure}");
    }
    // A real server does not take it for its own.
    machine.set("AUTHGENT_DB_DSN", &format!("sqlite://{directory}/authgent.db"));
    machine.set("AUTHGENT_ISSUER", OURS);
    machine.takes("key.pem").await;
    let noted = machine.issuer().await;
    assert!(noted.starts_with("http://localhost:"), "{noted}");
    let refused = machine.start().await.unwrap_err();
    assert!(refused.contains(&format!("run `authgent migrate --former-issuer {noted}`")), "{refused}");
    // Nor does this one take a database that it did not make, as in `--dir /var/lib/authgent`.
    for name in ["signing-key.pem", "password"] {
        std::fs::remove_file(Path::new(&directory).join(name)).unwrap();
    }
    machine.environment.clear();
    let refused = machine.failure(&dev).await;
    assert!(refused.contains("/authgent.db was not made by `authgent dev`"), "{refused}");
    assert!(!Path::new(&directory).join("password").exists(), "nothing was made");
}
