//! HTTP: the route table, and beside it one file per endpoint. A handler parses, calls one service, and renders.

mod account;
mod assets;
mod authorize;
mod caller;
mod consent;
mod cookie;
mod csrf;
mod device;
mod error;
mod extract;
mod forgot;
mod headers;
mod health;
mod home;
mod idp;
mod introspect;
mod jwks;
mod language;
mod link;
mod log;
mod login;
mod logout;
mod metadata;
pub mod pages;
mod passkeys;
mod password;
mod rate_limit;
mod register;
mod return_to;
mod revoke;
mod second_factor;
mod security;
mod session;
mod token;
mod userinfo;

use crate::service::{Services, Settings};
use actix_cors::Cors;
use actix_web::dev::{HttpServiceFactory, ServiceFactory, ServiceRequest};
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpResponse, Route, guard};

pub use log::RootSpan;
pub use rate_limit::{RegistrationRate, SignInRate};

/// The application: every route below the path of the issuer, the security headers, and one log line per request.
pub fn application(
    services: web::Data<Services>,
    registration_rate: web::Data<RegistrationRate>,
    sign_in_rate: web::Data<SignInRate>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let settings = services.settings.clone();
    App::new()
        .wrap(headers::security())
        .wrap(tracing_actix_web::TracingLogger::<RootSpan>::new())
        .app_data(services)
        .app_data(registration_rate)
        .app_data(sign_in_rate)
        .configure(move |config| routes(config, &settings))
        .default_service(web::to(error::not_found))
}

/// The route table.
fn routes(config: &mut ServiceConfig, settings: &Settings) {
    let issuer = &settings.issuer;
    let at = |path: &str| format!("{}{path}", issuer.path());
    let mut well_known = issuer.metadata_paths();
    // Not asked for by any specification, but some clients append where they should insert.
    well_known.push(at("/.well-known/oauth-authorization-server"));
    well_known.sort();
    well_known.dedup();
    for path in well_known {
        config.service(open(path, [read().to(metadata::get)])); // RFC 8414, OpenID Connect Discovery
    }
    let registration = [read().to(register::get), web::put().to(register::put), web::delete().to(register::delete)];
    config
        .service(open(at("/.well-known/jwks.json"), [read().to(jwks::get)])) // RFC 7517
        .service(closed(at("/oauth/authorize"), [read().to(authorize::get), web::post().to(authorize::post)])) // OAuth 2.1, 4.1.1
        .service(open(at("/oauth/token"), [web::post().to(token::post)])) // OAuth 2.1, 3.2
        .service(open(at("/oauth/register"), [web::post().to(register::post)])) // RFC 7591
        .service(
            resource(at("/oauth/register/{client_id}"), registration).wrap(cors(&["GET", "HEAD", "PUT", "DELETE"])),
        ) // RFC 7592
        .service(open(at("/oauth/revoke"), [web::post().to(revoke::post)])) // RFC 7009
        .service(closed(at("/oauth/introspect"), [web::post().to(introspect::post)])) // RFC 7662
        .service(open(at("/oauth/userinfo"), [read().to(userinfo::get), web::post().to(userinfo::post)])) // OpenID Connect Core, 5.3
        .service(closed(at("/account/security"), [read().to(security::get)]))
        .service(closed(at("/logout"), [read().to(logout::get), web::post().to(logout::post)])) // OpenID Connect RP-Initiated Logout
        .service(closed(at("/consent"), [read().to(consent::get), web::post().to(consent::post)]))
        .service(closed(at("/assets/{file:.*}"), [read().to(assets::get)]))
        .service(closed(at("/health/live"), [read().to(health::live)]))
        .service(closed(at("/health/ready"), [read().to(health::ready)]))
        .service(closed(at("/"), [read().to(home::get)]));
    account::routes(config, at);
    if settings.local_accounts {
        of_local_accounts(config, at);
    } else {
        config.service(closed(at("/login"), [read().to(login::get)]));
    }
    if !settings.identity_providers.is_empty() {
        of_providers(config, at, &settings.idp_callback_path);
    }
    if !issuer.path().is_empty() {
        config.service(closed(issuer.path().to_owned(), [read().to(home::get)]));
    }
}

/// What there is only where people sign in with passwords and passkeys of this server.
fn of_local_accounts(config: &mut ServiceConfig, at: impl Fn(&str) -> String) {
    config
        .service(closed(at("/login"), [read().to(login::get), web::post().to(login::post)]))
        .service(closed(
            at("/login/second-factor"),
            [read().to(second_factor::get), web::post().to(second_factor::post)],
        ))
        .service(closed(at("/login/passkey"), [web::post().to(passkeys::sign_in)]))
        .service(closed(at("/login/passkey/options"), [web::post().to(passkeys::sign_in_options)]))
        .service(closed(at("/account/passkeys"), [web::post().to(passkeys::add)]))
        .service(closed(at("/account/passkeys/options"), [web::post().to(passkeys::add_options)]))
        .service(closed(at("/account/passkeys/{id}/rename"), [web::post().to(security::rename_passkey)]))
        .service(closed(at("/account/passkeys/{id}/remove"), [web::post().to(security::remove_passkey)]))
        .service(closed(at("/account/totp"), [read().to(security::app_page), web::post().to(security::set_up_app)]))
        .service(closed(at("/account/totp/confirm"), [web::post().to(security::confirm_app)]))
        .service(closed(at("/account/totp/remove"), [web::post().to(security::remove_app)]))
        .service(closed(at("/account/recovery-codes"), [web::post().to(security::make_codes)]))
        .service(closed(at("/forgot"), [read().to(forgot::get), web::post().to(forgot::post)]))
        .service(closed(
            at("/invitation/{token}"),
            [read().to(link::get_invitation), web::post().to(link::post_invitation)],
        ))
        .service(closed(at("/invitation/{token}/passkey"), [web::post().to(passkeys::invited)]))
        .service(closed(at("/invitation/{token}/passkey/options"), [web::post().to(passkeys::invited_options)]))
        .service(closed(at("/reset/{token}"), [read().to(link::get_reset), web::post().to(link::post_reset)]))
        .service(closed(at("/account/password"), [read().to(password::get), web::post().to(password::post)]));
}

/// What there is only where people sign in at upstream providers.
fn of_providers(config: &mut ServiceConfig, at: impl Fn(&str) -> String, callback_path: &str) {
    config
        .service(closed(at(callback_path), [read().to(idp::callback)])) // OpenID Connect Core, 3.1.2.5
        .service(closed(at("/idp/{id}"), [web::post().to(idp::start)]))
        .service(closed(at("/idp/{id}/backchannel-logout"), [web::post().to(idp::back_channel_logout)])) // Back-Channel Logout, 2.5
        .service(closed(at("/account/providers/{id}/link"), [web::post().to(idp::link)]))
        .service(closed(at("/account/providers/unlink"), [web::post().to(idp::unlink)]));
}

/// A resource that scripts of any origin may call: no cookie is looked at here, so nothing is given away.
fn open<const N: usize>(path: String, routes: [Route; N]) -> impl HttpServiceFactory {
    resource(path, routes).wrap(cors(&["GET", "HEAD", "POST"]))
}

fn cors(methods: &[&'static str]) -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods(methods.iter().copied())
        .allow_any_header()
        .expose_headers(["WWW-Authenticate", "Retry-After", "ETag"])
        .max_age(3600)
}

/// A resource for people and for servers: no script of another origin may read it.
fn closed<const N: usize>(path: String, routes: [Route; N]) -> impl HttpServiceFactory {
    resource(path, routes)
}

fn resource<const N: usize>(path: String, routes: [Route; N]) -> actix_web::Resource {
    routes
        .into_iter()
        .fold(web::resource(path), actix_web::Resource::route)
        .default_service(web::to(error::method_not_allowed))
}

/// `GET`, and `HEAD` with it (RFC 9110, section 9.1).
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A page, not to be stored by anybody on the way.
fn render(
    services: &Services,
    request: &actix_web::HttpRequest,
    page: &impl pages::Template,
    forms: pages::csp::Forms<'_>,
    cookie: Option<actix_web::cookie::Cookie<'static>>,
) -> Result<HttpResponse, error::PageError> {
    let body = page.render().map_err(|error| {
        tracing::error!(error = %error, "a page could not be rendered");
        error::PageError::new(services, request, pages::Problem::Internal)
    })?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, pages::csp::policy(forms_of(services, forms))))
        .content_type("text/html; charset=utf-8");
    if let Some(cookie) = cookie {
        response.cookie(cookie);
    }
    let mut response = response.body(body);
    language::mark(response.headers_mut(), language::of(request));
    Ok(response)
}

/// Where people sign in at providers, any form can end there: whose session is over, or not fresh enough, goes on by the sign-in
/// page, and providers work with others in turn.
fn forms_of<'f>(services: &'f Services, forms: pages::csp::Forms<'f>) -> pages::csp::Forms<'f> {
    use pages::csp::Forms;
    match (forms, services.settings.identity_providers.first()) {
        (Forms::Here | Forms::ThenTo(_), Some(provider)) => Forms::ThenTo(provider.issuer.as_str()),
        (forms, _) => forms,
    }
}

/// As [`render`], for a page that loads our script: `passkeys.js`.
fn render_with_script(
    services: &Services,
    request: &actix_web::HttpRequest,
    page: &impl pages::Template,
    forms: pages::csp::Forms<'_>,
    cookie: Option<actix_web::cookie::Cookie<'static>>,
) -> Result<HttpResponse, error::PageError> {
    let mut response = render(services, request, page, forms, cookie)?;
    let policy = header::HeaderValue::try_from(pages::csp::policy_with_script(forms_of(services, forms)))
        .map_err(|_| error::PageError::new(services, request, pages::Problem::Internal))?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// 303: the browser goes on with `GET`, whatever it came with (RFC 9700, section 4.12: never 307).
fn redirect(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
