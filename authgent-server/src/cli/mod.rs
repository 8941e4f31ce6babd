//! The command line: one file per subcommand.
//!
//! A command answers with text for people or, with `--json`, with one line of JSON on standard output. What goes wrong is one
//! sentence on standard error and exit status 1; a command line that cannot be read is exit status 2.

mod answer;
mod backup;
mod client;
mod dev;
mod doctor;
mod health;
mod initial_access_token;
mod key;
mod migrate;
mod password;
mod resource;
mod second_factor;
mod serve;
#[cfg(test)]
mod tests;
mod user;

use crate::clock::SystemClock;
use crate::config::{ConfigError, Loader};
use crate::crypto::random::SystemRandom;
use crate::net::SystemResolver;
use crate::service::deployment;
use crate::service::in_order::in_order;
use crate::startup::Dependencies;
use crate::store::{Store, WriteTransaction};
use answer::{Answer, Failure};
use authgent_core::time::Timestamp;
use clap::{Parser, Subcommand};
use secrecy::SecretString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

const EXAMPLES: &str = "\
Try it on this machine, without any configuration:
  authgent dev

Run it for others:
  authgent key generate --out signing-key.pem
  export AUTHGENT_ISSUER=https://auth.example.com
  export AUTHGENT_SIGNING_KEY=signing-key.pem
  export AUTHGENT_DB_DSN=sqlite://authgent.db
  authgent migrate
  authgent user add ada@example.com --name 'Ada Lovelace'
  authgent resource add https://mcp.example.com/mcp --scope 'mcp:read=See your projects' --default-scope mcp:read
  authgent serve

Settings come from AUTHGENT_… variables, over the optional file that --config or AUTHGENT_CONFIG names.";

/// An OAuth 2.1 authorization server made for MCP.
#[derive(Debug, Parser)]
#[command(name = "authgent", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// The configuration file (TOML); AUTHGENT_CONFIG names it otherwise. Variables win over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Answer with one line of JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server. Brings the database up to date first.
    Serve(serve::Serve),
    /// Run a server to try things with: makes its own key, database, user and resource.
    Dev(dev::Dev),
    /// Bring the tables of the database up to date.
    Migrate(migrate::Migrate),
    /// Write a copy of the SQLite database to a file, while the server runs.
    Backup(backup::Backup),
    /// Put a backup in the place of the SQLite database.
    Restore(backup::Restore),
    /// The keys that sign tokens.
    #[command(subcommand)]
    Key(key::Key),
    /// People who may sign in.
    #[command(subcommand)]
    User(user::User),
    /// The MCP servers that tokens are for.
    #[command(subcommand)]
    Resource(resource::Resource),
    /// Applications that ask for tokens. Most register themselves; these are for those that do not.
    #[command(subcommand)]
    Client(client::Client),
    /// What authorizes an application to register itself, where not everybody may.
    #[command(subcommand)]
    InitialAccessToken(initial_access_token::InitialAccessToken),
    /// Walk the path of a client to any MCP server or issuer, and say what is wrong on the way.
    Doctor(doctor::Doctor),
    /// Ask a running server whether it is ready: exit status 0 if so, 1 if not.
    Health(health::Health),
}

/// What a command works with.
struct Context {
    loader: Loader,
    dependencies: Dependencies,
    json: bool,
    stdin: Mutex<Box<dyn BufRead + Send>>,
}

impl Context {
    fn now(&self) -> Timestamp {
        self.dependencies.clock.now()
    }

    /// The settings; where they name no database, that of `authgent dev` in this directory.
    fn loader_here(&self) -> Loader {
        self.loader.clone().database_fallback(dev::database_here())
    }

    /// The settings of the server; where they name no database, those of `authgent dev` in this directory.
    fn loader_of_server(&self) -> Loader {
        let here = dev::database_here().filter(|_| self.loader.database().is_err());
        match here {
            Some(dsn) => self.loader.clone().for_development(dev::key_here(), dsn, Vec::new()),
            None => self.loader.clone(),
        }
    }

    /// The address of the database that the settings name; without settings, that of `authgent dev` in this directory.
    fn database(&self) -> Result<SecretString, Failure> {
        let database = self.loader_here().database();
        let database = database.map_err(|error| match error {
            ConfigError::Missing { .. } => Failure::new(format!(
                "{error}; or run the command in the folder where `authgent dev` keeps its database, in .authgent"
            )),
            error => error.into(),
        })?;
        for warning in database.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(database.dsn)
    }

    /// What `work` changes, as one transaction; again [`in_order`] where a database could not put it in order with what a server
    /// changed. An error undoes it.
    async fn change<T>(
        &self,
        store: &Store,
        work: impl AsyncFn(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let attempt = || async {
            let transaction = store.begin().await?;
            let done = work(&transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        in_order(&*self.dependencies.random, attempt).await
    }

    /// That database, where it is there, its tables are those of this release, and it is not another deployment's.
    async fn store(&self) -> Result<Store, Failure> {
        let store = Store::connect_to_existing(&self.database()?).await?;
        if !store.pending_migrations().await?.is_empty() {
            return Err(Failure::new(
                "the tables of the database are older than this release, or missing: run `authgent migrate` first",
            ));
        }
        self.check_issuer(&store).await?;
        Ok(store)
    }

    /// Refuses the database of another deployment, where the settings say which one they are of: no issuer has to be set for a command
    /// that works on the database alone.
    async fn check_issuer(&self, store: &Store) -> Result<(), Failure> {
        match self.loader.public_issuer() {
            Ok(issuer) => Ok(deployment::check(store, &issuer).await?),
            Err(ConfigError::Missing { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads the command line of the process, obeys it, and says how that went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    // A name or value that is not Unicode cannot be a setting; what is left of it is named in an error.
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let context = Context {
        loader: Loader::new(environment).file(cli.config.as_deref()),
        dependencies: Dependencies {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            resolver: Arc::new(SystemResolver),
        },
        json,
        stdin: Mutex::new(Box::new(BufReader::new(std::io::stdin()))),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    match runtime.block_on(run(cli.command, &context)) {
        Ok(answer) => answer.print(json),
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command, context: &Context) -> Result<Answer, Failure> {
    match command {
        Command::Serve(serve) => serve.run(context).await,
        Command::Dev(dev) => dev.run(context).await,
        Command::Migrate(migrate) => migrate.run(context).await,
        Command::Backup(backup) => backup.run(context).await,
        Command::Restore(restore) => restore.run(context).await,
        Command::Key(key) => key.run(context).await,
        Command::User(user) => user.run(context).await,
        Command::Resource(resource) => resource.run(context).await,
        Command::Client(client) => client.run(context).await,
        Command::InitialAccessToken(token) => token.run(context).await,
        Command::Doctor(doctor) => doctor.run(context).await,
        Command::Health(health) => health.run(context).await,
    }
}

/// Writes a file that only its owner may read, and refuses where there is one.
fn write_private(path: &Path, content: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write as _};
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(format!(
            "{} exists already and is not overwritten: choose another name or remove it",
            path.display()
        )),
        _ => Failure::new(format!("{} cannot be written: {error}", path.display())),
    })
}
