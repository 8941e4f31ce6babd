//! The ways to sign in, below `/account`: passkeys are named and removed, an authenticator app is turned on and off, recovery
//! codes are made. Whatever would help an intruder to stay needs a sign-in of the last minutes.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::qr::Qr;
use super::pages::texts::SecurityTexts;
use super::pages::{
    IdentityRow, Layout, MethodsSection, PasskeyRow, Problem, RecoveryCodesPage, SecurityPage, TotpPage,
};
use super::session::{require, require_fresh};
use super::{account, csrf, device, language, redirect, render, render_with_script};
use crate::domain::{Device, Identity, Passkey, User};
use crate::mail::Notice;
use crate::service::passkeys::manage::{self, ManageError};
use crate::service::second_factor::app::{self, AppError};
use crate::service::second_factor::{is_on, recovery};
use crate::service::{Services, notices, upstream};
use actix_web::cookie::time::OffsetDateTime;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use authgent_core::time::Timestamp;
use uuid::Uuid;

/// What follows `/account` in the path of the page that lists the ways to sign in.
const PAGE: &str = "/security";

type Answer = Result<HttpResponse, PageError>;

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    match require(&services, &request, PAGE).await {
        Ok(signed_in) => page(&services, &request, &signed_in.user, None, StatusCode::OK).await,
        Err(barrier) => barrier.into_result(),
    }
}

/// What stands on the security page about password, passkeys, authenticator app and recovery codes.
pub(super) async fn section(
    services: &Services,
    request: &HttpRequest,
    user: &User,
    csrf_token: String,
    error: Option<&str>,
) -> Result<MethodsSection, PageError> {
    let failed = |error| PageError::store(services, request, &error);
    let passkeys = services.store.passkeys_of_user(user.id).await.map_err(failed)?;
    let app_on = is_on(services, user).await.map_err(failed)?;
    let left = services.store.recovery_codes_left(user.id).await.map_err(failed)?;
    let identities = services.store.identities_of_user(user.id).await.map_err(failed)?;
    Ok(MethodsSection {
        t: texts(request),
        local_accounts: services.settings.local_accounts,
        linkable: linkable(services, &identities),
        identities: identities.iter().map(|identity| identity_row(services, identity)).collect(),
        base: account::base(services),
        csrf_token,
        error: error.map(str::to_owned),
        password_set: user.password_hash.is_some(),
        passkeys: passkeys.into_iter().map(row).collect(),
        passkeys_work: services.relying_party.is_some(),
        app_on,
        codes_left: match left {
            0 => texts(request).no_codes.to_owned(),
            left => texts(request).codes_left.replace("{count}", &left.to_string()),
        },
    })
}

pub(super) async fn rename_passkey(
    request: HttpRequest,
    services: web::Data<Services>,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let name = form.parameters.get("name").unwrap_or_default();
    let outcome = match Uuid::parse_str(&id) {
        Ok(id) => manage::rename(&services, &signed_in.user, id, name).await,
        Err(_) => Err(ManageError::Unknown),
    };
    managed(&services, &request, &signed_in.user, outcome).await
}

pub(super) async fn remove_passkey(
    request: HttpRequest,
    services: web::Data<Services>,
    id: web::Path<String>,
    form: Form,
) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let device = device::of(&services, &request);
    let outcome = match Uuid::parse_str(&id) {
        Ok(id) => manage::remove(&services, &signed_in.user, id, &device).await,
        Err(_) => Err(ManageError::Unknown),
    };
    if outcome.is_ok() {
        tell(&services, &request, &signed_in.user, Notice::PasskeyRemoved, &device);
    }
    managed(&services, &request, &signed_in.user, outcome).await
}

async fn managed(services: &Services, request: &HttpRequest, user: &User, outcome: Result<(), ManageError>) -> Answer {
    let (text, status) = match outcome {
        Ok(()) => return Ok(redirect(&format!("{}{PAGE}", account::base(services)))),
        Err(ManageError::Unknown) => (texts(request).gone, StatusCode::NOT_FOUND),
        Err(ManageError::Name) => (texts(request).name_missing, StatusCode::BAD_REQUEST),
        Err(ManageError::LastWay) => (texts(request).last_way, StatusCode::CONFLICT),
        Err(ManageError::Store(error)) => return Err(PageError::store(services, request, &error)),
    };
    page(services, request, user, Some(text), status).await
}

/// Begins to turn an app on.
pub(super) async fn set_up_app(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    match app::begin(&services, &signed_in.user).await {
        Ok(()) => Ok(redirect(&format!("{}/totp", account::base(&services)))),
        Err(error) => app_error(&services, &request, &signed_in.user, error).await,
    }
}

/// The secret for the app. As the change itself, for a fresh sign-in only: who copies it can make codes for ever.
pub(super) async fn app_page(request: HttpRequest, services: web::Data<Services>) -> Answer {
    match require_fresh(&services, &request, "/totp").await {
        Ok(signed_in) => enrolment(&services, &request, &signed_in.user, None, StatusCode::OK).await,
        Err(barrier) => barrier.into_result(),
    }
}

/// Turns it on, by its first code.
pub(super) async fn confirm_app(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, "/totp").await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let code = form.parameters.get("code").unwrap_or_default();
    let user = &signed_in.user;
    let device = device::of(&services, &request);
    match app::confirm(&services, user, code, &device).await {
        Ok(codes) => {
            tell(&services, &request, user, Notice::TotpEnabled, &device);
            show_codes(&services, &request, codes)
        }
        Err(AppError::Wrong) => {
            enrolment(&services, &request, user, Some(texts(&request).setup_wrong), StatusCode::BAD_REQUEST).await
        }
        Err(error) => app_error(&services, &request, user, error).await,
    }
}

/// Turns it off.
pub(super) async fn remove_app(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let device = device::of(&services, &request);
    match app::remove(&services, &signed_in.user, &device).await {
        Ok(()) => {
            tell(&services, &request, &signed_in.user, Notice::TotpDisabled, &device);
            Ok(redirect(&format!("{}{PAGE}", account::base(&services))))
        }
        Err(error) => app_error(&services, &request, &signed_in.user, error).await,
    }
}

/// Makes new recovery codes, and shows them this once.
pub(super) async fn make_codes(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    account::genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let device = device::of(&services, &request);
    let made = recovery::make(&services, &signed_in.user, &device).await;
    match made.map_err(|error| PageError::store(&services, &request, &error))? {
        Some(codes) => {
            tell(&services, &request, &signed_in.user, Notice::RecoveryCodesMade, &device);
            show_codes(&services, &request, codes)
        }
        None => page(&services, &request, &signed_in.user, Some(texts(&request).gone), StatusCode::CONFLICT).await,
    }
}

/// By mail, in the language of the page: whoever did not do it should know.
fn tell(services: &Services, request: &HttpRequest, user: &User, notice: Notice, device: &Device) {
    notices::send(services, language::of(request).lang, user, notice, device);
}

async fn app_error(services: &Services, request: &HttpRequest, user: &User, error: AppError) -> Answer {
    match error {
        AppError::On | AppError::Nothing | AppError::Wrong => {
            page(services, request, user, Some(texts(request).gone), StatusCode::CONFLICT).await
        }
        AppError::Vault => {
            tracing::error!(user.id = %user.id, cause = %error, "an authenticator app could not be set up");
            Err(PageError::new(services, request, Problem::Internal))
        }
        AppError::Store(error) => Err(PageError::store(services, request, &error)),
    }
}

async fn enrolment(
    services: &Services,
    request: &HttpRequest,
    user: &User,
    error: Option<&str>,
    status: StatusCode,
) -> Answer {
    let layout = Layout::new(services, request);
    let enrolment = match app::enrolment(services, user, &layout.host).await {
        Ok(enrolment) => enrolment,
        // Turned on or off in another tab.
        Err(AppError::Nothing) => return Ok(redirect(&format!("{}{PAGE}", account::base(services)))),
        Err(error) => return app_error(services, request, user, error).await,
    };
    let csrf = csrf::for_form(services, request);
    let page = TotpPage {
        layout,
        t: texts(request),
        base: account::base(services),
        csrf_token: csrf.token,
        qr: Qr::new(&enrolment.uri),
        uri: enrolment.uri.to_string(),
        secret: enrolment.text.to_string(),
        error: error.map(str::to_owned),
    };
    let mut response = render(services, request, &page, Forms::Here, csrf.cookie)?;
    *response.status_mut() = status;
    Ok(response)
}

fn show_codes(services: &Services, request: &HttpRequest, codes: Vec<String>) -> Answer {
    let layout = Layout::new(services, request);
    let page = RecoveryCodesPage { layout, t: texts(request), base: account::base(services), codes };
    render(services, request, &page, Forms::None, None)
}

async fn page(
    services: &Services,
    request: &HttpRequest,
    user: &User,
    error: Option<&str>,
    status: StatusCode,
) -> Answer {
    let csrf = csrf::for_form(services, request);
    let page = SecurityPage {
        layout: Layout::new(services, request),
        frame: account::frame(services, user, PAGE, csrf.token.clone()),
        methods: section(services, request, user, csrf.token, error).await?,
    };
    let mut response = render_with_script(services, request, &page, Forms::Here, csrf.cookie)?;
    *response.status_mut() = status;
    Ok(response)
}

/// Said where the last way to sign in would be removed.
pub(super) async fn last_way(services: &Services, request: &HttpRequest, user: &User) -> Answer {
    page(services, request, user, Some(texts(request).last_provider), StatusCode::CONFLICT).await
}

/// The providers none of whose accounts is linked.
fn linkable(services: &Services, identities: &[Identity]) -> Vec<(String, String)> {
    let all = services.settings.identity_providers.iter();
    let unlinked = all.filter(|provider| identities.iter().all(|identity| identity.provider != provider.id));
    let action = |id: &str| format!("{}/providers/{id}/link", account::base(services));
    unlinked.map(|provider| (provider.name.clone(), action(&provider.id))).collect()
}

fn identity_row(services: &Services, identity: &Identity) -> IdentityRow {
    // Of a provider that the operator has removed, its name in the former configuration is left.
    let known = upstream::provider(services, &identity.provider);
    IdentityRow {
        handle: upstream::manage::handle(identity),
        provider: known.map_or_else(|| identity.provider.clone(), |provider| provider.name.clone()),
        email: identity.email.clone(),
        added: day(identity.created_at),
        last_used: day(identity.last_used_at),
    }
}

fn row(passkey: Passkey) -> PasskeyRow {
    PasskeyRow {
        id: passkey.id.to_string(),
        name: passkey.name,
        added: day(passkey.created_at),
        last_used: passkey.last_used_at.map(day),
    }
}

/// The day of a time, as `2026-11-23`, in Coordinated Universal Time.
fn day(time: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(time.0).map(|time| time.date().to_string()).unwrap_or_default()
}

fn texts(request: &HttpRequest) -> &'static SecurityTexts {
    language::of(request).security
}
