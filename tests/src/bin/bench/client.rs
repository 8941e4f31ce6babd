//! HTTP/1.1 with little around it. The load shares the cores with what it measures, so whatever the client spends is missing
//! there; the same client drives Authgent, the ceilings and the peers.

use anyhow::{Context as _, Result, bail, ensure};
use httparse::{Response, Status};
use std::borrow::Cow;
use std::net::{SocketAddr, ToSocketAddrs as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    authority: String,
    target: String,
}

impl Endpoint {
    /// Of a URL with the scheme `http`.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let url = Url::parse(url)?;
        let authority = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let host = url.host_str().context("a host")?;
        let mut addresses = (host, url.port_or_known_default().unwrap_or(80)).to_socket_addrs()?;
        let address = addresses.find(SocketAddr::is_ipv4).with_context(|| format!("{host} has no address"))?;
        Ok(Self { address, authority, target: url[url::Position::BeforePath..].to_owned() })
    }

    /// A GET request, with further header lines, each with its end.
    pub(crate) fn get(&self, headers: &str) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.target, self.authority).into_bytes()
    }

    /// A POST request with a form.
    pub(crate) fn form(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            self.target,
            self.authority,
            form.len()
        );
        request.push_str(&form);
        request.into_bytes()
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What is known when the head of an answer is there.
struct Head {
    status: u16,
    length: usize,
    body: Body,
}

enum Body {
    Sized(usize),
    Chunked,
}

impl Connection {
    /// Opens one.
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self> {
        let stream = TcpStream::connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole answer: its status and body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, Cow<'_, [u8]>)> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut head = None;
        let end = loop {
            ensure!(self.stream.read_buf(&mut self.received).await? > 0, "the server closed the connection");
            if head.is_none() {
                head = parse(&self.received)?;
            }
            match &head {
                Some(Head { length, body: Body::Sized(size), .. }) if self.received.len() >= length + size => {
                    break length + size;
                }
                Some(Head { body: Body::Chunked, .. }) if self.received.ends_with(b"0\r\n\r\n") => {
                    break self.received.len();
                }
                _ => {}
            }
        };
        let head = head.context("a head")?;
        let body = &self.received[head.length..end];
        match head.body {
            Body::Sized(_) => Ok((head.status, Cow::Borrowed(body))),
            Body::Chunked => Ok((head.status, Cow::Owned(joined(body)?))),
        }
    }
}

fn parse(received: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = Response::new(&mut headers);
    let Status::Complete(length) = response.parse(received)? else { return Ok(None) };
    let header = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| String::from_utf8_lossy(header.value))
    };
    let body = match (header("content-length"), header("transfer-encoding")) {
        (Some(size), _) => Body::Sized(size.parse()?),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Body::Chunked,
        (None, _) => bail!("an answer without a length"),
    };
    Ok(Some(Head { status: response.code.context("a status")?, length, body }))
}

/// The chunks of a body, without what divides them.
fn joined(mut chunks: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(chunks.len());
    loop {
        match httparse::parse_chunk_size(chunks) {
            Ok(Status::Complete((_, 0))) => return Ok(body),
            Ok(Status::Complete((start, size))) => {
                let end = start + usize::try_from(size)?;
                body.extend_from_slice(chunks.get(start..end).context("a chunk that is cut off")?);
                chunks = chunks.get(end + 2..).context("a chunk without an end")?;
            }
            Ok(Status::Partial) | Err(_) => bail!("a chunk without a size"),
        }
    }
}
