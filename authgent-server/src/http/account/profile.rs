//! `GET,POST /account/profile`

use super::{Answer, Opened, base, genuine, open};
use crate::http::error::PageError;
use crate::http::extract::Form;
use crate::http::pages::account::ProfilePage;
use crate::http::pages::csp::Forms;
use crate::http::session::require;
use crate::http::{device, redirect, render};
use crate::service::account::profile::{ProfileError, rename};
use crate::service::sign_in::SignedIn;
use crate::service::{Services, upstream};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

const PAGE: &str = "/profile";

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    match require(&services, &request, PAGE).await {
        Ok(signed_in) => {
            let name = signed_in.user.name.clone().unwrap_or_default();
            page(&services, &request, &signed_in, name, false).await
        }
        Err(barrier) => barrier.into_result(),
    }
}

pub(super) async fn post(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    if provider(&services, &request, &signed_in).await?.is_some() {
        return Ok(redirect(&format!("{}{PAGE}", base(&services))));
    }
    // A form with an empty field and one without it look the same.
    let name = form.parameters.get("name").unwrap_or_default();
    match rename(&services, &signed_in, name, &device::of(&services, &request)).await {
        Ok(()) => Ok(redirect(&format!("{}{PAGE}", base(&services)))),
        Err(ProfileError::Name) => {
            let mut response = page(&services, &request, &signed_in, name.to_owned(), true).await?;
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Ok(response)
        }
        Err(ProfileError::Store(error)) => Err(PageError::store(&services, &request, &error)),
    }
}

/// The name of the provider that says how the person is called, where one does.
async fn provider(
    services: &Services,
    request: &HttpRequest,
    signed_in: &SignedIn,
) -> Result<Option<String>, PageError> {
    let id = upstream::account::follows(services, &signed_in.user).await;
    let id = id.map_err(|error| PageError::store(services, request, &error))?;
    Ok(id.and_then(|id| upstream::provider(services, &id)).map(|provider| provider.name.clone()))
}

async fn page(services: &Services, request: &HttpRequest, signed_in: &SignedIn, name: String, wrong: bool) -> Answer {
    let provider = provider(services, request, signed_in).await?;
    let Opened { layout, frame, cookie } = open(services, request, signed_in, PAGE);
    let t = layout.texts.account;
    let page = ProfilePage { layout, name, provider, error: wrong.then_some(t.name_wrong), frame };
    render(services, request, &page, Forms::Here, cookie)
}
