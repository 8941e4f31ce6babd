//! Texts of the pages on which a password is chosen: by an invitation, a reset, a change; and of the way there.

/// What those pages say.
#[derive(Debug, PartialEq, Eq)]
pub struct PasswordTexts {
    /// Invitation: title and heading.
    pub invitation_title: &'static str,
    /// Invitation: below the heading.
    pub invitation_lead: &'static str,
    /// Invitation: the button for a passkey.
    pub invitation_passkey: &'static str,
    /// Invitation: what a passkey is good for.
    pub invitation_passkey_help: &'static str,
    /// Reset: title and heading.
    pub reset_title: &'static str,
    /// Reset: below the heading.
    pub reset_lead: &'static str,
    /// Change: title and heading.
    pub change_title: &'static str,
    /// Change: below the heading.
    pub change_lead: &'static str,
    /// Before a title, after an error.
    pub again: &'static str,
    /// Label of the e-mail address.
    pub email: &'static str,
    /// Label of the name.
    pub name: &'static str,
    /// Label of the present password.
    pub present: &'static str,
    /// Label of the new password.
    pub password: &'static str,
    /// Below it.
    pub password_help: &'static str,
    /// Label of the new password's second time.
    pub repeat: &'static str,
    /// Box: ends what applications were allowed.
    pub revoke: &'static str,
    /// Button of the invitation.
    pub save_invitation: &'static str,
    /// Button of the others.
    pub save: &'static str,
    /// Error: too short.
    pub too_short: &'static str,
    /// Error: too long.
    pub too_long: &'static str,
    /// Error: among the first that others try.
    pub common: &'static str,
    /// Error: too close to the person.
    pub personal: &'static str,
    /// Error: the two are not the same.
    pub differ: &'static str,
    /// Error: the present password is another one.
    pub wrong_present: &'static str,
    /// Error: too many wrong ones.
    pub blocked: &'static str,
    /// Error: too much to do.
    pub busy: &'static str,
    /// Error: the form's token did not match.
    pub expired: &'static str,
    /// A link that is no good: title and heading.
    pub gone_title: &'static str,
    /// Below it.
    pub gone_lead: &'static str,
    /// What to do, where no mail can be sent.
    pub gone_ask: &'static str,
    /// Link to the page that sends one.
    pub gone_forgot: &'static str,
    /// Forgotten password: title and heading.
    pub forgot_title: &'static str,
    /// Below it.
    pub forgot_lead: &'static str,
    /// Its button.
    pub forgot_send: &'static str,
    /// In its place, where no mail can be sent.
    pub forgot_no_mail: &'static str,
    /// After it: title and heading.
    pub sent_title: &'static str,
    /// Below it. The same whether there is an account or not.
    pub sent_lead: &'static str,
    /// After a reset or a change: title and heading.
    pub done_title: &'static str,
    /// Below it, after a reset.
    pub done_reset: &'static str,
    /// Below it, after a change.
    pub done_change: &'static str,
    /// Link to the sign-in page.
    pub sign_in: &'static str,
    /// Link to the account.
    pub account: &'static str,
}

/// English.
pub static EN: PasswordTexts = PasswordTexts {
    invitation_title: "Set up your account",
    invitation_lead: "Choose how you want to sign in from now on.",
    invitation_passkey: "Set up with a passkey",
    invitation_passkey_help: "Your fingerprint, your face or the PIN of your device: you need no password then.",
    reset_title: "Choose a new password",
    reset_lead: "You will be signed out everywhere, and sign in with the new one.",
    change_title: "Change your password",
    change_lead: "You stay signed in here, and are signed out everywhere else.",
    again: "Try again",
    email: "Email",
    name: "Your name",
    present: "Present password",
    password: "New password",
    password_help: "At least 8 characters. A few words that have nothing to do with each other are good.",
    repeat: "New password, once more",
    revoke: "Also disconnect every app that may act for me",
    save_invitation: "Set up with this password",
    save: "Save new password",
    too_short: "This password is too short: at least 8 characters, please.",
    too_long: "This password is too long: 1024 bytes at most, please.",
    common: "This password is among the first that others try. Please choose a longer one, such as a few words that have nothing to do with each other.",
    personal: "This password is too close to your name, your email or the name of this site. Please choose one that nobody can guess from those.",
    differ: "The two new passwords are not the same. Please type them again.",
    wrong_present: "That is not your present password. Please try again.",
    blocked: "There were too many wrong passwords. Please wait a while and try again.",
    busy: "Too much is going on right now. Please try again in a moment.",
    expired: "This page was open for too long, or your browser blocks cookies. Please try again.",
    gone_title: "This link no longer works",
    gone_lead: "Links like this work once and for a limited time, and only whole: perhaps a part of it was lost on the way.",
    gone_ask: "The person who runs this server can give you another one.",
    gone_forgot: "Ask for a new link",
    forgot_title: "Forgot your password?",
    forgot_lead: "Type your email, and we send you a link with which you choose a new one.",
    forgot_send: "Send link",
    forgot_no_mail: "This server sends no mail. The person who runs it can give you a link with which you choose a new password.",
    sent_title: "Look into your mail",
    sent_lead: "If there is an account with that email, a link is on its way to it. It works once, for an hour. If nothing comes, look among the unwanted mails, or ask the person who runs this server.",
    done_title: "Your new password is set",
    done_reset: "You are signed out everywhere. Sign in with the new password.",
    done_change: "You are still signed in here, and signed out everywhere else.",
    sign_in: "Sign in",
    account: "Back to your account",
};

/// German.
pub static DE: PasswordTexts = PasswordTexts {
    invitation_title: "Konto einrichten",
    invitation_lead: "Wählen Sie, wie Sie sich ab jetzt anmelden möchten.",
    invitation_passkey: "Mit einem Passkey einrichten",
    invitation_passkey_help: "Ihr Fingerabdruck, Ihr Gesicht oder die PIN Ihres Geräts: Ein Passwort brauchen Sie dann nicht.",
    reset_title: "Neues Passwort wählen",
    reset_lead: "Sie werden überall abgemeldet und melden sich mit dem neuen Passwort an.",
    change_title: "Passwort ändern",
    change_lead: "Hier bleiben Sie angemeldet, überall sonst werden Sie abgemeldet.",
    again: "Noch einmal",
    email: "E-Mail-Adresse",
    name: "Ihr Name",
    present: "Bisheriges Passwort",
    password: "Neues Passwort",
    password_help: "Mindestens 8 Zeichen. Gut sind ein paar Wörter, die nichts miteinander zu tun haben.",
    repeat: "Neues Passwort, noch einmal",
    revoke: "Auch alle Apps trennen, die für mich handeln dürfen",
    save_invitation: "Mit diesem Passwort einrichten",
    save: "Neues Passwort speichern",
    too_short: "Dieses Passwort ist zu kurz: bitte mindestens 8 Zeichen.",
    too_long: "Dieses Passwort ist zu lang: bitte höchstens 1024 Bytes.",
    common: "Dieses Passwort gehört zu den ersten, die andere versuchen. Bitte wählen Sie ein längeres, zum Beispiel ein paar Wörter, die nichts miteinander zu tun haben.",
    personal: "Dieses Passwort ähnelt Ihrem Namen, Ihrer E-Mail-Adresse oder dem Namen dieser Seite. Bitte wählen Sie eines, das niemand daraus erraten kann.",
    differ: "Die beiden neuen Passwörter sind nicht gleich. Bitte geben Sie sie noch einmal ein.",
    wrong_present: "Das ist nicht Ihr bisheriges Passwort. Bitte versuchen Sie es noch einmal.",
    blocked: "Das waren zu viele falsche Passwörter. Bitte warten Sie eine Weile und versuchen Sie es noch einmal.",
    busy: "Im Moment ist hier zu viel los. Bitte versuchen Sie es gleich noch einmal.",
    expired: "Diese Seite war zu lange offen, oder Ihr Browser lehnt Cookies ab. Bitte versuchen Sie es noch einmal.",
    gone_title: "Dieser Link gilt nicht mehr",
    gone_lead: "Solche Links gelten einmal und nur für eine begrenzte Zeit, und nur als Ganzes: Vielleicht ging unterwegs ein Teil verloren.",
    gone_ask: "Die Person, die diesen Server betreibt, kann Ihnen einen anderen geben.",
    gone_forgot: "Neuen Link anfordern",
    forgot_title: "Passwort vergessen?",
    forgot_lead: "Geben Sie Ihre E-Mail-Adresse ein. Wir senden Ihnen einen Link, mit dem Sie ein neues wählen.",
    forgot_send: "Link senden",
    forgot_no_mail: "Dieser Server verschickt keine Mails. Die Person, die ihn betreibt, kann Ihnen einen Link geben, mit dem Sie ein neues Passwort wählen.",
    sent_title: "Sehen Sie in Ihre Mails",
    sent_lead: "Wenn es zu dieser E-Mail-Adresse ein Konto gibt, ist ein Link dorthin unterwegs. Er gilt einmal und eine Stunde lang. Wenn nichts ankommt, sehen Sie bei den unerwünschten Mails nach, oder fragen Sie die Person, die diesen Server betreibt.",
    done_title: "Ihr neues Passwort gilt",
    done_reset: "Sie sind überall abgemeldet. Melden Sie sich mit dem neuen Passwort an.",
    done_change: "Hier sind Sie weiter angemeldet, überall sonst abgemeldet.",
    sign_in: "Anmelden",
    account: "Zurück zu Ihrem Konto",
};
