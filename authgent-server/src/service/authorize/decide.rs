use super::{CheckedRequest, Refusal};
use crate::crypto::hash::{base64url, hmac_sha256, token_hash};
use crate::crypto::random;
use crate::domain::{
    AuthorizationCode, AuthorizationRequest, Client, ClientOrigin, Consent, ConsentMode, Grant, GrantState,
    Interaction, InteractionState, TokenHash,
};
use crate::service::consent::{leaves_nothing, shown, within_limit};
use crate::service::sign_in::SignedIn;
use crate::service::{INTERACTION_TTL, Services};
use crate::store::{StoreError, WriteTransaction};
use authgent_core::error::OAuthErrorCode;
use authgent_core::metadata::client::TokenEndpointAuthMethod;
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};
use authgent_core::scope::Scope;
use uuid::Uuid;

/// What happens next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The person has to sign in first.
    SignIn,
    /// The person has to be asked; the ticket names the question.
    Consent {
        /// A secret that only this page knows.
        ticket: String,
    },
    /// Back to the client with a code.
    Redirect(String),
}

pub(super) async fn decide(
    services: &Services,
    checked: &CheckedRequest,
    signed_in: Option<&SignedIn>,
) -> Result<Outcome, Refusal> {
    let CheckedRequest { prompt, sign_in, request, .. } = checked;
    let now = services.now();
    let fresh = |signed_in: &&SignedIn| {
        !prompt.login
            && prompt.max_age.is_none_or(|age| now.since(signed_in.session.auth_time) <= age)
            && sign_in.is_met_by(signed_in)
    };
    let Some(signed_in) = signed_in.filter(fresh) else {
        return must_sign_in(services, checked, signed_in).await;
    };
    let scope = within_limit(services, &signed_in.user, &checked.resource, &request.scope).await?;
    if leaves_nothing(&request.scope, &scope) {
        let description = format!("nothing of {} may be granted by this person", request.scope);
        return Err(Refusal::new(OAuthErrorCode::AccessDenied, description));
    }
    if !prompt.consent && need_not_be_asked(services, checked, signed_in, &scope).await? {
        let (code, code_hash) = services.new_secret();
        match services.in_order(|| issue(services, checked, signed_in, &scope, code_hash)).await? {
            Issued::Code => return Ok(Outcome::Redirect(checked.return_address.with_code(&code))),
            Issued::SessionGone => return must_sign_in(services, checked, None).await,
            Issued::ConsentGone => {}
        }
    }
    if prompt.none {
        return Err(Refusal::new(OAuthErrorCode::ConsentRequired, "the person has to be asked"));
    }
    let (ticket, ticket_hash) = services.new_secret();
    let interaction = Interaction {
        ticket_hash,
        session_hash: signed_in.session.id_hash,
        user_id: signed_in.user.id,
        auth_time: signed_in.session.auth_time,
        request: request.clone(),
        created_at: now,
        expires_at: now.plus(INTERACTION_TTL),
        state: InteractionState::Pending,
    };
    let ask = || async {
        let tx = services.store.begin().await?;
        let holds = tx.holds_session(&interaction.session_hash, services.now()).await?;
        if holds {
            tx.insert_interaction(&interaction).await?;
        }
        tx.commit().await?;
        Ok::<_, StoreError>(holds)
    };
    match services.in_order(ask).await? {
        true => Ok(Outcome::Consent { ticket }),
        false => must_sign_in(services, checked, None).await,
    }
}

/// What came of a code that was to be issued without a question.
enum Issued {
    Code,
    /// The person has signed out, or was signed out, since the session was looked at.
    SessionGone,
    /// What the person allowed was taken back since it was looked at.
    ConsentGone,
}

/// Issues a code without a question, where the session and the consent are still there: whoever ends either of them revokes the
/// grants that there are then, and would not see one that comes later.
async fn issue(
    services: &Services,
    checked: &CheckedRequest,
    signed_in: &SignedIn,
    scope: &Scope,
    code_hash: TokenHash,
) -> Result<Issued, StoreError> {
    let CheckedRequest { client, resource, request, .. } = checked;
    let tx = services.store.begin().await?;
    // Before the session, which is ended after the person was locked.
    let consented = is_spared(checked, scope)
        || tx
            .consent(signed_in.user.id, &client.id, &resource.uri)
            .await?
            .is_some_and(|consent| covers(checked, &consent, scope));
    let issued = if !tx.holds_session(&signed_in.session.id_hash, services.now()).await? {
        Issued::SessionGone
    } else if !consented {
        Issued::ConsentGone
    } else {
        issue_code(services, &tx, signed_in, request, scope, code_hash).await?;
        Issued::Code
    };
    tx.commit().await?;
    Ok(issued)
}

/// Nobody is signed in, or not whom the client expects, not lately or not surely enough. With `prompt=none` the client is told
/// the same of all of these.
async fn must_sign_in(
    services: &Services,
    checked: &CheckedRequest,
    signed_in: Option<&SignedIn>,
) -> Result<Outcome, Refusal> {
    if checked.prompt.none {
        return Err(Refusal::new(OAuthErrorCode::LoginRequired, "the person has to sign in"));
    }
    match signed_in {
        Some(signed_in) if checked.sign_in.is_beyond(services, signed_in).await? => Err(Refusal::new(
            OAuthErrorCode::UnmetAuthenticationRequirements,
            "this person has no way to sign in that acr_values would be content with",
        )),
        _ => Ok(Outcome::SignIn),
    }
}

/// Whether the person allowed all of this before, and nothing of it has changed; or the operator spares people the question
/// about an application of its own. What is dangerous nobody is spared.
async fn need_not_be_asked(
    services: &Services,
    checked: &CheckedRequest,
    signed_in: &SignedIn,
    scope: &Scope,
) -> Result<bool, StoreError> {
    let CheckedRequest { client, resource, .. } = checked;
    if client.consent == ConsentMode::Always || !is_proved(client, checked.return_address.redirect_uri()) {
        return Ok(false);
    }
    if is_spared(checked, scope) {
        return Ok(true);
    }
    let consent = services.store.consent(signed_in.user.id, &client.id, &resource.uri).await?;
    Ok(consent.is_some_and(|consent| covers(checked, &consent, scope)))
}

/// Whether the operator spares people the question.
fn is_spared(checked: &CheckedRequest, scope: &Scope) -> bool {
    let CheckedRequest { client, resource, .. } = checked;
    let spared = client.consent == ConsentMode::Skip && client.origin == ClientOrigin::Operator;
    spared && scope.intersection(&resource.dangerous_scope()).is_empty()
}

/// Whether what the person allowed is all of this, and nothing of it has changed.
fn covers(checked: &CheckedRequest, consent: &Consent, scope: &Scope) -> bool {
    let CheckedRequest { client, resource, .. } = checked;
    // An earlier release did not write down what it showed; whatever is dangerous now is asked about.
    let known = consent.shown_hash.is_some() || scope.intersection(&resource.dangerous_scope()).is_empty();
    let redirect_uri = checked.return_address.redirect_uri();
    known && consent.covers(scope) && shown::changes(consent, client, redirect_uri, resource).is_empty()
}

/// Whether it is sure enough who asks for an answer from before to stand without a word to the person.
///
/// What goes to a program on the person's computer may go to any program there: another one only has to know the
/// `client_id`, and open the browser (RFC 8252, section 8.6). A secret or a key, a web address, and the operator's word are
/// proofs; a loopback port and a private-use scheme are none.
#[must_use]
pub fn is_proved(client: &Client, redirect_uri: &RedirectUri) -> bool {
    client.origin == ClientOrigin::Operator
        || redirect_uri.kind() == RedirectUriKind::Https
        || !client.metadata.may_authenticate_with(TokenEndpointAuthMethod::None)
}

/// Writes a grant and the code that redeems it. The caller commits.
///
/// # Errors
/// [`StoreError`] where the database refuses.
pub async fn issue_code(
    services: &Services,
    tx: &WriteTransaction,
    signed_in: &SignedIn,
    request: &AuthorizationRequest,
    scope: &Scope,
    code_hash: TokenHash,
) -> Result<Uuid, StoreError> {
    let now = services.now();
    let grant = Grant {
        id: random::uuid_v7(&*services.random, now),
        user_id: signed_in.user.id,
        client_id: request.client_id.clone(),
        resource: request.resource.clone(),
        scope: scope.clone(),
        auth_time: signed_in.session.auth_time,
        amr: signed_in.session.amr.clone(),
        session_hash: Some(signed_in.session.id_hash),
        created_at: now,
        state: GrantState::Live,
    };
    tx.insert_grant(&grant).await?;
    tx.insert_code(&AuthorizationCode {
        code_hash,
        grant_id: grant.id,
        client_id: request.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge,
        nonce: request.nonce.clone(),
        expires_at: now.plus(i64::from(services.settings.code_ttl)),
        consumed_at: None,
    })
    .await?;
    Ok(grant.id)
}

/// The code that the answer to a consent page gives: always the same one for the same ticket, so that a double click on
/// "Allow" leads both times to the one code that was issued. The ticket is a secret of 256 bits that is stored only as
/// its hash, and so is the code.
#[must_use]
pub fn code_from_ticket(ticket: &str) -> (String, TokenHash) {
    let code = base64url(&hmac_sha256(ticket.as_bytes(), b"authorization_code"));
    let hash = token_hash(&code);
    (code, hash)
}
