//! Who is signed in, and how that begins: the cookie of the session is read and set here alone.

use super::cookie::{self, Name};
use super::error::PageError;
use super::pages::Problem;
use super::return_to::ReturnTo;
use super::{device, redirect};
use crate::service::Services;
use crate::service::sign_in::session::FRESH_SECONDS;
use crate::service::sign_in::{self, KnownDevice, NewSession, SignedIn};
use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

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
    if is_fresh(services, &signed_in) {
        Ok(signed_in)
    } else {
        Err(Barrier::SignIn(redirect(&sign_in_url(services, page))))
    }
}

/// Whether the person signed in a moment ago.
pub(super) fn is_fresh(services: &Services, signed_in: &SignedIn) -> bool {
    services.now().since(signed_in.session.auth_time) <= FRESH_SECONDS
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
    let user_id = session.user_id;
    response
        .add_cookie(&cookie(services, session))
        .map_err(|_| PageError::new(services, request, Problem::Internal))?;
    know_device(services, request, user_id, &mut response)?;
    Ok(response)
}

/// In which accounts the browser signed in before.
pub(super) fn known_device(services: &Services, request: &HttpRequest) -> KnownDevice {
    KnownDevice::parse(cookie::read(request, &services.settings.issuer, Name::Device).as_deref())
}

/// Lets the browser prove from now on that this person signed in there.
pub(super) fn know_device(
    services: &Services,
    request: &HttpRequest,
    user_id: Uuid,
    response: &mut HttpResponse,
) -> Result<(), PageError> {
    let cookie = device_cookie(services, request, user_id);
    response.add_cookie(&cookie).map_err(|_| PageError::new(services, request, Problem::Internal))
}

/// The cookie that does so.
pub(super) fn device_cookie(services: &Services, request: &HttpRequest, user_id: Uuid) -> Cookie<'static> {
    let value = known_device(services, request).after_sign_in(services, user_id);
    cookie::set(&services.settings.issuer, Name::Device, value, Some(sign_in::known_device::TTL))
}
