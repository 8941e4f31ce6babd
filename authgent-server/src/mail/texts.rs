//! Every sentence of the mails. `{host}` and the like are replaced.

use super::Notice;

/// The words around a link.
pub(super) struct LinkTexts {
    pub(super) subject: &'static str,
    pub(super) lead: &'static str,
    pub(super) button: &'static str,
    pub(super) detail: &'static str,
}

/// One language.
pub(super) struct Texts {
    pub(super) lang: &'static str,
    pub(super) greeting_to: &'static str,
    pub(super) greeting: &'static str,
    pub(super) invitation: LinkTexts,
    pub(super) reset: LinkTexts,
    pub(super) notice_subject: &'static str,
    pub(super) when: &'static str,
    pub(super) address: &'static str,
    pub(super) browser: &'static str,
    pub(super) not_you: &'static str,
    pub(super) footer: &'static str,
    notices: [&'static str; 8],
}

impl Texts {
    /// The language of that name, or English.
    pub(super) fn of(lang: &str) -> &'static Self {
        if lang == DE.lang { &DE } else { &EN }
    }

    pub(super) const fn notice(&self, notice: Notice) -> &'static str {
        self.notices[match notice {
            Notice::PasswordChanged => 0,
            Notice::PasskeyAdded => 1,
            Notice::PasskeyRemoved => 2,
            Notice::TotpEnabled => 3,
            Notice::TotpDisabled => 4,
            Notice::RecoveryCodesMade => 5,
            Notice::IdentityLinked => 6,
            Notice::IdentityUnlinked => 7,
        }]
    }
}

static EN: Texts = Texts {
    lang: "en",
    greeting_to: "Hello {name},",
    greeting: "Hello,",
    invitation: LinkTexts {
        subject: "Your invitation to {host}",
        lead: "There is an account for you at {host}. Choose how you want to sign in:",
        button: "Set up your account",
        detail: "The link works once, for seven days. If you did not expect this mail, you can ignore it.",
    },
    reset: LinkTexts {
        subject: "Choose a new password for {host}",
        lead: "Somebody, probably you, asked for a new password for your account at {host}. Choose one here:",
        button: "Choose a new password",
        detail: "The link works once, for one hour. If it was not you, ignore this mail: your password stays as it is.",
    },
    notice_subject: "Your sign-in to {host} has changed",
    when: "When: {time}",
    address: "From the address: {address}",
    browser: "With: {browser}",
    not_you: "If it was you, there is nothing to do. If not, open {host} yourself, ask there for a new password, and tell the \
              person who runs that server.",
    footer: "This mail comes from {host} because you have an account there.",
    notices: [
        "The password of your account at {host} was changed.",
        "A passkey was added to your account at {host}.",
        "A passkey was removed from your account at {host}.",
        "An authenticator app was added to your account at {host}.",
        "The authenticator app was removed from your account at {host}.",
        "New recovery codes were made for your account at {host}. The old ones no longer work.",
        "Your account at {host} can now be opened with another account of yours.",
        "Your account at {host} can no longer be opened with another account that was linked to it.",
    ],
};

static DE: Texts = Texts {
    lang: "de",
    greeting_to: "Guten Tag {name},",
    greeting: "Guten Tag,",
    invitation: LinkTexts {
        subject: "Ihre Einladung zu {host}",
        lead: "Für Sie gibt es ein Konto bei {host}. Wählen Sie, wie Sie sich anmelden möchten:",
        button: "Konto einrichten",
        detail: "Der Link gilt einmal und sieben Tage lang. Wenn Sie diese Nachricht nicht erwartet haben, beachten Sie sie nicht weiter.",
    },
    reset: LinkTexts {
        subject: "Neues Passwort für {host} wählen",
        lead: "Jemand, vermutlich Sie, hat für Ihr Konto bei {host} um ein neues Passwort gebeten. Wählen Sie es hier:",
        button: "Neues Passwort wählen",
        detail: "Der Link gilt einmal und eine Stunde lang. Wenn Sie es nicht waren, beachten Sie diese Nachricht nicht weiter: Ihr \
                 Passwort bleibt, wie es ist.",
    },
    notice_subject: "Ihre Anmeldung bei {host} hat sich geändert",
    when: "Wann: {time}",
    address: "Von der Adresse: {address}",
    browser: "Mit: {browser}",
    not_you: "Wenn Sie es waren, ist nichts zu tun. Wenn nicht, öffnen Sie {host} selbst, lassen Sie sich dort ein neues Passwort geben, \
              und sagen Sie es der Person, die diesen Server betreibt.",
    footer: "Diese Nachricht kommt von {host}, weil Sie dort ein Konto haben.",
    notices: [
        "Das Passwort Ihres Kontos bei {host} wurde geändert.",
        "Zu Ihrem Konto bei {host} kam ein Passkey hinzu.",
        "Aus Ihrem Konto bei {host} wurde ein Passkey entfernt.",
        "Zu Ihrem Konto bei {host} kam eine Authenticator-App hinzu.",
        "Aus Ihrem Konto bei {host} wurde die Authenticator-App entfernt.",
        "Für Ihr Konto bei {host} wurden neue Wiederherstellungscodes erzeugt. Die alten gelten nicht mehr.",
        "Ihr Konto bei {host} lässt sich jetzt auch mit einem anderen Ihrer Konten öffnen.",
        "Ihr Konto bei {host} lässt sich mit einem anderen Konto, das verknüpft war, nicht mehr öffnen.",
    ],
};
