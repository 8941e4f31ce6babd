//! OpenID providers that people sign in at, and what those say of people.

use super::Email;
use authgent_core::time::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::fmt;
use url::Url;

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect with discovery.
    OpenId,
    /// GitHub and GitHub Enterprise: OAuth 2.0, with a REST API in the place of ID tokens.
    GitHub,
}

/// How this server proves who it is at a provider's token endpoint (OpenID Connect Core, section 9).
#[derive(Clone)]
pub enum UpstreamAuthentication {
    /// The secret in the header `Authorization`.
    SecretBasic(SecretString),
    /// The secret in the form.
    SecretPost(SecretString),
    /// An assertion, signed with this server's own key, whose public half is at its `jwks_uri`.
    PrivateKeyJwt,
    /// Nothing but PKCE: a public client.
    None,
}

impl fmt::Debug for UpstreamAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        })
    }
}

/// A provider as it is configured.
#[derive(Debug, Clone)]
pub struct IdentityProvider {
    /// Its name in paths, such as `/idp/okta`, and in the database.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Its issuer as it is configured: where its metadata are.
    pub issuer: Url,
    /// `issuer` letter by letter: an URL parser may add a slash.
    pub issuer_text: String,
    /// What this server is called there.
    pub client_id: String,
    /// How this server proves that.
    pub authentication: UpstreamAuthentication,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim that identifies people: `sub` but where the operator knows a better one.
    pub subject_claim: String,
    /// The claim with a person's groups. Dots lead into objects.
    pub groups_claim: String,
    /// Who may sign in, and how their accounts are found.
    pub rules: SignInRules,
}

/// Who may sign in by a provider, and how their accounts are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInRules {
    /// The hosts of e-mail addresses that may; empty for all. The provider must vouch for the address.
    pub allowed_domains: Vec<String>,
    /// Claims that must have one of these values.
    pub required_claims: Vec<(String, String)>,
    /// Groups of which a person must be in one; empty for everybody.
    pub required_groups: Vec<String>,
    /// Whether an account that is here already is found by an address that the provider vouches for.
    pub link_by_email: bool,
    /// Whether the operator vouches for every address that the provider gives.
    pub trust_email: bool,
    /// Whether whoever signs in first gets an account.
    pub create_accounts: bool,
}

/// Who signs in, as their provider has it. The signature and the rules of the token are checked; the operator's rules are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamPerson {
    /// `iss`, letter by letter.
    pub issuer: String,
    /// What identifies them there.
    pub subject: String,
    /// The session there.
    pub sid: Option<String>,
    /// Their address, where there is one that can be an address.
    pub email: Option<Email>,
    /// Whether the provider, or the operator for it, vouches that the address is theirs.
    pub email_verified: bool,
    /// Their name.
    pub name: Option<String>,
    /// Their groups; `None` where the provider said that there are more than it tells.
    pub groups: Option<Vec<String>>,
    /// When they proved it, where the provider says so.
    pub auth_time: Option<Timestamp>,
    /// Whether the provider says that they proved it by more than one factor.
    pub multi_factor: bool,
    /// Everything that was said.
    pub claims: Map<String, Value>,
}

/// Which rule of the operator keeps somebody out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// The address is of no allowed host, or there is none.
    #[error("the e-mail address is of none of the allowed domains")]
    Domain,
    /// Nobody vouches for the address.
    #[error("the provider does not vouch for the e-mail address (email_verified), which the rule for domains needs")]
    Unverified,
    /// A required claim has another value, or none.
    #[error("the claim {0} has none of the required values")]
    Claim(String),
    /// They are in none of the required groups.
    #[error("the person is in none of the required groups")]
    Group,
    /// The provider does not say in which groups they are.
    #[error("the provider names too many groups to tell (groups overage): let it send fewer, or app roles")]
    GroupsUnknown,
}

impl SignInRules {
    /// Whether this person may sign in at all.
    ///
    /// # Errors
    /// [`RuleBroken`], the first one.
    pub fn check(&self, person: &UpstreamPerson) -> Result<(), RuleBroken> {
        if !self.allowed_domains.is_empty() {
            let host = person.email.as_ref().and_then(|email| email.canonical().rsplit_once('@')).map(|(_, host)| host);
            if !host.is_some_and(|host| self.allowed_domains.iter().any(|allowed| allowed == host)) {
                return Err(RuleBroken::Domain);
            }
            if !person.email_verified {
                return Err(RuleBroken::Unverified);
            }
        }
        let mut names: Vec<_> = self.required_claims.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let wanted = |text: &str| self.required_claims.iter().any(|(known, value)| known == name && value == text);
            if !claim(&person.claims, name).is_some_and(|value| texts(value).iter().any(|text| wanted(text))) {
                return Err(RuleBroken::Claim(name.clone()));
            }
        }
        if self.required_groups.is_empty() {
            return Ok(());
        }
        let groups = person.groups.as_ref().ok_or(RuleBroken::GroupsUnknown)?;
        let is_in = groups.iter().any(|group| self.required_groups.contains(group));
        if is_in { Ok(()) } else { Err(RuleBroken::Group) }
    }
}

/// A claim by its name; where none has it, the dots in it lead into objects.
#[must_use]
pub fn claim<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

/// The texts of a claim that is a text, a boolean, a number, or a list of those.
#[must_use]
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person(email: &str, email_verified: bool, groups: Option<&[&str]>, claims: &Value) -> UpstreamPerson {
        UpstreamPerson {
            issuer: "https://idp.example.com".into(),
            subject: "1".into(),
            sid: None,
            email: Email::parse(email).ok(),
            email_verified,
            name: None,
            groups: groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect()),
            auth_time: None,
            multi_factor: false,
            claims: claims.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn a_domain_counts_only_where_the_provider_vouches_for_the_address() {
        let rules = SignInRules { allowed_domains: vec!["example.com".into()], ..SignInRules::default() };
        let check = |email: &str, verified| rules.check(&person(email, verified, None, &json!({})));
        assert_eq!(check("Ada@EXAMPLE.com", true), Ok(()));
        assert_eq!(check("ada@example.com", false), Err(RuleBroken::Unverified));
        for (email, verified) in [("ada@evil.example", true), ("ada@sub.example.com", true), ("", true)] {
            assert_eq!(check(email, verified), Err(RuleBroken::Domain), "{email}");
        }
    }

    #[test]
    fn claims_and_groups() {
        let claim = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let rules = SignInRules {
            required_claims: vec![claim("hd", "example.com"), claim("hd", "example.org"), claim("z.b", "true")],
            required_groups: vec!["mcp".into()],
            ..SignInRules::default()
        };
        let good = json!({"hd": "example.org", "z": {"b": [true]}});
        assert_eq!(rules.check(&person("", false, Some(&["x", "mcp"]), &good)), Ok(()));
        assert_eq!(rules.check(&person("", false, Some(&["MCP"]), &good)), Err(RuleBroken::Group));
        assert_eq!(rules.check(&person("", false, None, &good)), Err(RuleBroken::GroupsUnknown));
        for claims in [json!({}), json!({"hd": "evil.example", "z": {"b": true}}), json!({"hd": ["x"], "z.b": "true"})]
        {
            let refused = rules.check(&person("", false, Some(&["mcp"]), &claims));
            assert_eq!(refused, Err(RuleBroken::Claim("hd".into())), "{claims}");
        }
        assert_eq!(
            rules.check(&person("", false, Some(&["mcp"]), &json!({"hd": "example.com"}))),
            Err(RuleBroken::Claim("z.b".into()))
        );
    }

    #[test]
    fn a_name_with_dots_is_first_a_name() {
        let claims = json!({"https://example.com/groups": ["a"], "realm_access": {"roles": ["b", 1, {}]}});
        let claims = claims.as_object().unwrap();
        assert_eq!(texts(claim(claims, "https://example.com/groups").unwrap()), ["a"]);
        assert_eq!(texts(claim(claims, "realm_access.roles").unwrap()), ["b", "1"]);
        assert!(claim(claims, "realm_access.none").is_none() && claim(claims, "none.roles").is_none());
    }

    #[test]
    fn no_secret_is_shown() {
        let authentication = UpstreamAuthentication::SecretBasic("sesame".to_owned().into());
        assert_eq!(format!("{authentication:?}"), "client_secret_basic");
    }
}
