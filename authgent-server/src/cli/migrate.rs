//! `authgent migrate`

use super::Context;
use super::answer::{Answer, Failure};
use crate::service::deployment;
use crate::store::Store;
use authgent_core::issuer::Issuer;
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Another public URL for good, with the servers stopped:
  AUTHGENT_ISSUER=https://login.example.com authgent migrate --former-issuer https://auth.example.com
People sign in again, passkeys of the former host are of no use, and every MCP server has to name the new issuer.";

/// Bring the tables of the database up to date. `serve` and `dev` do the same when they start; with several replicas,
/// run it once before them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Migrate {
    /// The issuer to which the database belongs so far, where it is to belong to AUTHGENT_ISSUER from now on.
    #[arg(long, value_name = "ISSUER", value_parser = Issuer::parse)]
    former_issuer: Option<Issuer>,
}

impl Migrate {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let dsn = context.database()?;
        let store = match self.former_issuer {
            None => Store::connect(&dsn).await?,
            Some(_) => Store::connect_to_existing(&dsn).await?,
        };
        let move_to = match self.former_issuer {
            None => {
                context.check_issuer(&store).await?;
                None
            }
            Some(former) => {
                let issuer = context.loader_here().public_issuer()?;
                deployment::check_former(&store, &former, &issuer).await?;
                Some((former, issuer))
            }
        };
        let pending = store.pending_migrations().await?;
        store.migrate().await?;
        let mut text = if pending.is_empty() {
            "The database is up to date.".to_owned()
        } else {
            format!("The database is up to date; applied: {}", pending.join(", "))
        };
        let mut json = json!({ "applied": pending });
        if let Some((former, issuer)) = move_to {
            let random = &*context.dependencies.random;
            deployment::change(&store, random, (&former, &issuer), context.now()).await?;
            text.push_str(&format!("\nIt belongs to the issuer {issuer} from now on."));
            json["issuer"] = issuer.as_str().into();
        }
        Ok(Answer::new(json, text))
    }
}
