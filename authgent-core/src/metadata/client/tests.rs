use super::*;
use proptest::prelude::*;
use serde_json::json;

fn parse(document: &Value) -> Result<ClientMetadata, ClientMetadataError> {
    ClientMetadata::parse(document.as_object().unwrap())
}

#[test]
fn a_confidential_web_client_is_the_default() {
    let client = parse(&json!({"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"]})).unwrap();
    assert_eq!(client.token_endpoint_auth_method, TokenEndpointAuthMethod::ClientSecretBasic);
    assert_eq!(client.application_type, ApplicationType::Web);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    assert_eq!(client.response_types, ["code"]);
    assert_eq!(client.scope, None);
}

#[test]
fn cursor_sends_web_with_a_private_use_scheme() {
    let client = parse(&json!({
        "redirect_uris": ["http://localhost:8787/callback", "https://www.cursor.com/agents/mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback"],
        "application_type": "web", "token_endpoint_auth_method": "none", "client_name": " Cursor ",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "unknown": {"a": 1}
    }))
    .unwrap();
    assert_eq!((client.application_type, client.redirect_uris.len()), (ApplicationType::Native, 3));
    assert_eq!(client.client_name.as_deref(), Some("Cursor"));
}

#[test]
fn native_clients_without_a_method_are_public_and_unknown_grant_types_are_left_out() {
    let client = parse(&json!({
        "redirect_uris": ["http://127.0.0.1/callback"], "application_type": "native",
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]
    }))
    .unwrap();
    assert_eq!(client.token_endpoint_auth_method, TokenEndpointAuthMethod::None);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    let service = parse(&json!({"grant_types": ["client_credentials"]})).unwrap();
    assert_eq!((service.response_types.len(), service.redirect_uris.len()), (0, 0));
}

#[test]
fn what_is_wrong_is_named() {
    let many: Vec<String> = (0..10_000).map(|n| format!("https://x.example/{n}")).collect();
    for (document, message) in [
        (json!({}), "redirect_uris: at least one is needed for authorization_code"),
        (json!({"redirect_uris": "https://x.example"}), "redirect_uris: must be an array of strings"),
        (
            json!({"redirect_uris": ["https://x.example#f"]}),
            "redirect_uris: the redirect URI \"https://x.example#f\" must have no fragment",
        ),
        (json!({"redirect_uris": many}), "redirect_uris: at most 20 are accepted, these are 10000"),
        (
            json!({"redirect_uris": ["a:b"], "token_endpoint_auth_method": "client_secret_post"}),
            "redirect_uris: a:b has a private-use scheme, which needs token_endpoint_auth_method none",
        ),
        (
            json!({"redirect_uris": ["https://x.example"], "token_endpoint_auth_method": "magic"}),
            "token_endpoint_auth_method: must be one of none, client_secret_basic, client_secret_post, private_key_jwt",
        ),
        (
            json!({"redirect_uris": ["https://x.example"], "grant_types": ["implicit"]}),
            "grant_types: must hold authorization_code or client_credentials",
        ),
        (
            json!({"redirect_uris": ["https://x.example"], "response_types": ["token"]}),
            "response_types: must hold code for the grant type authorization_code",
        ),
        (json!({"redirect_uris": ["https://x.example"], "client_name": 7}), "client_name: must be a string"),
        (
            json!({"redirect_uris": ["https://x.example"], "client_uri": "javascript:alert(1)"}),
            "client_uri: must be an https URL",
        ),
        (
            json!({"redirect_uris": ["https://x.example"], "scope": "a\"b"}),
            "scope: the scope \"a\\\"b\" holds a character other than printable ASCII without space, quote and backslash",
        ),
        (
            json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}),
            "grant_types: client_credentials needs a client that authenticates, not token_endpoint_auth_method none",
        ),
    ] {
        assert_eq!(parse(&document).unwrap_err().to_string(), message);
    }
}

proptest! {
    #[test]
    fn what_was_registered_reads_back_the_same(
        uris in proptest::collection::vec("http://(127\\.0\\.0\\.1|localhost)(:[1-9][0-9]{0,3})?/[a-z]{0,5}", 1..5),
        name in proptest::option::of("[a-zA-Z]([ a-zA-Z]{0,8}[a-z])?"),
        native in any::<bool>(),
    ) {
        let document = json!({"redirect_uris": uris, "client_name": name, "application_type": if native { "native" } else { "web" }});
        let client = parse(&document).unwrap();
        prop_assert_eq!(parse(&serde_json::to_value(&client).unwrap()).unwrap(), client);
    }

    #[test]
    fn no_member_makes_it_panic(name in "(redirect_uris|grant_types|scope|client_name|contacts|logo_uri|application_type)", text in any::<String>()) {
        for value in [json!(text), json!([text]), json!([[text]]), json!({"a": text}), json!(7), json!(null)] {
            let _ = parse(&json!({"redirect_uris": ["https://x.example"], name.clone(): value}));
        }
    }
}

#[test]
fn a_client_with_keys_of_its_own() {
    let key = json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "kid": "one"});
    let with = |members: Value| {
        let mut document =
            json!({"redirect_uris": ["https://x.example"], "token_endpoint_auth_method": "private_key_jwt"});
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        parse(&document)
    };
    let client = with(json!({"jwks": {"keys": [key]}, "token_endpoint_auth_signing_alg": "ES256"})).unwrap();
    assert!(client.token_endpoint_auth_method.is_confidential() && !client.token_endpoint_auth_method.has_secret());
    assert_eq!(client.jwks.as_ref().unwrap().keys[0].kid.as_deref(), Some("one"));
    assert_eq!(parse(&serde_json::to_value(&client).unwrap()).unwrap(), client);
    assert!(with(json!({"jwks_uri": "https://x.example/keys"})).is_ok());
    for (members, message) in [
        (json!({}), "jwks_uri: is missing: token_endpoint_auth_method private_key_jwt needs jwks_uri or jwks"),
        (json!({"jwks_uri": "http://x.example/keys"}), "jwks_uri: must be an https URL"),
        (
            json!({"jwks_uri": "https://x.example/keys", "jwks": {"keys": [key]}}),
            "jwks_uri: must not be there together with jwks",
        ),
        (json!({"jwks": [key]}), "jwks: must be an object with keys, an array (RFC 7517, section 5)"),
        (json!({"jwks": {"keys": [{"kty": "oct"}]}}), "jwks: must hold at least one RSA, EC or OKP key"),
        (
            json!({"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"}]}}),
            "jwks: must hold public keys only, and one of these is private: replace it",
        ),
        (json!({"jwks": {"keys": vec![key.clone(); 21]}}), "jwks: must not hold more than 20 keys"),
        (
            json!({"jwks": {"keys": [key]}, "token_endpoint_auth_signing_alg": "HS256"}),
            "token_endpoint_auth_signing_alg: must be one of RS256, ES256, ES384, EdDSA",
        ),
    ] {
        assert_eq!(with(members).unwrap_err().to_string(), message);
    }
}
