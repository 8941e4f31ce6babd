//! `GET /account`, `POST /account/disconnect`, `POST /account/disconnect-all`

use super::{Answer, Opened, base, genuine, open, words};
use crate::domain::Client;
use crate::http::consent::{openid_words, standing};
use crate::http::error::PageError;
use crate::http::extract::Form;
use crate::http::pages::account::{AccessRow, AccessScope, ApplicationRow, ApplicationsPage};
use crate::http::pages::csp::Forms;
use crate::http::pages::display::display_name;
use crate::http::pages::texts::sentence::fill;
use crate::http::pages::texts::{AccountTexts, Texts};
use crate::http::pages::{Problem, Standing};
use crate::http::session::require;
use crate::http::{device, redirect, render};
use crate::service::Services;
use crate::service::account::applications::{self, Access, Application};
use crate::service::authorize::{OFFLINE_ACCESS, OPENID};
use crate::service::consent::client_name;
use actix_web::{HttpRequest, web};
use authgent_core::resource::ResourceUri;
use authgent_core::scope::ScopeToken;

const PAGE: &str = "";

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Answer {
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let found = applications::list(&services, &signed_in).await;
    let found = found.map_err(|error| PageError::store(&services, &request, &error))?;
    let Opened { layout, frame, cookie } = open(&services, &request, &signed_in, PAGE);
    let texts = layout.texts;
    let ends = words::minutes(texts.account, services.settings.token_ttl);
    let page = ApplicationsPage {
        layout,
        applications: found.iter().map(|application| row(&services, texts, application)).collect(),
        access_ends: fill(texts.account.access_ends, &[("time", &ends)]),
        frame,
    };
    render(&services, &request, &page, Forms::Here, cookie)
}

fn row(services: &Services, texts: &Texts, application: &Application) -> ApplicationRow {
    let t = texts.account;
    let client = &application.client;
    ApplicationRow {
        id: client.id.clone(),
        name: client_name(client),
        standing: standing_words(services, t, client),
        access: application.access.iter().map(|access| access_row(services, texts, access)).collect(),
        first: words::time(application.first),
        last: words::time(application.last),
        live: match application.live_tokens {
            0 => t.live_none.to_owned(),
            1 => t.live_one.to_owned(),
            count => fill(t.live_many, &[("count", &count.to_string())]),
        },
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn standing_words(services: &Services, t: &AccountTexts, client: &Client) -> String {
    let Some(uri) = client.metadata.redirect_uris.first() else { return t.by_operator.to_owned() };
    match standing(services, client, uri) {
        Standing::Operator => t.by_operator.to_owned(),
        Standing::Verified { host } => fill(t.verified, &[("host", &host)]),
        Standing::Published { host } => fill(t.published, &[("host", &host)]),
        Standing::Registered => {
            let host = uri.host().unwrap_or_else(|| format!("{}:", uri.scheme()));
            fill(t.registered, &[("host", &host)])
        }
    }
}

fn access_row(services: &Services, texts: &Texts, access: &Access) -> AccessRow {
    // Who somebody is, for a client that asks for nothing else: no server of anybody's.
    if ResourceUri::parse(&access.uri).is_ok_and(|uri| services.settings.is_userinfo(&uri)) {
        let words = |scope: &ScopeToken| AccessScope {
            words: openid_words(texts.consent, scope.as_str()).to_owned(),
            dangerous: false,
        };
        let asked = access.scope.iter().filter(|scope| !openid_words(texts.consent, scope.as_str()).is_empty());
        let heading = capitalized(texts.account.own_profile);
        return AccessRow { heading, uri: String::new(), scopes: asked.map(words).collect() };
    }
    let name = access.resource.as_ref().map_or_else(|| access.uri.clone(), |resource| display_name(&resource.name));
    let asked = access.scope.iter().filter(|scope| !matches!(scope.as_str(), OPENID | OFFLINE_ACCESS));
    let scopes = asked.map(|scope| {
        let described = access.resource.as_ref().and_then(|resource| resource.describe(scope));
        let openid = openid_words(texts.consent, scope.as_str());
        let otherwise = if openid.is_empty() { scope.as_str() } else { openid };
        AccessScope {
            words: described.unwrap_or(otherwise).to_owned(),
            dangerous: access.resource.as_ref().is_some_and(|resource| resource.is_dangerous(scope)),
        }
    });
    AccessRow {
        heading: fill(texts.account.may, &[("resource", &name)]),
        uri: access.uri.clone(),
        scopes: scopes.collect(),
    }
}

pub(super) async fn disconnect(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    let client_id = form.parameters.get("client_id");
    let client_id = client_id.ok_or_else(|| PageError::new(&services, &request, Problem::Malformed))?;
    let from = device::of(&services, &request);
    // Nothing was there: it was disconnected in another window, or never connected. Either way it is not now.
    applications::disconnect(&services, &signed_in, client_id, &from)
        .await
        .map_err(|error| PageError::store(&services, &request, &error))?;
    Ok(redirect(&base(&services)))
}

pub(super) async fn disconnect_all(request: HttpRequest, services: web::Data<Services>, form: Form) -> Answer {
    genuine(&services, &request, &form)?;
    let signed_in = match require(&services, &request, PAGE).await {
        Ok(signed_in) => signed_in,
        Err(barrier) => return barrier.into_result(),
    };
    applications::disconnect_all(&services, &signed_in, &device::of(&services, &request))
        .await
        .map_err(|error| PageError::store(&services, &request, &error))?;
    Ok(redirect(&base(&services)))
}
