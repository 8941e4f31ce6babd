//! What large providers really send, with made-up people.

use super::*;
use crate::domain::{SignInRules, UpstreamAuthentication};
use serde_json::json;
use url::Url;

/// A provider at this issuer, as it is without further settings.
pub(in crate::service::upstream) fn provider(issuer: &str) -> IdentityProvider {
    IdentityProvider {
        id: "idp".into(),
        name: "Example".into(),
        kind: ProviderKind::OpenId,
        issuer: Url::parse(issuer).unwrap(),
        issuer_text: issuer.into(),
        client_id: "authgent".into(),
        authentication: UpstreamAuthentication::None,
        scopes: vec!["openid".into()],
        subject_claim: "sub".into(),
        groups_claim: "groups".into(),
        rules: SignInRules::default(),
    }
}

/// One of the files in `fixtures`.
pub(in crate::service::upstream) fn fixture(name: &str) -> Value {
    let text = match name {
        "okta" => include_str!("fixtures/okta.json"),
        "entra-id" => include_str!("fixtures/entra-id.json"),
        "google-workspace" => include_str!("fixtures/google-workspace.json"),
        "keycloak" => include_str!("fixtures/keycloak.json"),
        "auth0" => include_str!("fixtures/auth0.json"),
        "github-enterprise" => include_str!("fixtures/github-enterprise.json"),
        _ => panic!("no fixture {name}"),
    };
    serde_json::from_str(text).unwrap()
}

/// The provider of a fixture, its metadata, and the claims of its ID token.
fn sent(name: &str) -> (IdentityProvider, ProviderMetadata, Map<String, Value>) {
    let sent = fixture(name);
    let provider = provider(sent["issuer"].as_str().unwrap());
    let metadata = metadata::parse(&provider, sent["metadata"].to_string().as_bytes()).unwrap();
    (provider, metadata, sent["id_token"].as_object().unwrap().clone())
}

#[test]
fn okta() {
    let (provider, metadata, mut claims) = sent("okta");
    assert!(lacks(&provider, &claims, false), "a token beside a code has no profile: it is at the userinfo endpoint");
    merge(&mut claims, fixture("okta")["userinfo"].to_string().as_bytes()).unwrap();
    let person = read(&provider, &metadata, claims).unwrap();
    assert_eq!(person.issuer, "https://example.okta.com");
    assert_eq!((&*person.subject, person.name.as_deref()), ("00uid4BxXw6I6TV4m0g3", Some("Ada Lovelace")));
    assert!(person.email_verified && person.multi_factor);
    assert_eq!(person.groups.unwrap(), ["Everyone", "mcp-users"]);
}

#[test]
fn entra_id() {
    let (mut provider, metadata, claims) = sent("entra-id");
    assert!(metadata.issuer.contains(TENANT), "any tenant");
    let person = read(&provider, &metadata, claims.clone()).unwrap();
    assert_eq!(person.email.as_ref().unwrap().as_str(), "ada@example.com");
    assert!(!person.email_verified, "whoever has a tenant writes any address into it");
    // No operator can vouch for everybody's tenant …
    provider.rules.trust_email = true;
    assert!(!read(&provider, &metadata, claims.clone()).unwrap().email_verified);
    // … but for one.
    provider.rules.required_claims = vec![("tid".into(), claims["tid"].as_str().unwrap().to_owned())];
    assert!(read(&provider, &metadata, claims.clone()).unwrap().email_verified);
    // A claim of its own says that the tenant owns the host.
    provider.rules = SignInRules::default();
    let mut owned = claims.clone();
    owned.insert("xms_edov".into(), true.into());
    assert!(read(&provider, &metadata, owned).unwrap().email_verified);
    // The same person in every application.
    provider.subject_claim = "oid".into();
    assert_eq!(read(&provider, &metadata, claims.clone()).unwrap().subject, "690222be-ff1a-4d56-abd1-7e4f7d38e474");
    // No mailbox: the name to sign in with, for which nobody vouches.
    let mut nameless = claims.clone();
    nameless.remove("email");
    let person = read(&provider, &metadata, nameless).unwrap();
    assert_eq!((person.email.unwrap().as_str(), person.email_verified), ("ada@example.onmicrosoft.com", false));
    // Too many groups for a token.
    assert_eq!(person.groups.unwrap(), ["fee2c45b-915a-4a64-b130-f4eb9e75525e"]);
    let mut many = claims;
    many.remove("groups");
    many.insert("_claim_names".into(), json!({"groups": "src1"}));
    assert_eq!(read(&provider, &metadata, many).unwrap().groups, None);
}

#[test]
fn google_workspace() {
    let (provider, metadata, claims) = sent("google-workspace");
    assert!(!lacks(&provider, &claims, false) && lacks(&provider, &claims, true), "it has no groups");
    let person = read(&provider, &metadata, claims.clone()).unwrap();
    assert_eq!((&*person.subject, person.email_verified), ("110169484474386276334", true));
    let rules = SignInRules { required_claims: vec![("hd".into(), "example.com".into())], ..SignInRules::default() };
    assert_eq!(rules.check(&person), Ok(()));
    // A private account with an address of the company's, from before the company was a Workspace.
    let mut private = claims.clone();
    private.remove("hd");
    let person = read(&provider, &metadata, private).unwrap();
    assert!(!person.email_verified && rules.check(&person).is_err());
    let mut mail = claims;
    mail.remove("hd");
    mail.insert("email".into(), "ada@gmail.com".into());
    assert!(read(&provider, &metadata, mail).unwrap().email_verified);
}

#[test]
fn keycloak() {
    let (mut provider, metadata, claims) = sent("keycloak");
    assert!(metadata.iss_parameter);
    let person = read(&provider, &metadata, claims.clone()).unwrap();
    assert_eq!(person.sid.as_deref(), Some("c3f7f1c5-4e4f-4a5b-8a5e-6f7f6b1c9d11"));
    assert!(!person.email_verified, "nobody has opened the mail yet");
    assert_eq!(person.groups.unwrap(), ["/mcp-users"]);
    provider.groups_claim = "realm_access.roles".into();
    assert_eq!(read(&provider, &metadata, claims).unwrap().groups.unwrap(), ["mcp", "offline_access"]);
}

#[test]
fn auth0() {
    let (mut provider, metadata, claims) = sent("auth0");
    assert_eq!(metadata.issuer, "https://example.eu.auth0.com/", "with the slash");
    let person = read(&provider, &metadata, claims.clone()).unwrap();
    assert_eq!(person.subject, "auth0|5f7c8ec7c33c6c004bbafe82");
    provider.groups_claim = "https://mcp.example.com/groups".into();
    assert_eq!(read(&provider, &metadata, claims).unwrap().groups.unwrap(), ["mcp-users"]);
}

#[test]
fn what_is_said_of_another_person_is_not_added() {
    let (_, _, mut claims) = sent("okta");
    for body in [r#"{"sub": "somebody else", "email": "a@example.com"}"#, r#"{"email": "a@example.com"}"#, "[]", ""] {
        assert!(merge(&mut claims, body.as_bytes()).is_err(), "{body}");
    }
    assert!(!claims.contains_key("email"));
    let more = json!({"sub": claims["sub"], "auth_time": 0, "name": "Ada"});
    let auth_time = claims["auth_time"].clone();
    merge(&mut claims, more.to_string().as_bytes()).unwrap();
    assert_eq!((&claims["name"], &claims["auth_time"]), (&json!("Ada"), &auth_time), "what is signed stays");
}

#[test]
fn somebody_without_a_name_for_themselves_is_nobody() {
    let (mut provider, metadata, mut claims) = sent("keycloak");
    provider.subject_claim = "oid".into();
    for oid in [Value::Null, json!(""), json!(1), json!("a\nb"), json!("s".repeat(256))] {
        claims.insert("oid".into(), oid.clone());
        assert!(read(&provider, &metadata, claims.clone()).is_err(), "{oid}");
    }
}

#[test]
fn a_verified_address_may_be_a_text_and_an_address_must_be_one() {
    let (provider, metadata, mut claims) = sent("keycloak");
    for (value, expected) in
        [(json!("true"), true), (json!(true), true), (json!("false"), false), (json!(null), false), (json!({}), false)]
    {
        claims.insert("email_verified".into(), value.clone());
        assert_eq!(read(&provider, &metadata, claims.clone()).unwrap().email_verified, expected, "{value}");
    }
    claims.insert("email".into(), "nobody".into());
    claims.insert("preferred_username".into(), "ada".into());
    assert_eq!(read(&provider, &metadata, claims).unwrap().email, None);
}
