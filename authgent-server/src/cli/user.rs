//! `authgent user`

use super::Context;
use super::answer::{Answer, Failure, date, table};
use super::password::PasswordFrom;
use crate::crypto::random::uuid_v7;
use crate::domain::{self, Email, RevocationReason};
use crate::store::Store;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  authgent user add ada@example.com --name 'Ada Lovelace'
  pass show authgent/ada | authgent user add ada@example.com --password-stdin --json";

/// People who may sign in.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a person. Prints their `sub`, the name by which tokens know them.
    Add(Add),
    /// Show everybody.
    List,
    /// Give a person another password, and sign them out everywhere.
    Passwd {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Let a person in no longer: ends their sessions and revokes what they granted. Access tokens that are out
    /// run to their end.
    Disable {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
    /// Let a person in again.
    Enable {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
}

/// Add a person.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Add {
    /// Their e-mail address, with which they sign in.
    #[arg(value_parser = Email::parse)]
    email: Email,
    /// Their name, as servers may show it.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    password: PasswordFrom,
}

impl User {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => add.run(context, &store).await,
            Self::List => list(&store).await,
            Self::Passwd { email, password } => set_password(context, &store, &email, &password).await,
            Self::Disable { email } => set_enabled(context, &store, &email, false).await,
            Self::Enable { email } => set_enabled(context, &store, &email, true).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        if store.user_by_email(&self.email).await?.is_some() {
            // Before the password is asked for; the database says the same to whoever comes second.
            return Err(Failure::new(format!("there is a user with the e-mail address {}", self.email)));
        }
        let now = context.now();
        let user = domain::User {
            id: uuid_v7(&*context.dependencies.random, now),
            email: self.email,
            name: self.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            email_verified: false,
            password_hash: Some(self.password.hash(context).await?),
            enabled: true,
            created_at: now,
        };
        let transaction = store.begin().await?;
        transaction.insert_user(&user).await?;
        transaction.commit().await?;
        Ok(Answer::new(as_json(&user), format!("Added {}\nsub  {}", user.email, user.id)))
    }
}

async fn list(store: &Store) -> Result<Answer, Failure> {
    let users = store.users().await?;
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            let state = if user.enabled { "enabled" } else { "disabled" };
            let name = user.name.clone().unwrap_or_default();
            [user.email.to_string(), name, state.to_owned(), date(user.created_at), user.id.to_string()]
        })
        .collect();
    let text = table(["e-mail", "name", "state", "since (UTC)", "sub"], &rows);
    Ok(Answer::new(users.iter().map(as_json).collect(), text))
}

async fn set_password(
    context: &Context,
    store: &Store,
    email: &Email,
    password: &PasswordFrom,
) -> Result<Answer, Failure> {
    let user = find(store, email).await?;
    let hash = password.hash(context).await?;
    let transaction = store.begin().await?;
    if !transaction.set_password(user.id, &hash).await? {
        return Err(nobody(email));
    }
    transaction.delete_sessions_of_user(user.id).await?;
    transaction.commit().await?;
    Ok(Answer::new(as_json(&user), format!("{} has another password and is signed out everywhere", user.email)))
}

async fn set_enabled(context: &Context, store: &Store, email: &Email, enabled: bool) -> Result<Answer, Failure> {
    let mut user = find(store, email).await?;
    let transaction = store.begin().await?;
    if !transaction.set_user_enabled(user.id, enabled).await? {
        return Err(nobody(email));
    }
    if !enabled {
        transaction.delete_sessions_of_user(user.id).await?;
        transaction.revoke_grants_of_user(user.id, context.now(), RevocationReason::UserDisabled).await?;
    }
    transaction.commit().await?;
    user.enabled = enabled;
    let text = if enabled { "may sign in again" } else { "is disabled, signed out, and their grants are revoked" };
    Ok(Answer::new(as_json(&user), format!("{} {text}", user.email)))
}

async fn find(store: &Store, email: &Email) -> Result<domain::User, Failure> {
    store.user_by_email(email).await?.ok_or_else(|| nobody(email))
}

fn nobody(email: &Email) -> Failure {
    Failure::new(format!("there is no user with the e-mail address {email}: `authgent user list` shows everybody"))
}

/// Never with the password's hash.
fn as_json(user: &domain::User) -> Value {
    json!({
        "sub": user.id, "email": user.email.as_str(), "name": user.name, "enabled": user.enabled,
        "created_at": user.created_at,
    })
}
