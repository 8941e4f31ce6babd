//! Who is signed in, and how that begins: the cookie of the session is read and set here alone.

use super::cookie::{self, Name};
use super::error::PageError;
use super::pages::Problem;
use super::return_to::ReturnTo;
use super::{device, redirect};
use crate::service::Services;
use crate::service::sign_in::{self, NewSession, SignedIn};
use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};

/// For how many seconds a sign-in counts as fresh: long enough to change something dangerous, too short for whoever finds an
/// open browser.
const FRESH_SECONDS: i64 = 600;

/// The value of the session's cookie that the browser sent.
pub(super) fn cookie_of(services: &Services, request: &HttpRequest) -> Option<String> {
    cookie::read(request, &services.settings.issuer, Name::Session)
}

/// The person behind the session, if it is good.
pub(super) async fn signed_in(services: &Services, request: &HttpRequest) -> Result<Option<SignedIn>, PageError> {
    let cookie = cookie_of(services, request);
    let found = sign_in::current(services, cookie.as_deref(), &device::of(services, request)).await;
    found.map_err(|error| PageError::store(services, request, &error))
}

/// What stands in the way of a page that only somebody who is signed in may see: the answer is to be given instead.
pub(super) enum Barrier {
    /// The way to the sign-in page, and back.
    SignIn(HttpResponse),
    /// The database does not answer.
    Failed(PageError),
}

impl From<PageError> for Barrier {
    fn from(error: PageError) -> Self {
        Self::Failed(error)
    }
}

impl Barrier {
    /// As the answer of a handler.
    pub(super) fn into_result(self) -> Result<HttpResponse, PageError> {
        match self {
            Self::SignIn(response) => Ok(response),
            Self::Failed(error) => Err(error),
        }
    }
}

/// The person behind the session; whoever is not signed in signs in and comes back to `page`, what follows `/account`.
pub(super) async fn require(services: &Services, request: &HttpRequest, page: &str) -> Result<SignedIn, Barrier> {
    signed_in(services, request).await?.ok_or_else(|| Barrier::SignIn(redirect(&sign_in_url(services, page))))
}

/// As [`require`], and the person signed in a moment ago: for what an intruder would do first, such as adding a way to sign
/// in or deleting the account. A remembered sign-in is not enough; who has one signs in again.
pub(super) async fn require_fresh(services: &Services, request: &HttpRequest, page: &str) -> Result<SignedIn, Barrier> {
    let signed_in = require(services, request, page).await?;
    if services.now().since(signed_in.session.auth_time) <= FRESH_SECONDS {
        Ok(signed_in)
    } else {
        Err(Barrier::SignIn(redirect(&sign_in_url(services, page))))
    }
}

fn sign_in_url(services: &Services, page: &str) -> String {
    let return_to = ReturnTo::Account(page.to_owned()).location(services);
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &return_to).finish();
    format!("{}/login?{query}", services.settings.issuer.path())
}

/// The cookie of a new session.
pub(super) fn cookie(services: &Services, session: NewSession) -> Cookie<'static> {
    cookie::set(&services.settings.issuer, Name::Session, session.cookie, Some(session.ttl))
}

/// Gives the browser its new session, and sends it where it wanted to go.
pub(super) fn finish(
    services: &Services,
    request: &HttpRequest,
    session: NewSession,
    return_to: &ReturnTo,
) -> Result<HttpResponse, PageError> {
    let mut response = redirect(&return_to.location(services));
    response
        .add_cookie(&cookie(services, session))
        .map_err(|_| PageError::new(services, request, Problem::Internal))?;
    Ok(response)
}
