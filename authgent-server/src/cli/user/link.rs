//! `authgent user invite`, `authgent user reset`

use super::{Person, as_json, find, insert};
use crate::cli::Context;
use crate::cli::answer::{Answer, Failure, date};
use crate::crypto::hash::token_hash;
use crate::crypto::random::secret;
use crate::domain::{Email, LinkPurpose, OneTimeLink, User};
use crate::mail;
use crate::net::Mailer;
use crate::store::{Store, WriteTransaction};
use authgent_core::issuer::Issuer;
use clap::Args;

/// Invite a person.
#[derive(Debug, Args)]
pub(in crate::cli) struct Invite {
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    send: Send,
}

/// Where the link goes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Send {
    /// Send the link to their address instead of printing it. Needs AUTHGENT_SMTP_URL and AUTHGENT_MAIL_FROM.
    #[arg(long)]
    send: bool,
    /// The language of the mail.
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = ["en", "de"], requires = "send")]
    language: String,
}

impl Invite {
    pub(super) async fn run(self, context: &Context, store: &Store) -> Result<Answer, Failure> {
        // What the link needs is looked at before anybody is added.
        let maker = LinkMaker::new(context, self.send)?;
        let known = store.user_by_email(&self.person.email).await?;
        if let Some(known) = known.as_ref().filter(|known| known.password_hash.is_some() || !known.enabled) {
            let what = if known.enabled { "has a password already: use `authgent user reset`" } else { "is disabled" };
            return Err(Failure::new(format!("{} {what}", known.email)));
        }
        let (user, is_new) = match known {
            Some(user) => (user, false),
            None => (self.person.into_user(context, None), true),
        };
        maker.finish(context, store, &user, LinkPurpose::Invitation, is_new).await
    }
}

pub(super) async fn reset(context: &Context, store: &Store, email: &Email, send: Send) -> Result<Answer, Failure> {
    let maker = LinkMaker::new(context, send)?;
    let user = find(store, email).await?;
    if !user.enabled {
        return Err(Failure::new(format!("{email} is disabled: `authgent user enable {email}` lets them in again")));
    }
    maker.finish(context, store, &user, LinkPurpose::PasswordReset, false).await
}

/// Makes a link, and prints or sends it.
struct LinkMaker {
    issuer: Issuer,
    mailer: Option<Mailer>,
    language: String,
}

impl LinkMaker {
    fn new(context: &Context, send: Send) -> Result<Self, Failure> {
        let loader = context.loader_here();
        if !loader.local_accounts()? {
            let problem = "local accounts are off: the link would lead nowhere. People sign in at the provider that is set; \
                           AUTHGENT_LOCAL_ACCOUNTS=on gives them a password or a passkey here beside it";
            return Err(Failure::new(problem));
        }
        let mailer = if send.send {
            let missing =
                || Failure::new("there is no mail server to send it with: set AUTHGENT_SMTP_URL, or leave --send away");
            Some(Mailer::new(&loader.mail()?.ok_or_else(missing)?)?)
        } else {
            None
        };
        Ok(Self { issuer: loader.public_issuer()?, mailer, language: send.language })
    }

    /// With `is_new` the person is added as well.
    async fn finish(
        self,
        context: &Context,
        store: &Store,
        user: &User,
        purpose: LinkPurpose,
        is_new: bool,
    ) -> Result<Answer, Failure> {
        let token = secret(&*context.dependencies.random);
        let link = OneTimeLink::new(token_hash(&token), user.id, purpose, self.mailer.is_some(), context.now());
        let add = async |tx: &WriteTransaction| {
            if is_new {
                insert(context, tx, user).await?;
            }
            Ok(tx.insert_link(&link).await?)
        };
        context.change(store, add).await?;
        let url = purpose.url(&self.issuer, &token);
        let mut json = as_json(user);
        json["expires_at"] = link.expires_at.0.into();
        let until = date(link.expires_at);
        if let Some(mailer) = &self.mailer {
            let sent = mailer.send(mail::link(&self.language, &self.issuer, user, purpose, url)).await;
            let again = |error| {
                format!("{error}. {} has an account: run this again, or without --send to get the link", user.email)
            };
            sent.map_err(|error| Failure::new(again(error)))?;
            json["sent"] = true.into();
            return Ok(Answer::new(
                json,
                format!("A link was sent to {}. It works once, until {until} UTC.", user.email),
            ));
        }
        json["url"] = url.clone().into();
        let text =
            format!("Give this link to {} and to nobody else. It works once, until {until} UTC.\n{url}", user.email);
        Ok(Answer::new(json, text))
    }
}
