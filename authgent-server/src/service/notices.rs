//! Tells people by mail of changes in how they sign in.

use crate::domain::{Device, User};
use crate::mail::{self, Notice};
use crate::service::Services;

/// Sends the notice, where mail is set up, while others go on. `lang` is that of the page on which it happened.
pub fn send(services: &Services, lang: &str, user: &User, notice: Notice, device: &Device) {
    if let Some(mailer) = &services.mailer {
        mailer.send_later(mail::notice(lang, &services.settings.issuer, user, notice, device, services.now()));
    }
}
