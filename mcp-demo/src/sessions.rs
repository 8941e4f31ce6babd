//! A session of the older protocol revisions belongs to whoever opened it.
//!
//! Since 2026-07-28 there are no sessions. Before, `Mcp-Session-Id` names one, and whoever knows the id could listen to
//! its event stream or end it, with a valid token of their own. The MCP specification says never to take a session
//! id for authentication, and to bind it to the user (security best practices, session hijacking). rmcp does not see
//! who calls, so it is done here, between the guard and rmcp.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use mcp_resource::VerifiedToken;
use rmcp_actix_web::transport::LocalSessionManager;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const SESSION_ID: &str = "Mcp-Session-Id";

/// Below this number nobody looks for sessions that ended.
const FEW: usize = 64;

/// Who opened which session.
#[derive(Debug, Default)]
pub struct SessionOwners {
    /// Session id to `sub`.
    owners: Mutex<HashMap<String, String>>,
    /// rmcp's own sessions, which end by themselves after some minutes of silence.
    sessions: Arc<LocalSessionManager>,
}

impl SessionOwners {
    /// Beside rmcp's `sessions`.
    #[must_use]
    pub fn new(sessions: Arc<LocalSessionManager>) -> Self {
        Self { owners: Mutex::default(), sessions }
    }

    /// Whether `sub` may use the session. An id that nobody was given is left to rmcp, which answers that it knows none.
    fn may_use(&self, id: &str, sub: &str) -> bool {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(id).is_none_or(|owner| owner == sub)
    }

    async fn opened(&self, id: String, sub: String) {
        let many = {
            let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.insert(id, sub);
            owners.len() >= FEW && owners.len().is_power_of_two()
        };
        if many {
            let alive = self.sessions.sessions.read().await;
            let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.retain(|id, _| alive.contains_key(id.as_str()));
        }
    }

    fn closed(&self, id: &str) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Answers 404 to whoever names another person's session, as rmcp does where there is no such session: clients then
/// open one of their own.
///
/// # Errors
/// What the service behind it returns.
pub async fn bind_to_subject<B: MessageBody>(
    owners: web::Data<SessionOwners>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(sub) = request.extensions().get::<VerifiedToken>().map(|token| token.sub.clone()) else {
        // Only reached where the guard is missing; the tools refuse then as well.
        return Ok(request.into_response(HttpResponse::Unauthorized().finish()).map_into_right_body());
    };
    let id = request.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if id.as_deref().is_some_and(|id| !owners.may_use(id, &sub)) {
        tracing::warn!(user.id = sub, "refused another person's session");
        let refusal = HttpResponse::NotFound().body("Not Found: Session not found");
        return Ok(request.into_response(refusal).map_into_right_body());
    }
    let ends = request.method() == Method::DELETE;
    let response = next.call(request).await?;
    if let Some(opened) = response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()) {
        owners.opened(opened.to_owned(), sub).await;
    } else if let Some(id) = id.filter(|_| ends && response.status().is_success()) {
        owners.closed(&id);
    }
    Ok(response.map_into_left_body())
}
