//! Providers as operators write them.

use super::*;
use crate::config::Config;

fn load(variables: &[(&str, &str)]) -> Result<IdpConfig, String> {
    let usual = [
        ("AUTHGENT_ISSUER", "https://auth.example.com"),
        ("AUTHGENT_SIGNING_KEY", "key.pem"),
        ("AUTHGENT_DB_DSN", "sqlite://a.db"),
    ];
    let all = usual.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(None, all).map(|loaded| loaded.config.idp).map_err(|error| error.to_string())
}

#[test]
fn without_a_provider_accounts_are_local() {
    let idp = load(&[]).unwrap();
    assert!(idp.providers.is_empty() && idp.local_accounts);
    assert_eq!(idp.callback_path, "/idp/callback");
}

#[test]
fn three_variables_are_enough() {
    let idp = load(&[
        ("AUTHGENT_IDP_ISSUER", "https://accounts.google.com"),
        ("AUTHGENT_IDP_CLIENT_ID", "authgent"),
        ("AUTHGENT_IDP_CLIENT_SECRET", "sesame"),
    ])
    .unwrap();
    let [google] = &idp.providers[..] else { panic!("{idp:?}") };
    assert_eq!((&*google.id, &*google.name, google.kind), ("idp", "Google", ProviderKind::OpenId));
    assert!(matches!(google.authentication, UpstreamAuthentication::SecretBasic(_)));
    assert_eq!(google.scopes, ["openid", "profile", "email"]);
    assert!(!idp.local_accounts && google.rules.create_accounts && !google.rules.link_by_email);
    assert_eq!(google.issuer_text, "https://accounts.google.com");
    assert!(!format!("{idp:?}").contains("sesame"));
}

#[test]
fn everything_can_be_said() {
    let idp = load(&[
        ("AUTHGENT_IDP_ISSUER", "https://idp.example.com/realms/a"),
        ("AUTHGENT_IDP_CLIENT_ID", "authgent"),
        ("AUTHGENT_IDP_CLIENT_AUTHENTICATION", "private_key_jwt"),
        ("AUTHGENT_IDP_NAME", "Example Corp"),
        ("AUTHGENT_IDP_SCOPES", "openid groups"),
        ("AUTHGENT_IDP_ALLOWED_DOMAINS", "Example.com, bücher.example"),
        ("AUTHGENT_IDP_REQUIRED_CLAIMS", "tid=1 tid=2"),
        ("AUTHGENT_IDP_REQUIRED_GROUPS", "mcp"),
        ("AUTHGENT_IDP_GROUPS_CLAIM", "realm_access.roles"),
        ("AUTHGENT_IDP_SUBJECT_CLAIM", "oid"),
        ("AUTHGENT_IDP_LINK_BY_EMAIL", "on"),
        ("AUTHGENT_IDP_TRUST_EMAIL", "on"),
        ("AUTHGENT_IDP_CREATE_ACCOUNTS", "off"),
        ("AUTHGENT_IDP_CALLBACK_PATH", "/callback"),
        ("AUTHGENT_LOCAL_ACCOUNTS", "on"),
    ])
    .unwrap();
    let provider = &idp.providers[0];
    assert!(matches!(provider.authentication, UpstreamAuthentication::PrivateKeyJwt));
    assert_eq!(provider.rules.allowed_domains, ["example.com", "bücher.example"]);
    assert_eq!(provider.rules.required_claims[1], ("tid".to_owned(), "2".to_owned()));
    assert!(provider.rules.link_by_email && provider.rules.trust_email && !provider.rules.create_accounts);
    assert_eq!((&*provider.subject_claim, &*provider.groups_claim), ("oid", "realm_access.roles"));
    assert!(idp.local_accounts && idp.callback_path == "/callback");
}

#[test]
fn several_stand_in_a_list() {
    let list = r#"[{"id": "okta", "name": "Okta", "issuer": "https://example.okta.com", "client_id": "a", "client_secret": "b"},
        {"id": "github", "issuer": "https://github.com", "client_id": "c", "client_secret": "d"},
        {"id": "ghe", "kind": "github", "issuer": "https://github.example.com", "client_id": "e", "client_secret": "f"}]"#;
    let idp = load(&[("AUTHGENT_IDENTITY_PROVIDERS", list)]).unwrap();
    let kinds: Vec<_> = idp.providers.iter().map(|provider| (&*provider.id, &*provider.name, provider.kind)).collect();
    let github = ProviderKind::GitHub;
    assert_eq!(
        kinds,
        [("okta", "Okta", ProviderKind::OpenId), ("github", "GitHub", github), ("ghe", "GitHub", github)]
    );
    assert!(idp.providers[1].scopes.contains(&"user:email".to_owned()));
}

#[test]
fn what_is_wrong_is_named_and_no_secret_shown() {
    let google = ("AUTHGENT_IDP_ISSUER", "https://accounts.google.com");
    let client = ("AUTHGENT_IDP_CLIENT_ID", "a");
    let secret = ("AUTHGENT_IDP_CLIENT_SECRET", "sesame");
    for (variables, expected) in [
        (vec![google], "AUTHGENT_IDP_CLIENT_ID is missing"),
        (
            vec![client],
            "AUTHGENT_IDP_ISSUER is missing, but AUTHGENT_IDP_CLIENT_ID is set: for example AUTHGENT_IDP_ISSUER=",
        ),
        (vec![("AUTHGENT_IDP_ISSUER", "http://idp.example.com"), client], "AUTHGENT_IDP_ISSUER must be an https URL"),
        (vec![("AUTHGENT_IDP_ISSUER", "https://a.example/?x"), client], "AUTHGENT_IDP_ISSUER must be an https URL"),
        (vec![google, client, secret, ("AUTHGENT_IDP_KIND", "saml")], "AUTHGENT_IDP_KIND must be openid or github"),
        (vec![google, client, secret, ("AUTHGENT_IDP_SCOPES", "email")], "AUTHGENT_IDP_SCOPES must have openid"),
        (
            vec![google, client, secret, ("AUTHGENT_IDP_CLIENT_AUTHENTICATION", "private_key_jwt")],
            "AUTHGENT_IDP_CLIENT_AUTHENTICATION needs no client_secret",
        ),
        (
            vec![google, client, ("AUTHGENT_IDP_CLIENT_AUTHENTICATION", "client_secret_post")],
            "AUTHGENT_IDP_CLIENT_SECRET",
        ),
        (
            vec![google, client, ("AUTHGENT_IDP_ALLOWED_DOMAINS", "@example.com")],
            "AUTHGENT_IDP_ALLOWED_DOMAINS must be",
        ),
        (
            vec![google, client, ("AUTHGENT_IDP_REQUIRED_CLAIMS", "hd")],
            "AUTHGENT_IDP_REQUIRED_CLAIMS must be NAME=VALUE",
        ),
        (
            vec![google, client, ("AUTHGENT_IDP_CALLBACK_PATH", "/oauth/token")],
            "AUTHGENT_IDP_CALLBACK_PATH must be a path",
        ),
        (vec![google, client, ("AUTHGENT_IDP_CALLBACK_PATH", "callback")], "AUTHGENT_IDP_CALLBACK_PATH must be a path"),
        (vec![("AUTHGENT_IDP_ISUER", "https://a.example"), client], "the nearest that exists is AUTHGENT_IDP_ISSUER"),
        (vec![("AUTHGENT_IDP_ISSUER", "https://auth.example.com"), client], "is the issuer of this server itself"),
        (vec![("AUTHGENT_LOCAL_ACCOUNTS", "off")], "AUTHGENT_LOCAL_ACCOUNTS is off, and no provider is set"),
        (vec![("AUTHGENT_IDENTITY_PROVIDERS", r#"[{"id": "A"}]"#)], "has a provider \"A\" whose id must have"),
        (vec![("AUTHGENT_IDENTITY_PROVIDERS", r#"[{"id": "a"}]"#)], "has a provider \"a\" whose issuer must be"),
        (vec![("AUTHGENT_IDENTITY_PROVIDERS", r#"[{"ident": "a"}]"#)], "unknown field `ident`"),
    ] {
        let error = load(&variables).unwrap_err();
        assert!(error.contains(expected) && !error.contains("sesame"), "{error}");
    }
}
