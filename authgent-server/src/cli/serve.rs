//! `authgent serve`

use super::Context;
use super::answer::{Answer, Failure};
use crate::startup::Application;
use crate::telemetry;
use clap::Args;

const EXAMPLES: &str = "\
Needs AUTHGENT_ISSUER, AUTHGENT_SIGNING_KEY and AUTHGENT_DB_DSN, or a file with issuer, signing_key and db_dsn:
  authgent serve --config /etc/authgent/authgent.toml
Ends on SIGTERM or Ctrl-C, after the requests that run.";

/// Run the server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {}

impl Serve {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let loaded = context.loader.load()?;
        telemetry::init(&loaded.config.log);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        Application::build(loaded.config, context.dependencies.clone()).await?.run().await?;
        Ok(Answer::silent())
    }
}
