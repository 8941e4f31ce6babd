//! `GET /account/data`, `POST /account/data/export`, `POST /account/data/delete`
//!
//! Both forms need a sign-in of the last minutes: whoever finds an open browser neither carries the data away nor deletes them.

use super::{Answer, Opened, genuine, open};
use crate::http::cookie::{self, Name};
use crate::http::error::PageError;
use crate::http::extract::Form;
use crate::http::pages::account::{DataPage, DeletedPage};
use crate::http::pages::csp::Forms;
use crate::http::pages::texts::sentence::fill;
use crate::http::pages::{Layout, Problem};
use crate::http::session::{require, require_fresh};
use crate::http::{device, render};
use crate::service::Services;
use crate::service::account::data::{self, DeletionError, delete_account};
use crate::service::sign_in::SignedIn;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse, web};

const PAGE: &str = "/data";

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    match require(&services, &request, PAGE).await {
        Ok(signed_in) => page(&services, &request, &signed_in, false),
        Err(barrier) => barrier.into_result(),
    }
}

pub(super) async fn export(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let exported = data::export(&services, &signed_in, &device::of(&services, &request)).await;
    let exported = exported.map_err(|error| PageError::store(&services, &request, &error))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"account.json\""))
        .content_type("application/json")
        .body(format!("{exported:#}")))
}

pub(super) async fn delete(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require_fresh(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let typed = form.parameters.get("confirm").unwrap_or_default();
    match delete_account(&services, &signed_in, typed).await {
        Ok(()) => deleted(&services, &request),
        Err(DeletionError::NotConfirmed) => {
            let mut response = page(&services, &request, &signed_in, true)?;
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Ok(response)
        }
        Err(DeletionError::Off) => Err(PageError::new(&services, &request, Problem::NotFound)),
        Err(DeletionError::Store(error)) => Err(PageError::store(&services, &request, &error)),
    }
}

fn deleted(services: &Services, request: &HttpRequest) -> Answer {
    let issuer = &services.settings.issuer;
    let page = DeletedPage { layout: Layout::new(services, request) };
    let mut response = render(services, request, &page, Forms::None, None)?;
    response
        .add_removal_cookie(&cookie::remove(issuer, Name::Session))
        .map_err(|_| PageError::new(services, request, Problem::Internal))?;
    Ok(response)
}

fn page(services: &Services, request: &HttpRequest, signed_in: &SignedIn, wrong: bool) -> Answer {
    let Opened { layout, frame, cookie } = open(services, request, signed_in, PAGE);
    let t = layout.texts.account;
    let page = DataPage {
        layout,
        deletion: services.settings.account_deletion,
        confirm_label: fill(t.delete_confirm, &[("email", &frame.user_email)]),
        error: wrong.then_some(t.delete_wrong),
        frame,
    };
    render(services, request, &page, Forms::Here, cookie)
}
