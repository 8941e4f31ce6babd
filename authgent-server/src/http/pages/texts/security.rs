//! Texts of the ways to sign in, on the security page of the account.

/// What the section of passkeys, authenticator app and recovery codes says.
#[derive(Debug, PartialEq, Eq)]
pub struct SecurityTexts {
    /// Title and heading of the page.
    pub title: &'static str,
    /// Heading of the upstream providers.
    pub providers: &'static str,
    /// What they are good for.
    pub providers_lead: &'static str,
    /// Button: links one, `{provider}`.
    pub link: &'static str,
    /// Button: unlinks one.
    pub unlink: &'static str,
    /// Error: nobody could sign in afterwards.
    pub last_provider: &'static str,
    /// Heading of the password.
    pub password: &'static str,
    /// There is one.
    pub password_set: &'static str,
    /// There is none.
    pub no_password: &'static str,
    /// Link: another one.
    pub change_password: &'static str,
    /// Link: the first one.
    pub choose_password: &'static str,
    /// Heading of the passkeys.
    pub passkeys: &'static str,
    /// What passkeys are good for.
    pub passkeys_lead: &'static str,
    /// There are none.
    pub no_passkeys: &'static str,
    /// Before the day on which a passkey was added.
    pub added: &'static str,
    /// Before the day on which a passkey was last used.
    pub last_used: &'static str,
    /// In its place: it never was.
    pub never_used: &'static str,
    /// Label of a passkey's name.
    pub name: &'static str,
    /// Opens the form that renames or removes.
    pub change: &'static str,
    /// Button: renames.
    pub rename: &'static str,
    /// Button: removes.
    pub remove: &'static str,
    /// Label of a new passkey's name.
    pub new_name: &'static str,
    /// Button: adds a passkey.
    pub add_passkey: &'static str,
    /// Without JavaScript.
    pub needs_script: &'static str,
    /// The issuer's host is an address.
    pub unsupported: &'static str,
    /// Error: the passkey was not made.
    pub add_failed: &'static str,
    /// Error: the authenticator holds a passkey of this account.
    pub add_known: &'static str,
    /// Error: the page is too old.
    pub add_expired: &'static str,
    /// Heading of the authenticator app.
    pub app: &'static str,
    /// What an authenticator app is good for.
    pub app_lead: &'static str,
    /// It is on.
    pub app_on: &'static str,
    /// Button: turns it on.
    pub app_turn_on: &'static str,
    /// Button: turns it off.
    pub app_turn_off: &'static str,
    /// Heading of the recovery codes.
    pub codes: &'static str,
    /// How many are left: `{count}`.
    pub codes_left: &'static str,
    /// There are none left.
    pub no_codes: &'static str,
    /// Button: makes new ones.
    pub make_codes: &'static str,
    /// Error: the last way to sign in stays.
    pub last_way: &'static str,
    /// Error: a name is missing.
    pub name_missing: &'static str,
    /// Error: what was to be changed is not there any more.
    pub gone: &'static str,
    /// Title of the page that turns an app on.
    pub setup_title: &'static str,
    /// Its first step.
    pub setup_scan: &'static str,
    /// What the picture is, for whoever does not see it.
    pub setup_picture: &'static str,
    /// The link that opens an app on this device.
    pub setup_open: &'static str,
    /// Before the secret as text.
    pub setup_secret: &'static str,
    /// Its second step.
    pub setup_code: &'static str,
    /// Its button.
    pub setup_confirm: &'static str,
    /// Error: the first code is wrong.
    pub setup_wrong: &'static str,
    /// Leads back without turning anything on.
    pub setup_cancel: &'static str,
    /// Title of the page with new recovery codes.
    pub new_codes_title: &'static str,
    /// What to do with them.
    pub new_codes_lead: &'static str,
    /// Leads back to the security page.
    pub new_codes_done: &'static str,
}

/// English.
pub static EN: SecurityTexts = SecurityTexts {
    title: "Ways to sign in",
    providers: "Sign-in services",
    providers_lead: "With these accounts of yours you can sign in here.",
    link: "Link an account of {provider}",
    unlink: "Unlink",
    last_provider: "That is your last way to sign in here. Link another account first.",
    password: "Password",
    password_set: "You have one. A change signs you out everywhere else.",
    no_password: "You have none, and need none as long as you have a passkey.",
    change_password: "Change your password",
    choose_password: "Choose a password",
    passkeys: "Passkeys",
    passkeys_lead: "Sign in with your fingerprint, your face or your device’s PIN. There is nothing to remember, and nothing that could be typed at the wrong place.",
    no_passkeys: "You have no passkey yet.",
    added: "Added",
    last_used: "last used",
    never_used: "never used",
    name: "Name",
    change: "Change",
    rename: "Rename",
    remove: "Remove this passkey",
    new_name: "Name for a new passkey",
    add_passkey: "Add a passkey",
    needs_script: "Passkeys need JavaScript, which is turned off in your browser.",
    unsupported: "Passkeys do not work here, because this server has no name, only an address.",
    add_failed: "No passkey was added. You can try again.",
    add_known: "This device or password manager holds a passkey of this account already.",
    add_expired: "This page was open for too long. Load it again, and then try again.",
    app: "Authenticator app",
    app_lead: "After your password, an app on your phone shows a code for you to type.",
    app_on: "It is on: your password alone is not enough.",
    app_turn_on: "Set up an app",
    app_turn_off: "Turn the app off",
    codes: "Recovery codes",
    codes_left: "For the day on which you don’t have your app. You have {count} left.",
    no_codes: "For the day on which you don’t have your app. You have none left.",
    make_codes: "Make new recovery codes",
    last_way: "This is the only way in which you can sign in. Add another one first.",
    name_missing: "Give the passkey a name.",
    gone: "It is not there any more. This is how things stand now.",
    setup_title: "Set up an authenticator app",
    setup_scan: "1. Scan this picture with your authenticator app.",
    setup_picture: "QR code with the secret below",
    setup_open: "Open an app on this device",
    setup_secret: "Or type this secret into the app:",
    setup_code: "2. Type the code that the app shows",
    setup_confirm: "Turn the app on",
    setup_wrong: "That code is not right. Check that your phone’s clock is right, and type the code that the app shows now.",
    setup_cancel: "Cancel",
    new_codes_title: "Keep your recovery codes",
    new_codes_lead: "Each of them signs you in once, in the place of your app. Print them or keep them in a password manager: they are shown only now, and older ones no longer work.",
    new_codes_done: "I have kept them",
};

/// German.
pub static DE: SecurityTexts = SecurityTexts {
    title: "Anmeldewege",
    providers: "Anmeldedienste",
    providers_lead: "Mit diesen Ihrer Konten können Sie sich hier anmelden.",
    link: "Ein Konto von {provider} verknüpfen",
    unlink: "Verknüpfung lösen",
    last_provider: "Das ist Ihr letzter Weg, sich hier anzumelden. Verknüpfen Sie zuerst ein anderes Konto.",
    password: "Passwort",
    password_set: "Sie haben eines. Wenn Sie es ändern, werden Sie überall sonst abgemeldet.",
    no_password: "Sie haben keines und brauchen keines, solange Sie einen Passkey haben.",
    change_password: "Passwort ändern",
    choose_password: "Passwort wählen",
    passkeys: "Passkeys",
    passkeys_lead: "Melden Sie sich mit Fingerabdruck, Gesicht oder der PIN Ihres Geräts an. Nichts muss man sich merken, und nichts kann man an der falschen Stelle eintippen.",
    no_passkeys: "Sie haben noch keinen Passkey.",
    added: "Hinzugefügt",
    last_used: "zuletzt benutzt",
    never_used: "nie benutzt",
    name: "Name",
    change: "Ändern",
    rename: "Umbenennen",
    remove: "Diesen Passkey entfernen",
    new_name: "Name für einen neuen Passkey",
    add_passkey: "Passkey hinzufügen",
    needs_script: "Passkeys brauchen JavaScript, das in Ihrem Browser ausgeschaltet ist.",
    unsupported: "Passkeys gibt es hier nicht, denn dieser Server hat keinen Namen, nur eine Adresse.",
    add_failed: "Es wurde kein Passkey hinzugefügt. Sie können es noch einmal versuchen.",
    add_known: "Dieses Gerät oder dieser Passwort-Manager hat schon einen Passkey dieses Kontos.",
    add_expired: "Diese Seite war zu lange offen. Laden Sie sie neu und versuchen Sie es dann noch einmal.",
    app: "Authenticator-App",
    app_lead: "Nach dem Passwort zeigt eine App auf Ihrem Telefon einen Code, den Sie eingeben.",
    app_on: "Sie ist eingeschaltet: Das Passwort allein genügt nicht.",
    app_turn_on: "App einrichten",
    app_turn_off: "App ausschalten",
    codes: "Wiederherstellungscodes",
    codes_left: "Für den Tag, an dem Sie Ihre App nicht haben. Sie haben noch {count}.",
    no_codes: "Für den Tag, an dem Sie Ihre App nicht haben. Sie haben keine mehr.",
    make_codes: "Neue Wiederherstellungscodes erzeugen",
    last_way: "Nur so können Sie sich anmelden. Fügen Sie zuerst einen anderen Weg hinzu.",
    name_missing: "Geben Sie dem Passkey einen Namen.",
    gone: "Das gibt es nicht mehr. So ist der Stand jetzt.",
    setup_title: "Authenticator-App einrichten",
    setup_scan: "1. Scannen Sie dieses Bild mit Ihrer Authenticator-App.",
    setup_picture: "QR-Code mit dem Geheimnis, das darunter steht",
    setup_open: "Eine App auf diesem Gerät öffnen",
    setup_secret: "Oder geben Sie dieses Geheimnis in die App ein:",
    setup_code: "2. Geben Sie den Code ein, den die App zeigt",
    setup_confirm: "App einschalten",
    setup_wrong: "Dieser Code stimmt nicht. Prüfen Sie, ob die Uhr Ihres Telefons richtig geht, und geben Sie den Code ein, den die App jetzt zeigt.",
    setup_cancel: "Abbrechen",
    new_codes_title: "Bewahren Sie Ihre Wiederherstellungscodes auf",
    new_codes_lead: "Mit jedem können Sie sich einmal anmelden, an Stelle der App. Drucken Sie sie aus oder legen Sie sie in einen Passwort-Manager: Sie werden nur jetzt gezeigt, und ältere gelten nicht mehr.",
    new_codes_done: "Ich habe sie aufbewahrt",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_how_many_codes_are_left() {
        for texts in [&EN, &DE] {
            assert!(texts.codes_left.contains("{count}"), "{}", texts.title);
        }
    }
}
