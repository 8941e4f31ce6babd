//! Every page with made-up data: for the preview example, and for the tests that look at all of them.

use std::cell::Cell;

use crate::domain::{Branding, Logo};

use askama::{Result, Template as _};

use super::qr::Qr;
use super::texts::{self, Texts};
use super::{
    ChoosePasswordPage, Choosing, ConnectedPage, ConsentPage, Detail, ErrorPage, ForgotPage, HomePage, IdentityRow,
    Imitation, Layout, Link, MethodsSection, PasskeyButton, PasskeyRow, PasswordNoticePage, Problem, ProviderButton,
    RecoveryCodesPage, ScopeRow, SecondFactorPage, SecurityPage, SignInPage, SignOutPage, SignedOutPage, Standing,
    TotpPage,
};
use crate::service::consent::Change;

thread_local! {
    /// The language of the samples that this thread makes.
    static TEXTS: Cell<&'static Texts> = const { Cell::new(&texts::EN) };
}

fn layout() -> Layout {
    Layout { texts: TEXTS.get(), ..Layout::for_issuer("https://auth.example.com") }
}

/// [`all`] in another language.
///
/// # Errors
/// When a template cannot be rendered.
pub fn all_in(texts: &'static Texts) -> Result<Vec<(&'static str, String)>> {
    let before = TEXTS.replace(texts);
    let pages = all();
    TEXTS.set(before);
    pages
}

/// A sign-in page without a failure.
pub fn sign_in() -> SignInPage {
    SignInPage {
        layout: layout(),
        action: "/login".to_owned(),
        csrf_token: "csrf".to_owned(),
        return_to: "/oauth/authorize?client_id=a&state=b".to_owned(),
        email: String::new(),
        error: None,
        client_name: Some("Claude".to_owned()),
        hint: None,
        passkey: None,
        passwords: true,
        providers: Vec::new(),
        forgot_url: None,
    }
}

/// A consent page of a client that registered itself and lives on the web.
pub fn consent() -> ConsentPage {
    let scope = |name: &str, description: &str, required, checked| ScopeRow {
        name: name.to_owned(),
        description: description.to_owned(),
        required,
        checked,
        already_granted: false,
        dangerous: !checked,
    };
    let texts = TEXTS.get().consent;
    ConsentPage {
        layout: layout(),
        action: "/consent".to_owned(),
        interaction: "ticket".to_owned(),
        csrf_token: "csrf".to_owned(),
        client_name: "Claude".to_owned(),
        client_host: Some("claude.ai".to_owned()),
        standing: Standing::Registered,
        imitates: None,
        redirect_host: "claude.ai".to_owned(),
        returns_to_loopback: false,
        private_scheme: None,
        resource_name: "Project tracker".to_owned(),
        resource_uri: "https://mcp.example.com/mcp".to_owned(),
        shared_profile: vec![texts.your_email.to_owned(), texts.your_name.to_owned()],
        scopes: vec![
            scope("mcp:read", "See your projects", true, true),
            scope("mcp:write", "Create and change your projects", false, true),
            scope("admin", "Delete any project, of any person", false, false),
        ],
        offline_access: true,
        user_email: "ada@example.com".to_owned(),
        switch_action: "/logout".to_owned(),
        switch_return_to: "/oauth/authorize?client_id=a&state=b".to_owned(),
        account_url: Some("/account".to_owned()),
        changed: Vec::new(),
    }
}

/// A consent page on which a client asks for more than it has.
pub fn consent_growth() -> ConsentPage {
    let mut page = consent();
    page.scopes[0].already_granted = true;
    page.scopes.pop();
    page
}

/// An error page with everything that the operator may find on it.
pub fn redirect_uri_error() -> ErrorPage {
    let mut page =
        ErrorPage::new(layout(), Problem::RedirectUri, Some("0198c7c2-6a0e-7d11-9f57-2f4f4a8a2f10".to_owned()));
    page.details.push(Detail {
        label: "Address that the app sent".to_owned(),
        value: "https://claude.ai.example.net/api/mcp/auth_callback".to_owned(),
    });
    page
}

/// File name and markup of every page in every state worth looking at.
///
/// # Errors
/// When a template cannot be rendered.
pub fn all() -> Result<Vec<(&'static str, String)>> {
    let problem = |problem| ErrorPage::new(layout(), problem, Some("0198c7c2-6a0e-7d11".to_owned()));
    let mut all = vec![
        ("sign-in", sign_in().render()?),
        ("sign-in-error", sign_in_again().render()?),
        ("sign-in-dev", sign_in_dev().render()?),
        ("sign-in-passkey", SignInPage { passkey: Some(passkey_button()), ..sign_in() }.render()?),
        ("second-factor", second_factor().render()?),
        ("second-factor-recovery", second_factor_recovery().render()?),
        ("security", security().render()?),
        ("security-new", security_new().render()?),
        ("totp", totp().render()?),
        ("recovery-codes", recovery_codes().render()?),
        ("invitation", choose_password(Choosing::Invitation).render()?),
        ("reset", choose_password(Choosing::Reset).render()?),
        ("password", choose_password(Choosing::Change).render()?),
        ("forgot", forgot().render()?),
        ("forgot-sent", password_notice().render()?),
        ("sign-in-everything", sign_in_everything().render()?),
        ("sign-in-providers", sign_in_providers().render()?),
        ("sign-in-reset", sign_in_reset().render()?),
        ("consent", consent().render()?),
        ("consent-verified", consent_verified().render()?),
        ("consent-published", consent_published().render()?),
        ("consent-imitation", consent_imitation(true).render()?),
        ("consent-borrowed-name", consent_imitation(false).render()?),
        ("consent-loopback", consent_loopback().render()?),
        ("consent-loopback-again", consent_again().render()?),
        ("consent-app", consent_app().render()?),
        ("consent-changed", consent_changed().render()?),
        ("consent-growth", consent_growth().render()?),
        ("consent-minimal", consent_minimal().render()?),
        ("consent-long", consent_long().render()?),
        ("error-redirect-uri", redirect_uri_error().render()?),
        ("error-unknown-client", problem(Problem::UnknownClient).render()?),
        ("error-client-document", problem(Problem::ClientDocument).render()?),
        ("error-client-not-accepted", problem(Problem::ClientNotAccepted).render()?),
        ("error-malformed", problem(Problem::Malformed).render()?),
        ("error-expired", problem(Problem::Expired).render()?),
        ("error-sign-in-gone", gone().render()?),
        ("error-sign-in-declined", problem(Problem::SignInDeclined).render()?),
        ("error-provider-down", problem(Problem::ProviderDown).render()?),
        ("error-provider-wrong", problem(Problem::ProviderWrong).render()?),
        ("error-not-allowed", problem(Problem::NotAllowed).render()?),
        ("error-linked-elsewhere", problem(Problem::LinkedElsewhere).render()?),
        ("security-providers", security_providers().render()?),
        ("error-form", problem(Problem::ForeignForm).render()?),
        ("error-not-found", problem(Problem::NotFound).render()?),
        ("error-method", problem(Problem::MethodNotAllowed).render()?),
        ("error-internal", problem(Problem::Internal).render()?),
        ("error-unavailable", problem(Problem::Unavailable).render()?),
        ("connected", connected().render()?),
        ("sign-out", sign_out().render()?),
        ("signed-out", signed_out().render()?),
        ("home", home().render()?),
        ("home-branded", home_branded().render()?),
    ];
    all.extend(super::account::samples::all(TEXTS.get())?);
    Ok(all)
}

fn choose_password(choosing: Choosing) -> ChoosePasswordPage {
    let t = TEXTS.get().password;
    ChoosePasswordPage {
        layout: layout(),
        t,
        passkey: (choosing == Choosing::Invitation).then(|| "/invitation/secret/passkey".to_owned()),
        choosing,
        action: "/reset/secret".to_owned(),
        csrf_token: "csrf".to_owned(),
        email: "ada@example.com".to_owned(),
        name: "Ada Lovelace".to_owned(),
        asks_present: choosing == Choosing::Change,
        revoke: true,
        error: (choosing == Choosing::Change).then_some(t.common),
    }
}

fn forgot() -> ForgotPage {
    ForgotPage {
        layout: layout(),
        t: TEXTS.get().password,
        action: Some("/forgot".to_owned()),
        csrf_token: "csrf".to_owned(),
        email: String::new(),
        error: None,
    }
}

fn password_notice() -> PasswordNoticePage {
    let t = TEXTS.get().password;
    let link = Some((t.sign_in, "/login".to_owned()));
    PasswordNoticePage { layout: layout(), title: t.sent_title, lead: t.sent_lead, link }
}

fn sign_in_again() -> SignInPage {
    SignInPage {
        email: "ada@example.com".to_owned(),
        error: Some(TEXTS.get().sign_in.wrong_credentials.to_owned()),
        ..sign_in()
    }
}

fn sign_in_dev() -> SignInPage {
    SignInPage {
        email: "you@example.com".to_owned(),
        hint: Some("Development server: the password is in the terminal where you started it.".to_owned()),
        ..sign_in()
    }
}

/// A consent page that comes back because the client has another name.
fn consent_changed() -> ConsentPage {
    ConsentPage { changed: vec![Change::Client, Change::Scopes], ..consent() }
}

/// Everything that the page can offer.
fn sign_in_everything() -> SignInPage {
    let provider = |name: &str, action: &str| ProviderButton { name: name.to_owned(), action: action.to_owned() };
    SignInPage {
        providers: vec![provider("Example Corp", "/idp/corp"), provider("GitHub", "/idp/github")],
        forgot_url: Some("/forgot".to_owned()),
        ..sign_in()
    }
}

/// Providers alone.
fn sign_in_providers() -> SignInPage {
    SignInPage { passwords: false, forgot_url: None, ..sign_in_everything() }
}

/// After a new password was set.
fn sign_in_reset() -> SignInPage {
    SignInPage {
        client_name: None,
        hint: Some(TEXTS.get().sign_in.password_was_set.to_owned()),
        forgot_url: Some("/forgot".to_owned()),
        ..sign_in()
    }
}

fn consent_loopback() -> ConsentPage {
    ConsentPage {
        client_name: "Claude Code".to_owned(),
        client_host: None,
        returns_to_loopback: true,
        redirect_host: "127.0.0.1:4711".to_owned(),
        account_url: None,
        ..consent()
    }
}

fn consent_verified() -> ConsentPage {
    ConsentPage { standing: Standing::Verified { host: "claude.ai".to_owned() }, ..consent() }
}

fn consent_published() -> ConsentPage {
    ConsentPage {
        client_name: "Garden planner".to_owned(),
        client_host: None,
        standing: Standing::Published { host: "garden.example.org".to_owned() },
        redirect_host: "oauth.garden.example.net".to_owned(),
        ..consent()
    }
}

fn consent_imitation(same: bool) -> ConsentPage {
    ConsentPage {
        client_name: if same { "CIaude" } else { "Claude Helper" }.to_owned(),
        client_host: None,
        redirect_host: "claude-login.example.net".to_owned(),
        imitates: Some(Imitation { name: "Claude".to_owned(), host: Some("claude.ai".to_owned()), same }),
        ..consent()
    }
}

/// A program on the computer whose document everybody can use, and that was allowed before.
fn consent_again() -> ConsentPage {
    let mut page = consent_loopback();
    page.standing = Standing::Published { host: "claude.ai".to_owned() };
    page.scopes.pop();
    for scope in &mut page.scopes {
        scope.already_granted = true;
    }
    page
}

fn consent_app() -> ConsentPage {
    ConsentPage {
        client_name: "Cursor".to_owned(),
        client_host: None,
        private_scheme: Some("cursor".to_owned()),
        redirect_host: "anysphere.cursor-mcp".to_owned(),
        ..consent()
    }
}

fn consent_minimal() -> ConsentPage {
    ConsentPage {
        client_name: "Company portal".to_owned(),
        client_host: None,
        standing: Standing::Operator,
        redirect_host: "portal.example.com".to_owned(),
        shared_profile: Vec::new(),
        scopes: Vec::new(),
        offline_access: false,
        ..consent()
    }
}

/// Everything as long as it may get, and as hostile.
fn consent_long() -> ConsentPage {
    let mut page = consent();
    page.client_name =
        "The\u{202e} Unreasonably <b>Long</b> \"Name\" of a Client That Wants to Fill Your Screen".to_owned();
    page.client_host = Some("trustworthy.example.org".to_owned());
    page.redirect_host = format!("{}.xn--80ak6aa92e.example.com:8443", "very-long-label".repeat(4));
    page.resource_name = "Customer relationship management, production, Europe".to_owned();
    page.resource_uri = format!("https://mcp.example.com/{}/mcp", "tenant-0198c7c2".repeat(4));
    page.user_email = "ada.augusta.king.countess.of.lovelace@analytical-engines.example.com".to_owned();
    for index in 1..8 {
        page.scopes.push(ScopeRow {
            name: format!("projects:{index}:comments:write"),
            description: format!(
                "Write comments in your name on everything that project {index} contains, now and later"
            ),
            required: false,
            checked: index % 2 == 0,
            already_granted: false,
            dangerous: false,
        });
    }
    page
}

fn connected() -> ConnectedPage {
    ConnectedPage { layout: layout(), client_name: "Claude".to_owned(), resource_name: "Project tracker".to_owned() }
}

fn sign_out() -> SignOutPage {
    SignOutPage {
        layout: layout(),
        action: "/logout".to_owned(),
        csrf_token: "csrf".to_owned(),
        user_email: "ada@example.com".to_owned(),
        return_to: None,
    }
}

fn signed_out() -> SignedOutPage {
    SignedOutPage { layout: layout(), sign_in_url: Some("/login".to_owned()), at_provider: true }
}

/// Under an operator's name, logo and colour.
fn home_branded() -> HomePage {
    let page = home();
    HomePage { layout: page.layout.branded(&branding()), ..page }
}

/// An operator's name, logo and colour.
pub fn branding() -> Branding {
    let logo = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="#5b3df5"/></svg>"##;
    Branding { name: "Example Corp".to_owned(), logo: Logo::new(logo.to_vec()).ok(), accent: Some([0x5b, 0x3d, 0xf5]) }
}

fn home() -> HomePage {
    HomePage {
        signed_in_as: Some("ada@example.com".to_owned()),
        sign_out_url: Some("/logout".to_owned()),
        ..HomePage::new(layout(), "https://auth.example.com")
    }
}

fn passkey_button() -> PasskeyButton {
    PasskeyButton {
        t: TEXTS.get().second_factor,
        endpoint: "/login/passkey".to_owned(),
        csrf_token: "c2FtcGxl".to_owned(),
        return_to: "/account".to_owned(),
    }
}

/// Asks for a code.
pub fn second_factor() -> SecondFactorPage {
    SecondFactorPage {
        layout: layout(),
        t: TEXTS.get().second_factor,
        action: "/login/second-factor".to_owned(),
        csrf_token: "c2FtcGxl".to_owned(),
        ticket: "c2FtcGxl".to_owned(),
        return_to: "/account".to_owned(),
        sign_in_url: "/login?return_to=%2Faccount".to_owned(),
        error: None,
        recovery: false,
        passkey: Some(passkey_button()),
    }
}

/// After a wrong recovery code.
pub fn second_factor_recovery() -> SecondFactorPage {
    let error = Some(TEXTS.get().second_factor.wrong.to_owned());
    SecondFactorPage { error, recovery: true, passkey: None, ..second_factor() }
}

/// Two passkeys, an app, and most recovery codes.
pub fn security() -> SecurityPage {
    let passkey = |id: &str, name: &str, last_used: Option<&str>| PasskeyRow {
        id: id.to_owned(),
        name: name.to_owned(),
        added: "2026-11-23".to_owned(),
        last_used: last_used.map(str::to_owned),
    };
    let methods = MethodsSection {
        t: TEXTS.get().security,
        base: "/account".to_owned(),
        csrf_token: "c2FtcGxl".to_owned(),
        error: None,
        local_accounts: true,
        identities: vec![IdentityRow {
            handle: "aGFuZGxl".to_owned(),
            provider: "Example Corp".to_owned(),
            email: Some("ada@example.com".to_owned()),
            added: "2026-11-20".to_owned(),
            last_used: "2026-11-24".to_owned(),
        }],
        linkable: vec![("GitHub".to_owned(), "/account/providers/github/link".to_owned())],
        password_set: true,
        passkeys: vec![
            passkey("0198c7c2-6a0e-7d11-8000-000000000001", "Phone", Some("2026-11-24")),
            passkey("0198c7c2-6a0e-7d11-8000-000000000002", "Security key", None),
        ],
        passkeys_work: true,
        app_on: true,
        codes_left: TEXTS.get().security.codes_left.replace("{count}", "9"),
    };
    SecurityPage { layout: layout(), frame: super::account::samples::frame("/security"), methods }
}

/// Where providers alone sign people in.
fn security_providers() -> SecurityPage {
    let mut page = security();
    page.methods.local_accounts = false;
    page.methods.error = Some(TEXTS.get().security.last_provider.to_owned());
    page
}

/// A provider's answer that came twice, with a way to go on.
fn gone() -> ErrorPage {
    let layout = layout();
    let link = Link { label: layout.texts.errors.try_again.to_owned(), url: "/login".to_owned() };
    ErrorPage { link: Some(link), ..ErrorPage::new(layout, Problem::SignInGone, None) }
}

/// A person with a password alone, who tried to remove what is not there.
pub fn security_new() -> SecurityPage {
    let mut page = security();
    page.methods.error = Some(TEXTS.get().security.gone.to_owned());
    page.methods.passkeys = Vec::new();
    page.methods.password_set = false;
    page.methods.identities = Vec::new();
    page.methods.linkable = Vec::new();
    page.methods.passkeys_work = false;
    page.methods.app_on = false;
    page
}

/// A secret for an app, after a wrong first code.
pub fn totp() -> TotpPage {
    let uri = "otpauth://totp/auth.example.com:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth.example.com";
    TotpPage {
        layout: layout(),
        t: TEXTS.get().security,
        base: "/account".to_owned(),
        csrf_token: "c2FtcGxl".to_owned(),
        qr: Qr::new(uri),
        uri: uri.to_owned(),
        secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned(),
        error: Some(TEXTS.get().security.setup_wrong.to_owned()),
    }
}

/// Ten codes.
pub fn recovery_codes() -> RecoveryCodesPage {
    let codes = (0..10).map(|n| format!("{n}123-4567-89AB-CDEF")).collect();
    RecoveryCodesPage { layout: layout(), t: TEXTS.get().security, base: "/account".to_owned(), codes }
}
