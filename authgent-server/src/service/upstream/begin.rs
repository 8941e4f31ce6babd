//! The way to a provider: OpenID Connect Core, section 3.1.2.1, with PKCE (RFC 7636).

use super::metadata::ProviderMetadata;
use super::{SignInRefused, metadata, redirect_uri};
use crate::crypto::hash::base64url;
use crate::domain::{Challenge, ChallengeKind, IdentityProvider, ProviderKind, TokenHash};
use crate::service::Services;
use authgent_core::pkce::CodeVerifier;
use serde_json::json;
use uuid::Uuid;

/// How long the way there and back may take, in seconds.
pub const STATE_TTL: i64 = 600;

/// Why somebody goes to the provider.
#[derive(Debug, Clone, Default)]
pub struct Wish<'a> {
    /// Where they go afterwards: what [`crate::http`] made of it, never what came in.
    pub return_to: &'a str,
    /// Who links the account there to theirs, being signed in.
    pub link: Option<Uuid>,
    /// How long ago they may have proved who they are, in seconds.
    pub max_age: Option<i64>,
    /// `login` or `select_account`, where the provider should not go by a session of its own.
    pub prompt: Option<&'static str>,
    /// Whom the client has in mind.
    pub login_hint: Option<&'a str>,
    /// The languages that the client asked for.
    pub ui_locales: Option<&'a str>,
}

/// What is derived of the state, so that the database holds nothing with which a stolen answer could be redeemed.
pub(super) fn nonce(services: &Services, state: &str) -> String {
    base64url(&services.vault.mac("nonce at an upstream provider", state.as_bytes()))
}

/// See [`nonce`].
pub(super) fn code_verifier(services: &Services, state: &str) -> CodeVerifier {
    CodeVerifier::from_random(services.vault.mac("code_verifier at an upstream provider", state.as_bytes()))
}

/// The address at the provider to send this browser to. Its `state` is good once, for ten minutes, in this browser.
///
/// # Errors
/// [`SignInRefused::Provider`] where the provider's metadata cannot be had, [`SignInRefused::Store`].
pub async fn begin(
    services: &Services,
    provider: &IdentityProvider,
    browser: TokenHash,
    wish: &Wish<'_>,
) -> Result<String, SignInRefused> {
    let known = metadata::of(services, provider).await;
    let known = known.map_err(|error| SignInRefused::Provider { provider: provider.id.clone(), error })?;
    let (state, id_hash) = services.new_secret();
    let now = services.now();
    let challenge = Challenge {
        id_hash,
        kind: ChallengeKind::Upstream,
        browser_hash: Some(browser),
        user_id: wish.link,
        data: json!({ "provider": provider.id, "return_to": wish.return_to, "max_age": wish.max_age }),
        created_at: now,
        expires_at: now.plus(STATE_TTL),
    };
    let keep = || async {
        let tx = services.store.begin().await?;
        tx.insert_challenge(&challenge).await?;
        tx.commit().await
    };
    services.in_order(keep).await?;

    let mut url = known.authorization_endpoint.clone();
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", &redirect_uri(services))
            .append_pair("scope", &provider.scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("code_challenge", &code_verifier(services, &state).challenge().to_string())
            .append_pair("code_challenge_method", "S256");
        if provider.kind == ProviderKind::OpenId {
            query.append_pair("nonce", &nonce(services, &state));
        }
        let max_age = wish.max_age.map(|seconds| seconds.to_string());
        let hosted_domain = hosted_domain(provider);
        let prompt = wish.prompt.map(|wanted| prompt(provider, &known, wanted));
        for (name, value) in [
            ("max_age", max_age.as_deref()),
            ("prompt", prompt),
            (if provider.kind == ProviderKind::GitHub { "login" } else { "login_hint" }, wish.login_hint),
            ("ui_locales", wish.ui_locales),
            // Google then shows the accounts of that Workspace alone. A hint: the claim is checked.
            ("hd", hosted_domain),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url.into())
}

/// The value of `prompt` that comes nearest to the wish. A provider answers what it does not know with an error, and what it does
/// not say that it knows is a guess: `login` is in OpenID Connect since its beginning, and whoever has to sign in can choose whom.
fn prompt(provider: &IdentityProvider, known: &ProviderMetadata, wanted: &'static str) -> &'static str {
    let knows = |value: &str| match (&known.prompts, provider.issuer.host_str()) {
        (Some(prompts), _) => prompts.iter().any(|prompt| prompt == value),
        // Google has no `login`, and these two do not list what they have.
        (None, Some("accounts.google.com")) => value == "select_account",
        (None, Some("login.microsoftonline.com")) => true,
        (None, _) => value == "login",
    };
    let nearest = if knows("select_account") { "select_account" } else { "login" };
    if knows(wanted) { wanted } else { nearest }
}

fn hosted_domain(provider: &IdentityProvider) -> Option<&str> {
    let mut wanted = provider.rules.required_claims.iter().filter(|(name, _)| name == "hd");
    let only = wanted.next().filter(|_| wanted.next().is_none());
    only.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::person::tests::provider;
    use super::*;
    use url::Url;

    #[test]
    fn a_provider_is_asked_for_what_it_knows() {
        let url = Url::parse("https://idp.example.com").unwrap();
        let of = |issuer: &str, prompts: Option<&[&str]>| {
            let prompts = prompts.map(|prompts| prompts.iter().map(|prompt| (*prompt).to_owned()).collect());
            let known = ProviderMetadata {
                issuer: issuer.into(),
                authorization_endpoint: url.clone(),
                token_endpoint: url.clone(),
                jwks_uri: None,
                userinfo_endpoint: None,
                prompts,
                iss_parameter: false,
            };
            ["login", "select_account"].map(|wanted| prompt(&provider(issuer), &known, wanted))
        };
        let (login, select) = ("login", "select_account");
        assert_eq!(of("https://idp.example.com", None), [login, login]);
        assert_eq!(of("https://idp.example.com", Some(&["none", "login", "consent"])), [login, login]);
        assert_eq!(of("https://idp.example.com", Some(&["login", "select_account"])), [login, select]);
        assert_eq!(of("https://accounts.google.com", None), [select, select]);
        assert_eq!(of("https://login.microsoftonline.com", None), [login, select]);
        assert_eq!(of("https://github.com", Some(&["select_account"])), [select, select]);
    }
}
