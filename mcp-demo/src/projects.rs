//! The table of projects, in SQLite. The only place that knows sea-orm.
//!
//! Every statement names the owner, so that no caller of this module can forget to: there is no way to ask for
//! somebody else's project but [`Projects::delete`] with [`Reach::Everybody`].

mod entity;
mod migration;

use entity::{ActiveModel, Column, Entity};
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectOptions, Database, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, RuntimeErr, Set, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 2000;
/// The most projects that one person may have, so that nobody fills the disk.
pub const MAX_PROJECTS: u64 = 10_000;

/// How long a caller waits for a free connection, or for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries to open a file that others open.
const PAUSE: Duration = Duration::from_millis(20);
/// Connections to the file.
const CONNECTIONS: u32 = 4;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Grows with time: sorting by it sorts by age (UUID version 7).
    pub id: Uuid,
    /// One line, 1 to [`MAX_NAME`] characters.
    pub name: String,
    /// At most [`MAX_DESCRIPTION`] characters, perhaps none.
    pub description: String,
}

/// A name and a description that keep the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    name: String,
    description: String,
}

/// Which rule a name or a description breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProject {
    /// The name is empty, or blank.
    #[error("name is empty: give the project a name of 1 to {MAX_NAME} characters")]
    EmptyName,
    /// The name is too long.
    #[error("name has {0} characters, more than the {MAX_NAME} allowed")]
    LongName(usize),
    /// The name has a line break or another control character.
    #[error("name contains a control character such as a line break: give it on one line")]
    ControlCharacter,
    /// The description is too long.
    #[error("description has {0} characters, more than the {MAX_DESCRIPTION} allowed")]
    LongDescription(usize),
}

impl NewProject {
    /// Checks a name and a description. White space around them is dropped.
    ///
    /// # Errors
    /// [`InvalidProject`], a sentence for whoever called the tool.
    pub fn parse(name: &str, description: &str) -> Result<Self, InvalidProject> {
        let (name, description) = (name.trim(), description.trim());
        if name.is_empty() {
            return Err(InvalidProject::EmptyName);
        }
        match name.chars().count() {
            length if length > MAX_NAME => return Err(InvalidProject::LongName(length)),
            _ => (),
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidProject::ControlCharacter);
        }
        match description.chars().count() {
            length if length > MAX_DESCRIPTION => return Err(InvalidProject::LongDescription(length)),
            _ => (),
        }
        Ok(Self { name: name.to_owned(), description: description.to_owned() })
    }
}

/// Whose projects a deletion may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Those of this `sub`.
    Owner(&'a str),
    /// Everybody's.
    Everybody,
}

/// Why the database cannot be opened. Each is a sentence that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The DSN is none that this server understands.
    #[error("MCP_DB_DSN {0}: write sqlite:///absolute/path.db or sqlite://relative.db")]
    BadDsn(String),
    /// The directory of the database is missing.
    #[error("the directory {} of the database does not exist: make it, or change MCP_DB_DSN", .0.display())]
    MissingDirectory(PathBuf),
    /// The file is none that can be used.
    #[error("the database {} cannot be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: DbErr,
    },
}

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum ProjectsError {
    /// The person has [`MAX_PROJECTS`] already.
    #[error("you have {MAX_PROJECTS} projects, the most that this server keeps for one person: delete one first")]
    TooMany,
    /// The database failed. The detail is for the log.
    #[error("the database failed: {0}")]
    Database(#[from] DbErr),
}

/// The projects. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Projects {
    database: DatabaseConnection,
}

impl Projects {
    /// Opens the database, makes it where it is missing, and brings its schema up to date.
    ///
    /// `sqlite:///var/lib/demo.db` is the absolute path `/var/lib/demo.db`, `sqlite://demo.db` one relative to the working
    /// directory, and `sqlite::memory:` lasts as long as the value.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(dsn: &str) -> Result<Self, OpenError> {
        let options = parse_dsn(dsn)?;
        let path = options.get_filename().to_path_buf();
        let in_memory = is_memory(dsn);
        if !in_memory {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !directory.is_dir() {
                return Err(OpenError::MissingDirectory(directory.to_owned()));
            }
            make_private(&path);
        }
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let mut pool = ConnectOptions::new("sqlite://mcp-demo.db");
        pool.map_sqlx_sqlite_opts(move |_| options.clone())
            // A database in memory lasts as long as its one connection.
            .max_connections(if in_memory { 1 } else { CONNECTIONS })
            .min_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .record_stmt_in_spans(false)
            .sqlx_logging(false);
        let unusable = |source| OpenError::File { path: path.clone(), source };
        let database = connect(&pool).await.map_err(unusable)?;
        migration::run(&database).await.map_err(unusable)?;
        Ok(Self { database })
    }

    /// The projects of `owner`, oldest first.
    ///
    /// # Errors
    /// [`ProjectsError::Database`].
    pub async fn list(&self, owner: &str) -> Result<Vec<Project>, ProjectsError> {
        let rows = Entity::find().filter(Column::Owner.eq(owner)).order_by_asc(Column::Id).all(&self.database).await?;
        Ok(rows.into_iter().map(Project::from).collect())
    }

    /// How many projects `owner` has.
    ///
    /// # Errors
    /// [`ProjectsError::Database`].
    pub async fn count(&self, owner: &str) -> Result<u64, ProjectsError> {
        Ok(Entity::find().filter(Column::Owner.eq(owner)).count(&self.database).await?)
    }

    /// Stores a project. When this returns, it survives a crash.
    ///
    /// # Errors
    /// [`ProjectsError::TooMany`], [`ProjectsError::Database`].
    pub async fn create(&self, owner: &str, project: NewProject) -> Result<Project, ProjectsError> {
        // The lock is taken at the beginning, so that nobody adds a project between the count and the insertion.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.database.begin_with_options(options).await?;
        if Entity::find().filter(Column::Owner.eq(owner)).count(&transaction).await? >= MAX_PROJECTS {
            return Err(ProjectsError::TooMany);
        }
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            owner: Set(owner.to_owned()),
            name: Set(project.name),
            description: Set(project.description),
        };
        let row = row.insert(&transaction).await?;
        transaction.commit().await?;
        Ok(row.into())
    }

    /// Deletes a project within `reach`. `false`: there is none with this identifier there. It tells nothing about
    /// projects beyond the reach.
    ///
    /// # Errors
    /// [`ProjectsError::Database`].
    pub async fn delete(&self, id: Uuid, reach: Reach<'_>) -> Result<bool, ProjectsError> {
        let mut deletion = Entity::delete_many().filter(Column::Id.eq(id));
        if let Reach::Owner(owner) = reach {
            deletion = deletion.filter(Column::Owner.eq(owner));
        }
        Ok(deletion.exec(&self.database).await?.rows_affected == 1)
    }

    /// Closes the connections, so that SQLite folds its journal into the file.
    pub async fn close(self) {
        if let Err(error) = self.database.close().await {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }
}

/// The connections. Where others open a new file at the same moment it is tried again: SQLite waits for no lock while it begins to
/// use a write-ahead log.
async fn connect(pool: &ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let began = Instant::now();
    loop {
        match Database::connect(pool.clone()).await {
            Err(error) if is_locked(&error) && began.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// `SQLITE_BUSY`, with whatever SQLite adds to it.
fn is_locked(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse().ok()).is_some_and(|code: u32| code & 0xff == 5)
}

fn is_memory(dsn: &str) -> bool {
    matches!(dsn, "sqlite::memory:" | "sqlite://:memory:")
}

/// Makes the file, where it is missing, for its owner alone: it holds what people wrote. What goes wrong is said by the
/// database when it opens the file.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}

fn parse_dsn(dsn: &str) -> Result<SqliteConnectOptions, OpenError> {
    if !dsn.starts_with("sqlite:") {
        // The text is not repeated: it may be another database's address, with a password in it.
        return Err(OpenError::BadDsn("does not begin with sqlite:".into()));
    }
    let options: SqliteConnectOptions =
        dsn.parse().map_err(|error| OpenError::BadDsn(format!("cannot be read ({error})")))?;
    if options.get_filename().as_os_str().is_empty() {
        return Err(OpenError::BadDsn("names no file".into()));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn projects() -> Projects {
        Projects::open("sqlite::memory:").await.unwrap()
    }

    fn new(name: &str) -> NewProject {
        NewProject::parse(name, "about it").unwrap()
    }

    #[test]
    fn the_rules_are_counted_in_characters() {
        assert!(NewProject::parse(&"ü".repeat(MAX_NAME), &"ü".repeat(MAX_DESCRIPTION)).is_ok());
        for (name, description, expected) in [
            ("", "", InvalidProject::EmptyName),
            (" \n ", "", InvalidProject::EmptyName),
            (&*"ü".repeat(101), "", InvalidProject::LongName(101)),
            ("two\nlines", "", InvalidProject::ControlCharacter),
            ("x", &*"ü".repeat(2001), InvalidProject::LongDescription(2001)),
        ] {
            assert_eq!(NewProject::parse(name, description), Err(expected));
        }
        let trimmed = NewProject::parse("  name ", " two\nlines ").unwrap();
        assert_eq!((trimmed.name.as_str(), trimmed.description.as_str()), ("name", "two\nlines"));
    }

    #[tokio::test]
    async fn everybody_has_projects_of_their_own() {
        let projects = projects().await;
        let first = projects.create("ada", new("one")).await.unwrap();
        let second = projects.create("ada", new("two")).await.unwrap();
        projects.create("bob", new("one")).await.unwrap();
        assert_eq!(projects.list("ada").await.unwrap(), [first, second]);
        assert_eq!(projects.count("bob").await.unwrap(), 1);
        assert_eq!(projects.list("eve").await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_deletion_reaches_as_far_as_it_may() {
        let projects = projects().await;
        let id = projects.create("ada", new("one")).await.unwrap().id;
        assert!(!projects.delete(id, Reach::Owner("bob")).await.unwrap());
        assert_eq!(projects.count("ada").await.unwrap(), 1);
        assert!(projects.delete(id, Reach::Everybody).await.unwrap());
        assert!(!projects.delete(id, Reach::Owner("ada")).await.unwrap(), "it is gone");
    }

    #[tokio::test]
    async fn the_file_is_made_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}", directory.path().join("a b.db").display()).replace(' ', "%20");
        let projects = Projects::open(&dsn).await.unwrap();
        let project = projects.create("ada", new("one")).await.unwrap();
        projects.close().await;
        let again = Projects::open(&dsn).await.unwrap();
        assert_eq!(again.list("ada").await.unwrap(), [project]);
        let file = std::fs::metadata(directory.path().join("a b.db")).unwrap();
        assert!(file.is_file());
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o077, 0, "for its owner alone");
    }

    #[tokio::test]
    async fn many_may_write_at_once_and_several_may_start_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let dsn = format!("sqlite://{}", directory.path().join("demo.db").display());
        let (one, two) = tokio::join!(Projects::open(&dsn), Projects::open(&dsn));
        let (one, two) = (one.unwrap(), two.unwrap());
        let writers: Vec<_> = (0..40)
            .map(|number| {
                let projects = if number % 2 == 0 { one.clone() } else { two.clone() };
                tokio::spawn(async move { projects.create("ada", new("one")).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(one.count("ada").await.unwrap(), 40);
    }

    #[tokio::test]
    async fn what_is_wrong_is_one_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let garbage = directory.path().join("garbage.db");
        std::fs::write(&garbage, "this is not an SQLite database, as its first bytes show").unwrap();
        for (dsn, expected) in [
            ("sqlite:///no/such/directory/demo.db".to_owned(), "the directory /no/such/directory of the database"),
            ("postgres://u:hunter2@h/d".to_owned(), "does not begin with sqlite:"),
            ("sqlite://".to_owned(), "names no file"),
            (format!("sqlite://{}", garbage.display()), "not a database"),
        ] {
            let message = Projects::open(&dsn).await.unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains("hunter2"), "{dsn}: {message}");
        }
    }
}
