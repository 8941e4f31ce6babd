//! The upstream providers: `idp`, and `identity_provider` where there are several.

use super::clients::on;
use super::error::ConfigError;
use super::values::Values;
use crate::domain::patterns::is_protected;
use crate::domain::{IdentityProvider, ProviderKind, SignInRules, UpstreamAuthentication};
use secrecy::SecretString;
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

/// Whom people sign in at.
#[derive(Debug, Clone)]
pub struct IdpConfig {
    /// The providers, in the order of their buttons.
    pub providers: Vec<Arc<IdentityProvider>>,
    /// What follows the issuer's path in the redirect URI.
    pub callback_path: String,
    /// Whether people can also sign in with a password or a passkey of this server.
    pub local_accounts: bool,
}

/// The name of the provider that variables describe.
const ONLY: &str = "idp";

/// A provider as it is written. `idp` has the same keys.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ProviderTable {
    id: String,
    name: Option<String>,
    kind: Option<String>,
    issuer: String,
    client_id: String,
    client_secret: Option<SecretString>,
    client_authentication: Option<String>,
    scopes: Vec<String>,
    subject_claim: Option<String>,
    groups_claim: Option<String>,
    allowed_domains: Vec<String>,
    required_claims: Vec<String>,
    required_groups: Vec<String>,
    link_by_email: bool,
    trust_email: bool,
    create_accounts: Option<bool>,
}

/// What is wrong with one: the key within the table, and what continues "NAME …".
type Problem = (&'static str, String);

pub(super) fn idp(values: &Values) -> Result<IdpConfig, ConfigError> {
    let callback_path = callback_path(values)?;
    let mut providers = Vec::new();
    if let Some(table) = only(values)? {
        let parsed = table.parse().map_err(|(key, problem)| values.wrong(&format!("idp.{key}"), problem));
        providers.push(Arc::new(parsed?));
    }
    for table in values.structure::<Vec<ProviderTable>>("identity_provider")?.unwrap_or_default() {
        let id = table.id.clone();
        let wrong = |problem: String| values.wrong("identity_provider", problem);
        let named = |(key, problem): Problem| wrong(format!("has a provider {id:?} whose {key} {problem}"));
        if providers.iter().any(|known: &Arc<IdentityProvider>| known.id == id) {
            return Err(wrong(format!("names {id:?} twice")));
        }
        providers.push(Arc::new(table.parse().map_err(named)?));
    }
    let local_accounts =
        if values.has("local_accounts") { on(values, "local_accounts")? } else { providers.is_empty() };
    if !local_accounts && providers.is_empty() {
        return Err(values.wrong("local_accounts", "is off, and no provider is set: nobody could sign in"));
    }
    Ok(IdpConfig { providers, callback_path, local_accounts })
}

fn callback_path(values: &Values) -> Result<String, ConfigError> {
    let path = values.text_or_default("idp.callback_path")?;
    let segments = |path: &str| {
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
        path.bytes().all(is_fine) && path.split('/').skip(1).all(|name| !name.is_empty() && name != "." && name != "..")
    };
    let taken =
        ["/login", "/logout", "/consent", "/account", "/oauth", "/health", "/.well-known", "/assets", "/forgot"];
    let is_taken =
        taken.iter().any(|taken| path.strip_prefix(taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if !path.starts_with('/') || !segments(&path) || is_taken {
        let problem =
            format!("must be a path such as /idp/callback that no page of this server has, and {path:?} is none");
        return Err(values.wrong("idp.callback_path", problem));
    }
    Ok(path)
}

/// The provider of the variables, or of the table `idp`.
fn only(values: &Values) -> Result<Option<ProviderTable>, ConfigError> {
    let keys = [
        "client_id",
        "client_secret",
        "client_authentication",
        "allowed_domains",
        "required_claims",
        "required_groups",
    ];
    let Some(issuer) = values.text("idp.issuer")? else {
        return match keys.map(|key| format!("idp.{key}")).into_iter().find(|key| values.has(key)) {
            Some(key) => Err(values.wrong("idp.issuer", format!("is missing, but {} is set", values.place(&key)))),
            None => Ok(None),
        };
    };
    let list = |key: &str| values.list(&format!("idp.{key}"));
    Ok(Some(ProviderTable {
        id: ONLY.to_owned(),
        name: values.text("idp.name")?,
        kind: values.text("idp.kind")?,
        issuer,
        client_id: values.required("idp.client_id")?,
        client_secret: values.text("idp.client_secret")?.map(Into::into),
        client_authentication: values.text("idp.client_authentication")?,
        scopes: list("scopes")?,
        subject_claim: values.text("idp.subject_claim")?,
        groups_claim: values.text("idp.groups_claim")?,
        allowed_domains: list("allowed_domains")?,
        required_claims: list("required_claims")?,
        required_groups: list("required_groups")?,
        link_by_email: on(values, "idp.link_by_email")?,
        trust_email: on(values, "idp.trust_email")?,
        create_accounts: Some(on(values, "idp.create_accounts")?),
    }))
}

impl ProviderTable {
    fn parse(self) -> Result<IdentityProvider, Problem> {
        let is_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.id.is_empty() || self.id.len() > 32 || !self.id.bytes().all(is_id) || self.id == "callback" {
            return Err((
                "id",
                "must have 1 to 32 of the characters a to z, 0 to 9 and -, and not be callback".to_owned(),
            ));
        }
        let issuer = issuer(&self.issuer)?;
        let kind = match self.kind.as_deref() {
            None if issuer.host_str() == Some("github.com") => ProviderKind::GitHub,
            None | Some("openid") => ProviderKind::OpenId,
            Some("github") => ProviderKind::GitHub,
            Some(other) => return Err(("kind", format!("must be openid or github, and {other:?} is none"))),
        };
        if self.client_id.is_empty() {
            return Err(("client_id", "is missing".to_owned()));
        }
        let authentication = authentication(self.client_authentication.as_deref(), self.client_secret, kind)?;
        let scopes = if self.scopes.is_empty() { usual_scopes(kind) } else { self.scopes };
        if kind == ProviderKind::OpenId && !scopes.iter().any(|scope| scope == "openid") {
            return Err(("scopes", "must have openid among them".to_owned()));
        }
        let host = issuer.host_str().unwrap_or_default().to_owned();
        let name = self.name.filter(|name| !name.is_empty()).unwrap_or_else(|| usual_name(&host, kind));
        Ok(IdentityProvider {
            id: self.id,
            name,
            kind,
            issuer,
            issuer_text: self.issuer,
            client_id: self.client_id,
            authentication,
            scopes,
            subject_claim: self.subject_claim.unwrap_or_else(|| "sub".to_owned()),
            groups_claim: self.groups_claim.unwrap_or_else(|| "groups".to_owned()),
            rules: SignInRules {
                allowed_domains: domains(&self.allowed_domains)?,
                required_claims: claims(&self.required_claims)?,
                required_groups: self.required_groups,
                link_by_email: self.link_by_email,
                trust_email: self.trust_email,
                create_accounts: self.create_accounts.unwrap_or(true),
            },
        })
    }
}

fn issuer(text: &str) -> Result<Url, Problem> {
    let problem = || ("issuer", format!("must be an https URL without query and fragment, and {text:?} is none"));
    let url = Url::parse(text).map_err(|_| problem())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if plain && is_protected(&url) { Ok(url) } else { Err(problem()) }
}

fn authentication(
    method: Option<&str>,
    secret: Option<SecretString>,
    kind: ProviderKind,
) -> Result<UpstreamAuthentication, Problem> {
    use UpstreamAuthentication as A;
    let usual = if kind == ProviderKind::GitHub { "client_secret_post" } else { "client_secret_basic" };
    let method = method.unwrap_or(if secret.is_some() { usual } else { "none" });
    let refuse = |problem: &str| Err(("client_authentication", problem.to_owned()));
    match (method, secret) {
        ("client_secret_basic", Some(secret)) => Ok(A::SecretBasic(secret)),
        ("client_secret_post", Some(secret)) => Ok(A::SecretPost(secret)),
        ("client_secret_basic" | "client_secret_post", None) => Err(("client_secret", "is missing".to_owned())),
        ("private_key_jwt", None) if kind == ProviderKind::OpenId => Ok(A::PrivateKeyJwt),
        ("none", None) if kind == ProviderKind::OpenId => Ok(A::None),
        ("none", None) => Err(("client_secret", "is missing: GitHub asks for one".to_owned())),
        ("private_key_jwt" | "none", Some(_)) => refuse("needs no client_secret: remove it"),
        ("private_key_jwt", None) => {
            refuse("must be client_secret_basic or client_secret_post: GitHub takes no assertions")
        }
        _ => refuse("must be client_secret_basic, client_secret_post, private_key_jwt or none"),
    }
}

fn usual_scopes(kind: ProviderKind) -> Vec<String> {
    let scopes: &[&str] = match kind {
        ProviderKind::OpenId => &["openid", "profile", "email"],
        // Groups are organisations and teams; reading them needs read:org.
        ProviderKind::GitHub => &["read:user", "user:email", "read:org"],
    };
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// The providers that people know by another name than their host.
fn usual_name(host: &str, kind: ProviderKind) -> String {
    match (kind, host) {
        (ProviderKind::GitHub, _) => "GitHub".to_owned(),
        (_, "accounts.google.com") => "Google".to_owned(),
        (_, "login.microsoftonline.com") => "Microsoft".to_owned(),
        _ => host.to_owned(),
    }
}

/// The hosts in the form of [`crate::domain::Email::canonical`].
fn domains(texts: &[String]) -> Result<Vec<String>, Problem> {
    let domain = |text: &String| {
        let email = crate::domain::Email::parse(&format!("a@{text}")).ok();
        let host = email.as_ref().and_then(|email| email.canonical().rsplit_once('@')).map(|(_, host)| host.to_owned());
        host.ok_or_else(|| ("allowed_domains", format!("must be hosts such as example.com, and {text:?} is none")))
    };
    texts.iter().map(domain).collect()
}

fn claims(texts: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let claim = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(("required_claims", format!("must be NAME=VALUE, such as hd=example.com, and {text:?} is none"))),
    };
    texts.iter().map(claim).collect()
}

#[cfg(test)]
mod tests;
