//! `GET,POST /consent`: the person decides.

use super::error::PageError;
use super::extract::Form;
use super::pages::csp::Forms;
use super::pages::texts::ConsentTexts;
use super::pages::{ConnectedPage, ConsentPage, Imitation, Layout, Problem, ScopeRow, Standing};
use super::{csrf, language, redirect, render, session};
use crate::domain::look_alike::Likeness;
use crate::domain::{AuthorizationRequest, Client, ClientOrigin};
use crate::service::Services;
use crate::service::authorize::{OFFLINE_ACCESS, OPENID};
use crate::service::consent::{Answered, Asked, Decision, Question, answer, ask, client_name, question};
use crate::service::impersonation::Imitated;
use crate::service::parameters::Parameters;
use crate::service::sign_in::SignedIn;
use actix_web::{HttpRequest, HttpResponse, web};
use authgent_core::metadata::client_document::ClientIdUrl;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};
use authgent_core::scope::{Scope, ScopeToken};
use url::Url;

pub(super) async fn get(request: HttpRequest, services: web::Data<Services>) -> Result<HttpResponse, PageError> {
    let parameters = Parameters::parse(request.query_string().as_bytes());
    let signed_in = signed_in(&services, &request).await?;
    let ticket = parameters.get("interaction").ok_or_else(|| PageError::new(&services, &request, Problem::Expired))?;
    let asked = ask(&services, &signed_in, ticket).await;
    match asked.map_err(|error| PageError::consent(&services, &request, &error))? {
        Asked::Open(question, imitated) => {
            let csrf = csrf::for_form(&services, &request);
            let redirect_uri = question.redirect_uri.to_string();
            let layout = Layout::new(&services, &request);
            let mut page = page(&services, layout, &signed_in, &question, imitated, ticket, csrf.token);
            if let Some(lang) = language::wish(&request) {
                // What the form is answered with is in the same language.
                page.action = format!("{}?ui_locales={lang}", page.action);
            }
            render(&services, &request, &page, Forms::ThenTo(&redirect_uri), csrf.cookie)
        }
        Asked::Allowed(_, Answered::Redirect(location)) => Ok(redirect(&location)),
        Asked::Allowed(question, Answered::AlreadyConnected) => connected(&services, &request, &question),
    }
}

pub(super) async fn post(
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    if !csrf::is_genuine(&services, &request, form.parameters.get("csrf_token")) {
        return Err(PageError::new(&services, &request, Problem::ForeignForm));
    }
    let signed_in = signed_in(&services, &request).await?;
    let malformed = || PageError::new(&services, &request, Problem::Malformed);
    let ticket = form.parameters.get("interaction").ok_or_else(malformed)?;
    let decision = match form.parameters.get("decision") {
        Some("allow") => {
            let scopes = form.all("scope");
            let scope = scopes.iter().map(|scope| ScopeToken::parse(scope)).collect::<Result<Scope, _>>();
            Decision::Allow(scope.map_err(|_| malformed())?)
        }
        Some("deny") => Decision::Deny,
        _ => return Err(malformed()),
    };
    match answer(&services, &signed_in, ticket, &decision).await {
        Ok(Answered::Redirect(location)) => Ok(redirect(&location)),
        Ok(Answered::AlreadyConnected) => {
            let question = question(&services, &signed_in, ticket)
                .await
                .map_err(|error| PageError::consent(&services, &request, &error))?;
            connected(&services, &request, &question)
        }
        Err(error) => Err(PageError::consent(&services, &request, &error)),
    }
}

/// Nothing is left to do: the client has its token.
fn connected(services: &Services, request: &HttpRequest, question: &Question) -> Result<HttpResponse, PageError> {
    let page = ConnectedPage {
        layout: Layout::new(services, request),
        client_name: client_name(&question.client),
        resource_name: question.resource.name.clone(),
    };
    render(services, request, &page, Forms::None, None)
}

/// The person behind the session; an answer without one comes too late.
async fn signed_in(services: &Services, request: &HttpRequest) -> Result<SignedIn, PageError> {
    let found = session::signed_in(services, request).await?;
    found.ok_or_else(|| PageError::new(services, request, Problem::Expired))
}

fn page(
    services: &Services,
    layout: Layout,
    signed_in: &SignedIn,
    question: &Question,
    imitated: Option<Imitated>,
    ticket: &str,
    csrf_token: String,
) -> ConsentPage {
    let issuer = &services.settings.issuer;
    let texts = layout.texts;
    let kind = question.redirect_uri.kind();
    let of_profile = services.settings.is_userinfo(&question.resource.uri);
    let scheme = (kind == RedirectUriKind::PrivateUseScheme).then(|| question.redirect_uri.scheme().to_owned());
    ConsentPage {
        layout,
        action: format!("{}/consent", issuer.path()),
        interaction: ticket.to_owned(),
        csrf_token,
        client_name: client_name(&question.client),
        client_host: question.client.metadata.client_uri.as_deref().and_then(host_of),
        standing: standing(services, &question.client, &question.redirect_uri),
        imitates: imitated.map(|Imitated { name, host, likeness }| Imitation {
            name,
            host,
            same: likeness == Likeness::Same,
        }),
        redirect_host: question.redirect_uri.host().or_else(|| scheme.clone()).unwrap_or_default(),
        returns_to_loopback: kind == RedirectUriKind::Loopback,
        private_scheme: scheme,
        resource_name: if of_profile { texts.account.own_profile.to_owned() } else { question.resource.name.clone() },
        resource_uri: if of_profile { String::new() } else { question.resource.uri.to_string() },
        shared_profile: question
            .resource
            .profile_claims
            .iter()
            .filter_map(|claim| profile_words(texts.consent, claim))
            .collect(),
        scopes: scope_rows(texts.consent, question),
        offline_access: services.settings.refresh_ttl > 0,
        user_email: signed_in.user.email.as_str().to_owned(),
        switch_action: format!("{}/logout", issuer.path()),
        switch_return_to: format!("{}/oauth/authorize?{}", issuer.path(), query_of(&question.interaction.request)),
        account_url: Some(format!("{}/account", issuer.path())),
        changed: question.changed.clone(),
    }
}

/// Who stands behind a client. What goes to a program on the person's computer is never verified: any program there can use
/// the identifier of a client that is (RFC 8252, section 8.6). Nor is what goes to a host that the operator does not trust.
pub(super) fn standing(services: &Services, client: &Client, redirect_uri: &RedirectUri) -> Standing {
    let document = ClientIdUrl::parse(&client.id).ok().filter(|_| client.origin == ClientOrigin::Document);
    match (client.origin, document) {
        (ClientOrigin::Operator, _) => Standing::Operator,
        (ClientOrigin::Document, Some(id)) => {
            let host = id.host().to_owned();
            let to_the_web = redirect_uri.kind() == RedirectUriKind::Https;
            let to = host_of(redirect_uri.as_str()).filter(|_| to_the_web);
            let trusted = to.is_some_and(|to| to == host || services.settings.trusts_host(&to));
            let verified = trusted && services.settings.vouches_for(client);
            if verified { Standing::Verified { host } } else { Standing::Published { host } }
        }
        (ClientOrigin::Registered | ClientOrigin::Document, _) => Standing::Registered,
    }
}

/// A row per scope that a person decides about. `openid` and `offline_access` say nothing to a person by themselves: the
/// page states what follows from them.
fn scope_rows(texts: &ConsentTexts, question: &Question) -> Vec<ScopeRow> {
    let rows = question.scope.iter().filter(|scope| !matches!(scope.as_str(), OPENID | OFFLINE_ACCESS));
    rows.map(|scope| {
        let already_granted = question.granted.contains(scope.as_str());
        ScopeRow {
            name: scope.to_string(),
            description: question
                .resource
                .describe(scope)
                .unwrap_or_else(|| openid_words(texts, scope.as_str()))
                .to_owned(),
            required: question.required.contains(scope.as_str()),
            dangerous: question.resource.is_dangerous(scope),
            // What is dangerous is off until it is ticked, each time that it is asked about.
            checked: !question.resource.is_dangerous(scope),
            already_granted,
        }
    })
    .collect()
}

pub(super) fn openid_words(texts: &ConsentTexts, scope: &str) -> &'static str {
    match scope {
        "email" => texts.scope_email,
        "profile" => texts.scope_profile,
        _ => "",
    }
}

fn profile_words(texts: &ConsentTexts, claim: &str) -> Option<String> {
    match claim {
        "email" => Some(texts.your_email.to_owned()),
        "name" => Some(texts.your_name.to_owned()),
        _ => None,
    }
}

pub(super) fn host_of(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(str::to_owned)
}

/// The authorization request again, for the person who wants to answer it under another account.
fn query_of(request: &AuthorizationRequest) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &request.client_id)
        .append_pair("redirect_uri", &request.redirect_uri)
        .append_pair("scope", &request.scope.to_string())
        .append_pair("resource", request.resource.as_str())
        .append_pair("code_challenge", &request.code_challenge.to_string())
        .append_pair("code_challenge_method", authgent_core::pkce::S256);
    if let Some(state) = &request.state {
        query.append_pair("state", state);
    }
    if let Some(nonce) = &request.nonce {
        query.append_pair("nonce", nonce);
    }
    query.finish()
}
