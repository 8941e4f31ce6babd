//! Texts of the pages of the account: applications, sessions, history, data, profile.

use crate::domain::EventKind;

/// What the pages of the account say.
#[derive(Debug)]
pub struct AccountTexts {
    /// Name of the account as a whole.
    pub title: &'static str,
    /// What the navigation is called.
    pub navigation: &'static str,
    /// Connected applications.
    pub applications: &'static str,
    /// Ways to sign in.
    pub security: &'static str,
    /// Where one is signed in.
    pub sessions: &'static str,
    /// What happened to the account.
    pub history: &'static str,
    /// Export and deletion.
    pub data: &'static str,
    /// How one is called.
    pub profile: &'static str,
    /// Below the heading of the applications.
    pub applications_lead: &'static str,
    /// Where there are none.
    pub applications_none: &'static str,
    /// Before what an application may do: `{resource}`.
    pub may: &'static str,
    /// In the place of scopes where the operator spares people the question.
    pub skipped: &'static str,
    /// Behind a dangerous scope.
    pub dangerous: &'static str,
    /// Label.
    pub first_use: &'static str,
    /// Label.
    pub last_use: &'static str,
    /// Label.
    pub live_tokens: &'static str,
    /// One refresh token.
    pub live_one: &'static str,
    /// Several: `{count}`.
    pub live_many: &'static str,
    /// None.
    pub live_none: &'static str,
    /// Standing: the operator made it.
    pub by_operator: &'static str,
    /// Standing: `{host}`.
    pub verified: &'static str,
    /// Standing: `{host}`.
    pub published: &'static str,
    /// Standing: `{host}`.
    pub registered: &'static str,
    /// Button.
    pub disconnect: &'static str,
    /// Button.
    pub disconnect_all: &'static str,
    /// What disconnecting does: `{time}`.
    pub access_ends: &'static str,
    /// One minute.
    pub minute: &'static str,
    /// Several: `{count}`.
    pub minutes: &'static str,
    /// Below the heading of the sessions.
    pub sessions_lead: &'static str,
    /// The session that asks.
    pub this_one: &'static str,
    /// Nothing is known.
    pub unknown_device: &'static str,
    /// `{browser}`, `{system}`.
    pub on: &'static str,
    /// Label.
    pub address: &'static str,
    /// Where nothing is known.
    pub unknown: &'static str,
    /// Label.
    pub signed_in: &'static str,
    /// Button.
    pub end_session: &'static str,
    /// Button.
    pub end_others: &'static str,
    /// Below the heading of the history.
    pub history_lead: &'static str,
    /// Where there is nothing.
    pub history_none: &'static str,
    /// Link.
    pub older: &'static str,
    /// Below the history.
    pub not_you: &'static str,
    /// Below the heading of the data.
    pub data_lead: &'static str,
    /// Heading and button.
    pub export: &'static str,
    /// What is in it.
    pub export_lead: &'static str,
    /// Heading.
    pub delete: &'static str,
    /// What it does.
    pub delete_lead: &'static str,
    /// Where the operator has switched it off.
    pub delete_off: &'static str,
    /// Label of the field: `{email}`.
    pub delete_confirm: &'static str,
    /// Button.
    pub delete_button: &'static str,
    /// What was typed is another address.
    pub delete_wrong: &'static str,
    /// Heading after it.
    pub deleted: &'static str,
    /// Below it.
    pub deleted_lead: &'static str,
    /// Below the heading of the profile.
    pub profile_lead: &'static str,
    /// Label.
    pub name: &'static str,
    /// Label.
    pub email: &'static str,
    /// In the place of a server's name, where a client asks who somebody is and nothing else.
    pub own_profile: &'static str,
    /// In the place of the form: `{provider}`.
    pub from_provider: &'static str,
    /// The name is not taken.
    pub name_wrong: &'static str,
    /// In the place of the name of an application that is not known.
    pub somewhere: &'static str,
    /// An event in words; `{client}` and `{resource}` stand for what it was about.
    pub event: fn(EventKind) -> &'static str,
    /// The event of disconnecting all applications at once.
    pub disconnected_all: &'static str,
}

/// English.
pub static EN: AccountTexts = AccountTexts {
    title: "Your account",
    navigation: "Pages of your account",
    applications: "Applications",
    security: "Security",
    sessions: "Sessions",
    history: "History",
    data: "Your data",
    profile: "Profile",
    applications_lead: "Apps and agents that may act for you.",
    applications_none: "No application is connected to your account.",
    may: "On {resource} it may",
    skipped: "what the operator of this server decided",
    dangerous: "dangerous",
    first_use: "Connected",
    last_use: "Last used",
    live_tokens: "Can renew its access",
    live_one: "in one place",
    live_many: "in {count} places",
    live_none: "no",
    by_operator: "Set up by the operator",
    verified: "Verified, published by {host}",
    published: "Published by {host}",
    registered: "Registered itself, leads to {host}",
    disconnect: "Disconnect",
    disconnect_all: "Disconnect all",
    access_ends: "A disconnected application cannot renew its access. What it holds ends within {time}, at once on servers that ask here.",
    minute: "one minute",
    minutes: "{count} minutes",
    sessions_lead: "The browsers in which you are signed in.",
    this_one: "This browser",
    unknown_device: "Unknown browser",
    on: "{browser} on {system}",
    address: "Address",
    unknown: "unknown",
    signed_in: "Signed in",
    end_session: "Sign out there",
    end_others: "Sign out everywhere else",
    history_lead: "What happened to your account, the latest first.",
    history_none: "Nothing has happened yet.",
    older: "Older",
    not_you: "Was something not you? Sign out everywhere else, and change how you sign in.",
    data_lead: "What is kept here about you.",
    export: "Download your data",
    export_lead: "A JSON file with your account, ways to sign in, sessions, applications and history. It holds no password and no secret.",
    delete: "Delete your account",
    delete_lead: "Your account and everything in it is deleted at once and for good. Every application loses its access.",
    delete_off: "To delete your account, ask the person who runs this server.",
    delete_confirm: "To confirm, type {email}",
    delete_button: "Delete my account for good",
    delete_wrong: "That is not the e-mail address of this account. Nothing was deleted.",
    deleted: "Your account is deleted",
    deleted_lead: "Nothing of it is kept. You can close this window.",
    profile_lead: "How you are called here, and in the applications that may know it.",
    name: "Name",
    email: "E-mail address",
    own_profile: "your profile",
    from_provider: "Both come from {provider}, each time that you sign in.",
    name_wrong: "A name has at most 100 characters. Nothing was changed.",
    somewhere: "an application",
    event: english,
    disconnected_all: "You disconnected all applications",
};

/// German.
pub static DE: AccountTexts = AccountTexts {
    title: "Ihr Konto",
    navigation: "Seiten Ihres Kontos",
    applications: "Apps",
    security: "Sicherheit",
    sessions: "Sitzungen",
    history: "Verlauf",
    data: "Ihre Daten",
    profile: "Profil",
    applications_lead: "Apps und Agenten, die für Sie handeln dürfen.",
    applications_none: "Mit Ihrem Konto ist keine App verbunden.",
    may: "Auf {resource} darf sie",
    skipped: "was der Betreiber dieses Servers bestimmt hat",
    dangerous: "gefährlich",
    first_use: "Verbunden",
    last_use: "Zuletzt benutzt",
    live_tokens: "Kann den Zugriff erneuern",
    live_one: "an einer Stelle",
    live_many: "an {count} Stellen",
    live_none: "nein",
    by_operator: "Vom Betreiber eingerichtet",
    verified: "Geprüft, veröffentlicht von {host}",
    published: "Veröffentlicht von {host}",
    registered: "Hat sich selbst angemeldet, führt zu {host}",
    disconnect: "Trennen",
    disconnect_all: "Alle trennen",
    access_ends: "Eine getrennte App kann ihren Zugriff nicht erneuern. Was sie hat, endet innerhalb von {time}, sofort auf Servern, die hier nachfragen.",
    minute: "einer Minute",
    minutes: "{count} Minuten",
    sessions_lead: "Die Browser, in denen Sie angemeldet sind.",
    this_one: "Dieser Browser",
    unknown_device: "Unbekannter Browser",
    on: "{browser} auf {system}",
    address: "Adresse",
    unknown: "unbekannt",
    signed_in: "Angemeldet",
    end_session: "Dort abmelden",
    end_others: "Überall sonst abmelden",
    history_lead: "Was mit Ihrem Konto geschah, das Neueste zuerst.",
    history_none: "Noch ist nichts geschehen.",
    older: "Älter",
    not_you: "Waren Sie etwas davon nicht? Melden Sie sich überall sonst ab und ändern Sie, wie Sie sich anmelden.",
    data_lead: "Was hier über Sie gespeichert ist.",
    export: "Ihre Daten herunterladen",
    export_lead: "Eine JSON-Datei mit Konto, Anmeldewegen, Sitzungen, Apps und Verlauf. Sie enthält kein Passwort und kein Geheimnis.",
    delete: "Ihr Konto löschen",
    delete_lead: "Ihr Konto und alles darin wird sofort und endgültig gelöscht. Jede App verliert ihren Zugriff.",
    delete_off: "Um Ihr Konto zu löschen, wenden Sie sich an den Betreiber dieses Servers.",
    delete_confirm: "Zur Bestätigung {email} eingeben",
    delete_button: "Mein Konto endgültig löschen",
    delete_wrong: "Das ist nicht die E-Mail-Adresse dieses Kontos. Es wurde nichts gelöscht.",
    deleted: "Ihr Konto ist gelöscht",
    deleted_lead: "Nichts davon ist noch da. Sie können dieses Fenster schließen.",
    profile_lead: "Wie Sie hier heißen, und in den Apps, die es wissen dürfen.",
    name: "Name",
    email: "E-Mail-Adresse",
    own_profile: "Ihr Profil",
    from_provider: "Beides kommt von {provider}, bei jeder Anmeldung.",
    name_wrong: "Ein Name hat höchstens 100 Zeichen. Es wurde nichts geändert.",
    somewhere: "eine App",
    event: german,
    disconnected_all: "Sie haben alle Apps getrennt",
};

const fn english(kind: EventKind) -> &'static str {
    match kind {
        EventKind::AccountCreated => "Your account was made",
        EventKind::InvitationAccepted => "You accepted the invitation",
        EventKind::SignedIn => "You signed in",
        EventKind::SignedOut => "You signed out",
        EventKind::SecondFactorFailed => "A right password was followed by a wrong code",
        EventKind::SignInBlocked => "Signing in was put off after wrong passwords",
        EventKind::SessionEnded => "A session was ended",
        EventKind::PasswordChanged => "You changed your password",
        EventKind::PasswordReset => "Your password was reset",
        EventKind::PasskeyAdded => "A passkey was added",
        EventKind::PasskeyRemoved => "A passkey was removed",
        EventKind::TotpEnabled => "An authenticator app was added",
        EventKind::TotpDisabled => "The authenticator app was removed",
        EventKind::RecoveryCodesMade => "New recovery codes were made",
        EventKind::RecoveryCodeUsed => "A recovery code was used",
        EventKind::IdentityLinked => "A sign-in provider was linked",
        EventKind::IdentityUnlinked => "A sign-in provider was unlinked",
        EventKind::ProfileChanged => "Your profile changed",
        EventKind::ConsentGiven => "You allowed {client} to use {resource}",
        EventKind::ConsentWithdrawn => "You disconnected {client}",
        EventKind::DataExported => "You downloaded your data",
    }
}

const fn german(kind: EventKind) -> &'static str {
    match kind {
        EventKind::AccountCreated => "Ihr Konto wurde angelegt",
        EventKind::InvitationAccepted => "Sie haben die Einladung angenommen",
        EventKind::SignedIn => "Sie haben sich angemeldet",
        EventKind::SignedOut => "Sie haben sich abgemeldet",
        EventKind::SecondFactorFailed => "Auf ein richtiges Passwort folgte ein falscher Code",
        EventKind::SignInBlocked => "Die Anmeldung wurde nach falschen Passwörtern aufgeschoben",
        EventKind::SessionEnded => "Eine Sitzung wurde beendet",
        EventKind::PasswordChanged => "Sie haben Ihr Passwort geändert",
        EventKind::PasswordReset => "Ihr Passwort wurde zurückgesetzt",
        EventKind::PasskeyAdded => "Ein Passkey kam hinzu",
        EventKind::PasskeyRemoved => "Ein Passkey wurde entfernt",
        EventKind::TotpEnabled => "Eine Authenticator-App kam hinzu",
        EventKind::TotpDisabled => "Die Authenticator-App wurde entfernt",
        EventKind::RecoveryCodesMade => "Neue Wiederherstellungscodes wurden erzeugt",
        EventKind::RecoveryCodeUsed => "Ein Wiederherstellungscode wurde benutzt",
        EventKind::IdentityLinked => "Ein Anmeldedienst wurde verknüpft",
        EventKind::IdentityUnlinked => "Die Verknüpfung mit einem Anmeldedienst wurde gelöst",
        EventKind::ProfileChanged => "Ihr Profil wurde geändert",
        EventKind::ConsentGiven => "Sie haben {client} den Zugriff auf {resource} erlaubt",
        EventKind::ConsentWithdrawn => "Sie haben {client} getrennt",
        EventKind::DataExported => "Sie haben Ihre Daten heruntergeladen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_words_in_both_languages() {
        for kind in EventKind::ALL {
            let (en, de) = ((EN.event)(kind), (DE.event)(kind));
            assert!(!en.is_empty() && !de.is_empty() && en != de, "{kind:?}");
            for place in ["{client}", "{resource}"] {
                assert_eq!(en.contains(place), de.contains(place), "{kind:?}");
            }
        }
    }
}
