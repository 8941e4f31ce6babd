//! What a provider tells of who signed in: OpenID Connect Core, sections 3.1.3 and 5.3; and the ways in which large providers
//! differ from it.

use super::metadata::ProviderMetadata;
pub use super::redemption::Answer;
use super::redemption::{Tokens, redeem};
use super::{UpstreamError, github, keys, metadata};
use crate::crypto::pem::SigningAlgorithm;
use crate::domain::identity_provider::{claim, texts};
use crate::domain::{Email, IdentityProvider, ProviderKind, UpstreamPerson};
use crate::service::Services;
use authgent_core::strict_json;
use authgent_core::time::Timestamp;
use authgent_core::token::provider_token::{Expected, ExpectedOfSignIn, MAX_SUBJECT, ProviderToken, TENANT};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

/// The largest answer of the userinfo endpoint that is read, in bytes.
const LARGEST_USERINFO: usize = 256 * 1024;
/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 100;
/// The most groups that are kept of one person.
const MOST_GROUPS: usize = 1000;
const WHAT: &str = "userinfo";

/// Redeems the code, and says whose it is.
///
/// # Errors
/// [`UpstreamError`].
pub async fn person(
    services: &Services,
    provider: &IdentityProvider,
    answer: &Answer<'_>,
) -> Result<UpstreamPerson, UpstreamError> {
    let metadata = metadata::of(services, provider).await?;
    let tokens = redeem(services, provider, &metadata, answer).await?;
    if provider.kind == ProviderKind::GitHub {
        return github::person(services, provider, &metadata, &tokens).await;
    }
    let mut claims = id_token(services, provider, &metadata, &tokens, answer).await?;
    if lacks(provider, &claims, !services.settings.group_scopes.is_empty())
        && let (Some(endpoint), Some(access_token)) = (&metadata.userinfo_endpoint, &tokens.access_token)
    {
        let fetched = services.upstream.client.get_json(endpoint, Some(access_token), LARGEST_USERINFO).await;
        merge(&mut claims, &fetched.map_err(UpstreamError::fetch(WHAT))?.body)?;
    }
    read(provider, &metadata, claims)
}

async fn id_token(
    services: &Services,
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
    tokens: &Tokens,
    answer: &Answer<'_>,
) -> Result<Map<String, Value>, UpstreamError> {
    let missing = || UpstreamError::unusable("token response", "has no id_token: is openid among the scopes?");
    let compact = tokens.id_token.as_ref().ok_or_else(missing)?;
    let token = ProviderToken::peek(compact.expose_secret())?;
    keys::check_signature(services, metadata, &token).await?;
    let expected = Expected { issuer: &metadata.issuer, client_id: &provider.client_id };
    let at_hash = tokens.access_token.as_ref().and_then(|access_token| at_hash(token.alg(), access_token));
    let sign_in = ExpectedOfSignIn { nonce: answer.nonce, at_hash: at_hash.as_deref(), max_age: answer.max_age };
    Ok(token.id_token(expected, sign_in, services.now())?)
}

/// `None` for an algorithm whose hash function is not settled (`EdDSA`).
fn at_hash(alg: &str, access_token: &SecretString) -> Option<String> {
    let alg: SigningAlgorithm = alg.parse().ok()?;
    Some(alg.at_hash(access_token.expose_secret()))
}

/// Whether something is needed that the ID token does not say. What nobody needs is not asked for: each question can fail.
fn lacks(provider: &IdentityProvider, claims: &Map<String, Value>, groups_matter: bool) -> bool {
    let rules = &provider.rules;
    let named = rules.required_claims.iter().map(|(name, _)| name.as_str());
    let verified = !rules.trust_email && (rules.link_by_email || !rules.allowed_domains.is_empty());
    let groups = groups_matter || !rules.required_groups.is_empty();
    let optional = [(verified, "email_verified"), (groups, provider.groups_claim.as_str())];
    let needed = optional.into_iter().filter_map(|(needed, name)| needed.then_some(name));
    let always = ["email", "name", provider.subject_claim.as_str()];
    always.into_iter().chain(needed).chain(named).any(|name| claim(claims, name).is_none())
}

/// Adds what the userinfo endpoint says to what the ID token says, which nothing replaces (OpenID Connect Core, section 5.3.2:
/// it must be about the same person).
fn merge(claims: &mut Map<String, Value>, body: &[u8]) -> Result<(), UpstreamError> {
    let more = strict_json::object(body).ok_or_else(|| UpstreamError::unusable(WHAT, "is no JSON object"))?;
    if more.get("sub") != claims.get("sub") {
        return Err(UpstreamError::unusable(WHAT, "is about another person than the ID token"));
    }
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
    Ok(())
}

/// Makes a person of the claims.
fn read(
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
    claims: Map<String, Value>,
) -> Result<UpstreamPerson, UpstreamError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let subject = claim(&claims, &provider.subject_claim).and_then(Value::as_str);
    let subject =
        subject.filter(|text| !text.is_empty() && text.len() <= MAX_SUBJECT && !text.contains(char::is_control));
    let subject = subject.ok_or_else(|| {
        UpstreamError::unusable("ID token", format!("does not say who it is in {}", provider.subject_claim))
    })?;
    let (email, email_verified) = email(provider, metadata, &claims);
    let name = text("name").map(str::to_owned).or_else(|| {
        let parts: Vec<_> = ["given_name", "family_name"].into_iter().filter_map(text).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    });
    Ok(UpstreamPerson {
        // Checked to be the provider's, with the tenant filled in.
        issuer: text("iss").unwrap_or(&metadata.issuer).to_owned(),
        subject: subject.to_owned(),
        sid: text("sid").map(str::to_owned),
        email,
        email_verified,
        name: name.and_then(|name| tidy(&name)),
        groups: groups(provider, &claims),
        auth_time: claims.get("auth_time").and_then(Value::as_i64).map(Timestamp),
        multi_factor: claims.get("amr").is_some_and(|amr| texts(amr).iter().any(|way| way == "mfa")),
        claims,
    })
}

/// A name on one line, not too long.
pub(super) fn tidy(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    Some(name).filter(|name| !name.is_empty())
}

/// The address, and whether somebody vouches for it.
///
/// Microsoft Entra ID sends `preferred_username` or `upn` where the account has no mailbox: an address only where the operator
/// says that it is one.
fn email(
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
    claims: &Map<String, Value>,
) -> (Option<Email>, bool) {
    let address = |name: &str| claims.get(name).and_then(Value::as_str).and_then(|text| Email::parse(text).ok());
    let trusted = provider.rules.trust_email && !is_of_any_tenant(provider, metadata);
    match address("email") {
        Some(email) => {
            let verified = trusted || vouches(claims, &email);
            (Some(email), verified)
        }
        None => (address("preferred_username").or_else(|| address("upn")), trusted),
    }
}

/// Whether the provider says that the address is theirs.
fn vouches(claims: &Map<String, Value>, email: &Email) -> bool {
    // Some send the boolean as a text (Amazon Cognito); Microsoft Entra ID has a claim of its own for a host that the tenant owns.
    let says = |name: &str| {
        claims.get(name).is_some_and(|value| texts(value).iter().any(|text| text == "true" || text == "1"))
    };
    if claims.get("iss").and_then(Value::as_str).is_some_and(|iss| iss.contains("accounts.google.com")) {
        // Google checked an address of another host once, when the account was made: it may have changed hands.
        let google_s = claims.contains_key("hd") || email.canonical().ends_with("@gmail.com");
        return says("email_verified") && google_s;
    }
    says("email_verified") || says("xms_edov")
}

/// Whether anybody's tenant is taken: whoever has one writes any address into it, and nobody can vouch for all of them.
fn is_of_any_tenant(provider: &IdentityProvider, metadata: &ProviderMetadata) -> bool {
    metadata.issuer.contains(TENANT) && !provider.rules.required_claims.iter().any(|(name, _)| name == "tid")
}

/// The groups; `None` where Microsoft Entra ID names a place to ask instead, because there are too many for a token.
fn groups(provider: &IdentityProvider, claims: &Map<String, Value>) -> Option<Vec<String>> {
    let name = &provider.groups_claim;
    if let Some(value) = claim(claims, name) {
        return Some(texts(value).into_iter().take(MOST_GROUPS).collect());
    }
    let elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(name).is_some());
    let too_many = elsewhere || claims.get("hasgroups").is_some_and(|value| value == true || value == "true");
    (!too_many).then(Vec::new)
}

#[cfg(test)]
pub(super) mod tests;
