//! The database's address.

use super::StoreError;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
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
        "sqlite" => sqlite(dsn),
        "postgres" | "postgresql" => postgres(dsn),
        _ if !dsn.contains(':') => Err(bad("has no scheme")),
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
            "cannot be read, perhaps because of a special character in the password (write @ as %40, / as %2F, # as %23, : as %3A, % as %25)",
        ));
    };
    if url.fragment().is_some() {
        return Err(bad("has a # in it, which is written %23 in a password"));
    }
    if url.path().trim_matches('/').is_empty() {
        return Err(bad("names no database behind the host"));
    }
    let options = dsn.parse().map_err(|_| {
        bad("has a parameter with a value that PostgreSQL does not know (sslmode is one of disable, allow, prefer, require, verify-ca, verify-full)")
    })?;
    Ok(Target::Postgres(Box::new(options)))
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
    }

    #[test]
    fn what_is_wrong_is_one_sentence_without_the_password() {
        for (dsn, expected) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("/var/lib/hunter2.db", "has no scheme"),
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
        ] {
            let message = parse(dsn).unwrap_err().to_string();
            assert!(message.contains(expected), "{dsn}: {message}");
            assert!(!message.contains("hunter2") && !message.contains('\n'), "{message}");
            assert!(message.starts_with("AUTHGENT_DB_DSN "), "{message}");
        }
    }
}
