//! The mails that people get: links, and notices of what changed in how they sign in. Words alone: [`crate::net::Mailer`]
//! sends them.

mod texts;

use crate::domain::{Device, Email, LinkPurpose, User};
use askama::Template;
use authgent_core::issuer::Issuer;
use authgent_core::time::Timestamp;
use texts::Texts;

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// A change in how a person signs in that they hear of by mail: whoever did not make it should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The password was changed.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// An authenticator app was added.
    TotpEnabled,
    /// The authenticator app was removed.
    TotpDisabled,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// An upstream provider was linked.
    IdentityLinked,
    /// An upstream provider was unlinked.
    IdentityUnlinked,
}

/// The sentences of a mail. Everything in it may have been chosen by a stranger but the texts of [`texts`]: the plain text has
/// it on one line, and the HTML escaped.
#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Letter {
    lang: &'static str,
    subject: String,
    greeting: String,
    lead: String,
    link: Option<(&'static str, String)>,
    details: Vec<String>,
    footer: String,
}

impl Letter {
    fn into_mail(self, to: &Email) -> Mail {
        let mut paragraphs = vec![self.greeting.clone(), self.lead.clone()];
        paragraphs.extend(self.link.iter().map(|(_, url)| url.clone()));
        paragraphs.extend(self.details.iter().cloned());
        paragraphs.push(format!("-- \n{}", self.footer));
        let text = paragraphs.join("\n\n") + "\n";
        // Rendering fails only where writing to memory does.
        let html = self.render().unwrap_or_default();
        Mail { to: to.clone(), subject: self.subject, text, html }
    }
}

/// The mail with a link. `lang` is `de` or `en`; others are English.
#[must_use]
pub fn link(lang: &str, issuer: &Issuer, user: &User, purpose: LinkPurpose, url: String) -> Mail {
    let texts = Texts::of(lang);
    let host = host(issuer);
    let words = match purpose {
        LinkPurpose::Invitation => &texts.invitation,
        LinkPurpose::PasswordReset => &texts.reset,
    };
    let letter = Letter {
        lang: texts.lang,
        subject: words.subject.replace("{host}", &host),
        greeting: greeting(texts, user),
        lead: words.lead.replace("{host}", &host),
        link: Some((words.button, url)),
        details: vec![words.detail.to_owned()],
        footer: texts.footer.replace("{host}", &host),
    };
    letter.into_mail(&user.email)
}

/// The mail about a change.
#[must_use]
pub fn notice(lang: &str, issuer: &Issuer, user: &User, notice: Notice, device: &Device, at: Timestamp) -> Mail {
    let texts = Texts::of(lang);
    let host = host(issuer);
    let mut details = vec![texts.when.replace("{time}", &utc(at))];
    details.extend(device.address.as_ref().map(|address| texts.address.replace("{address}", &one_line(address))));
    details.extend(device.user_agent.as_ref().map(|agent| texts.browser.replace("{browser}", &one_line(agent))));
    details.push(texts.not_you.replace("{host}", &host));
    let letter = Letter {
        lang: texts.lang,
        subject: texts.notice_subject.replace("{host}", &host),
        greeting: greeting(texts, user),
        lead: texts.notice(notice).replace("{host}", &host),
        link: None,
        details,
        footer: texts.footer.replace("{host}", &host),
    };
    letter.into_mail(&user.email)
}

fn greeting(texts: &Texts, user: &User) -> String {
    match user.name.as_deref().map(one_line).filter(|name| !name.is_empty()) {
        // A name that holds an address would be a link that somebody else chose, in a mail of ours.
        Some(name) if !name.contains(['/', '.', ':', '@']) => texts.greeting_to.replace("{name}", &name),
        _ => texts.greeting.to_owned(),
    }
}

fn host(issuer: &Issuer) -> String {
    issuer.origin().split_once("://").map_or_else(|| issuer.to_string(), |(_, host)| host.to_owned())
}

/// No line breaks, no control characters, at most 100 characters.
fn one_line(text: &str) -> String {
    let clean = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    clean.collect::<Vec<_>>().join(" ").chars().take(100).collect()
}

fn utc(at: Timestamp) -> String {
    format!("{} UTC", crate::clock::date(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user(name: &str) -> User {
        User {
            id: Uuid::nil(),
            email: Email::parse("ada@example.com").unwrap(),
            name: Some(name.to_owned()),
            email_verified: false,
            password_hash: None,
            enabled: true,
            created_at: Timestamp(0),
        }
    }

    fn issuer() -> Issuer {
        Issuer::parse("https://auth.example.com/t").unwrap()
    }

    #[test]
    fn a_link_stands_in_both_forms_and_languages() {
        for (lang, subject) in
            [("en", "Your invitation to auth.example.com"), ("de", "Ihre Einladung zu auth.example.com")]
        {
            let url = LinkPurpose::Invitation.url(&issuer(), "secret");
            assert_eq!(url, "https://auth.example.com/t/invitation/secret");
            let mail = link(lang, &issuer(), &user("Ada Lovelace"), LinkPurpose::Invitation, url.clone());
            assert_eq!(mail.subject, subject);
            assert!(mail.text.contains(&format!("\n\n{url}\n\n")), "{}", mail.text);
            assert!(
                mail.html.contains(&format!("href=\"{url}\"")) && mail.html.contains("Ada Lovelace"),
                "{}",
                mail.html
            );
            for text in [&mail.text, &mail.html, &mail.subject] {
                assert!(!text.contains(['{', '}']), "{text}");
            }
        }
    }

    #[test]
    fn what_strangers_chose_stays_text() {
        let device = Device {
            address: Some("203.0.113.7".into()),
            user_agent: Some("<script>alert(1)</script>\r\nBcc: all@example.com".into()),
        };
        for hostile in ["<b>Ada</b>", "Ada\r\nBcc: x", "https://evil.example/now", "evil.example"] {
            let mail = notice("en", &issuer(), &user(hostile), Notice::PasswordChanged, &device, Timestamp(0));
            assert!(!mail.html.contains("<script") && !mail.html.contains("<b>Ada"), "{}", mail.html);
            assert!(!mail.text.contains("\r") && !mail.text.contains("\nBcc"), "{}", mail.text);
            assert!(!mail.text.contains("evil"), "{}", mail.text);
            assert!(mail.text.contains("1970-01-01 00:00 UTC") && mail.text.contains("203.0.113.7"), "{}", mail.text);
        }
    }
}
