//! `authgent dev`

use super::answer::{Answer, Failure};
use super::{Context, write_private};
use crate::config::{Config, KeySource};
use crate::crypto::password::PasswordHasher;
use crate::crypto::pem::generate_pem;
use crate::crypto::random::{Random, uuid_v7};
use crate::domain::{DEFAULT_PROFILE_CLAIMS, Email, Resource, ResourceScope, ResourceSource, User};
use crate::service::deployment;
use crate::startup::Application;
use crate::store::Store;
use crate::telemetry;
use authgent_core::resource::ResourceUri;
use authgent_core::scope::ScopeToken;
use clap::Args;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where everything is kept, unless `--dir` says otherwise.
const DIRECTORY: &str = ".authgent";
const DATABASE: &str = "authgent.db";
const KEY: &str = "signing-key.pem";
const PASSWORD: &str = "password";
/// Who can sign in.
const EMAIL: &str = "you@example.com";
/// The server that `mcp-demo` is.
const DEMO: &str = "http://localhost:8000/mcp";
const DEMO_SCOPES: [(&str, &str, bool); 3] = [
    ("mcp:read", "See your projects", true),
    ("mcp:write", "Create projects", false),
    ("admin", "Delete any project, of any person", false),
];

const EXAMPLES: &str = "\
Examples:
  authgent dev                        makes ./.authgent on the first start, and uses it again on the next
  authgent dev --port 9000            the issuer is then http://localhost:9000
  AUTHGENT_RESOURCES='[{\"uri\": \"http://localhost:3000/mcp\"}]' authgent dev

Every setting of `authgent serve` can be given and wins. While it runs, the other commands work in the same directory without any
settings: authgent resource add http://localhost:3000/mcp";

/// Run a server to try things with.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Dev {
    /// Where the key, the database and the password are kept. Made where it is missing.
    #[arg(long, value_name = "DIR", default_value = DIRECTORY)]
    dir: PathBuf,
    /// The address to listen at [default: 127.0.0.1].
    #[arg(long)]
    host: Option<String>,
    /// The port to listen at [default: 8080].
    #[arg(long)]
    port: Option<u16>,
}

impl Dev {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        make_directory(&self.dir)?;
        let key = self.dir.join(KEY);
        self.check_directory(context, &key)?;
        let loader = context.loader.clone().for_development(key.clone(), dsn(&self.dir.join(DATABASE)), vec![demo()?]);
        let loader =
            loader.flag("--host", "host", self.host).flag("--port", "port", self.port.map(|port| port.to_string()));
        let loaded = loader.load()?;
        telemetry::init(&loaded.config.log);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let config = loaded.config;
        if matches!(&config.signing_key, KeySource::File(path) if *path == key && !path.exists()) {
            write_private(&key, &Zeroizing::new(generate_pem(config.signing_alg)))?;
        }
        let password = password(&self.dir.join(PASSWORD), &*context.dependencies.random)?;
        let has_it = make_user(context, &config, &password).await?;
        let start = Start::new(&config, &self.dir, has_it.then_some(&password));
        let application = Application::build(config, context.dependencies.clone()).await?;
        start.answer().print(context.json);
        application.run().await?;
        Ok(Answer::silent())
    }

    /// Refuses a database that `dev` did not make, such as a real one in `--dir /var/lib/authgent`: it would get a user whose password is known, and
    /// other resources.
    fn check_directory(&self, context: &Context, key: &Path) -> Result<(), Failure> {
        let database = self.dir.join(DATABASE);
        let is_mine = !database.exists() || key.exists() || self.dir.join(PASSWORD).exists();
        if is_mine || context.loader.database().is_ok() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} was not made by `authgent dev`: name another directory with --dir, or let AUTHGENT_DB_DSN name the database where it is meant",
            database.display()
        )))
    }
}

/// The database of a `dev` in the working directory, where there is one: for commands that were told of no other.
pub(super) fn database_here() -> Option<String> {
    let path = Path::new(DIRECTORY).join(DATABASE);
    path.is_file().then(|| dsn(&path))
}

/// The signing key of a `dev` in the working directory.
pub(super) fn key_here() -> PathBuf {
    Path::new(DIRECTORY).join(KEY)
}

/// The DSN of a file. What has a meaning in a URL is written as its code.
fn dsn(path: &Path) -> String {
    let mut dsn = "sqlite://".to_owned();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => dsn.push_str("%25"),
            '?' => dsn.push_str("%3F"),
            '#' => dsn.push_str("%23"),
            other => dsn.push(other),
        }
    }
    dsn
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| Failure::new(format!("the directory {} cannot be made: {error}", path.display())))
}

fn demo() -> Result<Resource, Failure> {
    let scope = |(token, description, default): (&str, &str, bool)| {
        ScopeToken::parse(token).map(|token| ResourceScope {
            token,
            description: description.to_owned(),
            default,
            dangerous: false,
        })
    };
    Ok(Resource {
        uri: ResourceUri::parse(DEMO)?,
        name: "Demo projects".to_owned(),
        scopes: DEMO_SCOPES.into_iter().map(scope).collect::<Result<_, _>>()?,
        aliases: Vec::new(),
        profile_claims: DEFAULT_PROFILE_CLAIMS.map(str::to_owned).to_vec(),
        source: ResourceSource::Configuration,
    })
}

/// The password that is kept beside the database, made on the first start.
fn password(path: &Path, random: &dyn Random) -> Result<SecretString, Failure> {
    match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().into()),
        Ok(_) => Err(Failure::new(format!("{} is empty: remove it, and a new password is made", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let password = new_password(random);
            write_private(path, &format!("{}\n", password.expose_secret()))?;
            Ok(password)
        }
        Err(error) => Err(Failure::new(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// Sixteen characters out of 32 that are not taken for each other, in groups: 80 random bits.
fn new_password(random: &dyn Random) -> SecretString {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = Zeroizing::new([0; 16]);
    random.fill(&mut *bytes);
    let groups = bytes
        .chunks(4)
        .map(|group| group.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect::<String>());
    groups.collect::<Vec<_>>().join("-").into()
}

/// Makes the user who can sign in, where they are missing. Whether they have this password: somebody may have given
/// them another.
async fn make_user(context: &Context, config: &Config, password: &SecretString) -> Result<bool, Failure> {
    let store = Store::connect(&config.db_dsn).await?;
    let has_it = make_user_in(&store, context, config, password).await;
    // Before the server opens the file again: who closes a file lets go of all the locks that the process has on it, also those of a
    // connection that is still open.
    store.close().await;
    has_it
}

async fn make_user_in(
    store: &Store,
    context: &Context,
    config: &Config,
    password: &SecretString,
) -> Result<bool, Failure> {
    if context.loader.database().is_ok() {
        // It was named, so it may be a real one.
        deployment::check(store, &config.issuer).await?;
        store.migrate().await?;
    } else {
        // Tunnels have another name each time, and nobody else depends on this database.
        store.migrate().await?;
        deployment::follow(store, &*context.dependencies.random, &config.issuer, context.now()).await?;
    }
    let (email, hasher) = (Email::parse(EMAIL)?, PasswordHasher::new(1));
    if let Some(user) = store.user_by_email(&email).await? {
        return Ok(hasher.verify(password.clone(), user.password_hash).await?);
    }
    let now = context.now();
    let user = User {
        id: uuid_v7(&*context.dependencies.random, now),
        email,
        name: Some("You".to_owned()),
        email_verified: true,
        password_hash: Some(hasher.hash(password.clone()).await?),
        enabled: true,
        created_at: now,
    };
    context.change(store, async |tx| Ok(tx.insert_user(&user).await?)).await?;
    Ok(true)
}

/// What is said when the server listens.
struct Start {
    issuer: String,
    resources: Vec<(String, String)>,
    password: Option<SecretString>,
    directory: String,
}

impl Start {
    fn new(config: &Config, directory: &Path, password: Option<&SecretString>) -> Self {
        Self {
            issuer: config.issuer.to_string(),
            resources: config.resources.iter().map(|known| (known.uri.to_string(), known.name.clone())).collect(),
            password: password.cloned(),
            directory: directory.display().to_string(),
        }
    }

    fn answer(&self) -> Answer {
        let password = self.password.as_ref().map(SecretString::expose_secret);
        let uris: Vec<_> = self.resources.iter().map(|(uri, _)| uri).collect();
        let json = json!({
            "issuer": self.issuer, "resources": uris, "email": EMAIL, "password": password, "directory": self.directory,
        });
        Answer::new(json, self.text(password))
    }

    fn text(&self, password: Option<&str>) -> String {
        let mut lines = vec!["Authgent is running.".to_owned(), String::new(), format!("  issuer    {}", self.issuer)];
        lines.extend(self.resources.iter().map(|(uri, name)| format!("  resource  {uri}  ({name})")));
        lines.push(format!("  sign in   {EMAIL}"));
        let changed = "as you changed it (`authgent user passwd` sets another)";
        lines.push(format!("  password  {}", password.unwrap_or(changed)));
        lines.extend([String::new(), "Next, in another terminal:".to_owned()]);
        if self.resources.iter().any(|(uri, _)| uri == DEMO) {
            lines.push(
                "  cargo run -p mcp-demo                 the demo server behind it, in the folder of the sources"
                    .to_owned(),
            );
        }
        lines.push("  authgent resource add URL             your own server, in this folder".to_owned());
        if let Some((uri, _)) = self.resources.first() {
            lines.push(format!("  npx @modelcontextprotocol/inspector   then connect to {uri}"));
        }
        lines.push(format!("  curl {}/.well-known/openid-configuration", self.issuer));
        lines.push(String::new());
        lines.push(format!("Everything is kept in {}: remove it to begin anew.", self.directory));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemRandom;

    #[test]
    fn a_path_as_a_dsn() {
        assert_eq!(dsn(Path::new(".authgent/authgent.db")), "sqlite://.authgent/authgent.db");
        assert_eq!(dsn(Path::new("/data/a b?c#d%e.db")), "sqlite:///data/a b%3Fc%23d%25e.db");
    }

    #[test]
    fn the_password_is_made_once_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let first = password(&path, &SystemRandom).unwrap();
        assert_eq!(first.expose_secret().len(), 19);
        assert_eq!(password(&path, &SystemRandom).unwrap().expose_secret(), first.expose_secret());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(
            password(&path, &SystemRandom)
                .unwrap_err()
                .to_string()
                .ends_with("is empty: remove it, and a new password is made")
        );
    }

    #[test]
    fn the_text_says_who_signs_in_where() {
        let resources = vec![(DEMO.to_owned(), "Demo projects".to_owned())];
        let mut start = Start {
            issuer: "http://localhost:8080".into(),
            resources,
            password: Some("abcd-efgh".to_owned().into()),
            directory: ".authgent".into(),
        };
        let answer = start.answer();
        for part in
            ["http://localhost:8080", DEMO, EMAIL, "abcd-efgh", "mcp-demo ", "authgent resource add ", ".authgent"]
        {
            assert!(answer.text.contains(part), "{part}");
        }
        assert_eq!(answer.json["password"], "abcd-efgh");
        start.password = None;
        assert!(start.answer().text.contains("as you changed it"));
        assert!(start.answer().json["password"].is_null());
    }
}
