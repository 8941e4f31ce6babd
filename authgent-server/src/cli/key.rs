//! `authgent key`

use super::Context;
use super::answer::{Answer, Failure};
use crate::config::{Config, EncryptionKey};
use crate::crypto::pem::{KeyError, SigningAlgorithm, SigningKey, generate_pem};
use crate::crypto::vault::Vault;
use crate::domain::{KeySchedule, KeyState, StoredKey};
use crate::service::keys::{self, KeyPolicy, KeysError, Urgency};
use crate::startup;
use crate::store::Store;
use authgent_core::time::Timestamp;
use clap::{Args, Subcommand};
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  authgent key generate --out signing-key.pem
  AUTHGENT_SIGNING_KEY=signing-key.pem authgent serve

The same with OpenSSL:
  openssl ecparam -genkey -name prime256v1 -noout -out signing-key.pem";

const ROTATE: &str = "\
Servers that run take note within a second. By itself a key is replaced after AUTHGENT_KEY_ROTATION_DAYS.

A key has leaked:
  authgent key rotate --leaked        every token signed until now is refused by all who fetch the key set again; clients with a
                                      refresh token notice nothing";

/// The keys that sign tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a private key, as PKCS#8 PEM.
    Generate(Generate),
    /// Show the keys of the database, and what each is good for.
    List(List),
    /// Make the next key.
    Rotate(Rotate),
    /// Let a key sign no more.
    Retire(Retire),
    /// Add a key of your own, which is kept in the database, sealed.
    Import(Import),
    /// Seal what is sealed in the database with the present encryption key, where it was sealed with a former one.
    Reseal(Reseal),
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

/// Show the keys of the database, and what each is good for.
#[derive(Debug, Args)]
pub(super) struct List {}

/// Make the next key. It is published now and signs once every copy of the key set can have it (AUTHGENT_KEY_PUBLISH_AHEAD).
#[derive(Debug, Args)]
#[command(after_help = ROTATE)]
pub(super) struct Rotate {
    /// Sign with it at once. Servers that keep a copy of the key set, and do not fetch it again for a key that they do not know,
    /// refuse its tokens until their copy is old.
    #[arg(long)]
    now: bool,
    /// Sign with it at once, and withdraw every key that was there before: nothing that they signed is believed any more.
    #[arg(long, conflicts_with = "now")]
    leaked: bool,
}

/// Let a key sign no more. It stays published until the last token that it signed is dead. Where no other key can sign, one is
/// made.
#[derive(Debug, Args)]
pub(super) struct Retire {
    /// Its name, as `authgent key list` shows it.
    // One of 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    /// Do not publish it any more, either: nothing that it signed is believed any more.
    #[arg(long)]
    withdraw: bool,
}

/// Add a key of your own. It is published now and signs once every copy of the key set can have it.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A private key for AUTHGENT_SIGNING_ALG, as PEM.
    file: PathBuf,
    /// Sign with it at once.
    #[arg(long)]
    now: bool,
}

/// Seal what is sealed in the database with the present encryption key. Stop the servers first, and start them with the new
/// settings afterwards.
#[derive(Debug, Args)]
pub(super) struct Reseal {
    /// The signing key from which the former encryption key was derived, where AUTHGENT_ENCRYPTION_KEY was not set.
    #[arg(long, value_name = "FILE")]
    former_signing_key: Option<PathBuf>,
    /// A file with the former AUTHGENT_ENCRYPTION_KEY.
    #[arg(long, value_name = "FILE")]
    former_encryption_key: Option<PathBuf>,
}

/// What the commands on the database work with.
struct Here {
    config: Config,
    store: Store,
    vault: Vault,
    policy: KeyPolicy,
    now: Timestamp,
}

impl Here {
    async fn open(context: &Context) -> Result<Self, Failure> {
        let config = context.loader_of_server().load()?.config;
        let (vault, policy) = (startup::vault(&config)?, startup::key_policy(&config));
        Ok(Self { config, store: context.store().await?, vault, policy, now: context.now() })
    }

    fn describe(&self, key: &StoredKey) -> Value {
        json!({ "kid": key.kid, "alg": key.alg, "origin": key.origin.as_str(), "active_from": key.active_from.0 })
    }

    async fn schedule(&self) -> Result<KeySchedule, Failure> {
        Ok(KeySchedule::new(self.store.signing_keys().await?, self.policy.rotation.token_life))
    }

    async fn begins(&self, key: &StoredKey) -> Result<String, Failure> {
        if self.schedule().await?.signs_early(key, self.now) {
            return Ok("signs from now on, since there is no other one".to_owned());
        }
        Ok(match key.active_from.since(self.now) {
            ..=0 => "signs from now on".to_owned(),
            seconds => format!("is published, and signs in {}", in_words(seconds)),
        })
    }
}

impl Key {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        match self {
            Self::Generate(generate) => generate.run(),
            Self::List(_) => list(context).await,
            Self::Rotate(rotate) => rotate.run(context).await,
            Self::Retire(retire) => retire.run(context).await,
            Self::Import(import) => import.run(context).await,
            Self::Reseal(reseal) => reseal.run(context).await,
        }
    }
}

impl Generate {
    fn run(self) -> Result<Answer, Failure> {
        let Self { alg, out } = self;
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

async fn list(context: &Context) -> Result<Answer, Failure> {
    let here = Here::open(context).await?;
    let schedule = here.schedule().await?;
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for key in schedule.keys() {
        let state = schedule.state(key, here.now);
        let changes_at = match state {
            KeyState::Waiting => Some(key.active_from),
            KeyState::Active => schedule.retired_from(key),
            KeyState::Retired => schedule.published_until(key),
            KeyState::Over | KeyState::Withdrawn => None,
        };
        let next = match (state, changes_at) {
            _ if schedule.signs_early(key, here.now) => "signs before its time, since there is no other one".to_owned(),
            (KeyState::Waiting, Some(at)) => format!("signs in {}", in_words(at.since(here.now))),
            (KeyState::Active, Some(at)) => format!("is followed in {}", in_words(at.since(here.now))),
            (KeyState::Retired, Some(at)) => format!("is published for {}", in_words(at.since(here.now))),
            _ => String::new(),
        };
        let (kid, alg, origin) = (&key.kid, &key.alg, key.origin.as_str());
        lines.push(format!("{kid}  {alg}  {:<9}  {origin:<13}  {next}", state.as_str()).trim_end().to_owned());
        let mut row = here.describe(key);
        row["state"] = state.as_str().into();
        row["changes_at"] = json!(changes_at.map(|at| at.0));
        rows.push(row);
    }
    if lines.is_empty() {
        lines.push(
            "There is no signing key yet: the first start of `authgent serve` notes that of the settings.".to_owned(),
        );
    }
    Ok(Answer::new(json!({ "keys": rows }), lines.join("\n")))
}

impl Rotate {
    async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let here = Here::open(context).await?;
        let urgency = match (self.leaked, self.now) {
            (true, _) => Urgency::Leaked,
            (false, true) => Urgency::Now,
            (false, false) => Urgency::Usual,
        };
        let random = &*context.dependencies.random;
        let (key, withdrawn) = keys::rotate(&here.store, &here.vault, random, &here.policy, here.now, urgency).await?;
        let mut text = format!("The new key {} {}.", key.kid, here.begins(&key).await?);
        for kid in &withdrawn {
            text.push_str(&format!("\nWithdrawn: {kid}"));
        }
        if urgency == Urgency::Leaked && here.config.encryption_key.is_none() {
            text.push_str(
                "\nIf the key of AUTHGENT_SIGNING_KEY has leaked, replace it as well: what is sealed in the database is sealed with a \
                 key that is derived of it. Make AUTHGENT_ENCRYPTION_KEY, and run `authgent key reseal`.",
            );
        }
        let mut answer = here.describe(&key);
        answer["withdrawn"] = json!(withdrawn);
        Ok(Answer::new(answer, text))
    }
}

impl Retire {
    async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let here = Here::open(context).await?;
        let random = &*context.dependencies.random;
        let which = (self.kid.as_str(), self.withdraw);
        let configured = here.config.signing_key.load(here.config.signing_alg)?;
        let next =
            keys::retire(&here.store, &here.vault, random, &here.policy, here.now, configured.kid(), which).await?;
        let mut text = match self.withdraw {
            true => format!("The key {} is withdrawn: nothing that it signed is believed any more.", self.kid),
            false => format!("The key {} signs no more, and is published until its last token is dead.", self.kid),
        };
        if let Some(next) = &next {
            text.push_str(&format!("\nThe new key {} signs from now on.", next.kid));
        }
        let next = next.map(|next| here.describe(&next));
        Ok(Answer::new(json!({ "kid": self.kid, "withdrawn": self.withdraw, "next": next }), text))
    }
}

impl Import {
    async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let here = Here::open(context).await?;
        let pem = read(&self.file)?;
        let random = &*context.dependencies.random;
        let key = keys::import(&here.store, &here.vault, random, &here.policy, here.now, (&pem, self.now)).await;
        let key = key.map_err(|error| match error {
            KeysError::Key(problem) => {
                KeyError::Unusable { place: self.file.display().to_string(), problem: problem.into() }.into()
            }
            error => Failure::from(error),
        })?;
        let text = format!("The key {} {}.", key.kid, here.begins(&key).await?);
        Ok(Answer::new(here.describe(&key), text))
    }
}

impl Reseal {
    async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let Here { store, mut vault, .. } = Here::open(context).await?;
        if let Some(file) = &self.former_signing_key {
            let former = Vault::derived(read(file)?.as_bytes());
            let former = former.map_err(|_| {
                let problem =
                    "expected the private key, in PEM and not encrypted, that AUTHGENT_SIGNING_KEY named before";
                Failure::new(format!("{} of --former-signing-key is no key: {problem}", file.display()))
            })?;
            vault = vault.after(former);
        }
        if let Some(file) = &self.former_encryption_key {
            let key = EncryptionKey::parse(read(file)?.trim());
            let key = key.ok_or_else(|| Failure::new(format!("{} holds no 32 bytes in base64", file.display())))?;
            vault = vault.after(Vault::new(key.into_bytes()));
        }
        let (keys, apps) = keys::reseal(&store, &vault, &*context.dependencies.random).await?;
        let text = format!("Sealed anew: {keys} signing keys, {apps} secrets of authenticator apps.");
        Ok(Answer::new(json!({ "signing_keys": keys, "authenticator_apps": apps }), text))
    }
}

fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let read = std::fs::read_to_string(file).map(Zeroizing::new);
    read.map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))
}

/// A time for people; what is below the two largest units is left out.
fn in_words(seconds: i64) -> String {
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let words = units.into_iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    words.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}
