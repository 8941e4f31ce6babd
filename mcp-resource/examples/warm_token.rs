//! What a token costs that was verified before, beside one that was not: `cargo run --release --example warm_token
//! --features test-util`.

use mcp_resource::testing::TestIssuer;
use mcp_resource::{Authenticator, Config};
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let resource = "https://mcp.example.com/mcp";
    let issuer = TestIssuer::start().await?;
    let token = issuer.token(resource, "mcp:read mcp:write")?;
    for (name, remembered, rounds) in [("warm", 10_000, 1_000_000_u32), ("cold", 0, 20_000)] {
        let config = Config::builder(issuer.url(), resource).token_cache_size(remembered).build()?;
        let authenticator = Authenticator::new(config)?;
        let header = format!("Bearer {token}");
        authenticator.authenticate(&[header.as_bytes()], "").await.map_err(|error| error.to_string())?;
        let start = Instant::now();
        for _ in 0..rounds {
            authenticator.authenticate(&[header.as_bytes()], "").await.map_err(|error| error.to_string())?;
        }
        println!(
            "{name}: {:.0} ns for a token of {} bytes",
            start.elapsed().as_nanos() as f64 / f64::from(rounds),
            token.len()
        );
    }
    Ok(())
}
