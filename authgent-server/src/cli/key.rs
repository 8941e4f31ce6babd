//! `authgent key`

use super::answer::{Answer, Failure};
use crate::crypto::pem::{SigningAlgorithm, SigningKey, generate_pem};
use clap::{Args, Subcommand};
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  authgent key generate --out signing-key.pem
  AUTHGENT_SIGNING_KEY=signing-key.pem authgent serve

The same with OpenSSL:
  openssl ecparam -genkey -name prime256v1 -noout -out signing-key.pem";

/// Make signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a private key, as PKCS#8 PEM.
    Generate(Generate),
}

/// Make a private key, as PKCS#8 PEM.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Generate {
    /// What it signs with: ES256, ES384 or RS256.
    #[arg(long, default_value = "ES256", value_name = "ALG")]
    alg: SigningAlgorithm,
    /// The file to write, readable by its owner only. It must not exist. Without it, the key goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Key {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let Self::Generate(Generate { alg, out }) = self;
        let pem = Zeroizing::new(generate_pem(alg));
        let kid = SigningKey::from_pem(pem.as_bytes(), alg)?.kid().to_owned();
        let alg = alg.as_str();
        let Some(out) = out else {
            return Ok(Answer::new(json!({ "alg": alg, "kid": kid, "pem": *pem }), pem.as_str()));
        };
        super::write_private(&out, &pem)?;
        let file = out.display().to_string();
        let text = format!("Wrote a key for {alg} to {file}\nkid  {kid}");
        Ok(Answer::new(json!({ "alg": alg, "kid": kid, "file": file }), text))
    }
}
