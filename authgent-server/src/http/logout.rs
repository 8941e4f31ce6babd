//! `GET,POST /logout`: ends the session. Also for clients that send people here: OpenID Connect RP-Initiated Logout 1.0.

use super::cookie::{self, Name};
use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::{Layout, Problem, SignOutPage, SignedOutPage};
use super::{csrf, device, redirect, render, session};
use crate::service::logout::{self, LogoutRequest};
use crate::service::parameters::Parameters;
use crate::service::sign_in::SignedIn;
use crate::service::{Services, sign_in};
use actix_web::{HttpRequest, HttpResponse, web};

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let parameters = Parameters::parse(request.query_string().as_bytes());
    let asked = check(&services, &request, &parameters).await?;
    match session::signed_in(&services, &request).await? {
        Some(signed_in) if asked.is_about(&signed_in) => {
            end(&services, &request, &signed_in).await?;
            leave(&services, &request, &asked)
        }
        Some(signed_in) => ask(&services, &request, &signed_in, &asked, &parameters),
        None => signed_out(&services, &request, &asked),
    }
}

/// The answer to the page's question. What comes without the page's token comes from a client (section 2 has `POST` as well);
/// a form of another site brings no session with it, so it is asked again in the address.
///
/// With `return_to`, the consent page's "use another account", on to the sign-in page for the same request.
pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let base = services.settings.issuer.path();
    let Some(csrf_token) = form.parameters.get("csrf_token") else {
        return Ok(redirect(&address(base, &form.parameters)));
    };
    if !csrf::is_genuine(&services, &request, Some(csrf_token)) {
        return Err(PageError::new(&services, &request, Problem::ForeignForm));
    }
    if let Some(signed_in) = session::signed_in(&services, &request).await? {
        end(&services, &request, &signed_in).await?;
    }
    let return_to = form.parameters.get("return_to").unwrap_or_default();
    let query_of = |path: &str| return_to.strip_prefix(&format!("{base}{path}?"));
    if let Some(query) = query_of("/oauth/authorize") {
        // At a provider that still knows them, they would come back as who they were.
        let url = super::login::url(&services, &Parameters::parse(query.as_bytes()));
        let sign_in = redirect(&format!("{url}&prompt=select_account"));
        return without_session(&services, &request, sign_in);
    }
    // Checked anew: the field came back from the browser.
    let parameters = Parameters::parse(query_of("/logout").unwrap_or_default().as_bytes());
    leave(&services, &request, &check(&services, &request, &parameters).await?)
}

async fn check(
    services: &Services,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<LogoutRequest, PageError> {
    logout::check(services, parameters).await.map_err(|error| PageError::store(services, request, &error))
}

async fn end(services: &Services, request: &HttpRequest, signed_in: &SignedIn) -> Result<(), PageError> {
    let ended = sign_in::sign_out(services, signed_in, &device::of(services, request)).await;
    ended.map_err(|error| PageError::store(services, request, &error))
}

/// On to the client, or to the page that says it is done.
fn leave(services: &Services, request: &HttpRequest, asked: &LogoutRequest) -> Result<HttpResponse, PageError> {
    let done = format!("{}/logout", services.settings.issuer.path());
    let location = asked.next().map_or(done.as_str(), |next| next.location.as_str());
    without_session(services, request, redirect(location))
}

fn without_session(
    services: &Services,
    request: &HttpRequest,
    mut response: HttpResponse,
) -> Result<HttpResponse, PageError> {
    response
        .add_removal_cookie(&cookie::remove(&services.settings.issuer, Name::Session))
        .map_err(|_| PageError::new(services, request, Problem::Internal))?;
    Ok(response)
}

fn ask(
    services: &Services,
    request: &HttpRequest,
    signed_in: &SignedIn,
    asked: &LogoutRequest,
    parameters: &Parameters,
) -> Result<HttpResponse, PageError> {
    let issuer = &services.settings.issuer;
    let csrf = csrf::for_form(services, request);
    let page = SignOutPage {
        layout: Layout::new(services, request),
        action: format!("{}/logout", issuer.path()),
        csrf_token: csrf.token,
        user_email: signed_in.user.email.as_str().to_owned(),
        return_to: asked.next().map(|_| address(issuer.path(), parameters)),
    };
    let forms = asked.next().map_or(Forms::Here, |next| Forms::ThenTo(&next.location));
    render(services, request, &page, forms, csrf.cookie)
}

/// Nobody was signed in. Whoever merely opened a link is not sent on to a stranger's page (RFC 9700, section 4.11.2).
fn signed_out(services: &Services, request: &HttpRequest, asked: &LogoutRequest) -> Result<HttpResponse, PageError> {
    if let Some(next) = asked.next().filter(|next| next.trusted) {
        return Ok(redirect(&next.location));
    }
    let issuer = &services.settings.issuer;
    let layout = Layout::new(services, request);
    let page = SignedOutPage {
        layout,
        sign_in_url: Some(format!("{}/login?prompt=select_account", issuer.path())),
        at_provider: !services.settings.identity_providers.is_empty(),
    };
    render(services, request, &page, Forms::None, None)
}

/// A request in the address.
fn address(base: &str, parameters: &Parameters) -> String {
    let query = logout::understood(parameters).encode();
    if query.is_empty() { format!("{base}/logout") } else { format!("{base}/logout?{query}") }
}
