//! The loopback address that the browser comes back to: RFC 8252, section 7.3.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

const PATH: &str = "/callback";
/// How long a browser may take to say what it wants; it also opens connections that it never uses.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a request is read, in bytes.
const LONGEST_REQUEST: u64 = 16 * 1024;
const DONE: &str = "<!doctype html><meta charset=\"utf-8\"><title>authgent doctor</title>\
    <p>That was it. The doctor goes on in the terminal; this window can be closed.</p>";

/// A listener for one answer.
pub(in crate::doctor) struct Callback {
    redirect_uri: String,
    answers: mpsc::Receiver<Url>,
    task: tokio::task::JoinHandle<()>,
}

impl Callback {
    /// Listens at a port of 127.0.0.1; 0 takes a free one.
    pub(in crate::doctor) async fn listen(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let redirect_uri = format!("http://127.0.0.1:{}{PATH}", listener.local_addr()?.port());
        let base = Url::parse(&redirect_uri).map_err(io::Error::other)?;
        let (sender, answers) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, base) = (sender.clone(), base.clone());
                tokio::spawn(async move {
                    if let Ok(Ok(Some(answer))) = timeout(PATIENCE, serve(stream, &base)).await {
                        let _ = sender.try_send(answer);
                    }
                });
            }
        });
        Ok(Self { redirect_uri, answers, task })
    }

    pub(in crate::doctor) fn redirect_uri(&self) -> String {
        self.redirect_uri.clone()
    }

    /// The first answer that comes, within `patience`.
    pub(in crate::doctor) async fn wait(&mut self, patience: Duration) -> Option<Url> {
        timeout(patience, self.answers.recv()).await.ok().flatten()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request, and gives its URL where it is the answer: browsers ask for an icon as well.
async fn serve(stream: TcpStream, base: &Url) -> io::Result<Option<Url>> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut request = (&mut stream).take(LONGEST_REQUEST);
    request.read_line(&mut line).await?;
    // The headers are read to their end: a connection that is closed over unread bytes loses the answer as well.
    let mut header = String::new();
    while request.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let answer = base.join(target).ok().filter(|url| url.path() == PATH && url.query().is_some());
    let (status, body) = if answer.is_some() { ("200 OK", DONE) } else { ("404 Not Found", "") };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         referrer-policy: no-referrer\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    Ok(answer)
}
