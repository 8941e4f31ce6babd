//! Texts of the sign-in page.

/// What the sign-in page says.
#[derive(Debug, PartialEq, Eq)]
pub struct SignInTexts {
    /// Title and heading.
    pub title: &'static str,
    /// Title after an error.
    pub title_again: &'static str,
    /// Below the heading, where a client waits: `{client}`.
    pub lead: &'static str,
    /// Label of the user name.
    pub email: &'static str,
    /// Label of the password.
    pub password: &'static str,
    /// Button of the form.
    pub submit: &'static str,
    /// Between two ways to sign in.
    pub or: &'static str,
    /// Button of a provider: `{provider}`.
    pub with_provider: &'static str,
    /// Link to the page that mails a new password.
    pub forgot: &'static str,
    /// In its place, where no mail can be sent.
    pub forgot_ask: &'static str,
    /// At the foot, where a password is typed: `{host}`.
    pub address_check: &'static str,
    /// Notice after a new password was set.
    pub password_was_set: &'static str,
    /// Notice before a change that asks for a fresh sign-in.
    pub fresh: &'static str,
    /// Notice: the client asks for a second step.
    pub second_step: &'static str,
    /// Notice: the client asks for a passkey.
    pub needs_passkey: &'static str,
    /// Error: the one answer to an unknown person, a wrong password and a disabled person alike, so that it tells nobody who
    /// exists.
    pub wrong_credentials: &'static str,
    /// Error: the server is checking as many passwords as it can.
    pub busy: &'static str,
    /// Error: too many wrong passwords, whether there is such an account or not.
    pub blocked: &'static str,
}

/// English.
pub static EN: SignInTexts = SignInTexts {
    title: "Sign in",
    title_again: "Try again",
    lead: "{client} would like to connect. Sign in first, then you decide.",
    email: "Email",
    password: "Password",
    submit: "Sign in",
    or: "or",
    with_provider: "Continue with {provider}",
    forgot: "Forgot your password?",
    forgot_ask: "Forgot your password? The person who runs this server can set a new one.",
    address_check: "You are at {host}. Type your password only if you know this address.",
    password_was_set: "Your new password is set. Sign in with it.",
    fresh: "Please sign in again: what you are about to change is worth making sure that it is you.",
    second_step: "This app asks for a second step: sign in with a passkey, or with a password and a code.",
    needs_passkey: "This app asks you to sign in with a passkey.",
    wrong_credentials: "That email and password do not match. Please try again.",
    busy: "Too many people are signing in right now. Please try again in a moment.",
    blocked: "There were too many wrong passwords for this email. Please wait a while and try again, or choose a new password.",
};

/// German.
pub static DE: SignInTexts = SignInTexts {
    title: "Anmelden",
    title_again: "Noch einmal",
    lead: "{client} möchte sich verbinden. Melden Sie sich zuerst an, dann entscheiden Sie.",
    email: "E-Mail-Adresse",
    password: "Passwort",
    submit: "Anmelden",
    or: "oder",
    with_provider: "Weiter mit {provider}",
    forgot: "Passwort vergessen?",
    forgot_ask: "Passwort vergessen? Wer diesen Server betreibt, kann ein neues setzen.",
    address_check: "Sie sind auf {host}. Geben Sie Ihr Passwort nur ein, wenn Sie diese Adresse kennen.",
    password_was_set: "Ihr neues Passwort gilt. Melden Sie sich damit an.",
    fresh: "Bitte melden Sie sich noch einmal an: Bei dieser Änderung möchten wir sichergehen, dass Sie es sind.",
    second_step: "Diese App verlangt einen zweiten Schritt: Melden Sie sich mit einem Passkey an oder mit Passwort und Code.",
    needs_passkey: "Diese App verlangt, dass Sie sich mit einem Passkey anmelden.",
    wrong_credentials: "E-Mail-Adresse und Passwort passen nicht zusammen. Bitte versuchen Sie es noch einmal.",
    busy: "Im Moment melden sich zu viele Personen an. Bitte versuchen Sie es gleich noch einmal.",
    blocked: "Das waren zu viele falsche Passwörter für diese E-Mail-Adresse. Bitte warten Sie eine Weile oder wählen Sie ein neues Passwort.",
};
