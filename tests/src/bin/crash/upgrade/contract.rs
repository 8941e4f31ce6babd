//! What a migration must not do, to see that it is noticed.

use clap::ValueEnum;

/// What is done to the schema or the rows after the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contract {
    /// A column that the previous version uses has another name.
    RenameColumn,
    /// A table that the previous version uses is not there.
    DropTable,
    /// Nobody is signed in any more.
    ForgetSessions,
    /// Nobody has consented to anything.
    ForgetConsents,
}

impl Contract {
    /// On either database.
    pub(super) const fn statement(self) -> &'static str {
        match self {
            Self::RenameColumn => "ALTER TABLE refresh_tokens RENAME COLUMN consumed_at TO used_at",
            Self::DropTable => "DROP TABLE interactions",
            Self::ForgetSessions => "DELETE FROM sessions",
            Self::ForgetConsents => "DELETE FROM consents",
        }
    }
}
