//! `GET /account/sessions`, `POST /account/sessions/end`, `POST /account/sessions/end-others`

use super::{Answer, Opened, base, genuine, open, words};
use crate::http::error::PageError;
use crate::http::extract::Form;
use crate::http::pages::Problem;
use crate::http::pages::account::{SessionRow, SessionsPage};
use crate::http::pages::csp::Forms;
use crate::http::session::require;
use crate::http::{device, redirect, render};
use crate::service::Services;
use crate::service::account::sessions;
use actix_web::{HttpRequest, web};

const PAGE: &str = "/sessions";

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let found = sessions::list(&services, &signed_in).await;
    let found = found.map_err(|error| PageError::store(&services, &request, &error))?;
    let Opened { layout, frame, cookie } = open(&services, &request, &signed_in, PAGE);
    let rows = found.iter().map(|session| SessionRow {
        handle: sessions::handle(session),
        device: words::device(layout.texts.account, &session.device),
        address: session.device.address.clone(),
        signed_in: words::time(session.auth_time),
        last: words::time(session.last_seen_at),
        current: session.id_hash == signed_in.session.id_hash,
    });
    let page = SessionsPage { layout, sessions: rows.collect(), frame };
    render(&services, &request, &page, Forms::Here, cookie)
}

pub(super) async fn end(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let handle = form.parameters.get("session");
    let handle = handle.ok_or_else(|| PageError::new(&services, &request, Problem::Malformed))?;
    // Of an unknown one nothing is said: it ended meanwhile, or is somebody else's.
    sessions::end(&services, &signed_in, handle, &device::of(&services, &request))
        .await
        .map_err(|error| PageError::store(&services, &request, &error))?;
    Ok(redirect(&format!("{}{PAGE}", base(&services))))
}

pub(super) async fn end_others(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    sessions::end_others(&services, &signed_in, &device::of(&services, &request))
        .await
        .map_err(|error| PageError::store(&services, &request, &error))?;
    Ok(redirect(&format!("{}{PAGE}", base(&services))))
}
