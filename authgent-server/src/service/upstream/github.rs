//! GitHub and GitHub Enterprise Server: OAuth 2.0, and a REST API that says who it is.

use super::UpstreamError;
use super::metadata::ProviderMetadata;
use super::person::tidy;
use super::redemption::Tokens;
use crate::domain::{Email, IdentityProvider, UpstreamPerson};
use crate::service::Services;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;
/// The scope with which organisations and teams can be read.
const READ_ORG: &str = "read:org";
const WHAT: &str = "REST API";

/// Where GitHub is asked what. It publishes no such document for this.
pub(super) fn metadata(provider: &IdentityProvider) -> Result<ProviderMetadata, UpstreamError> {
    let base = provider.issuer_text.trim_end_matches('/');
    let url = |path: &str| {
        Url::parse(&format!("{base}{path}")).map_err(|error| UpstreamError::unusable("address", error.to_string()))
    };
    Ok(ProviderMetadata {
        issuer: format!("{base}/login/oauth"),
        authorization_endpoint: url("/login/oauth/authorize")?,
        token_endpoint: url("/login/oauth/access_token")?,
        jwks_uri: None,
        userinfo_endpoint: None,
        prompts: Some(vec!["select_account".to_owned()]),
        iss_parameter: false,
    })
}

/// Who the access token is of. `id` never changes; `login` does, and is then given to somebody else.
pub(super) async fn person(
    services: &Services,
    provider: &IdentityProvider,
    metadata: &ProviderMetadata,
    tokens: &Tokens,
) -> Result<UpstreamPerson, UpstreamError> {
    let missing = || UpstreamError::unusable("token response", "has no access_token");
    let token = tokens.access_token.as_ref().ok_or_else(missing)?;
    let user: Map<String, Value> = get(services, provider, "/user", token).await?;
    let emails: Vec<Value> = get(services, provider, "/user/emails?per_page=100", token).await?;
    let groups = if provider.scopes.iter().any(|scope| scope == READ_ORG) {
        let organisations: Vec<Value> = get(services, provider, "/user/orgs?per_page=100", token).await?;
        let teams: Vec<Value> = get(services, provider, "/user/teams?per_page=100", token).await?;
        groups(&organisations, &teams)
    } else {
        Vec::new()
    };
    read(metadata, user, &emails, groups)
}

async fn get<T: DeserializeOwned>(
    services: &Services,
    provider: &IdentityProvider,
    path: &str,
    token: &SecretString,
) -> Result<T, UpstreamError> {
    let api = match provider.issuer.host_str() {
        Some("github.com") => "https://api.github.com".to_owned(),
        _ => format!("{}/api/v3", provider.issuer_text.trim_end_matches('/')),
    };
    let url = Url::parse(&format!("{api}{path}")).map_err(|error| UpstreamError::unusable(WHAT, error.to_string()))?;
    let fetched = services.upstream.client.get_json(&url, Some(token), LARGEST).await;
    let fetched = fetched.map_err(UpstreamError::fetch(WHAT))?;
    serde_json::from_slice(&fetched.body)
        .map_err(|_| UpstreamError::unusable(WHAT, format!("answers something unexpected at {path}")))
}

fn read(
    metadata: &ProviderMetadata,
    user: Map<String, Value>,
    emails: &[Value],
    groups: Vec<String>,
) -> Result<UpstreamPerson, UpstreamError> {
    let id = user.get("id").and_then(Value::as_u64);
    let subject = id.ok_or_else(|| UpstreamError::unusable(WHAT, "does not say who it is in id"))?.to_string();
    let is = |email: &Value, name: &str| email.get(name).and_then(Value::as_bool).unwrap_or_default();
    // GitHub has checked it; what stands in the public profile is anything.
    let primary = emails.iter().find(|email| is(email, "primary") && is(email, "verified"));
    let email = primary.and_then(|email| email.get("email")?.as_str()).and_then(|text| Email::parse(text).ok());
    let text = |name: &str| user.get(name).and_then(Value::as_str);
    Ok(UpstreamPerson {
        issuer: metadata.issuer.clone(),
        subject,
        sid: None,
        email_verified: email.is_some(),
        email,
        name: text("name").or_else(|| text("login")).and_then(tidy),
        groups: Some(groups),
        auth_time: None,
        multi_factor: false,
        claims: user,
    })
}

/// `organisation`, and `organisation/team`.
fn groups(organisations: &[Value], teams: &[Value]) -> Vec<String> {
    let login = |organisation: &Value| organisation.get("login").and_then(Value::as_str).map(str::to_owned);
    let team = |team: &Value| {
        let organisation = login(team.get("organization")?)?;
        Some(format!("{organisation}/{}", team.get("slug")?.as_str()?))
    };
    organisations.iter().filter_map(login).chain(teams.iter().filter_map(team)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::person::tests::{fixture, provider};
    use super::*;
    use serde_json::from_value;

    #[test]
    fn the_endpoints_are_below_the_address() {
        let metadata = metadata(&provider("https://github.example.com")).unwrap();
        assert_eq!(metadata.issuer, "https://github.example.com/login/oauth");
        assert_eq!(metadata.authorization_endpoint.as_str(), "https://github.example.com/login/oauth/authorize");
    }

    #[test]
    fn what_github_enterprise_sends() {
        let sent = fixture("github-enterprise");
        let metadata = metadata(&provider("https://github.example.com")).unwrap();
        let (organisations, teams): (Vec<Value>, Vec<Value>) =
            (from_value(sent["orgs"].clone()).unwrap(), from_value(sent["teams"].clone()).unwrap());
        let (user, mut emails): (Map<String, Value>, Vec<Value>) =
            (from_value(sent["user"].clone()).unwrap(), from_value(sent["emails"].clone()).unwrap());
        let person = read(&metadata, user.clone(), &emails, groups(&organisations, &teams)).unwrap();
        assert_eq!((&*person.subject, person.name.as_deref()), ("583231", Some("Ada Lovelace")));
        assert_eq!(person.email.unwrap().as_str(), "ada@example.com", "the primary one, not that of the profile");
        assert!(person.email_verified);
        assert_eq!(person.groups.unwrap(), ["example", "example/mcp-users"]);
        // Nobody has checked the primary one yet.
        emails[0]["verified"] = false.into();
        let unchecked = read(&metadata, user, &emails, Vec::new()).unwrap();
        assert!(unchecked.email.is_none() && !unchecked.email_verified);
        assert!(read(&metadata, Map::new(), &emails, Vec::new()).is_err());
    }
}
