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
