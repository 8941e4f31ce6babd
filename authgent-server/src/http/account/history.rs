//! `GET /account/history`

use super::{Answer, Opened, base, open, words};
use crate::http::error::PageError;
use crate::http::pages::account::{EventRow, HistoryPage};
use crate::http::pages::csp::Forms;
use crate::http::render;
use crate::http::session::require;
use crate::service::Services;
use crate::service::parameters::Parameters;
use actix_web::{HttpRequest, web};
use uuid::Uuid;

const PAGE: &str = "/history";

/// How many events stand on one page.
const ROWS: usize = 50;

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let parameters = Parameters::parse(request.query_string().as_bytes());
    // What is no event leads to the first page.
    let before = parameters.get("before").and_then(|before| Uuid::parse_str(before).ok());
    let found = services.store.events_of_user(signed_in.user.id, before, ROWS as u64 + 1).await;
    let mut found = found.map_err(|error| PageError::store(&services, &request, &error))?;
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let Opened { layout, frame, cookie } = open(&services, &request, &signed_in, PAGE);
    let last = found.last().filter(|_| more);
    let older = last.map(|event| format!("{}{PAGE}?before={}", base(&services), event.id));
    let rows = found.iter().map(|event| EventRow {
        words: words::event(layout.texts.account, event),
        at: words::time(event.at),
        device: words::place(layout.texts.account, &event.device),
    });
    let page = HistoryPage { layout, events: rows.collect(), older, frame };
    render(&services, &request, &page, Forms::None, cookie)
}
