//! The direction rule of the architecture: who may use what.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Each place where `needle` stands outside of the allowed layers.
fn breaches(needle: &str, allowed: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../authgent-server/src");
    let mut found = Vec::new();
    for path in sources(&root) {
        let layer =
            path.strip_prefix(&root).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if allowed.contains(&layer.as_str()) {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && code.contains(needle) {
                found.push(format!("{}:{}: {code}", path.display(), number + 1));
            }
        }
    }
    found
}

#[test]
fn each_crate_is_used_in_its_layer_alone() {
    for (needle, allowed) in [
        ("actix_web::", &["http", "startup.rs"][..]),
        ("sea_orm::", &["store"]),
        ("sea_orm_migration::", &["store"]),
        ("josekit::", &["crypto"]),
        ("openssl::", &["crypto"]),
        ("webauthn_rs::", &["crypto"]),
        ("totp_rs::", &["crypto"]),
        ("reqwest::", &["net"]),
        ("lettre::", &["net"]),
        ("crate::http", &["http", "startup.rs"]),
        ("crate::service", &["http", "service", "startup.rs", "cli"]),
        ("crate::net", &["net", "service", "doctor", "cli", "startup.rs"]),
        ("crate::doctor", &["doctor", "cli"]),
        ("crate::store", &["http", "service", "store", "startup.rs", "cli"]),
    ] {
        assert_eq!(breaches(needle, allowed), Vec::<String>::new(), "{needle} belongs to {allowed:?}");
    }
}

/// Each place in `code` where something is read with another connection while a transaction is held.
fn reads_beside_a_transaction(code: &str) -> Vec<String> {
    let (mut held, mut in_signature) = (false, false);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("//") {
            continue;
        }
        if line.starts_with("pub") && line.contains(" fn ") || line.starts_with("fn ") || line.starts_with("async fn ")
        {
            (held, in_signature) = (false, true);
        }
        if in_signature {
            held |= line.contains("WriteTransaction");
            in_signature = !line.ends_with('{') && !line.ends_with('}');
            continue;
        }
        if held && (line.contains(".store.") || line.contains(" store.")) {
            found.push(format!("{}: {line}", number + 1));
        }
        if line.contains("store.begin()") {
            held = true;
        } else if line.contains(".commit()") || line.contains("drop(tx)") {
            held = false;
        }
    }
    found
}

/// Where all connections of a pool are held by those who wait for a second one, nobody gets on. And on SQLite a connection that
/// reads does not see what the transactions before have done.
#[test]
fn whoever_holds_a_transaction_reads_through_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../authgent-server/src/service");
    for path in sources(&root) {
        let found = reads_beside_a_transaction(&fs::read_to_string(&path).unwrap());
        assert_eq!(found, Vec::<String>::new(), "{}", path.display());
    }
    let bad =
        "async fn a(services: &Services) {\n let tx = services.store.begin().await?;\n services.store.b().await?;\n}";
    let passed = "async fn a(\n services: &Services,\n tx: &WriteTransaction,\n) {\n services.store.b().await?;\n}";
    let good =
        "fn a() {\n let tx = services.store.begin().await?;\n tx.commit().await?;\n services.store.b().await?;\n}";
    assert_eq!([bad, passed, good].map(|code| reads_beside_a_transaction(code).len()), [1, 1, 0]);
}

#[test]
fn only_the_tests_import_the_server() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for member in ["authgent-core", "mcp-resource", "mcp-demo"] {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("authgent-server"), "{member}");
    }
    let core = fs::read_to_string(root.join("authgent-core/Cargo.toml")).unwrap();
    assert!(
        ["actix", "tokio", "reqwest", "openssl", "josekit"].iter().all(|name| !core.contains(name)),
        "authgent-core is pure"
    );
}
