//! `authgent user`

mod link;
mod sessions;

use super::Context;
use super::answer::{Answer, Failure, date, table};
use super::password::PasswordFrom;
use crate::crypto::random::uuid_v7;
use crate::domain::{self, Email, EventKind, RevocationReason};
use crate::store::{Store, WriteTransaction};
use clap::{Args, Subcommand};
use link::Send;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  authgent user add ada@example.com --name 'Ada Lovelace'
  pass show authgent/ada | authgent user add ada@example.com --password-stdin --json
  authgent user add ada@example.com --no-password      signs in with a company account, or by an invitation later";

const INVITE_EXAMPLES: &str = "\
Prints a link with which the person chooses a passkey or a password. It works once, for seven days. With --send it goes to their address instead.
Needs AUTHGENT_ISSUER, which the link begins with.
  authgent user invite ada@example.com --name 'Ada Lovelace'";

/// People who may sign in.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a person. Prints their `sub`, the name by which tokens know them.
    Add(Add),
    /// Invite a person: adds them, where they are not there yet, and makes a link with which they choose how to sign in.
    #[command(after_help = INVITE_EXAMPLES)]
    Invite(link::Invite),
    /// Make a link with which a person chooses a new password. It works once, for an hour.
    Reset {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
        #[command(flatten)]
        send: Send,
    },
    /// Show everybody.
    List,
    /// Show where a person is signed in.
    Sessions {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
    /// Sign a person out everywhere. What they allowed to applications stays.
    EndSessions {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
    /// Give a person another password, and sign them out everywhere.
    Passwd {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Take a person's authenticator app and recovery codes away, where both are lost. Make sure first that it is they who ask.
    DropSecondFactor {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
    },
    /// You know that an address is theirs: applications are told so, and a company account with that address may be linked to it
    /// (AUTHGENT_IDP_LINK_BY_EMAIL).
    VerifyEmail {
        /// Their e-mail address.
        #[arg(value_parser = Email::parse)]
        email: Email,
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
    #[command(flatten)]
    person: Person,
    /// Without a password: they sign in with a company account, or choose one by an invitation.
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    #[command(flatten)]
    password: PasswordFrom,
}

/// Who a person is.
#[derive(Debug, Args)]
struct Person {
    /// Their e-mail address, with which they sign in.
    #[arg(value_parser = Email::parse)]
    email: Email,
    /// Their name, as servers may show it.
    #[arg(long)]
    name: Option<String>,
    /// You know that the address is theirs: applications are told so (`email_verified`).
    #[arg(long)]
    email_verified: bool,
}

impl Person {
    fn into_user(self, context: &Context, password_hash: Option<String>) -> domain::User {
        let now = context.now();
        domain::User {
            id: uuid_v7(&*context.dependencies.random, now),
            email: self.email,
            name: self.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            email_verified: self.email_verified,
            password_hash,
            enabled: true,
            created_at: now,
        }
    }
}

impl User {
    pub(super) async fn run(self, context: &Context) -> Result<Answer, Failure> {
        let store = context.store().await?;
        match self {
            Self::Add(add) => add.run(context, &store).await,
            Self::Invite(invite) => invite.run(context, &store).await,
            Self::Reset { email, send } => link::reset(context, &store, &email, send).await,
            Self::List => list(&store).await,
            Self::Sessions { email } => sessions::show(context, &store, &email).await,
            Self::EndSessions { email } => sessions::end(context, &store, &email).await,
            Self::Passwd { email, password } => set_password(context, &store, &email, &password).await,
            Self::DropSecondFactor { email } => {
                super::second_factor::drop(context, &store, &find(&store, &email).await?).await
            }
            Self::Disable { email } => set_enabled(context, &store, &email, false).await,
            Self::VerifyEmail { email } => verify_email(context, &store, &email).await,
            Self::Enable { email } => set_enabled(context, &store, &email, true).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        let email = &self.person.email;
        if store.user_by_email(email).await?.is_some() {
            // Before the password is asked for; the database says the same to whoever comes second.
            return Err(Failure::new(format!("there is a user with the e-mail address {email}")));
        }
        let known = [email.as_str(), self.person.name.as_deref().unwrap_or_default()];
        let password_hash = if self.no_password { None } else { Some(self.password.hash(context, &known).await?) };
        let user = self.person.into_user(context, password_hash);
        context.change(store, async |tx| insert(context, tx, &user).await).await?;
        Ok(Answer::new(as_json(&user), format!("Added {}\nsub  {}", user.email, user.id)))
    }
}

async fn insert(context: &Context, transaction: &WriteTransaction, user: &domain::User) -> Result<(), Failure> {
    transaction.insert_user(user).await?;
    note(context, transaction, user, EventKind::AccountCreated, json!({})).await
}

/// Writes down what the operator did to an account, for its person to read.
async fn note(
    context: &Context,
    transaction: &WriteTransaction,
    user: &domain::User,
    kind: EventKind,
    detail: Value,
) -> Result<(), Failure> {
    let at = context.now();
    let id = uuid_v7(&*context.dependencies.random, at);
    let mut detail = detail;
    detail["by"] = "operator".into();
    let event = domain::AccountEvent { id, user_id: user.id, at, kind, device: domain::Device::default(), detail };
    Ok(transaction.insert_event(&event).await?)
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
    let hash = password.hash(context, &[email.as_str(), user.name.as_deref().unwrap_or_default()]).await?;
    let set = async |tx: &WriteTransaction| {
        if !tx.set_password(user.id, &hash).await? {
            return Err(nobody(email));
        }
        tx.delete_sessions_of_user(user.id).await?;
        // A link that was made before would replace it again.
        tx.delete_links_of_user(user.id).await?;
        note(context, tx, &user, EventKind::PasswordReset, json!({})).await
    };
    context.change(store, set).await?;
    Ok(Answer::new(as_json(&user), format!("{} has another password and is signed out everywhere", user.email)))
}

async fn verify_email(context: &Context, store: &Store, email: &Email) -> Result<Answer, Failure> {
    let user = domain::User { email_verified: true, ..find(store, email).await? };
    let update = async |tx: &WriteTransaction| {
        if !tx.update_profile(&user).await? {
            return Err(nobody(email));
        }
        note(context, tx, &user, EventKind::ProfileChanged, json!({ "email_verified": true })).await
    };
    context.change(store, update).await?;
    Ok(Answer::new(as_json(&user), format!("{} is known to be theirs", user.email)))
}

async fn set_enabled(context: &Context, store: &Store, email: &Email, enabled: bool) -> Result<Answer, Failure> {
    let mut user = find(store, email).await?;
    let set = async |tx: &WriteTransaction| {
        if !tx.set_user_enabled(user.id, enabled).await? {
            return Err(nobody(email));
        }
        if !enabled {
            tx.delete_sessions_of_user(user.id).await?;
            tx.revoke_grants_of_user(user.id, context.now(), RevocationReason::UserDisabled).await?;
        }
        Ok(())
    };
    context.change(store, set).await?;
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
        "sub": user.id, "email": user.email.as_str(), "email_verified": user.email_verified, "name": user.name,
        "has_password": user.password_hash.is_some(), "enabled": user.enabled, "created_at": user.created_at,
    })
}
