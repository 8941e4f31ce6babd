//! The database's address.

use super::StoreError;
use sea_orm::sqlx::Error;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{DbErr, RuntimeErr};
use std::path::PathBuf;

/// What a DSN names.
#[derive(Debug)]
pub(super) enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A database that lasts as long as the process needs it.
    Temporary,
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
}

/// Reads a DSN. Errors never repeat it, because it may hold a password.
pub(super) fn parse(dsn: &str) -> Result<Target, StoreError> {
    let scheme = dsn.split(':').next().unwrap_or_default();
    match scheme {
        _ if dsn.trim().is_empty() => Err(bad("is empty")),
        _ if !dsn.contains(':') => Err(bad("has no scheme")),
        "sqlite" => sqlite(dsn),
        "postgres" | "postgresql" => postgres(dsn),
        // A DSN that lost its scheme begins with the user's name, perhaps the password: only a short word is repeated.
        _ if dsn.contains("://") && scheme.len() <= 16 && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Err(bad(format!("has the unknown scheme {scheme}")))
        }
        _ => Err(bad("has an unknown scheme")),
    }
}

fn sqlite(dsn: &str) -> Result<Target, StoreError> {
    if matches!(dsn, "sqlite::memory:" | "sqlite://:memory:") {
        return Ok(Target::Temporary);
    }
    if let Some((_, query)) = dsn.split_once('?')
        && !matches!(query, "" | "mode=rw" | "mode=rwc")
    {
        return Err(bad("has parameters behind its ?, which SQLite takes none of here"));
    }
    let options: SqliteConnectOptions = dsn.parse().map_err(|error| bad(format!("cannot be read ({error})")))?;
    let path = options.get_filename().to_path_buf();
    if path.as_os_str().is_empty() || path.ends_with("..") {
        return Err(bad("names no file"));
    }
    Ok(Target::Sqlite(path))
}

fn postgres(dsn: &str) -> Result<Target, StoreError> {
    let Ok(url) = url::Url::parse(dsn) else {
        return Err(bad(
            "cannot be read, perhaps because of a special character in the password (write @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25)",
        ));
    };
    if url.fragment().is_some() {
        return Err(bad("has a # in it, which is written %23 in a password"));
    }
    if url.path().trim_matches('/').is_empty() {
        return Err(bad("names no database behind the host"));
    }
    // What is left of a password with a slash in it: its first half would be sent to a host that the second half names.
    if url.path().contains('@') {
        return Err(bad("has a / before its @: write / as %2F in a password"));
    }
    if ![url.username(), url.password().unwrap_or_default()].into_iter().all(decodes) {
        return Err(bad("has a % in its user name or password that begins no character: write % as %25"));
    }
    check_parameters(&url)?;
    let options = dsn.parse().map_err(|_| {
        bad("has a parameter with a value that PostgreSQL does not know (sslmode is one of disable, allow, prefer, require, verify-ca, verify-full)")
    })?;
    Ok(Target::Postgres(Box::new(options)))
}

/// Whether what stands behind each % is a character, or cannot be meant as one.
fn decodes(text: &str) -> bool {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|digits| first == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            Some(digits) => {
                decoded.extend(u8::from_str_radix(digits, 16));
                rest = &behind[2..];
            }
            None => {
                decoded.push(first);
                rest = behind;
            }
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// Why there is no connection, in words: what PostgreSQL said, or what is wrong with its certificate.
pub(super) fn problem(dsn: &str, error: &DbErr) -> String {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return error.to_string() };
    match &**error {
        Error::Database(error) => {
            // By itself the error names a line of PostgreSQL's source.
            let hint = if error.code().as_deref() == Some("28P01") { password_hint(dsn) } else { "" };
            format!("{}{hint}", error.message())
        }
        Error::Tls(error) => tls_problem(dsn, &error.to_string()),
        error => error.to_string(),
    }
}

/// What may be wrong with a password that is refused: a % that was meant as it stands began an encoded character.
fn password_hint(dsn: &str) -> &'static str {
    let authority = dsn.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((person, _)) if person.contains('%') => {
            "; a % in AUTHGENT_DB_DSN begins an encoded character: write % as %25 where it stands for itself"
        }
        _ => "",
    }
}

fn tls_problem(dsn: &str, said: &str) -> String {
    if said.contains("does not support TLS") {
        return "it does not speak TLS, which sslmode asks for".to_owned();
    }
    // OpenSSL says what is wrong at the end, in parentheses, behind what means nothing to anybody else.
    let reason = said.rsplit_once('(').and_then(|(_, reason)| reason.strip_suffix(')'));
    let Some(reason) = reason.filter(|_| said.contains("certificate verify failed")) else {
        return format!("TLS: {said}");
    };
    let hint = match authorities(dsn) {
        _ if reason.contains("mismatch") => "; sslmode=verify-full wants the host of AUTHGENT_DB_DSN in it".to_owned(),
        None => "; sslrootcert names the file of its authority, where that is none of the system's".to_owned(),
        Some((_, 0 | 1)) => String::new(),
        // All that native-tls reads.
        Some((file, count)) => format!("; of the {count} certificates in {file} the first one counts, and no other"),
    };
    format!("its certificate is not accepted ({reason}){hint}")
}

/// Whether a parameter is `sslrootcert`, under any of its names.
fn names_authorities(parameter: &str) -> bool {
    matches!(parameter, "sslrootcert" | "ssl-root-cert" | "ssl-ca")
}

/// The file of `sslrootcert`, and how many certificates are in it.
fn authorities(dsn: &str) -> Option<(String, usize)> {
    let url = url::Url::parse(dsn).ok()?;
    let (_, file) = url.query_pairs().filter(|(name, _)| names_authorities(name)).last()?;
    let content = std::fs::read_to_string(&*file).unwrap_or_default();
    Some((file.into_owned(), content.matches("-----BEGIN CERTIFICATE-----").count()))
}

/// What PostgreSQL is told beside what concerns TLS. The driver writes whatever else it finds to the log, with its value, and goes on
/// without it: a misspelt password would be read there.
const PARAMETERS: [&str; 9] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "statement-cache-capacity",
    "user",
];

/// That all parameters are known, and the files of those about TLS are there. A misspelt name would otherwise be passed over, and the
/// connection be less safe than was meant.
fn check_parameters(url: &url::Url) -> Result<(), StoreError> {
    let (mut mode, mut verified_by, mut password) = (None, None, false);
    for (name, value) in url.query_pairs() {
        if names_authorities(&name) {
            verified_by = Some(name.clone());
        }
        if matches!(&*name, "sslmode" | "ssl-mode") && mode.replace(value.clone()).is_some() {
            return Err(bad("says sslmode twice"));
        }
        match &*name {
            "sslmode" | "ssl-mode" => {}
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey" | "ssl-key" => {
                let content = std::fs::read(&*value)
                    .map_err(|error| bad(format!("has a {name} whose file {value} cannot be read ({error})")))?;
                if !content.windows(11).any(|window| window == b"-----BEGIN ") {
                    return Err(bad(format!("has a {name} whose file {value} is no PEM file")));
                }
            }
            name if PARAMETERS.contains(&name) || name.starts_with("options[") && name.ends_with(']') => {
                password |= name == "password";
            }
            // What is left of a password with a question mark in it.
            _ if url.host().is_some() && url.username().is_empty() && url.query().unwrap_or_default().contains('@') => {
                return Err(bad("has a ? before its @: write ? as %3F in a password"));
            }
            _ if password => {
                return Err(bad("has an unknown parameter behind its password: write & as %26 in a password"));
            }
            name => {
                let name: String = name.chars().filter(char::is_ascii_graphic).take(20).collect();
                let known = PARAMETERS.join(", ");
                return Err(bad(format!(
                    "has the parameter {name}, which is not known: remove it (sslmode, sslrootcert, sslcert, sslkey, {known} are)"
                )));
            }
        }
    }
    // Others verify then, too. The driver does not, and whoever names an authority wants to be sure.
    if let Some(name) =
        verified_by.filter(|_| !mode.is_some_and(|mode| mode.to_ascii_lowercase().starts_with("verify-")))
    {
        return Err(bad(format!("has a {name}, which counts with sslmode=verify-full or sslmode=verify-ca only")));
    }
    Ok(())
}

fn bad(problem: impl Into<String>) -> StoreError {
    StoreError::BadDsn { problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_slashes_are_absolute_and_two_are_relative() {
        for (dsn, expected) in [
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("sqlite://a.db", "a.db"),
            ("sqlite:a.db", "a.db"),
            ("sqlite://dir/a%20b.db?mode=rwc", "dir/a b.db"),
        ] {
            match parse(dsn) {
                Ok(Target::Sqlite(path)) => assert_eq!(path, PathBuf::from(expected), "{dsn}"),
                other => panic!("{dsn}: {other:?}"),
            }
        }
        assert!(matches!(parse("sqlite::memory:"), Ok(Target::Temporary)));
    }

    #[test]
    fn passwords_with_special_characters_are_read() {
        let Ok(Target::Postgres(options)) = parse("postgresql://us%40er:p%40%25%23w@db.internal:6432/authgent") else {
            panic!("refused");
        };
        assert_eq!((options.get_host(), options.get_port()), ("db.internal", 6432));
        assert_eq!((options.get_username(), options.get_database()), ("us@er", Some("authgent")));
        // A second @ and a % that begins no hexadecimal digits can mean one thing only.
        let Ok(Target::Postgres(options)) = parse("postgres://us@er:p@ss%w@db.internal/authgent") else {
            panic!("refused");
        };
        assert_eq!((options.get_host(), options.get_username()), ("db.internal", "us@er"));
    }

    #[test]
    fn what_postgresql_is_told_comes_from_parameters_too() {
        let dsn = "postgres:///d?host=/run/postgresql&port=6432&dbname=e&user=me&password=p@ss&application_name=a&options[search_path]=s&options=-c%20x%3Dy";
        let Ok(Target::Postgres(options)) = parse(dsn) else { panic!("refused") };
        assert_eq!((options.get_port(), options.get_username(), options.get_database()), (6432, "me", Some("e")));
        assert_eq!(
            (options.get_application_name(), options.get_options()),
            (Some("a"), Some("-c search_path=s -c x=y"))
        );
        assert_eq!(options.get_socket().map(PathBuf::as_path), Some(std::path::Path::new("/run/postgresql")));
    }

    #[test]
    fn what_is_wrong_is_one_sentence_without_the_password() {
        for (dsn, expected) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("/var/lib/hunter2.db", "has no scheme"),
            ("sqlite", "has no scheme"),
            ("postgres", "has no scheme"),
            ("mysql://u:hunter2@h/d", "unknown scheme mysql"),
            ("hunter2:hunter2@h/d", "unknown scheme"),
            ("Sqlite:///a.db", "unknown scheme Sqlite"),
            ("sqlite://", "names no file"),
            ("sqlite:", "names no file"),
            ("sqlite:///a.db?_journal=WAL", "parameters"),
            ("postgres://u:hunter2#x@h/d", "%23"),
            ("postgres://u:hunter2/x@h/d", "special character"),
            ("postgres://u:hunter2@h:99999/d", "special character"),
            ("postgres://u:hunter2@h", "names no database"),
            ("postgres://u:hunter2@h/", "names no database"),
            ("postgres://u:hunter2@h/d?sslmode=sometimes", "sslmode is one of"),
            ("postgres://u:hunter2@h/d?ssl_mode=require", "the parameter ssl_mode, which is not known: remove it"),
            ("postgres://u:hunter2@h/d?SSLMODE=require", "the parameter SSLMODE, "),
            ("postgres://u@h/d?passwort=hunter2", "the parameter passwort, which"),
            ("postgres://u:x@h/d?target_session_attrs=read-write", "the parameter target_session_attrs,"),
            ("postgres://u:x@h/d?options[search_path=a", "the parameter options[search_path,"),
            ("postgres://u:1/d?hunter2=x@h/d", "has a ? before its @"),
            ("postgres://u:hunter2?x@h/d", "? as %3F"),
            ("postgres:///d?user=a@b&passwd=hunter2", "the parameter passwd,"),
            ("postgres:///d?user=me&password=abc&hunter2", "%26"),
            (
                "postgres://u:hunter2@h/d?sslrootcert=/no/such/ca.pem",
                "sslrootcert whose file /no/such/ca.pem cannot be read",
            ),
            ("postgres://u:hunter2@h/d?sslmode=verify-full&sslrootcert=Cargo.toml", "is no PEM file"),
            ("postgres://u:hun@ter2/hunter2@h/d", "%2F"),
            ("postgres://u:%ffhunter2@h/d", "%25"),
            ("postgres://u:hunter2%E4@h/d", "%25"),
        ] {
            let message = parse(dsn).unwrap_err().to_string();
            assert!(message.contains(expected), "{dsn}: {message}");
            assert!(!message.contains("hunter2") && !message.contains('\n'), "{message}");
            assert!(message.starts_with("AUTHGENT_DB_DSN "), "{message}");
        }
    }

    #[test]
    fn an_authority_is_named_where_it_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
        let dsn =
            |parameters: &str| format!("postgres://u:hunter2@h/d?{parameters}sslrootcert={}", file.path().display());
        for parameters in ["", "sslmode=require&", "sslmode=prefer&"] {
            let message = parse(&dsn(parameters)).unwrap_err().to_string();
            assert!(message.contains("which counts with sslmode=verify-full or sslmode=verify-ca only"), "{message}");
        }
        for parameters in ["sslmode=verify-full&", "sslmode=verify-ca&", "sslmode=Verify-Full&"] {
            assert!(parse(&dsn(parameters)).is_ok(), "{parameters}");
        }
        let message = parse("postgres://u:hunter2@h/d?sslmode=verify-full&sslmode=disable").unwrap_err().to_string();
        assert!(message.contains("says sslmode twice"), "{message}");
    }
}
