//! The binary: what is wrong stops it with one sentence on standard error and exit status 1.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected has failed")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// `authgent serve` with a good configuration, changed by `variables`.
fn serve(directory: &Path, variables: &[(&str, &str)]) -> Output {
    let key = directory.join("key.pem");
    if !key.exists() {
        let made = authgent(directory).args(["key", "generate", "--out"]).arg(&key).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    authgent(directory)
        .arg("serve")
        .env("AUTHGENT_ISSUER", "http://localhost:1")
        .env("AUTHGENT_HOST", "localhost")
        .env("AUTHGENT_PORT", "0")
        .env("AUTHGENT_SIGNING_KEY", key)
        .env("AUTHGENT_DB_DSN", format!("sqlite://{}/authgent.db", directory.display()))
        .env("AUTHGENT_LOG_FORMAT", "human")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn authgent(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authgent"));
    command.env_clear().current_dir(directory);
    command
}

#[test]
fn each_mistake_stops_it_with_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let p384 = directory.path().join("p384.pem");
    let made =
        authgent(directory.path()).args(["key", "generate", "--alg", "ES384", "--out"]).arg(&p384).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::write(directory.path().join("garbage.pem"), "garbage").unwrap();
    let taken = TcpListener::bind("localhost:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let path = |name: &str| directory.path().join(name).display().to_string();
    for (variable, value, expected) in [
        ("AUTHGENT_SIGNING_KEY", path("missing.pem"), "missing.pem"),
        ("AUTHGENT_SIGNING_KEY", path(""), "cannot be read"),
        ("AUTHGENT_SIGNING_KEY", path("garbage.pem"), "PEM"),
        ("AUTHGENT_SIGNING_KEY", path("p384.pem"), "P-256"),
        ("AUTHGENT_DB_DSN", format!("sqlite://{}", path("no/such/authgent.db")), "no/such"),
        ("AUTHGENT_DB_DSN", "mysql://u:hidden@h/d".to_owned(), "AUTHGENT_DB_DSN"),
        ("AUTHGENT_PORT", port, "AUTHGENT_PORT"),
        ("AUTHGENT_ISSUER", "auth.example.com".to_owned(), "AUTHGENT_ISSUER"),
        ("AUTHGENT_TOKEN_TTL", "five".to_owned(), "AUTHGENT_TOKEN_TTL"),
    ] {
        let output = serve(directory.path(), &[(variable, &value)]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        let sentence = stderr.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{variable}={value}: {stderr}");
        assert!(sentence.contains(expected) && !stderr.contains("hidden"), "{variable}={value}: {stderr}");
        assert!(!stderr.contains("panicked") && output.stdout.is_empty(), "{stderr}");
    }
}

#[test]
fn an_unknown_variable_is_a_warning_that_names_the_nearest() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("localhost:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = serve(directory.path(), &[("AUTHGENT_TOKEN_TLL", "60"), ("AUTHGENT_PORT", &port)]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("AUTHGENT_TOKEN_TLL") && stderr.contains("AUTHGENT_TOKEN_TTL"), "{stderr}");
}
