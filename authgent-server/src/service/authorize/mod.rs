//! The authorization endpoint: OAuth 2.1, section 4.1.1, RFC 7636, RFC 8707, RFC 9207.
//!
//! The request is stateless until the person is signed in: everything is in its parameters, so that fetching the URL
//! twice, as some clients do, leaves nothing behind.

mod check_client;
mod check_pkce;
mod check_prompt;
mod check_redirect_uri;
mod check_resource;
mod check_response_type;
mod check_scope;
mod check_sign_in;
mod decide;
mod error;

pub use check_scope::{OFFLINE_ACCESS, OPENID, is_openid_scope, still_allowed};
pub use check_sign_in::demanded_acr;
pub use decide::{Outcome, code_from_ticket, is_proved, issue_code};
pub use error::{AuthorizeError, Cause, Refusal, ReturnAddress};

use crate::domain::{AuthorizationRequest, Client, Resource};
use crate::service::Services;
use crate::service::parameters::Parameters;
use crate::service::sign_in::SignedIn;
use authgent_core::redirect_uri::RedirectUri;
use check_prompt::Prompt;
use check_sign_in::SignInDemand;

/// An authorization request in which everything was checked.
#[derive(Debug)]
pub struct CheckedRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub return_address: ReturnAddress,
    /// What it is for.
    pub resource: Resource,
    /// What is kept of the request until it is answered.
    pub request: AuthorizationRequest,
    prompt: Prompt,
    sign_in: SignInDemand,
}

/// Decides an authorization request: to the sign-in page, to the consent page, or straight back with a code.
///
/// # Errors
/// [`AuthorizeError`]: its variant says whether the client may be told.
pub async fn authorize(
    services: &Services,
    parameters: &Parameters,
    signed_in: Option<&SignedIn>,
) -> Result<Outcome, AuthorizeError> {
    let outcome = match check(services, parameters).await {
        Ok(checked) => {
            let decided = decide::decide(services, &checked, signed_in).await;
            decided.map_err(|refusal| checked.return_address.refuse(refusal))
        }
        Err(error) => Err(error),
    };
    outcome.map_err(|error| if signed_in.is_none() { error.withheld_from_strangers() } else { error })
}

/// Runs the checks, in the order in which an answer becomes possible: first who asks and where an answer may go, on
/// which nothing may be redirected, then the rest.
///
/// # Errors
/// [`AuthorizeError::Page`] from the first two checks, [`AuthorizeError::Redirect`] from the others.
pub async fn check(services: &Services, parameters: &Parameters) -> Result<CheckedRequest, AuthorizeError> {
    let client = check_client::check_client(services, parameters).await?;
    let redirect_uri = check_redirect_uri::check_redirect_uri(&client, parameters)?;
    let return_address = ReturnAddress::new(&client, redirect_uri, parameters.get("state"), &services.settings);
    match check_rest(services, parameters, client, &return_address).await {
        Ok((client, resource, request, prompt, sign_in)) => {
            Ok(CheckedRequest { client, return_address, resource, request, prompt, sign_in })
        }
        Err(refusal) => Err(return_address.refuse(refusal)),
    }
}

async fn check_rest(
    services: &Services,
    parameters: &Parameters,
    client: Client,
    return_address: &ReturnAddress,
) -> Result<(Client, Resource, AuthorizationRequest, Prompt, SignInDemand), Refusal> {
    check_response_type::check_response_type(&client, parameters)?;
    let code_challenge = check_pkce::check_pkce(parameters)?;
    let resource = check_resource::check_resource(services, parameters).await?;
    let scope = check_scope::check_scope(services, &client, &resource, parameters).await?;
    let prompt = check_prompt::check_prompt(parameters, client.metadata.openid.default_max_age)?;
    let sign_in = check_sign_in::check_sign_in(services, &client, parameters)?;
    let request = AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: return_address.redirect_uri().to_string(),
        state: parameters.get("state").map(str::to_owned),
        scope,
        resource: resource.uri.clone(),
        code_challenge,
        nonce: parameters.get("nonce").map(str::to_owned),
    };
    Ok((client, resource, request, prompt, sign_in))
}

/// The parameters with which the person comes back from the sign-in page: without the values of `prompt` that the
/// sign-in has fulfilled, which would ask for it again and again.
#[must_use]
pub fn after_sign_in(parameters: &Parameters) -> Parameters {
    check_prompt::after_sign_in(parameters)
}

/// The redirect URI of a request whose client and redirect URI are good; `None` otherwise. For pages that stand between
/// the request and its answer and must allow the way back.
pub async fn peek(services: &Services, parameters: &Parameters) -> Option<(Client, RedirectUri)> {
    let client = check_client::check_client(services, parameters).await.ok()?;
    let redirect_uri = check_redirect_uri::check_redirect_uri(&client, parameters).ok()?;
    Some((client, redirect_uri))
}
