//! `authgent health`: HTTP by hand, so that a container image needs no other program for its health check.

use super::Context;
use super::answer::{Answer, Failure};
use clap::Args;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

const EXAMPLES: &str = "\
In a Dockerfile:
  HEALTHCHECK CMD [\"authgent\", \"health\"]";

/// Ask a running server whether it is ready.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Health {
    /// What to ask; by default /health/ready at the address and port, and below the path, of the settings.
    #[arg(value_name = "URL")]
    url: Option<Url>,
}

impl Health {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let url = match self.url {
            Some(url) => url,
            None => {
                let listener = context.loader.listener()?;
                Url::parse(&format!("http://{}:{}{}/health/ready", listener.host, listener.port, listener.path))?
            }
        };
        let status = match tokio::time::timeout(PATIENCE, get(&url)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(Failure::new(format!("{url} does not answer within {} seconds", PATIENCE.as_secs()))),
        };
        if status == 200 {
            Ok(Answer::new(json!({ "url": url.as_str(), "ready": true }), format!("{url} is ready")))
        } else {
            Err(Failure::new(format!("{url} is not ready: it answers with status {status}")))
        }
    }
}

/// The status of `GET url`.
async fn get(url: &Url) -> Result<u16, Failure> {
    let (Some(host), Some(port), "http") = (url.host_str(), url.port_or_known_default(), url.scheme()) else {
        return Err(Failure::new(format!("{url} is no http URL: for example http://127.0.0.1:8080/health/ready")));
    };
    let unreachable = |error: std::io::Error| Failure::new(format!("{url} cannot be reached: {error}"));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((address, port)).await.map_err(unreachable)?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let request = format!(
        "GET {}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: authgent-health\r\nConnection: close\r\n\r\n",
        url.path()
    );
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await.map_err(unreachable)?;
    status(&answer).ok_or_else(|| Failure::new(format!("{url} does not answer in HTTP")))
}

/// The status of an answer: the digits behind `HTTP/1.1`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next()?).into_owned();
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_answer() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 503 Service Unavailable\r\n"), Some(503));
        for other in [&b""[..], b"\r\n", b"SSH-2.0-OpenSSH", b"HTTP/1.1 abc", b"HTTP/1.1", b"\xff\xfe"] {
            assert_eq!(status(other), None);
        }
    }

    #[tokio::test]
    async fn an_answer_over_tcp() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/a/health/ready", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        assert_eq!(get(&url).await.unwrap(), 503);
        let request = server.await.unwrap();
        assert!(request.starts_with("GET /a/health/ready HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
        assert!(get(&url).await.unwrap_err().to_string().contains("cannot be reached"), "nobody listens any more");
        let https = get(&Url::parse("https://a/").unwrap()).await.unwrap_err().to_string();
        assert!(https.starts_with("https://a/ is no http URL"), "{https}");
    }
}
