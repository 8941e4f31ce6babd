//! What the machine can do at best: the same work without Authgent around it.

use crate::authgent::{RESOURCE, SCOPE};
use crate::child::Running;
use crate::client::Endpoint;
use crate::load::Work;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context as _, Result, ensure};
use authgent_server::crypto::keyring::Keyring;
use authgent_server::crypto::pem::{SigningAlgorithm, SigningKey, generate_pem};
use authgent_tests::postgres::{Database, Postgres, binaries};
use mcp_resource::actix::McpAuth;
use mcp_resource::testing::TestIssuer;
use mcp_resource::{Authenticator, Config};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Bare handlers, in a process of their own as Authgent is.
pub(crate) struct Ceilings {
    /// A token for the guarded one.
    pub(crate) token: String,
    /// Its process.
    pub(crate) process: Running,
    base: String,
}

/// What that process tells when it listens.
#[derive(Serialize, Deserialize)]
struct Told {
    base: String,
    token: String,
}

impl Ceilings {
    /// Starts them, also with these documents under `/fixed/` and their numbers.
    pub(crate) fn start(documents: &[String]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-ceilings").args(documents);
        let (process, line) = Running::start_and_listen(&mut command)?;
        let Told { base, token } = serde_json::from_str(&line)?;
        Ok(Self { token, process, base })
    }

    /// One of them.
    pub(crate) fn endpoint(&self, path: &str) -> Result<Endpoint> {
        Endpoint::parse(&format!("{}{path}", self.base))
    }
}

const JSON: &str = "application/json";

/// Serves them until standard input ends.
pub(crate) async fn serve(documents: Vec<String>) -> Result<()> {
    let issuer = TestIssuer::start().await?;
    let authenticator = Authenticator::new(Config::builder(issuer.url(), RESOURCE).required_scope(SCOPE).build()?)?;
    let shared = web::Data::from(Arc::new(keyring()?));
    let documents: Vec<web::Bytes> = documents.into_iter().map(web::Bytes::from).collect();
    let server = HttpServer::new(move || {
        let with = |app: App<_>, (number, document): (usize, &web::Bytes)| {
            let document = document.clone();
            let answer = move || std::future::ready(HttpResponse::Ok().content_type(JSON).body(document.clone()));
            app.route(&format!("/fixed/{number}"), web::get().to(answer))
        };
        let app = documents.iter().enumerate().fold(App::new(), with);
        app.app_data(shared.clone())
            .route("/sign", web::post().to(sign))
            .route("/open", web::get().to(fixed))
            .service(web::resource("/guarded").wrap(McpAuth::new(authenticator.clone())).route(web::get().to(fixed)))
    })
    .bind("127.0.0.1:0")?;
    let base = format!("http://{}", server.addrs()[0]);
    // Good for longer than any run.
    let mut claims = issuer.claims(RESOURCE, SCOPE);
    claims["exp"] = 4_000_000_000_i64.into();
    println!("{}", serde_json::to_string(&Told { base, token: issuer.sign(&claims)? })?);
    let server = tokio::spawn(server.run());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    server.abort();
    Ok(())
}

fn keyring() -> Result<Keyring> {
    let key = SigningKey::from_pem(generate_pem(SigningAlgorithm::Es256).as_bytes(), SigningAlgorithm::Es256)?;
    Ok(Keyring::new(Arc::new(key), Vec::new())?)
}

/// Signs one token at each call.
pub(crate) fn signer() -> Result<Work> {
    let (keyring, claims) = (keyring()?, claims());
    Ok(Work::Alone(Box::new(move || {
        std::hint::black_box(keyring.sign("at+jwt", &claims).is_ok());
    })))
}

/// Writes a page and waits for the disk, at each call.
pub(crate) fn durable_write(directory: &Path) -> Result<Work> {
    let mut file = File::create(directory.join("durable"))?;
    let page = [7_u8; 4096];
    Ok(Work::Alone(Box::new(move || {
        let written = file.rewind().and_then(|()| file.write_all(&page)).and_then(|()| file.sync_data());
        assert!(written.is_ok(), "the disk refuses: {written:?}");
    })))
}

/// `pgbench` with one indexed `UPDATE` of one row, in a database of its own on the same server.
pub(crate) fn pgbench(server: &Postgres, database: &Database, directory: &Path, clients: usize) -> Result<Work> {
    let pgbench = binaries()?.join("pgbench");
    ensure!(pgbench.is_file(), "there is no {}", pgbench.display());
    server.psql(database, "CREATE TABLE pages (id int PRIMARY KEY, value int NOT NULL)")?;
    server.psql(database, "INSERT INTO pages SELECT id, 0 FROM generate_series(1, 100000) AS id")?;
    let script = directory.join("update.sql");
    std::fs::write(&script, "\\set id random(1, 100000)\nUPDATE pages SET value = value + 1 WHERE id = :id;\n")?;
    let dsn = database.dsn().to_owned();
    Ok(Work::Program(Box::new(move |duration: Duration| {
        let output = Command::new(&pgbench)
            .args(["--no-vacuum", "--protocol=prepared", "--file"])
            .arg(&script)
            .args(["--client", &clients.to_string(), "--time", &duration.as_secs().max(1).to_string(), &dsn])
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.with_context(|| format!("no rate in what pgbench said: {said}"))
    })))
}

fn claims() -> Value {
    json!({"iss": "http://localhost:8080", "sub": "bench", "aud": RESOURCE, "exp": 1_900_000_000, "iat": 1_899_999_700,
           "jti": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "client_id": "bench", "scope": SCOPE})
}

/// The form is received, as it has to be, and not looked at.
async fn sign(keyring: web::Data<Keyring>, _form: web::Bytes) -> HttpResponse {
    match keyring.sign("at+jwt", &claims()) {
        Ok(token) => HttpResponse::Ok()
            .json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": SCOPE})),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

async fn fixed() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).body(r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig"}]}"#)
}
