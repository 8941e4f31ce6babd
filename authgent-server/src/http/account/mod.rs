//! `/account`: what a person sees and changes of their own account. One file per page.

mod applications;
mod data;
mod history;
mod profile;
mod sessions;
mod words;

use super::error::PageError;
use super::extract::Form;
use super::pages::account::AccountFrame;
use super::pages::{Layout, Problem};
use super::{closed, csrf, read};
use crate::domain::User;
use crate::service::Services;
use crate::service::sign_in::SignedIn;
use actix_web::cookie::Cookie;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

type Answer = Result<HttpResponse, PageError>;

/// The routes, below the path of the issuer.
pub(super) fn routes(config: &mut ServiceConfig, at: impl Fn(&str) -> String) {
    config
        .service(closed(at("/account"), [read().to(applications::get)]))
        .service(closed(at("/account/disconnect"), [web::post().to(applications::disconnect)]))
        .service(closed(at("/account/disconnect-all"), [web::post().to(applications::disconnect_all)]))
        .service(closed(at("/account/sessions"), [read().to(sessions::get)]))
        .service(closed(at("/account/sessions/end"), [web::post().to(sessions::end)]))
        .service(closed(at("/account/sessions/end-others"), [web::post().to(sessions::end_others)]))
        .service(closed(at("/account/history"), [read().to(history::get)]))
        .service(closed(at("/account/profile"), [read().to(profile::get), web::post().to(profile::post)]))
        .service(closed(at("/account/data"), [read().to(data::get)]))
        .service(closed(at("/account/data/export"), [web::post().to(data::export)]))
        .service(closed(at("/account/data/delete"), [web::post().to(data::delete)]));
}

/// What the page of an account begins with.
struct Opened {
    layout: Layout,
    frame: AccountFrame,
    cookie: Option<Cookie<'static>>,
}

/// The frame of a page; `page` is what follows `/account` in its path.
fn open(services: &Services, request: &HttpRequest, signed_in: &SignedIn, page: &'static str) -> Opened {
    let csrf = csrf::for_form(services, request);
    Opened {
        layout: Layout::new(services, request),
        frame: frame(services, &signed_in.user, page, csrf.token),
        cookie: csrf.cookie,
    }
}

/// What stands around the content of a page; `page` is what follows `/account` in its path.
pub(super) fn frame(services: &Services, user: &User, page: &'static str, csrf_token: String) -> AccountFrame {
    AccountFrame { base: base(services), page, user_email: user.email.as_str().to_owned(), csrf_token }
}

/// Path of the account.
pub(super) fn base(services: &Services) -> String {
    format!("{}/account", services.settings.issuer.path())
}

/// A form is believed only where it comes from a page of ours.
pub(super) fn genuine(services: &Services, request: &HttpRequest, form: &Form) -> Result<(), PageError> {
    if csrf::is_genuine(services, request, form.parameters.get("csrf_token")) {
        Ok(())
    } else {
        Err(PageError::new(services, request, Problem::ForeignForm))
    }
}
