//! A web server of strangers: whatever a client metadata document or a set of keys may do to the server that fetches it.

use crate::certificates::Authority;
use anyhow::{Context as _, Result};
use authgent_server::net::{FetcherSettings, Resolve};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use openssl::ssl::{Ssl, SslAcceptor};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_openssl::SslStream;

/// What a URL answers.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// 200 with JSON, and further headers; one of these named `Content-Type` replaces `application/json`.
    Json {
        /// The document.
        body: Value,
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    /// These bytes, head and all, and the end of the connection.
    Raw(Vec<u8>),
    /// 200 with a page, as a web application answers at any path.
    Html,
    /// 200 with JSON of so many bytes, whose length is announced.
    Large(usize),
    /// 200 with JSON of so many bytes in chunks, so that nobody knows when it ends.
    LargeInChunks(usize),
    /// 200 with some kilobytes of gzip that become 16 MB of JSON.
    GzipBomb,
    /// 200, and then JSON by one byte a second, for a minute.
    Drip,
    /// A request is read, and nothing is ever answered.
    Silence,
    /// 302 to a URL.
    Redirect(String),
    /// A status, with a JSON object as body.
    Status(u16),
    /// One after the other, a request each; the last one stays.
    Sequence(Vec<Behaviour>),
}

impl Behaviour {
    /// 200 with JSON.
    #[must_use]
    pub const fn json(body: Value) -> Self {
        Self::Json { body, headers: Vec::new() }
    }

    /// Adds a header to JSON, such as `Cache-Control`; changes nothing else.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Json { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

#[derive(Default)]
struct Document {
    behaviour: Option<Behaviour>,
    /// Requests since the behaviour was set.
    position: usize,
    requests: usize,
    last_request: Option<String>,
}

#[derive(Default)]
struct Name {
    answers: Vec<Vec<SocketAddr>>,
    lookups: usize,
}

#[derive(Default)]
struct State {
    documents: Mutex<HashMap<String, Document>>,
    names: Mutex<HashMap<String, Name>>,
    connections: AtomicUsize,
}

/// An HTTPS server at a port of its own, which answers for any number of names. It stops when it is dropped.
///
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use authgent_tests::documents::{Behaviour, DocumentServer};
///
/// let web = DocumentServer::start(&["claude.ai"]).await?;
/// web.serve("https://claude.ai/oauth/client", Behaviour::json(serde_json::json!({"client_name": "Claude"})));
/// let fetcher = authgent_server::net::Fetcher::new(web.settings(), web.resolver())?;
/// fetcher.get_json(&"https://claude.ai/oauth/client".parse()?, 5120, authgent_server::net::FetchFor::Stranger).await?;
/// assert_eq!(web.requests("https://claude.ai/oauth/client"), 1);
/// # Ok(())
/// # }
/// ```
pub struct DocumentServer {
    address: SocketAddr,
    hosts: Vec<String>,
    ca_pem: Vec<u8>,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl DocumentServer {
    /// Starts a server with a certificate for `hosts`, from an authority of its own ([`Self::ca_pem`]).
    ///
    /// # Errors
    /// Where no port is free or no certificate can be made.
    pub async fn start(hosts: &[&str]) -> Result<Self> {
        let authority = Authority::new().context("certificates")?;
        let (acceptor, ca_pem) = (authority.certify(hosts)?.acceptor()?, authority.pem()?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let task = tokio::spawn(accept(listener, acceptor, Arc::clone(&state)));
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let server = Self { address, hosts, ca_pem, state, task };
        for host in &server.hosts {
            server.alias(host, vec![address]);
        }
        Ok(server)
    }

    /// Sets what a URL answers from now on: `https://claude.ai/oauth/client`, or the same without the scheme. Everything
    /// else answers 404.
    pub fn serve(&self, url: &str, behaviour: Behaviour) {
        let mut documents = lock(&self.state.documents);
        let document = documents.entry(key(url)).or_default();
        document.behaviour = Some(behaviour);
        document.position = 0;
    }

    /// How many requests a URL has had, whatever it answered.
    #[must_use]
    pub fn requests(&self, url: &str) -> usize {
        lock(&self.state.documents).get(&key(url)).map_or(0, |document| document.requests)
    }

    /// The head of the last request of a URL: request line and headers, as they were sent.
    #[must_use]
    pub fn last_request(&self, url: &str) -> Option<String> {
        lock(&self.state.documents).get(&key(url))?.last_request.clone()
    }

    /// How many connections were accepted, also those that broke off before a request.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &[u8] {
        &self.ca_pem
    }

    /// Settings with which a fetcher reaches its hosts.
    #[must_use]
    pub fn settings(&self) -> FetcherSettings {
        FetcherSettings { private_hosts: self.hosts.clone(), private_ca: Some(self.ca_pem.clone()) }
    }

    /// Lets a name lead to other addresses, or adds one. A port of 0 becomes that of the URL.
    pub fn alias(&self, host: &str, addresses: Vec<SocketAddr>) {
        self.alias_sequence(host, vec![addresses]);
    }

    /// A name that leads elsewhere at each look-up; the last answer stays.
    pub fn alias_sequence(&self, host: &str, answers: Vec<Vec<SocketAddr>>) {
        lock(&self.state.names).entry(host.to_owned()).or_default().answers = answers;
    }

    /// How often a name was looked up.
    #[must_use]
    pub fn lookups(&self, host: &str) -> usize {
        lock(&self.state.names).get(host).map_or(0, |name| name.lookups)
    }

    /// Leads its hosts to this server, the aliases where they point, and everything else nowhere.
    #[must_use]
    pub fn resolver(&self) -> Arc<dyn Resolve> {
        Arc::new(Names(Arc::clone(&self.state)))
    }
}

impl Drop for DocumentServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Names(Arc<State>);

impl Resolve for Names {
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let mut names = lock(&self.0.names);
        let answer = names.get_mut(host).and_then(|name| {
            let answer = name.answers.get(name.lookups.min(name.answers.len().saturating_sub(1))).cloned();
            name.lookups += 1;
            answer
        });
        ready(answer.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name in this test"))).boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}

/// Host and path, without a port: a request is found by them.
fn key(url: &str) -> String {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    format!("{host}{path}")
}

async fn accept(listener: TcpListener, acceptor: SslAcceptor, state: Arc<State>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            // A client that goes away in the middle is what many tests are about.
            let _gone = answer(stream, &acceptor, &state).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(stream: TcpStream, acceptor: &SslAcceptor, state: &State) -> Result<()> {
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    Pin::new(&mut stream).accept().await?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        match state.next_behaviour(String::from_utf8(head)?)? {
            Behaviour::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                break;
            }
            Behaviour::Drip => drip(&mut stream).await?,
            Behaviour::Silence => tokio::time::sleep(Duration::from_secs(60)).await,
            other => stream.write_all(&response(other)?).await?,
        }
    }
    stream.shutdown().await?;
    Ok(())
}

impl State {
    fn next_behaviour(&self, head: String) -> Result<Behaviour> {
        let target = head.split(' ').nth(1).context("no target")?;
        let host =
            head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("host")));
        let key = key(&format!("{}{target}", host.context("no Host")?.1));
        let mut documents = lock(&self.documents);
        let document = documents.entry(key).or_default();
        let behaviour = match &document.behaviour {
            Some(Behaviour::Sequence(list)) => list.get(document.position.min(list.len().saturating_sub(1))).cloned(),
            other => other.clone(),
        };
        document.position += 1;
        document.requests += 1;
        document.last_request = Some(head);
        Ok(behaviour.unwrap_or(Behaviour::Status(404)))
    }
}

async fn drip(stream: &mut SslStream<TcpStream>) -> Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n").await?;
    for byte in std::iter::once(b'{').chain(std::iter::repeat_n(b' ', 58)).chain([b'}']) {
        stream.write_all(&[byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// All bytes of an answer.
fn response(behaviour: Behaviour) -> Result<Vec<u8>> {
    let json = ("Content-Type", "application/json");
    Ok(match behaviour {
        Behaviour::Json { body, headers } => {
            let mut lines: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            if !lines.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                lines.push(json);
            }
            with_body(200, &lines, body.to_string().as_bytes())
        }
        Behaviour::Html => with_body(
            200,
            &[("Content-Type", "text/html; charset=utf-8")],
            b"<!doctype html><title>Welcome</title><p>Everything is here.",
        ),
        Behaviour::Large(length) => with_body(200, &[json], &large(length)),
        Behaviour::LargeInChunks(length) => {
            let mut bytes =
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in large(length).chunks(4096) {
                write!(bytes, "{:x}\r\n", chunk.len())?;
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
        Behaviour::GzipBomb => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&large(16 << 20))?;
            with_body(200, &[json, ("Content-Encoding", "gzip")], &encoder.finish()?)
        }
        Behaviour::Redirect(to) => with_body(302, &[json, ("Location", &to)], b"{}"),
        Behaviour::Status(status) => with_body(status, &[json], b"{}"),
        // The others are no answers by themselves.
        Behaviour::Raw(_) | Behaviour::Drip | Behaviour::Silence | Behaviour::Sequence(_) => with_body(500, &[], b""),
    })
}

fn large(length: usize) -> Vec<u8> {
    let padding = " ".repeat(length.saturating_sub(2));
    format!("{{{padding}}}").into_bytes()
}

fn with_body(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Test\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    bytes.push_str("\r\n");
    [bytes.as_bytes(), body].concat()
}
