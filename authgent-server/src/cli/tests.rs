//! Whole commands, as a shell would give them, on a database in a temporary directory.

mod at_once;
mod deployment;
mod keys;

use super::*;
use crate::domain::{Client, ClientOrigin, EventKind};
use crate::store::tests::on_an_old_database;
use authgent_core::metadata::client::ClientMetadata;
use clap::CommandFactory as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Machine {
    directory: TempDir,
    environment: Vec<(String, String)>,
    now: Timestamp,
}

impl Machine {
    /// A directory with an empty database that is not migrated.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}", directory.path().join("authgent.db").display());
        Self { directory, ..Self::on(&dsn) }
    }

    /// A directory, and a database elsewhere.
    fn on(dsn: &str) -> Self {
        let environment = vec![("AUTHGENT_DB_DSN".into(), dsn.to_owned())];
        Self { directory: tempfile::tempdir().unwrap(), environment, now: Timestamp(1_795_383_917) }
    }

    async fn migrated() -> Self {
        let machine = Self::new();
        machine.run("migrate").await.unwrap();
        machine
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
    }

    async fn run(&self, line: &str) -> Result<Answer, String> {
        self.run_with(&line.split(' ').collect::<Vec<_>>(), "").await
    }

    async fn run_with(&self, arguments: &[&str], stdin: &str) -> Result<Answer, String> {
        let cli = Cli::try_parse_from(std::iter::once(&"authgent").chain(arguments)).map_err(|e| e.to_string())?;
        let context = Context {
            loader: Loader::new(self.environment.clone()).file(cli.config.as_deref()),
            dependencies: Dependencies {
                clock: Arc::new(self.now),
                random: Arc::new(SystemRandom),
                resolver: Arc::new(SystemResolver),
            },
            json: cli.json,
            stdin: Mutex::new(Box::new(std::io::Cursor::new(stdin.to_owned()))),
        };
        run(cli.command, &context).await.map_err(|failure| failure.to_string())
    }

    async fn failure(&self, line: &str) -> String {
        self.run(line).await.unwrap_err()
    }

    async fn json(&self, line: &str) -> Value {
        self.run(line).await.unwrap().json
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[tokio::test]
async fn commands_on_old_tables_say_what_to_do() {
    let machine = Machine::new();
    std::fs::write(machine.path("authgent.db"), "").unwrap();
    let expected = "the tables of the database are older than this release, or missing: run `authgent migrate` first";
    for line in ["user list", "resource list", "client list"] {
        assert_eq!(machine.failure(line).await, expected);
    }
    assert!(!machine.json("migrate").await["applied"].as_array().unwrap().is_empty());
    assert_eq!(machine.json("migrate").await, json!({"applied": []}));
    assert_eq!(machine.json("user list").await, json!([]));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made_by_those_who_start_one_alone() {
    let mut machine = Machine::new();
    machine.set("AUTHGENT_ISSUER", "https://auth.example.com");
    let expected = format!(
        "the database file {} is not there: run `authgent migrate` first, or change AUTHGENT_DB_DSN",
        machine.path("authgent.db")
    );
    for line in ["user list", "resource list", "client list", "migrate --former-issuer https://login.example.com"] {
        assert_eq!(machine.failure(line).await, expected, "{line}");
    }
    assert_eq!(std::fs::read_dir(machine.directory.path()).unwrap().count(), 0);
    machine.run("migrate").await.unwrap();
    assert_eq!(machine.json("user list").await, json!([]));
}

#[tokio::test]
async fn a_postgresql_that_is_too_old_is_refused_by_every_command() {
    let tables = on_an_old_database(async |dsn| {
        let mut machine = Machine::on(dsn.expose_secret());
        let expected = "the database is PostgreSQL 14.13, but Authgent needs PostgreSQL 15 or newer: upgrade it, or change AUTHGENT_DB_DSN";
        let key = machine.path("key.pem");
        machine.run(&format!("key generate --out {key}")).await.unwrap();
        machine.set("AUTHGENT_ISSUER", "http://localhost:8080");
        machine.set("AUTHGENT_SIGNING_KEY", &key);
        let dev = format!("dev --dir {}", machine.path("dev"));
        for line in ["migrate", "user list", "resource list", "client list", "key rotate", "serve", &dev] {
            assert_eq!(machine.failure(line).await, expected, "{line}");
        }
    });
    assert!(tables.await.is_none_or(|tables| tables == "0"), "nothing is written");
}

#[tokio::test]
async fn a_person_is_added_listed_disabled_and_enabled() {
    let machine = Machine::migrated().await;
    let add = ["user", "add", "Ada@example.com", "--name", "Ada Lovelace", "--password-stdin"];
    let added = machine.run_with(&add, "correct horse battery\n").await.unwrap();
    let sub = added.json["sub"].as_str().unwrap().to_owned();
    assert_eq!(added.text, format!("Added Ada@example.com\nsub  {sub}"));
    assert!(!added.json.to_string().contains("argon2"));
    let again =
        machine.run_with(&["user", "add", "ada@EXAMPLE.com", "--password-stdin"], "correct horse battery").await;
    assert_eq!(again.unwrap_err(), "there is a user with the e-mail address ada@EXAMPLE.com");

    let listed = machine.run("user list").await.unwrap();
    assert_eq!(listed.json[0]["sub"], *sub);
    assert!(listed.text.contains("Ada Lovelace  enabled  2026-11-22 21:45"), "{}", listed.text);
    assert_eq!(machine.json("user disable ada@example.com").await["enabled"], false);
    assert_eq!(machine.json("user list").await[0]["enabled"], false);
    assert_eq!(machine.json("user enable ada@example.com").await["enabled"], true);

    let passwd = machine
        .run_with(&["user", "passwd", "ada@example.com", "--password-stdin"], "quite another one of those\n")
        .await;
    assert!(passwd.unwrap().text.contains("has another password"));
    assert_eq!(
        machine.failure("user disable bob@example.com").await,
        "there is no user with the e-mail address bob@example.com: `authgent user list` shows everybody"
    );
}

#[tokio::test]
async fn an_invitation_and_a_reset_are_links_of_the_issuer() {
    let mut machine = Machine::migrated().await;
    assert!(machine.failure("user invite ada@example.com").await.contains("AUTHGENT_ISSUER is missing"));
    machine.set("AUTHGENT_ISSUER", "https://auth.example.com/t");
    let invited = machine.run("user invite ada@example.com --name Ada --email-verified").await.unwrap();
    let url = invited.json["url"].as_str().unwrap();
    assert!(url.starts_with("https://auth.example.com/t/invitation/") && url.len() == 81, "{url}");
    assert!(invited.text.ends_with(url));
    assert_eq!((&invited.json["email_verified"], &invited.json["has_password"]), (&json!(true), &json!(false)));
    assert_eq!(invited.json["expires_at"], 1_795_383_917 + 7 * 86_400);
    assert_ne!(machine.json("user invite ADA@example.com").await["url"], *url, "another link for the same person");
    assert_eq!(machine.json("user list").await.as_array().unwrap().len(), 1);

    let passwd = ["user", "passwd", "ada@example.com", "--password-stdin"];
    machine.run_with(&passwd, "quite another one of those\n").await.unwrap();
    assert!(machine.failure("user invite ada@example.com").await.contains("has a password already"));
    let reset = machine.json("user reset ada@example.com").await;
    assert!(reset["url"].as_str().unwrap().starts_with("https://auth.example.com/t/reset/"));
    assert!(machine.failure("user reset ada@example.com --send").await.contains("set AUTHGENT_SMTP_URL"));
    assert!(machine.failure("user reset bob@example.com").await.contains("there is no user"));
}

#[tokio::test]
async fn sessions_are_shown_and_ended_and_a_person_may_have_no_password() {
    let machine = Machine::migrated().await;
    let added = machine.json("user add ada@example.com --no-password").await;
    assert_eq!((&added["has_password"], &added["email_verified"]), (&json!(false), &json!(false)));
    assert_eq!(machine.json("user sessions ada@example.com").await, json!([]));
    let ended = machine.json("user end-sessions ada@example.com").await;
    assert_eq!((&ended["sub"], &ended["sessions_ended"]), (&added["sub"], &json!(0)));
    assert!(machine.failure("user sessions bob@example.com").await.contains("there is no user"));
    assert!(machine.failure("user add a@b.c --no-password --password-stdin").await.contains("cannot be used with"));
}

#[tokio::test]
async fn a_password_keeps_the_rules_and_comes_from_somewhere() {
    let machine = Machine::migrated().await;
    let add = |password: String| async {
        machine.run_with(&["user", "add", "a@b.c", "--password-stdin"], &{ password }).await.unwrap_err()
    };
    assert_eq!(add("1234567\n".into()).await, "a password needs at least 8 characters");
    assert_eq!(add("x".repeat(1025)).await, "a password has at most 1024 bytes");
    assert!(add("password1\n".into()).await.starts_with("this password is among the first that others try"));
    assert_eq!(machine.json("user list").await, json!([]));
    assert!(machine.failure("user add nobody").await.contains("is no e-mail address such as you@example.com"));
}

#[tokio::test]
async fn a_resource_is_added_replaced_listed_and_removed() {
    let machine = Machine::migrated().await;
    let add = [
        "resource",
        "add",
        "https://mcp.example.com/mcp",
        "--name",
        "Projects",
        "--scope",
        "mcp:read=See your projects",
        "--scope",
        "mcp:write",
        "--default-scope",
        "mcp:read",
        "--alias",
        "https://mcp.example.com",
    ];
    let added = machine.run_with(&add, "").await.unwrap();
    let expected = json!({
        "uri": "https://mcp.example.com/mcp", "name": "Projects", "aliases": ["https://mcp.example.com"],
        "scopes": [
            {"name": "mcp:read", "description": "See your projects", "default": true, "dangerous": false},
            {"name": "mcp:write", "description": "mcp:write", "default": false, "dangerous": false},
        ],
        "profile_claims": ["email", "name"], "source": "operator",
    });
    assert_eq!(added.json, expected);
    assert_eq!(machine.json("resource list").await, json!([expected]));

    let more =
        "resource add https://mcp.example.com/mcp --scope mcp:admin --scope mcp:read=Look --alias https://b.example";
    machine.run(more).await.unwrap();
    let known = &machine.json("resource list").await[0];
    assert_eq!(known["name"], "Projects", "what is not named stays");
    assert_eq!(known["aliases"], json!(["https://mcp.example.com", "https://b.example"]));
    let scopes = json!([
        {"name": "mcp:read", "description": "Look", "default": true, "dangerous": false},
        {"name": "mcp:write", "description": "mcp:write", "default": false, "dangerous": false},
        {"name": "mcp:admin", "description": "mcp:admin", "default": false, "dangerous": false},
    ]);
    assert_eq!(known["scopes"], scopes);
    let text = machine.run("resource add https://mcp.example.com/mcp --no-profile-claims").await.unwrap().text;
    assert!(!text.contains("It has no scopes"), "{text}");
    assert_eq!(machine.json("resource list").await[0]["profile_claims"], json!([]));
    let text = machine.run("resource add https://mcp.example.com/mcp --replace").await.unwrap().text;
    assert!(text.contains("It has no scopes"), "{text}");
    let known = &machine.json("resource list").await[0];
    assert_eq!((&known["name"], &known["aliases"]), (&json!("https://mcp.example.com/mcp"), &json!([])));
    assert_eq!(known["profile_claims"], json!(["email", "name"]));
    assert_eq!(
        machine.failure("resource add https://a --default-scope x").await,
        "--default-scope x is not among the scopes: add --scope 'x=…'"
    );
    assert_eq!(machine.failure("resource add https://a --scope x --scope x").await, "--scope names x twice");
    assert_eq!(
        machine.failure("resource remove https://mcp.example.com/mcp/").await,
        "there is no resource https://mcp.example.com/mcp/: did you mean https://mcp.example.com/mcp?"
    );
    assert!(machine.run("resource remove https://mcp.example.com/mcp").await.is_ok());
    assert_eq!(machine.json("resource list").await, json!([]));
}

#[tokio::test]
async fn a_client_is_added_listed_disabled_and_deleted() {
    let machine = Machine::migrated().await;
    let added = machine.run("client add --name job --confidential --grant-type client_credentials").await.unwrap();
    let (id, secret) = (added.json["client_id"].as_str().unwrap(), added.json["client_secret"].as_str().unwrap());
    assert_eq!((id.len(), secret.len()), (36, 43));
    assert!(added.text.contains(id) && added.text.contains(secret));
    let listed = machine.run("client list").await.unwrap();
    assert!(!listed.json.to_string().contains(secret) && !listed.text.contains(secret));
    assert_eq!(listed.json[0]["grant_types"], json!(["client_credentials"]));
    assert_eq!(listed.json[0]["origin"], "operator");

    let public = machine.json("client add --name agent --redirect-uri http://127.0.0.1/callback").await;
    assert_eq!(public["token_endpoint_auth_method"], "none");
    assert!(public.get("client_secret").is_none());

    assert_eq!(machine.json(&format!("client disable {id}")).await["enabled"], false);
    assert_eq!(machine.json(&format!("client enable {id}")).await["enabled"], true);
    assert!(machine.run(&format!("client delete {id}")).await.is_ok());
    let gone = format!("there is no client with the client_id {id}: `authgent client list` shows all of them");
    assert_eq!(machine.failure(&format!("client delete {id}")).await, gone);
    assert_eq!(machine.failure(&format!("client disable {id}")).await, gone);
}

#[tokio::test]
async fn a_client_is_shown_with_where_it_comes_from() {
    let machine = Machine::migrated().await;
    let id = "https://agent.example.com/client.json";
    let metadata = json!({"client_name": "Agent", "redirect_uris": ["http://127.0.0.1/cb", "cursor://x/cb"],
        "token_endpoint_auth_method": "none"});
    let metadata = ClientMetadata::parse(metadata.as_object().unwrap()).unwrap();
    let now = Timestamp(1_795_383_917);
    let client = |id: &str, origin| Client::new(id.into(), metadata.clone(), origin, now);
    let store = Store::connect(&machine.environment[0].1.clone().into()).await.unwrap();
    let tx = store.begin().await.unwrap();
    let hash = crate::domain::TokenHash([0xAB; 32]);
    let document = Client { fresh_until: Some(now.plus(60)), ..client(id, ClientOrigin::Document) };
    tx.insert_client(&document).await.unwrap();
    let shared = Client { fingerprint: Some(hash), ..client("shared", ClientOrigin::Registered) };
    tx.insert_client(&Client { last_used_at: Some(now), ..shared }).await.unwrap();
    tx.commit().await.unwrap();

    let listed = machine.run("client list").await.unwrap();
    assert_eq!((&listed.json[0]["origin"], &listed.json[0]["host"]), (&json!("document"), &json!("agent.example.com")));
    assert_eq!(listed.json[1]["host"], "127.0.0.1");
    assert!(listed.text.contains("registered  remember  2026-11-22 21:45"), "{}", listed.text);
    let shown = machine.run(&format!("client show {id}")).await.unwrap();
    assert_eq!((&shown.json["live_grants"], &shown.json["fresh_until"]), (&json!(0), &json!(now.0 + 60)));
    assert!(shown.text.contains("its document, fresh until 2026-11-22 21:46"), "{}", shown.text);
    assert!(shown.text.contains("\"cursor://x/cb\""), "{}", shown.text);
    let shown = machine.run("client show shared").await.unwrap();
    assert_eq!((&shown.json["shared"], &shown.json["manages_itself"]), (&json!(true), &json!(false)));
    assert!(!shown.json.to_string().contains("171") && !shown.text.to_lowercase().contains("abab"), "no hash");
    assert!(machine.failure("client show nobody").await.starts_with("there is no client with the client_id nobody"));

    let deleted = machine.run(&format!("client delete {id}")).await.unwrap().text;
    let advice =
        "It comes back at its next request. To keep it out, name its host in AUTHGENT_CLIENT_DOCUMENT_DENIED_DOMAINS";
    assert!(deleted.contains(advice), "{deleted}");
    assert!(!machine.run("client delete shared").await.unwrap().text.contains("comes back"));
}

#[tokio::test]
async fn a_client_with_a_key_of_its_own_has_no_secret() {
    let machine = Machine::migrated().await;
    let keys = machine.path("keys.json");
    let key = json!({"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    std::fs::write(&keys, json!({"keys": [key]}).to_string()).unwrap();
    let line = format!("client add --name job --grant-type client_credentials --jwks-file {keys}");
    let added = machine.json(&line).await;
    assert_eq!(added["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!((&added["jwks"]["keys"][0]["kid"], added.get("client_secret")), (&json!("1"), None));
    let line = "client add --name job --grant-type client_credentials --auth-method private_key_jwt";
    let by_url = machine.json(&format!("{line} --jwks-uri https://job.example.com/jwks.json")).await;
    assert_eq!(by_url["jwks_uri"], "https://job.example.com/jwks.json");
    assert!(machine.json("client list").await.to_string().contains("f83OJ3D2"), "public keys are no secret");

    assert_eq!(machine.failure(line).await, "--auth-method private_key_jwt needs --jwks-file or --jwks-uri");
    let missing = machine.failure(&format!("{line} --jwks-file /nowhere/keys.json")).await;
    assert!(missing.starts_with("/nowhere/keys.json cannot be read: No such file"), "{missing}");
    std::fs::write(&keys, "-----BEGIN PUBLIC KEY-----\n").unwrap();
    let pem = machine.failure(&format!("{line} --jwks-file {keys}")).await;
    assert!(pem.ends_with("is a key in PEM: expected a JSON Web Key Set with the public key"), "{pem}");
    std::fs::write(&keys, "no JSON").unwrap();
    assert!(machine.failure(&format!("{line} --jwks-file {keys}")).await.contains("is no JSON Web Key Set: "));
    let unknown = machine.failure("client add --name job --auth-method tls_client_auth").await;
    assert!(
        unknown.contains("must be one of none, client_secret_basic, client_secret_post, private_key_jwt"),
        "{unknown}"
    );
    assert!(machine.failure(&format!("{line} --confidential")).await.contains("cannot be used with"));
}

#[tokio::test]
async fn an_initial_access_token_is_made_listed_and_revoked() {
    let machine = Machine::migrated().await;
    let arguments = ["--name", "Partner", "--uses", "3", "--expires-in", "7d", "--scope", "mcp:read openid"];
    let add: Vec<_> = ["initial-access-token", "add"].into_iter().chain(arguments).collect();
    let added = machine.run_with(&add, "").await.unwrap();
    let (id, token) = (added.json["id"].as_str().unwrap(), added.json["token"].as_str().unwrap());
    assert_eq!((token.len(), &added.json["expires_at"]), (43, &json!(1_795_383_917 + 604_800)));
    assert!(added.text.contains(token) && added.text.contains("shown this once"));
    let listed = machine.run("initial-access-token list").await.unwrap();
    assert!(!listed.json.to_string().contains(token) && !listed.text.contains(token), "only once");
    let row = "Partner  usable  0 of 3  mcp:read openid  2026-11-29 21:45";
    assert!(listed.text.contains(row), "{}", listed.text);
    let simple = machine.json("initial-access-token add").await;
    assert_eq!(
        (&simple["max_uses"], &simple["expires_at"], &simple["scope"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );

    let revoked = machine.run(&format!("initial-access-token revoke {id}")).await.unwrap();
    assert_eq!(revoked.json, json!({"id": id, "state": "revoked"}));
    let listed = machine.json("initial-access-token list").await;
    let revoked = listed.as_array().unwrap().iter().find(|token| token["id"] == id);
    assert_eq!(revoked.unwrap()["state"], "revoked");
    let again = machine.failure(&format!("initial-access-token revoke {id}")).await;
    assert!(again.starts_with(&format!("there is no initial access token {id} that could be revoked")), "{again}");
    for bad in ["--uses 0", "--uses many", "--expires-in 0", "--expires-in soon", "--scope a\"b"] {
        assert!(machine.run(&format!("initial-access-token add {bad}")).await.is_err(), "{bad}");
    }
    assert_eq!(machine.json("initial-access-token list").await.as_array().unwrap().len(), 2, "nothing is kept");
}

#[tokio::test]
async fn what_makes_no_client_is_named() {
    let machine = Machine::migrated().await;
    for (line, expected) in [
        (
            "client add --name a",
            "the client cannot be added: redirect_uris: at least one is needed for authorization_code",
        ),
        (
            "client add --name a --grant-type client_credentials",
            "the client cannot be added: grant_types: client_credentials needs a client that authenticates, not token_endpoint_auth_method none",
        ),
    ] {
        assert_eq!(machine.failure(line).await, expected);
    }
    assert!(machine.failure("client add --name a --redirect-uri https://x#f").await.contains("must have no fragment"));
    let unknown = machine.failure("client add --name a --grant-type implicit").await;
    assert!(unknown.contains("must be authorization_code, refresh_token or client_credentials"), "{unknown}");
    assert_eq!(machine.json("client list").await, json!([]));
}

#[tokio::test]
async fn a_key_is_written_once_and_private() {
    let machine = Machine::new();
    let path = machine.path("key.pem");
    let line = format!("key generate --alg ES384 --out {path}");
    let answer = machine.json(&line).await;
    assert_eq!((answer["alg"].as_str(), answer["kid"].as_str().map(str::len)), (Some("ES384"), Some(43)));
    assert_eq!(
        machine.failure(&line).await,
        format!("{path} exists already and is not overwritten: choose another name or remove it")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let printed = machine.run("key generate").await.unwrap();
    assert!(printed.text.starts_with("-----BEGIN PRIVATE KEY-----"));
    let missing = machine.failure("key generate --out /nowhere/key.pem").await;
    assert!(missing.starts_with("/nowhere/key.pem cannot be written: No such file"), "{missing}");
    assert!(machine.failure("key generate --alg HS256").await.contains("must be ES256, ES384 or RS256"));
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_in_one_sentence() {
    let mut machine = Machine::new();
    assert!(machine.failure("serve").await.starts_with("AUTHGENT_ISSUER is missing ("));
    machine.set("AUTHGENT_ISSUER", "http://localhost:8080");
    assert!(machine.failure("serve").await.starts_with("AUTHGENT_SIGNING_KEY is missing ("));

    let key = machine.path("key.pem");
    machine.set("AUTHGENT_SIGNING_KEY", &key);
    machine.set("AUTHGENT_LOG", "off");
    machine.set("AUTHGENT_PORT", "0");
    let unreadable = machine.failure("serve").await;
    assert!(unreadable.contains(&format!("{key} cannot be read: No such file")), "{unreadable}");

    machine.run(&format!("key generate --alg ES384 --out {key}")).await.unwrap();
    let wrong_curve = machine.failure("serve").await;
    let expected = "it is an EC key on the curve P-384, but ES256 needs an EC key on the curve P-256";
    assert!(wrong_curve.ends_with(expected), "{wrong_curve}");

    machine.set("AUTHGENT_SIGNING_ALG", "ES384");
    let missing = machine.path("missing");
    machine.set("AUTHGENT_DB_DSN", &format!("sqlite://{missing}/authgent.db"));
    let directory = machine.failure("serve").await;
    assert!(directory.contains(&format!("the directory {missing} does not exist")), "{directory}");

    machine.set("AUTHGENT_IDP_ISSUER", "https://accounts.example.com");
    assert!(machine.failure("serve").await.starts_with("AUTHGENT_IDP_CLIENT_ID is missing"));
    let no_file = machine.failure("serve --config /nowhere/authgent.toml").await;
    assert!(no_file.starts_with("the configuration file /nowhere/authgent.toml cannot be read"), "{no_file}");
}

#[tokio::test]
async fn every_command_has_help_and_unknown_ones_are_refused() {
    let machine = Machine::new();
    for line in [
        "--help",
        "serve --help",
        "dev --help",
        "user add --help",
        "resource add --help",
        "client add --help",
        "initial-access-token add --help",
    ] {
        assert!(machine.failure(line).await.contains("Usage: authgent"), "{line}");
    }
    assert!(machine.failure("usr list").await.contains("a similar subcommand exists: 'user'"));
}

#[tokio::test]
async fn a_second_factor_that_is_lost_is_dropped() {
    let machine = Machine::migrated().await;
    machine.run_with(&["user", "add", "ada@example.com", "--password-stdin"], "correct horse battery\n").await.unwrap();
    let sub = machine.json("user list").await[0]["sub"].as_str().unwrap().parse().unwrap();
    let store = Store::connect(&machine.environment[0].1.clone().into()).await.unwrap();
    let tx = store.begin().await.unwrap();
    let now = Timestamp(1);
    let app = crate::domain::Totp {
        user_id: sub,
        sealed_secret: vec![1],
        confirmed_at: Some(now),
        last_step: 0,
        created_at: now,
    };
    tx.save_totp(&app).await.unwrap();
    tx.replace_recovery_codes(sub, &[crate::domain::TokenHash([7; 32])], now).await.unwrap();
    tx.commit().await.unwrap();
    for dropped in [true, false] {
        assert_eq!(machine.json("user drop-second-factor ada@example.com").await["dropped"], dropped);
        assert!(store.totp(sub).await.unwrap().is_none() && store.recovery_codes_left(sub).await.unwrap() == 0);
    }
    let events = store.events_of_user(sub, None, 9).await.unwrap();
    let noted = events.iter().filter(|event| event.kind == EventKind::TotpDisabled);
    assert_eq!(noted.count(), 1, "what was not there is not noted");
}

#[tokio::test]
async fn no_link_is_made_that_would_lead_nowhere() {
    let mut machine = Machine::migrated().await;
    machine.set("AUTHGENT_ISSUER", "https://auth.example.com");
    machine.run("user invite ada@example.com").await.unwrap();
    machine.set("AUTHGENT_IDP_ISSUER", "https://accounts.example.com");
    machine.set("AUTHGENT_IDP_CLIENT_ID", "authgent");
    for command in ["user invite grace@example.com", "user reset ada@example.com"] {
        let refused = machine.failure(command).await;
        assert!(refused.starts_with("local accounts are off: the link would lead nowhere"), "{refused}");
    }
    assert_eq!(machine.json("user list").await.as_array().unwrap().len(), 1, "nobody was added");
    machine.set("AUTHGENT_LOCAL_ACCOUNTS", "on");
    machine.run("user invite grace@example.com").await.unwrap();
}

#[tokio::test]
async fn an_address_is_verified_by_whoever_knows_it() {
    let machine = Machine::migrated().await;
    machine.run("user add ada@example.com --no-password").await.unwrap();
    assert_eq!(machine.json("user list").await[0]["email_verified"], false);
    machine.run("user verify-email ADA@example.com").await.unwrap();
    assert_eq!(machine.json("user list").await[0]["email_verified"], true);
    assert!(machine.failure("user verify-email grace@example.com").await.contains("grace@example.com"));
}

#[tokio::test]
async fn a_backup_is_made_and_restored() {
    let mut machine = Machine::migrated().await;
    machine.json("user add ada@example.com --no-password").await;
    let file = machine.path("backup.db");
    let made = machine.run(&format!("backup {file}")).await.unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert_eq!(made.json, json!({"file": file, "bytes": bytes, "pending_migrations": []}));
    assert_eq!(made.text, format!("Wrote a backup to {file}: {bytes} bytes, checked."));
    assert!(machine.failure(&format!("backup {file}")).await.contains("exists already and is not overwritten"));
    machine.run(&format!("backup --force {file}")).await.unwrap();

    machine.json("user add bob@example.com --no-password").await;
    let refused = machine.failure(&format!("restore {file}")).await;
    assert!(refused.ends_with("is there already: stop the server, and repeat with --force"), "{refused}");
    assert!(machine.failure(&format!("restore --discard {file}")).await.contains("--force"));
    let restored = machine.run(&format!("restore --force --end-grants {file}")).await.unwrap();
    assert_eq!((&restored.json["bytes"], &restored.json["grants_ended"]), (&json!(bytes), &json!(0)));
    assert!(restored.json["kept"].as_str().unwrap().ends_with("authgent.db.before-restore"));
    assert!(restored.text.contains("everybody signs in again"), "{}", restored.text);
    assert_eq!(machine.json("user list").await.as_array().unwrap().len(), 1);

    machine.set("AUTHGENT_DB_DSN", "postgres://u:hunter2@db.example/authgent");
    for line in [format!("backup {file}"), format!("restore --force {file}")] {
        let refused = machine.failure(&line).await;
        assert!(refused.contains("use pg_dump") && !refused.contains("hunter2"), "{refused}");
    }
}
