//! How fast it is, beside the ceilings of the same machine in the same run. See docs/performance.md.
//!
//! ```text
//! cargo run --release -p authgent-tests --bin bench
//! cargo run --release -p authgent-tests --bin bench -- --seconds 10 --connections 16
//! ```

mod ceilings;
mod load;

use anyhow::{Context as _, Result};
use authgent_core::metadata::client::ClientMetadata;
use authgent_core::time::Clock as _;
use authgent_server::clock::SystemClock;
use authgent_server::crypto::hash::token_hash;
use authgent_server::domain::{Client, ClientOrigin};
use authgent_tests::browser::{Browser, query};
use authgent_tests::journey::call;
use authgent_tests::stack::{EMAIL, Ports, Stack};
use clap::Parser;
use load::{Load, Row};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const VERIFIER: &str = "a-verifier-of-the-benchmark-which-is-no-secret-at-all";

/// Measure Authgent and the ceilings beside it.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// How long each workload is measured.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load { connections: arguments.connections, duration: Duration::from_secs(arguments.seconds) };
    let directory = tempfile::tempdir()?;
    let stack = Stack::start(directory.path(), Ports { authgent: 0, mcp: 0 }).await?;
    println!(
        "{} connections, {} s per workload; server and load share the machine.\n",
        load.connections,
        load.duration.as_secs()
    );
    println!("{}", Row::HEADER);

    let ceilings = ceilings::Ceilings::start().await?;
    let sign = Row::alone("sign one JWT in a loop", load.alone(ceilings.signer()));
    let signing = load.run("bare actix handler that signs", |_| ceilings.get("/sign")).await?;
    let fixed = load.run("bare actix handler, fixed answer", |_| ceilings.get("/fixed")).await?;
    let commit = Row::alone("4 KiB written and fdatasync", load.alone(ceilings::durable_write(directory.path())?));

    let service = service_client(&stack).await?;
    let token_endpoint = format!("{}/oauth/token", stack.issuer);
    let client_credentials = load
        .run("client_credentials", |_| {
            let form = [("grant_type", "client_credentials"), ("client_id", &service.0), ("client_secret", &service.1)];
            ceilings.http.post(&token_endpoint).form(&form)
        })
        .await?;
    let jwks = load.run("JWKS", |_| ceilings.http.get(format!("{}/.well-known/jwks.json", stack.issuer))).await?;
    let metadata = load
        .run("metadata", |_| ceilings.http.get(format!("{}/.well-known/oauth-authorization-server", stack.issuer)))
        .await?;
    let mut chains = Vec::new();
    let client_id = public_client(&ceilings.http, &stack).await?;
    for _ in 0..load.connections {
        chains.push(tokens(&ceilings.http, &stack, &client_id).await?);
    }
    let access_token = chains[0]["access_token"].as_str().context("no access token")?.to_owned();
    let refresh = load.chains("refresh rotation", chains, |tokens| {
        let refresh_token = tokens["refresh_token"].as_str().unwrap_or_default();
        ceilings.http.post(&token_endpoint).form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", &client_id),
        ])
    });
    let refresh = refresh.await?;
    let open = load.run("actix handler without mcp-resource", |_| ceilings.get("/open")).await?;
    let guarded_token = ceilings.token()?;
    let guarded = load
        .run("the same behind mcp-resource, warm token", |_| ceilings.get("/guarded").bearer_auth(&guarded_token))
        .await?;
    let whoami = load
        .calls("mcp-demo whoami", || call(&ceilings.http, &stack.mcp, Some(&access_token), "whoami", json!({})))
        .await?;

    for row in
        [&sign, &signing, &fixed, &commit, &client_credentials, &jwks, &metadata, &refresh, &open, &guarded, &whoami]
    {
        println!("{row}");
    }
    println!("\nratios");
    for (name, part, whole) in [
        ("client_credentials / bare handler that signs", &client_credentials, &signing),
        ("refresh rotation / fdatasync", &refresh, &commit),
        ("JWKS / fixed answer", &jwks, &fixed),
        ("metadata / fixed answer", &metadata, &fixed),
        ("mcp-resource warm / the same without it", &guarded, &open),
    ] {
        println!("{name:<48} {:>6.1} %", 100.0 * part.rate / whole.rate);
    }
    if let Some(kilobytes) = resident() {
        println!(
            "{:<48} {:>6.1} MiB (server, MCP server and load generator together)",
            "resident memory",
            kilobytes / 1024.0
        );
    }
    Ok(())
}

/// A client that acts for itself, as the operator makes one.
async fn service_client(stack: &Stack) -> Result<(String, String)> {
    let metadata = json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"});
    let secret = "the secret of the benchmark";
    let metadata = ClientMetadata::parse(metadata.as_object().context("an object")?)?;
    let client = Client {
        secret_hash: Some(token_hash(secret)),
        ..Client::new("bench".to_owned(), metadata, ClientOrigin::Operator, SystemClock.now())
    };
    let tx = stack.store.begin().await?;
    tx.insert_client(&client).await?;
    tx.commit().await?;
    Ok((client.id, secret.to_owned()))
}

async fn public_client(http: &reqwest::Client, stack: &Stack) -> Result<String> {
    let metadata = json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"});
    let client: Value = http
        .post(format!("{}/oauth/register", stack.issuer))
        .json(&metadata)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(client["client_id"].as_str().context("no client_id")?.to_owned())
}

/// The tokens of a grant of their own.
async fn tokens(http: &reqwest::Client, stack: &Stack, client_id: &str) -> Result<Value> {
    let challenge = authgent_core::pkce::CodeVerifier::parse(VERIFIER)?.challenge().to_string();
    let mut url = Url::parse(&format!("{}/oauth/authorize", stack.issuer))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", REDIRECT_URI)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    let location = Browser::new()?.authorize(&url, EMAIL, &stack.password).await?;
    let code = query(&location, "code").context("no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", client_id),
        ("code_verifier", VERIFIER),
    ];
    let response = http.post(format!("{}/oauth/token", stack.issuer)).form(&form).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

/// Memory of this process in KiB, where the system tells.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}
