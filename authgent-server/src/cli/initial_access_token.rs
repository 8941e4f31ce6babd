//! `authgent initial-access-token`

use super::Context;
use super::answer::{Answer, Failure, date, table};
use crate::crypto::hash::token_hash;
use crate::crypto::random::{secret, uuid_v7};
use crate::domain::registration;
use crate::store::Store;
use authgent_core::scope::Scope;
use authgent_core::time::Timestamp;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

const EXAMPLES: &str = "\
For one application of a partner, this week, reading only:
  authgent initial-access-token add --name 'Partner' --uses 1 --expires-in 7d --scope mcp:read

The application sends it when it registers:
  curl https://auth.example.com/oauth/register -H 'Authorization: Bearer TOKEN' --data '{\"redirect_uris\": …}'";

/// The longest life of a token, in seconds: ten years.
const LONGEST: i64 = 315_360_000;

/// What authorizes an application to register itself, where not everybody may (RFC 7591, section 3).
#[derive(Debug, Subcommand)]
pub(super) enum InitialAccessToken {
    /// Make one. Prints it, once only.
    Add(Add),
    /// Show all of them, those that are no longer good included.
    List,
    /// Revoke one. The applications that it registered stay.
    Revoke {
        /// Its identifier, as `list` shows it.
        id: Uuid,
    },
}

/// Make an initial access token.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Add {
    /// What it is for, for you to remember.
    #[arg(long)]
    name: Option<String>,
    /// How many applications it may register; any number where it is left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// How long it is good: 7d, 12h, 30m, or a number of seconds. For ever where it is left out.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    expires_in: Option<i64>,
    /// The most that its applications may ever be granted, such as 'mcp:read openid'. Without it there is no limit but
    /// what people allow.
    #[arg(long, value_name = "SCOPES", value_parser = parse_scope)]
    scope: Option<Scope>,
}

impl InitialAccessToken {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => add.run(context, &store).await,
            Self::List => list(&store, context.now()).await,
            Self::Revoke { id } => revoke(context, &store, id).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        let (random, now) = (&*context.dependencies.random, context.now());
        let secret = secret(random);
        let token = registration::InitialAccessToken {
            id: uuid_v7(random, now),
            token_hash: token_hash(&secret),
            name: self.name,
            scope_limit: self.scope,
            uses: 0,
            max_uses: self.uses.map(i64::from),
            created_at: now,
            expires_at: self.expires_in.map(|seconds| now.plus(seconds)),
            revoked_at: None,
        };
        context.change(store, async |tx| Ok(tx.insert_initial_access_token(&token).await?)).await?;
        let mut json = as_json(&token, now);
        json["token"] = secret.clone().into();
        let text =
            format!("id     {}\ntoken  {secret}\nThe token is shown this once: only its hash is kept.", token.id);
        Ok(Answer::new(json, text))
    }
}

async fn list(store: &Store, now: Timestamp) -> Result<Answer, Failure> {
    let tokens = store.initial_access_tokens().await?;
    let rows: Vec<_> = tokens
        .iter()
        .map(|token| {
            let uses = match token.max_uses {
                Some(most) => format!("{} of {most}", token.uses),
                None => token.uses.to_string(),
            };
            let name = token.name.clone().unwrap_or_default();
            let scope = token.scope_limit.as_ref().map(ToString::to_string).unwrap_or_default();
            let end = token.expires_at.map_or_else(|| "never".to_owned(), date);
            [token.id.to_string(), name, token.state(now).as_str().to_owned(), uses, scope, end]
        })
        .collect();
    let text = table(["id", "name", "state", "uses", "scope at most", "expires (UTC)"], &rows);
    Ok(Answer::new(tokens.iter().map(|token| as_json(token, now)).collect(), text))
}

async fn revoke(context: &Context, store: &Store, id: Uuid) -> Result<Answer, Failure> {
    let now = context.now();
    if !context.change(store, async |tx| Ok(tx.revoke_initial_access_token(id, now).await?)).await? {
        return Err(Failure::new(format!(
            "there is no initial access token {id} that could be revoked: `authgent initial-access-token list` shows all of them"
        )));
    }
    Ok(Answer::new(json!({"id": id, "state": "revoked"}), format!("Revoked {id}. What it registered stays.")))
}

/// What is known about it. Never its hash.
fn as_json(token: &registration::InitialAccessToken, now: Timestamp) -> Value {
    json!({
        "id": token.id, "name": token.name, "state": token.state(now).as_str(), "uses": token.uses,
        "max_uses": token.max_uses, "scope": token.scope_limit, "created_at": token.created_at,
        "expires_at": token.expires_at, "revoked_at": token.revoked_at,
    })
}

/// A number of seconds, or of minutes, hours or days with `m`, `h` or `d` behind it.
fn parse_time(text: &str) -> Result<i64, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (number, unit) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds))).unwrap_or((text, 1));
    let seconds = number.parse::<u32>().ok().and_then(|number| i64::from(number).checked_mul(unit));
    seconds
        .filter(|seconds| (1..=LONGEST).contains(seconds))
        .ok_or_else(|| "must be a time such as 7d, 12h, 30m or 3600, of ten years at most".to_owned())
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    match Scope::parse(text) {
        Ok(scope) if scope.is_empty() => Err("must name a scope at least".to_owned()),
        Ok(scope) => Ok(scope),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30m", 1800), ("45s", 45), ("3600", 3600)] {
            assert_eq!(parse_time(text), Ok(seconds), "{text}");
        }
        for bad in ["", "0", "0d", "-1d", "1w", "d", "1.5h", "9999d", "4294967295d", "1 d", "+1h x"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
