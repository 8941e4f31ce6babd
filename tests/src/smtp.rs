//! A mail server that keeps what it gets.

use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Headers and body, without the encoding quoted-printable.
    pub text: String,
}

impl Received {
    /// The first address in it that begins so.
    #[must_use]
    pub fn link(&self, prefix: &str) -> Option<String> {
        let start = self.text.find(prefix)?;
        Some(self.text[start..].chars().take_while(|c| !c.is_whitespace() && !"\"<>".contains(*c)).collect())
    }
}

/// A mail server on a port of its own, without TLS.
pub struct MailServer {
    address: SocketAddr,
    received: Arc<Mutex<UnboundedReceiver<Received>>>,
}

impl MailServer {
    /// Starts it.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, receiver) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, sender.clone()));
            }
        });
        Ok(Self { address, received: Arc::new(Mutex::new(receiver)) })
    }

    /// For `AUTHGENT_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// The next mail.
    ///
    /// # Errors
    /// Where none comes within ten seconds.
    pub async fn next(&self) -> Result<Received> {
        let mut received = self.received.lock().await;
        let mail = tokio::time::timeout(Duration::from_secs(10), received.recv()).await;
        mail.context("no mail came")?.context("the mail server is gone")
    }

    /// Whether nothing more comes for a while.
    pub async fn is_quiet(&self) -> bool {
        let mut received = self.received.lock().await;
        tokio::time::timeout(Duration::from_millis(700), received.recv()).await.is_err()
    }
}

/// RFC 5321, as far as a client that sends one mail needs it.
async fn converse(stream: TcpStream, sender: UnboundedSender<Received>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.example.com\r\n").await?;
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let command = line.to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            "250-mail.example.com\r\n250 SMTPUTF8"
        } else if command.starts_with("RCPT TO:") {
            to.push(line[8..].split('>').next().unwrap_or_default().trim_start_matches(['<', ' ']).to_owned());
            "250 ok"
        } else if command == "DATA" {
            write.write_all(b"354 go on\r\n").await?;
            let mut text = String::new();
            while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push('\n');
            }
            sender.send(Received { to: std::mem::take(&mut to), text: unquoted(&text) }).ok();
            "250 taken"
        } else if command == "QUIT" {
            write.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else {
            "250 ok"
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// Quoted-printable undone (RFC 2045, section 6.7).
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.filter(|_| *first == b'=').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
