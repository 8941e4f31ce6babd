//! Consent: what the page shows, and what the answer does. OAuth 2.1, section 7.3.2; MCP security best practices
//! (consent is kept per person, client and resource).

mod limits;
pub mod shown;

pub use limits::{grantable, leaves_nothing, within_limit};
pub use shown::Change;

use crate::crypto::hash::token_hash;
use crate::domain::{
    Client, ClientOrigin, Consent, EventKind, GrantState, Interaction, InteractionState, Resource, RevocationReason,
};
use crate::service::authorize::{ReturnAddress, code_from_ticket, is_proved, issue_code, still_allowed};
use crate::service::clients::{self, FindClientError};
use crate::service::impersonation::{self, Imitated};
use crate::service::sign_in::{SignedIn, session};
use crate::service::{Services, TargetError};
use crate::store::{StoreError, WriteTransaction};
use authgent_core::error::OAuthErrorCode;
use authgent_core::redirect_uri::RedirectUri;
use authgent_core::scope::Scope;
use serde_json::json;
use uuid::Uuid;

/// Everything that the page has to show.
#[derive(Debug)]
pub struct Question {
    /// Who asks.
    pub client: Client,
    /// For which server.
    pub resource: Resource,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// What is asked for.
    pub scope: Scope,
    /// What cannot be refused on its own.
    pub required: Scope,
    /// What was allowed before and need not be asked again. Nothing where something has changed since; no dangerous scope where it
    /// cannot be known which program asks.
    pub granted: Scope,
    /// What has changed since the person allowed it.
    pub changed: Vec<Change>,
    /// The authorization request, to come back to after another person has signed in.
    pub interaction: Interaction,
}

impl Question {
    fn return_address(&self, services: &Services) -> ReturnAddress {
        ReturnAddress::new(
            &self.client,
            self.redirect_uri.clone(),
            self.interaction.request.state.as_deref(),
            &services.settings,
        )
    }
}

/// What the person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, to these scopes and the required ones.
    Allow(Scope),
    /// No.
    Deny,
}

/// Where an answer leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// Back to the client.
    Redirect(String),
    /// The client has already fetched its token: nothing is left to do.
    AlreadyConnected,
}

/// Why a page cannot be shown or answered.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The ticket is unknown, too old, or another session's.
    #[error("the interaction is unknown, expired, or belongs to another session")]
    Gone,
    /// The client was deleted or disabled since.
    #[error("the client was deleted or disabled meanwhile")]
    ClientGone,
    /// The resource was removed since.
    #[error("the resource was removed meanwhile")]
    ResourceGone,
    /// A scope that was not asked for came back.
    #[error("the scope {0} was not asked for")]
    ForeignScope(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FindClientError> for ConsentError {
    fn from(error: FindClientError) -> Self {
        match error {
            FindClientError::Document(_) => Self::ClientGone,
            FindClientError::Store(error) => Self::Store(error),
        }
    }
}

impl From<TargetError> for ConsentError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Store(error) => Self::Store(error),
            TargetError::Missing | TargetError::Malformed(_) | TargetError::Unknown { .. } => Self::ResourceGone,
        }
    }
}

/// What a person meets who opens the page.
#[derive(Debug)]
pub enum Asked {
    /// The question, and the client that this one seems to be and is not.
    Open(Box<Question>, Option<Imitated>),
    /// It was allowed before (the browser went back): where that led.
    Allowed(Box<Question>, Answered),
}

/// What the page shows. A question that was answered is not asked again.
///
/// # Errors
/// [`ConsentError`].
pub async fn ask(services: &Services, signed_in: &SignedIn, ticket: &str) -> Result<Asked, ConsentError> {
    let question = Box::new(question(services, signed_in, ticket).await?);
    match question.interaction.state {
        InteractionState::Pending => {
            let imitated = impersonation::imitated(services, &question.client, &question.redirect_uri).await?;
            Ok(Asked::Open(question, imitated))
        }
        InteractionState::Denied => Err(ConsentError::Gone),
        InteractionState::Allowed { grant_id, code_hash } => {
            let grant = services.store.grant(grant_id).await?;
            if !grant.is_some_and(|grant| grant.state == GrantState::Live) {
                return Err(ConsentError::Gone);
            }
            let open = services.store.code(&code_hash).await?.is_some_and(|code| code.consumed_at.is_none());
            let answered = allowed_before(ticket, open, &question.return_address(services));
            Ok(Asked::Allowed(question, answered))
        }
    }
}

/// The question behind a ticket, answered or not.
///
/// # Errors
/// [`ConsentError`].
pub async fn question(services: &Services, signed_in: &SignedIn, ticket: &str) -> Result<Question, ConsentError> {
    let interaction = services.store.interaction(&token_hash(ticket)).await?.ok_or(ConsentError::Gone)?;
    check_ownership(services, signed_in, &interaction)?;
    let request = &interaction.request;
    let client = clients::find(services, &request.client_id).await?;
    let client = client.filter(|client| client.enabled).ok_or(ConsentError::ClientGone)?;
    let redirect_uri =
        RedirectUri::parse(&request.redirect_uri).ok().filter(|uri| client.metadata.accepts_redirect_uri(uri.as_str()));
    let redirect_uri = redirect_uri.ok_or(ConsentError::ClientGone)?;
    let resource = services.target(Some(request.resource.as_str())).await?;
    let consent = services.store.consent(signed_in.user.id, &client.id, &resource.uri).await?;
    let scope = within_limit(services, &signed_in.user, &resource, &still_allowed(&request.scope, &resource)).await?;
    let changed = consent.as_ref().map(|consent| shown::changes(consent, &client, &redirect_uri, &resource));
    let changed = changed.unwrap_or_default();
    let granted = consent.filter(|_| changed.is_empty()).map(|consent| consent.scope).unwrap_or_default();
    let proved = is_proved(&client, &redirect_uri);
    Ok(Question {
        required: required(&scope, &resource),
        granted: if proved { granted } else { granted.difference(&resource.dangerous_scope()) },
        scope,
        changed,
        client,
        resource,
        redirect_uri,
        interaction,
    })
}

/// Carries out the decision. Answering twice leads to the same place: the first answer stands.
///
/// Every answer is given after a commit, also where nothing was written: the first one may be of a turn that shares it, and is not
/// durable before.
///
/// # Errors
/// [`ConsentError`].
pub async fn answer(
    services: &Services,
    signed_in: &SignedIn,
    ticket: &str,
    decision: &Decision,
) -> Result<Answered, ConsentError> {
    services.in_order(|| carry_out(services, signed_in, ticket, decision)).await
}

async fn carry_out(
    services: &Services,
    signed_in: &SignedIn,
    ticket: &str,
    decision: &Decision,
) -> Result<Answered, ConsentError> {
    let question = question(services, signed_in, ticket).await?;
    let return_address = question.return_address(services);
    let tx = services.store.begin().await?;
    // Read again inside the transaction: two clicks may arrive at once.
    let state = tx.interaction(&token_hash(ticket)).await?.ok_or(ConsentError::Gone)?.state;
    match (state, decision) {
        (InteractionState::Allowed { grant_id, .. }, Decision::Deny) => {
            take_back(services, &tx, &question, grant_id).await?;
            tx.commit().await?;
            Ok(denied(&return_address))
        }
        (InteractionState::Allowed { code_hash, .. }, Decision::Allow(_)) => {
            let issued = tx.code_with_grant(&code_hash).await?;
            tx.commit().await?;
            match issued.filter(|(_, grant)| grant.state == GrantState::Live) {
                Some((code, _)) => Ok(allowed_before(ticket, code.consumed_at.is_none(), &return_address)),
                None => Ok(denied(&return_address)),
            }
        }
        (InteractionState::Denied, _) => {
            tx.commit().await?;
            Ok(denied(&return_address))
        }
        (InteractionState::Pending, Decision::Deny) => {
            tx.answer_interaction(&token_hash(ticket), &InteractionState::Denied).await?;
            tx.commit().await?;
            Ok(denied(&return_address))
        }
        (InteractionState::Pending, Decision::Allow(chosen)) => {
            allow(services, tx, signed_in, question, ticket, chosen, &return_address).await
        }
    }
}

async fn allow(
    services: &Services,
    tx: WriteTransaction,
    signed_in: &SignedIn,
    question: Question,
    ticket: &str,
    chosen: &Scope,
    return_address: &ReturnAddress,
) -> Result<Answered, ConsentError> {
    let Question { interaction, scope, required, client, resource, redirect_uri, .. } = question;
    if let Some(foreign) = chosen.difference(&scope).iter().next() {
        return Err(ConsentError::ForeignScope(foreign.to_string()));
    }
    let allowed = chosen.union(&required);
    if leaves_nothing(&interaction.request.scope, &allowed) {
        // Everything that the resource has was unticked: nothing is left that a token would be good for.
        tx.answer_interaction(&interaction.ticket_hash, &InteractionState::Denied).await?;
        tx.commit().await?;
        return Ok(denied(return_address));
    }
    let now = services.now();
    // Inside the transaction: another page for the same client may be answered at this moment.
    let granted = tx.consent(interaction.user_id, &client.id, &resource.uri).await?;
    let first_granted_at = granted.as_ref().map_or(now, |consent| consent.first_granted_at);
    // What an earlier page showed otherwise, and this one did not ask about, is not remembered any longer.
    let granted = granted.filter(|consent| stands(&shown::changes(consent, &client, &redirect_uri, &resource)));
    let granted = granted.map(|consent| consent.scope).unwrap_or_default();
    // What was unticked this time is no longer allowed; what was not asked about stays.
    let remembered = granted.difference(&scope).union(&allowed);
    if client.origin == ClientOrigin::Document {
        tx.save_document_client(&client).await?;
    }
    let (code, code_hash) = code_from_ticket(ticket);
    let grant_id = issue_code(services, &tx, signed_in, &interaction.request, &allowed, code_hash).await?;
    let shown_hash = Some(shown::hash(&client, &redirect_uri, &resource, &remembered));
    tx.save_consent(&Consent {
        user_id: interaction.user_id,
        client_id: client.id.clone(),
        resource: resource.uri.clone(),
        scope: remembered,
        granted_at: now,
        first_granted_at,
        shown_hash,
    })
    .await?;
    let detail = json!({"client": client_name(&client), "resource": resource.name, "scope": allowed.to_string()});
    session::note(services, &tx, &signed_in.user, EventKind::ConsentGiven, &signed_in.session.device, detail).await?;
    tx.answer_interaction(&interaction.ticket_hash, &InteractionState::Allowed { grant_id, code_hash }).await?;
    tx.commit().await?;
    tracing::info!(user.id = %interaction.user_id, client.id = %client.id, grant.id = %grant_id, scope = %allowed, "consent given");
    Ok(Answered::Redirect(return_address.with_code(&code)))
}

/// A no after a yes: the last word counts. What the yes brought ends, and nothing of it is remembered.
async fn take_back(
    services: &Services,
    tx: &WriteTransaction,
    question: &Question,
    grant_id: Uuid,
) -> Result<(), StoreError> {
    let now = services.now();
    let user_id = question.interaction.user_id;
    // Before the grant, as everybody does: nobody waits for each other.
    if let Some(consent) = tx.consent(user_id, &question.client.id, &question.resource.uri).await? {
        let scope = consent.scope.difference(&question.scope);
        tx.save_consent(&Consent { scope, granted_at: now, ..consent }).await?;
    }
    tx.revoke_grant(grant_id, now, RevocationReason::RevokedByUser).await?;
    Ok(())
}

/// Where an answer that was given before leads: to the client with the same code, as long as it has not been redeemed.
fn allowed_before(ticket: &str, open: bool, return_address: &ReturnAddress) -> Answered {
    if open {
        Answered::Redirect(return_address.with_code(&code_from_ticket(ticket).0))
    } else {
        Answered::AlreadyConnected
    }
}

fn denied(return_address: &ReturnAddress) -> Answered {
    Answered::Redirect(return_address.with_error(OAuthErrorCode::AccessDenied, "the person refused"))
}

fn check_ownership(services: &Services, signed_in: &SignedIn, interaction: &Interaction) -> Result<(), ConsentError> {
    let own = interaction.session_hash == signed_in.session.id_hash && interaction.user_id == signed_in.user.id;
    if own && interaction.expires_at > services.now() { Ok(()) } else { Err(ConsentError::Gone) }
}

/// Whether what was not asked about this time still counts. Another way back to the same client changes nothing of it.
fn stands(changes: &[Change]) -> bool {
    changes.iter().all(|change| *change == Change::Destination)
}

/// What to call a client: its name, or its identifier where it gave none.
#[must_use]
pub fn client_name(client: &Client) -> String {
    client.metadata.client_name.clone().unwrap_or_else(|| client.id.clone())
}

/// The scopes that the resource grants by default are what every use of it needs; the others can be unticked. So can
/// everything where the request names no default scope. `openid` and `offline_access` are about the client's own
/// working and are stated, not asked. What is dangerous is never required.
fn required(requested: &Scope, resource: &Resource) -> Scope {
    let stated = requested
        .iter()
        .filter(|scope| matches!(scope.as_str(), "openid" | "offline_access"))
        .cloned()
        .collect::<Scope>();
    requested.intersection(&resource.default_scope()).difference(&resource.dangerous_scope()).union(&stated)
}

#[cfg(test)]
mod tests;
