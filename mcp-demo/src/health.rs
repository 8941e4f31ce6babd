//! The question that a container asks: is the server alive?

use actix_web::HttpResponse;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Where the server says that it is alive; open to everybody.
pub const PATH: &str = "/health/live";

/// How long [`check`] waits. Container runtimes kill a check that takes longer than they allow, often three seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why [`check`] failed.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Nobody listens, or the connection broke.
    #[error("nothing answers at {host}:{port}: {source}")]
    Unreachable {
        /// Where it was asked.
        host: String,
        /// The port.
        port: u16,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("no answer from {host}:{port} within {} seconds", PATIENCE.as_secs())]
    Late {
        /// Where it was asked.
        host: String,
        /// The port.
        port: u16,
    },
    /// An answer other than 200.
    #[error("{host}:{port} answered {status:?}")]
    Unhealthy {
        /// Where it was asked.
        host: String,
        /// The port.
        port: u16,
        /// The status line.
        status: String,
    },
}

/// Answers that the process serves requests. It says nothing about the issuer: an MCP server that is started again
/// because another program is down helps nobody.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

/// Asks the server that listens at `host` and `port`, as it is configured there, whether it is alive.
///
/// # Errors
/// [`HealthError`].
pub async fn check(host: &str, port: u16) -> Result<(), HealthError> {
    // The addresses that mean "every interface" are none that one can connect to everywhere.
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        host => host,
    };
    let status = tokio::time::timeout(PATIENCE, status_line(host, port))
        .await
        .map_err(|_| HealthError::Late { host: host.into(), port })?
        .map_err(|source| HealthError::Unreachable { host: host.into(), port, source })?;
    if status.split(' ').nth(1) == Some("200") {
        Ok(())
    } else {
        Err(HealthError::Unhealthy { host: host.into(), port, status: status.trim_end().to_owned() })
    }
}

async fn status_line(host: &str, port: u16) -> std::io::Result<String> {
    let mut connection = TcpStream::connect((host, port)).await?;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).await?;
    Ok(line)
}
