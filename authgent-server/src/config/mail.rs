//! How mail goes out.

use super::error::ConfigError;
use super::values::Values;
use crate::domain::Email;
use secrecy::SecretString;
use url::{Host, Url};

/// The server that takes mail, and whose mail it is.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// User name and password, where it asks for them.
    pub credentials: Option<(String, SecretString)>,
    /// Whom mails come from.
    pub from: Email,
    /// How the sender is called.
    pub from_name: Option<String>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314, section 3.3).
    Tls,
    /// TLS after STARTTLS (RFC 3207). Where the server does not offer it, no mail is sent.
    StartTls,
    /// None: for a server on the same machine.
    None,
}

const FORM: &str = "must be smtp://USER:PASSWORD@HOST:PORT or smtps://…, with %XX for special characters";

/// `None` where no server is set.
pub(super) fn mail(values: &Values) -> Result<Option<MailConfig>, ConfigError> {
    let Some(text) = values.text("smtp_url")? else { return Ok(None) };
    let (from_name, from) = sender(values)?;
    // The address itself is not shown: a password may stand in it.
    let wrong = |problem: &str| values.wrong("smtp_url", problem);
    let url = Url::parse(&text).map_err(|_| wrong(FORM))?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
        None => return Err(wrong(FORM)),
    };
    let options: Vec<_> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let plain = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["tls=none"] => true,
        _ => return Err(wrong("has another option than tls=none")),
    };
    let (security, port) = match (url.scheme(), plain) {
        ("smtps", false) => (MailSecurity::Tls, 465),
        ("smtp", false) => (MailSecurity::StartTls, 587),
        ("smtp", true) => (MailSecurity::None, 25),
        ("smtps", true) => return Err(wrong("says both smtps and tls=none")),
        _ => return Err(wrong(FORM)),
    };
    let decode = |text: &str| decode(text).ok_or_else(|| wrong(FORM));
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some((decode(user)?, decode(password.unwrap_or_default())?.into())),
    };
    if credentials.is_some() && security == MailSecurity::None && !is_loopback(&host) {
        return Err(wrong("has a password, and tls=none would send it in the clear to another machine"));
    }
    Ok(Some(MailConfig { host, port: url.port().unwrap_or(port), security, credentials, from, from_name }))
}

/// `you@example.com`, or `Name <you@example.com>`.
fn sender(values: &Values) -> Result<(Option<String>, Email), ConfigError> {
    let text = values.required("mail_from")?;
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').to_owned()), address),
        None => (None, &*text),
    };
    let name = name.filter(|name| !name.is_empty());
    match Email::parse(address) {
        Ok(email) if !name.as_deref().unwrap_or_default().contains(char::is_control) => Ok((name, email)),
        _ => Err(values.wrong(
            "mail_from",
            format!("must be an e-mail address, alone or as NAME <ADDRESS>, and {text:?} is none"),
        )),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Percent-encoding undone (RFC 3986, section 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError};
    use super::*;
    use secrecy::ExposeSecret as _;

    fn load(url: &str, from: &str) -> Result<Option<MailConfig>, ConfigError> {
        let variables = [
            ("AUTHGENT_ISSUER", "https://auth.example.com"),
            ("AUTHGENT_SIGNING_KEY", "key.pem"),
            ("AUTHGENT_DB_DSN", "sqlite://a.db"),
            ("AUTHGENT_SMTP_URL", url),
            ("AUTHGENT_MAIL_FROM", from),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::load(None, variables).map(|loaded| loaded.config.mail)
    }

    #[test]
    fn servers_with_every_protection() {
        let mail =
            load("smtps://ada:p%40ss%2Fw%C3%B6rd@mail.example.com", "Example <auth@example.com>").unwrap().unwrap();
        assert_eq!((&*mail.host, mail.port, mail.security), ("mail.example.com", 465, MailSecurity::Tls));
        let (user, password) = mail.credentials.as_ref().unwrap();
        assert_eq!((&**user, password.expose_secret()), ("ada", "p@ss/wörd"));
        assert_eq!((mail.from_name.as_deref(), mail.from.as_str()), (Some("Example"), "auth@example.com"));
        assert!(!format!("{mail:?}").contains("p@ss"));
        let mail = load("smtp://mail.example.com:2525", "auth@example.com").unwrap().unwrap();
        assert_eq!((mail.port, mail.security), (2525, MailSecurity::StartTls));
        assert!(mail.credentials.is_none() && mail.from_name.is_none());
        let mail = load("smtp://[::1]?tls=none", "auth@example.com").unwrap().unwrap();
        assert_eq!((&*mail.host, mail.port, mail.security), ("::1", 25, MailSecurity::None));
        assert!(load("", "").unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_shown() {
        for (url, from, expected) in [
            ("mail.example.com", "a@b", "AUTHGENT_SMTP_URL must be smtp://"),
            ("http://u:sesame@mail.example.com", "a@b", "AUTHGENT_SMTP_URL must be smtp://"),
            ("smtp://u:sesame%zz@mail.example.com", "a@b", "AUTHGENT_SMTP_URL must be smtp://"),
            ("smtp://u:sesame@mail.example.com?tls=none", "a@b", "in the clear"),
            ("smtp://mail.example.com?tls=maybe", "a@b", "another option than tls=none"),
            ("smtps://mail.example.com?tls=none", "a@b", "both smtps and tls=none"),
            ("smtp://mail.example.com", "", "AUTHGENT_MAIL_FROM is missing"),
            ("smtp://mail.example.com", "nobody", "AUTHGENT_MAIL_FROM must be an e-mail address"),
        ] {
            let error = load(url, from).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("sesame"), "{error}");
        }
    }
}
