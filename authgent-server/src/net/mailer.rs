//! Sends mails.

use crate::config::{MailConfig, MailSecurity};
use crate::mail::Mail;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;

/// How long a mail may take from the connection to the server's word.
const WHOLE: Duration = Duration::from_secs(20);
/// For each answer of the server.
const PATIENCE: Duration = Duration::from_secs(10);
/// Mails that are under way at a time. What comes on top is dropped: somebody asks for very many links.
const MOST_AT_ONCE: usize = 32;

/// Why a mail was not sent. Holds neither the mail nor a password.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address that cannot be written into a mail.
    #[error("the e-mail address {0} cannot be written to")]
    Address(String),
    /// The mail cannot be written.
    #[error("the mail cannot be written: {0}")]
    Message(String),
    /// The server did not take it.
    #[error("the mail server {server} (AUTHGENT_SMTP_URL) did not take the mail: {problem}")]
    Server {
        /// Its name and port.
        server: String,
        /// What happened.
        problem: String,
    },
}

/// The way to the mail server. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Its name and port, for errors.
    server: String,
    from: Mailbox,
    places: Arc<Semaphore>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mailer({})", self.from)
    }
}

impl Mailer {
    /// The way that the settings describe. Nothing is connected yet.
    ///
    /// # Errors
    /// [`MailError`] where the sender cannot be written or TLS not be had.
    pub fn new(config: &MailConfig) -> Result<Self, MailError> {
        let server = format!("{}:{}", config.host, config.port);
        let failed = |error| MailError::Server { server: server.clone(), problem: cause(&error) };
        let tls = || {
            TlsParameters::new_native(config.host.clone())
                .map_err(|error: lettre::transport::smtp::Error| failed(error))
        };
        let tls = match config.security {
            MailSecurity::Tls => Tls::Wrapper(tls()?),
            MailSecurity::StartTls => Tls::Required(tls()?),
            MailSecurity::None => Tls::None,
        };
        let from = Mailbox::new(config.from_name.clone(), address(config.from.as_str())?);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), server, from, places: Arc::new(Semaphore::new(MOST_AT_ONCE)) })
    }

    /// Sends a mail, and waits until the server has taken it.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address(mail.to.as_str())?))
            .subject(mail.subject)
            .message_id(Some(format!("<{}@{}>", Uuid::new_v4(), self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
            .map_err(|error| MailError::Message(error.to_string()))?;
        let failed = |problem| MailError::Server { server: self.server.clone(), problem };
        // The library waits at each step of the conversation; a person waits once.
        match timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(cause(&error))),
            Err(_) => Err(failed(format!("no answer within {} seconds", WHOLE.as_secs()))),
        }
    }

    /// Sends a mail while others go on. Whether it went stands in the log.
    pub fn send_later(&self, mail: Mail) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!("a mail was dropped: too many are under way");
            return;
        };
        let mailer = self.clone();
        tokio::spawn(async move {
            let _place = place;
            match mailer.send(mail).await {
                Ok(()) => tracing::info!("a mail was sent"),
                Err(error) => tracing::error!(error = %error, "a mail was not sent"),
            }
        });
    }
}

fn address(text: &str) -> Result<Address, MailError> {
    text.parse().map_err(|_| MailError::Address(text.to_owned()))
}

/// An error with what caused it.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        next = source.source();
    }
    text
}
