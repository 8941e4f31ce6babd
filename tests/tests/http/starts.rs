//! Several replicas that start at once, and a start that is refused before anything is written.

use authgent_core::metadata::client::ClientMetadata;
use authgent_core::resource::ResourceUri;
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use authgent_server::config::Config;
use authgent_server::crypto::pem::{SigningAlgorithm, generate_pem};
use authgent_server::crypto::random::SystemRandom;
use authgent_server::domain::{Client, ClientOrigin, Resource, ResourceSource};
use authgent_server::net::SystemResolver;
use authgent_server::service::keys::{self, Urgency};
use authgent_server::startup::{Application, Dependencies, StartupError};
use authgent_server::store::{Store, StoreError};
use authgent_tests::postgres;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// Two of `AUTHGENT_ENCRYPTION_KEY`.
const SECRETS: [&str; 2] =
    ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="];

/// What a replica is started with.
#[derive(Clone)]
struct Replica {
    dsn: String,
    issuer: String,
    signing_key: String,
    encryption_key: &'static str,
    resources: Value,
}

impl Replica {
    fn new(dsn: &str, resources: Value) -> Self {
        let signing_key = generate_pem(SigningAlgorithm::Es256);
        let issuer = "http://localhost:8080".to_owned();
        Self { dsn: dsn.to_owned(), issuer, signing_key, encryption_key: SECRETS[0], resources }
    }

    async fn start(&self) -> Result<Application, StartupError> {
        let variables = [
            ("AUTHGENT_ISSUER", self.issuer.as_str()),
            ("AUTHGENT_HOST", "localhost"),
            ("AUTHGENT_PORT", "0"),
            ("AUTHGENT_DB_DSN", &self.dsn),
            ("AUTHGENT_SIGNING_KEY_DATA", &self.signing_key),
            ("AUTHGENT_ENCRYPTION_KEY", self.encryption_key),
            ("AUTHGENT_RESOURCES", &self.resources.to_string()),
        ];
        let config = Config::load(None, variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let dependencies = Dependencies {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            resolver: Arc::new(SystemResolver),
        };
        Application::build(config.unwrap().config, dependencies).await
    }

    /// So many replicas with these settings start at once. Gives the key that signs, and the resources, of each.
    async fn start_at_once(&self, count: usize) -> Vec<(String, Vec<Resource>)> {
        let starts = (0..count).map(|_| {
            let replica = self.clone();
            tokio::spawn(async move { replica.start().await })
        });
        let mut begun = Vec::new();
        for start in join_all(starts).await {
            begun.push(start.unwrap().unwrap_or_else(|error| panic!("{}: {error}", self.dsn)));
        }
        let mut found = Vec::new();
        for application in begun {
            let services = application.services();
            let mut resources = services.store.resources().await.unwrap();
            resources.retain(|resource| resource.source == ResourceSource::Configuration);
            resources.sort_by(|a, b| a.uri.as_str().cmp(b.uri.as_str()));
            found.push((services.keyring().active().kid().to_owned(), resources));
            services.store.close().await;
        }
        found
    }
}

/// Resources of which each round has others, with aliases that move from one to the other.
fn resources(round: usize) -> Value {
    let scope = json!([{"name": "use", "description": format!("Use it in round {round}"), "default": true}]);
    let uri = |n: usize| format!("https://server-{n}.example.com/mcp");
    let each = (round..round + 4).map(|n| {
        let aliases = json!([
            format!("https://server-{n}.example.com"),
            format!("https://alias-{}.example.com", (n + round) % 4)
        ]);
        json!({"uri": uri(n), "name": format!("Server {n}, round {round}"), "aliases": aliases, "scope": scope})
    });
    each.collect()
}

/// What an operator and applications do meanwhile, which also ends the generation: some lock its row first, and some last. Gives how often.
async fn meanwhile(store: Store, stop: Arc<AtomicBool>) -> Result<u32, StoreError> {
    let mut resource = store.resources().await?.swap_remove(0);
    resource.uri = ResourceUri::parse("https://by-hand.example.com/mcp").unwrap();
    (resource.aliases, resource.source) = (Vec::new(), ResourceSource::Operator);
    let metadata = json!({"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"});
    let metadata = ClientMetadata::parse(metadata.as_object().unwrap()).unwrap();
    let client = Client::new("application".into(), metadata, ClientOrigin::Operator, SystemClock.now());
    let mut times = 0;
    while !stop.load(Ordering::Relaxed) {
        let tx = store.begin().await?;
        tx.put_resource(&resource).await?;
        tx.commit().await?;
        let tx = store.begin().await?;
        tx.insert_client(&client).await?;
        tx.commit().await?;
        let tx = store.begin().await?;
        tx.set_client_enabled(&client.id, false).await?;
        tx.commit().await?;
        let tx = store.begin().await?;
        tx.delete_client(&client.id).await?;
        tx.commit().await?;
        let tx = store.begin().await?;
        tx.delete_resource(&resource.uri).await?;
        tx.commit().await?;
        times += 1;
    }
    store.close().await;
    Ok(times)
}

/// All start on an empty database, and then with other settings on that, several times, while others change something else.
async fn all_start(dsn: &str, replicas: usize, rounds: usize, others: bool) {
    let mut last = String::new();
    for round in 0..rounds {
        let replica = Replica::new(dsn, resources(round));
        let stop = Arc::new(AtomicBool::new(false));
        let busy = if others && round > 0 {
            let store = Store::connect(&dsn.into()).await.unwrap();
            Some(tokio::spawn(meanwhile(store, Arc::clone(&stop))))
        } else {
            None
        };
        let found = replica.start_at_once(replicas).await;
        stop.store(true, Ordering::Relaxed);
        if let Some(busy) = busy {
            let times = busy.await.unwrap().unwrap_or_else(|error| panic!("{dsn}: {error}"));
            assert!(times > 0);
        }
        let (kid, known) = &found[0];
        assert!(found.iter().all(|other| *other == found[0]), "all know the same: {found:?}");
        let mut wanted: Vec<&str> =
            replica.resources.as_array().unwrap().iter().map(|it| it["uri"].as_str().unwrap()).collect();
        wanted.sort_unstable();
        assert_eq!(known.iter().map(|resource| resource.uri.as_str()).collect::<Vec<_>>(), wanted);
        assert!(
            known
                .iter()
                .all(|resource| resource.aliases.len() == 2 && resource.name.ends_with(&format!("round {round}")))
        );
        assert_ne!(*kid, last, "the key of the file signs, since the last one stood in a file as well");
        last.clone_from(kid);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_on_sqlite_all_start() {
    let directory = TempDir::new().unwrap();
    for number in 0..2 {
        all_start(&format!("sqlite://{}/{number}.db", directory.path().display()), 3, 4, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_on_postgresql_all_start() {
    let Some(server) = postgres::shared() else { return };
    for _ in 0..2 {
        let database = server.database().unwrap();
        all_start(database.dsn(), 6, 5, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_on_a_strict_database_all_start() {
    let Some(server) = postgres::shared() else { return };
    // Twenty are more than get on within the attempts of a request.
    for (replicas, rounds) in [(6, 5), (20, 3)] {
        // What others change would have to be done again as well, which the server does and this test does not.
        let database = server.strict_database().unwrap();
        all_start(database.dsn(), replicas, rounds, false).await;
    }
}

async fn lines(database: &DatabaseConnection, statement: &str) -> Vec<String> {
    let rows =
        database.query_all_raw(Statement::from_string(database.get_database_backend(), statement)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Every row of every table, and what tables and indexes there are.
async fn content(database: &DatabaseConnection) -> Vec<String> {
    let postgres = database.get_database_backend() == DbBackend::Postgres;
    let [tables, schema] = if postgres {
        [
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
        ]
    } else {
        [
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1",
            "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY 1",
        ]
    };
    let mut content = lines(database, schema).await;
    for table in lines(database, tables).await {
        let row = if postgres {
            "t::text".to_owned()
        } else {
            let columns =
                lines(database, &format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')")).await;
            columns.join(" || ',' || ")
        };
        content.extend(lines(database, &format!("SELECT '{table} ' || {row} FROM {table} AS t ORDER BY 1")).await);
    }
    content
}

/// Without one of the migrations, which a start then has to do.
async fn undo_a_migration(database: &DatabaseConnection) {
    for statement in [
        "DROP INDEX grants_user_id_client_id",
        "DROP INDEX clients_origin_created_at",
        "CREATE INDEX grants_user_id ON grants (user_id)",
        "DELETE FROM authgent_migrations WHERE version = '0006_many'",
    ] {
        database.execute_unprepared(statement).await.unwrap();
    }
}

/// On SQLite, and on PostgreSQL where it is installed.
async fn on_each_database(test: impl AsyncFn(&str)) {
    let directory = TempDir::new().unwrap();
    test(&format!("sqlite://{}/authgent.db", directory.path().display())).await;
    let Some(server) = postgres::shared() else { return };
    let database = server.database().unwrap();
    test(database.dsn()).await;
}

async fn refuses_another_encryption_key(dsn: &str) {
    let replica = Replica::new(dsn, resources(0));
    let services = replica.start().await.unwrap().services();
    let now = SystemClock.now();
    let (store, vault, policy) = (&services.store, &services.vault, &services.key_policy);
    let (sealed, _) = keys::rotate(store, vault, &*services.random, policy, now, Urgency::Usual).await.unwrap();
    store.close().await;

    // Other resources, and another key in the file, are what else such a start would write.
    let wrong = Replica { encryption_key: SECRETS[1], ..Replica::new(dsn, resources(7)) };
    let right = Replica { encryption_key: SECRETS[0], ..wrong.clone() };
    let database = Database::connect(dsn).await.unwrap();
    for with_migration in [false, true] {
        if with_migration {
            undo_a_migration(&database).await;
        }
        let before = content(&database).await;
        assert!(before.iter().any(|line| line.starts_with("signing_keys ") && line.contains(&sealed.kid)));
        assert_eq!(before.iter().filter(|line| line.starts_with("resources ")).count(), 4);
        let refused = wrong.start().await.err().map(|error| error.to_string());
        let after = content(&database).await;
        let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
        assert!(after == before, "{refused:?} but it wrote {new:#?}");
        let expected = format!(
            "the signing key {} in the database was sealed with another key than AUTHGENT_ENCRYPTION_KEY or the signing key \
             give: set the one that it was sealed with; `authgent key reseal` changes it",
            sealed.kid
        );
        assert_eq!(refused, Some(expected));
    }
    let services = right.start().await.unwrap().services();
    assert!(services.store.resources().await.unwrap().iter().all(|resource| resource.name.ends_with("round 7")));
    assert_eq!(services.store.pending_migrations().await.unwrap(), Vec::<String>::new());
    services.store.close().await;
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_start_with_another_encryption_key_changes_nothing() {
    on_each_database(refuses_another_encryption_key).await;
}

async fn refuses_another_issuer(dsn: &str) {
    let of = |issuer: &str, round| Replica { issuer: issuer.to_owned(), ..Replica::new(dsn, resources(round)) };
    let close = async |application: Application| application.services().store.close().await;
    let ours = of("https://auth.example.com", 0);
    close(ours.start().await.unwrap()).await;
    let database = Database::connect(dsn).await.unwrap();
    for with_migration in [false, true] {
        if with_migration {
            undo_a_migration(&database).await;
        }
        let before = content(&database).await;
        assert_eq!(before.iter().filter(|line| line.starts_with("resources ")).count(), 4);
        // Another deployment has other keys, too, and is told first what explains both.
        let staging = Replica { encryption_key: SECRETS[1], ..of("https://staging.example.com", 7) };
        for wrong in [staging, of("http://localhost:8080", 7), of("https://auth.example.com/tenant", 7)] {
            let refused = wrong.start().await.err().map(|error| error.to_string());
            let after = content(&database).await;
            let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
            assert!(after == before, "{refused:?} but it wrote {new:#?}");
            let expected = format!(
                "the database belongs to the issuer https://auth.example.com, but AUTHGENT_ISSUER is {0}: set \
                 AUTHGENT_ISSUER=https://auth.example.com, or let AUTHGENT_DB_DSN name another database; to move this one to {0} for \
                 good, stop its servers and run `authgent migrate --former-issuer https://auth.example.com`",
                wrong.issuer
            );
            assert_eq!(refused, Some(expected));
        }
    }
    close(ours.start().await.unwrap()).await;
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_start_with_another_issuer_changes_nothing() {
    on_each_database(refuses_another_issuer).await;
}

/// As the release before it left the database: of the first start nobody asks more than that it names its issuer.
async fn takes_the_first_issuer(dsn: &str) {
    let replica = Replica { issuer: "https://auth.example.com".to_owned(), ..Replica::new(dsn, resources(0)) };
    replica.start().await.unwrap().services().store.close().await;
    let database = Database::connect(dsn).await.unwrap();
    for statement in ["DROP TABLE deployment", "DELETE FROM authgent_migrations WHERE version = '0007_deployment'"] {
        database.execute_unprepared(statement).await.unwrap();
    }
    let noted = "SELECT issuer FROM deployment";
    let replica = Replica { issuer: "https://login.example.com".to_owned(), ..replica };
    replica.start().await.unwrap().services().store.close().await;
    assert_eq!(lines(&database, noted).await, ["https://login.example.com"]);

    // Two deployments that take a new database for theirs at once: one of them starts, with its resources.
    for statement in ["DELETE FROM deployment", "DELETE FROM resource_names", "DELETE FROM resources"] {
        database.execute_unprepared(statement).await.unwrap();
    }
    let both = ["https://one.example.com", "https://two.example.com"];
    let starts = both.iter().enumerate().map(|(number, issuer)| {
        let replica = Replica { issuer: (*issuer).to_owned(), resources: resources(10 * number), ..replica.clone() };
        tokio::spawn(async move { replica.start().await })
    });
    let outcomes = join_all(starts).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let noted = lines(&database, noted).await.remove(0);
    let known = lines(&database, "SELECT name FROM resources").await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.is_ok(), noted == both[number], "{noted}");
        let round = format!("round {}", 10 * number);
        assert_eq!(known.iter().any(|name| name.ends_with(&round)), outcome.is_ok(), "{known:?}");
        if let Ok(application) = outcome {
            application.services().store.close().await;
        }
    }
    database.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_start_says_whose_database_it_is() {
    on_each_database(takes_the_first_issuer).await;
}

/// A database that answers as another version or another product would: what stands in the schema `public` is found before PostgreSQL's own.
async fn claims_to_be(version: &str, number: u32) -> Option<Result<Application, StartupError>> {
    let server = postgres::shared()?;
    let database = server.database().unwrap();
    let fake = format!(
        "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS $$ SELECT '{version}'::text $$;
         CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT CASE $1 WHEN 'server_version_num' \
         THEN '{number}' ELSE pg_catalog.current_setting($1) END $$"
    );
    server.psql(&database, &fake).unwrap();
    let dsn = format!("{}&options[search_path]=public,pg_catalog", database.dsn());
    let outcome = Replica::new(&dsn, resources(0)).start().await;
    let there = server.psql(&database, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'");
    assert_eq!(outcome.is_ok(), there.unwrap().trim() != "0", "nothing is written where it does not start");
    if let Ok(application) = &outcome {
        application.services().store.close().await;
    }
    Some(outcome)
}

#[tokio::test]
async fn a_postgresql_that_is_too_old_is_refused_and_what_only_speaks_its_protocol_is_not() {
    let Some(old) = claims_to_be("PostgreSQL 14.13 (Debian 14.13-1.pgdg120+1) on x86_64-pc-linux-gnu", 140_013).await
    else {
        return;
    };
    let expected = "the database is PostgreSQL 14.13, but Authgent needs PostgreSQL 15 or newer: upgrade it, or change AUTHGENT_DB_DSN";
    assert_eq!(old.err().unwrap().to_string(), expected);
    for name in
        ["CockroachDB CCL v23.2.5 (x86_64-pc-linux-gnu)", "PostgreSQL 11.2-YB-2.20.0.0-b0 on x86_64-pc-linux-gnu"]
    {
        claims_to_be(name, 130_000).await.unwrap().unwrap();
    }
}
