//! `authgent backup` and `authgent restore`

use super::Context;
use super::answer::{Answer, Failure};
use crate::store::{RestoreOptions, Store};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

const BACKUP_EXAMPLES: &str = "\
Every night, keeping a week, from cron:
  authgent backup --force /backup/authgent-$(date +%u).db

The signing key and AUTHGENT_ENCRYPTION_KEY are not in the database: keep copies of both in another place.
On PostgreSQL use pg_dump or pg_basebackup.";

const RESTORE_EXAMPLES: &str = "\
Stop the server first:
  systemctl stop authgent
  authgent restore --force /backup/authgent-1.db
  systemctl start authgent

Whoever signed in, or refreshed a token, after the backup was made signs in again. What was ended since then is there again, with
every revoked or exchanged token: --end-grants ends all of them.";

/// Write a copy of the SQLite database to a file, while the server runs. The copy is checked.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(super) struct Backup {
    /// The file to write, readable by its owner only.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put it in the place of a file that is there.
    #[arg(long)]
    force: bool,
}

/// Put a backup in the place of the SQLite database. The server must be stopped.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(super) struct Restore {
    /// The backup. It stays as it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the database that is there. It is kept beside the new one; its name then ends in .before-restore.
    #[arg(long)]
    force: bool,
    /// Do not keep the database that is there.
    #[arg(long, requires = "force")]
    discard: bool,
    /// End everything in the backup that was granted, and every session: everybody signs in again.
    #[arg(long)]
    end_grants: bool,
}

impl Backup {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let made = Store::back_up(&context.database()?, &self.file, self.force).await?;
        let file = self.file.display().to_string();
        let mut text = format!("Wrote a backup to {file}: {} bytes, checked.", made.bytes);
        if !made.pending.is_empty() {
            text.push_str(
                "\nIt has the tables of an earlier release; a restore of it is brought up to date at the next start.",
            );
        }
        Ok(Answer::new(json!({ "file": file, "bytes": made.bytes, "pending_migrations": made.pending }), text))
    }
}

impl Restore {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let how = RestoreOptions { replace: self.force, discard: self.discard, end_grants: self.end_grants };
        let restored = Store::restore(&context.database()?, &self.file, how).await?;
        let database = restored.database.display().to_string();
        let kept = restored.kept.map(|kept| kept.display().to_string());
        let mut text = format!("Restored {} to {database}: {} bytes, checked.", self.file.display(), restored.bytes);
        if let Some(kept) = &kept {
            text.push_str(&format!("\nThe database that was there is now {kept}"));
        }
        if let Some(ended) = restored.grants_ended {
            text.push_str(&format!("\nEnded {ended} grants and every session: everybody signs in again."));
        }
        if !restored.pending.is_empty() {
            text.push_str("\nIt has the tables of an earlier release; the next start brings them up to date.");
        }
        let json = json!({
            "database": database,
            "bytes": restored.bytes,
            "kept": kept,
            "grants_ended": restored.grants_ended,
            "pending_migrations": restored.pending,
        });
        Ok(Answer::new(json, text))
    }
}
