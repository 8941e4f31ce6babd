//! `authgent migrate`

use super::Context;
use super::answer::{Answer, Failure};
use clap::Args;
use serde_json::json;

/// Bring the tables of the database up to date. `serve` and `dev` do the same when they start; with several replicas,
/// run it once before them.
#[derive(Debug, Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.unchecked_store().await?;
        let pending = store.pending_migrations().await?;
        store.migrate().await?;
        let text = if pending.is_empty() {
            "The database is up to date.".to_owned()
        } else {
            format!("The database is up to date; applied: {}", pending.join(", "))
        };
        Ok(Answer::new(json!({ "applied": pending }), text))
    }
}
