//! What the server says of itself: RFC 8414, section 2; OpenID Connect Discovery, section 3; RFC 9207, section 3.

use crate::domain::{Acr, Resource};
use crate::service::Services;
use crate::service::authorize::{OFFLINE_ACCESS, OPENID};
use crate::store::StoreError;
use authgent_core::metadata::client::{ASSERTION_ALGORITHMS, GrantType, TokenEndpointAuthMethod};
use authgent_core::metadata::server::AuthorizationServerMetadata;
use authgent_core::pkce::S256;
use authgent_core::scope::{Scope, ScopeToken};
use bytes::Bytes;

/// What ID tokens and the userinfo endpoint may say.
const CLAIMS: [&str; 13] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "acr",
    "amr",
    "email",
    "email_verified",
    "name",
];

/// The languages of the pages.
const UI_LOCALES: [&str; 2] = ["en", "de"];

/// The one document that every well-known location serves, as JSON, of the state of the database that was looked at last: at
/// most a second old.
///
/// # Errors
/// [`StoreError`] where the resources cannot be read.
pub async fn document(services: &Services) -> Result<Bytes, StoreError> {
    let resources = services.resources(services.last_view()).await?;
    let document = resources.metadata.get_or_init(|| {
        // A document of strings and lists is always JSON.
        serde_json::to_string(&metadata(services, &resources.all)).unwrap_or_default().into()
    });
    Ok(document.clone())
}

fn metadata(services: &Services, resources: &[Resource]) -> AuthorizationServerMetadata {
    let issuer = &services.settings.issuer;
    let of_resources: Scope = resources.iter().flat_map(Resource::scope).collect();
    let mut scopes_supported: Vec<ScopeToken> = of_resources.into_iter().collect();
    // SDKs ask for `offline_access` only where it is listed.
    scopes_supported
        .extend([OPENID, "profile", "email", OFFLINE_ACCESS].iter().filter_map(|scope| ScopeToken::parse(scope).ok()));
    let methods = |methods: &[TokenEndpointAuthMethod]| {
        methods.iter().map(|method| method.as_str().to_owned()).collect::<Vec<_>>()
    };
    let confidential = TokenEndpointAuthMethod::ALL.iter().copied().filter(|method| method.is_confidential());
    let confidential: Vec<_> = confidential.collect();
    AuthorizationServerMetadata {
        issuer: issuer.to_string(),
        authorization_endpoint: Some(issuer.endpoint("/oauth/authorize")),
        token_endpoint: Some(issuer.endpoint("/oauth/token")),
        jwks_uri: Some(issuer.endpoint("/.well-known/jwks.json")),
        registration_endpoint: services.settings.registration_enabled().then(|| issuer.endpoint("/oauth/register")),
        revocation_endpoint: Some(issuer.endpoint("/oauth/revoke")),
        introspection_endpoint: Some(issuer.endpoint("/oauth/introspect")),
        userinfo_endpoint: Some(services.settings.userinfo_uri()),
        end_session_endpoint: Some(issuer.endpoint("/logout")),
        scopes_supported,
        response_types_supported: vec!["code".into()],
        response_modes_supported: vec!["query".into()],
        grant_types_supported: [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials]
            .map(|grant_type| grant_type.as_str().to_owned())
            .to_vec(),
        code_challenge_methods_supported: vec![S256.into()],
        token_endpoint_auth_methods_supported: methods(TokenEndpointAuthMethod::ALL),
        token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS
            .iter()
            .map(ToString::to_string)
            .collect(),
        revocation_endpoint_auth_methods_supported: methods(TokenEndpointAuthMethod::ALL),
        introspection_endpoint_auth_methods_supported: methods(&confidential),
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: services.settings.client_documents,
        subject_types_supported: vec!["public".into()],
        id_token_signing_alg_values_supported: vec![services.key_policy.algorithm.as_str().to_owned()],
        acr_values_supported: Acr::ALL.iter().map(ToString::to_string).collect(),
        claim_types_supported: vec!["normal".into()],
        claims_supported: CLAIMS.map(str::to_owned).to_vec(),
        prompt_values_supported: ["none", "login", "consent", "select_account"].map(str::to_owned).to_vec(),
        ui_locales_supported: UI_LOCALES.map(str::to_owned).to_vec(),
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        protected_resources: resources.iter().map(|resource| resource.uri.to_string()).collect(),
        service_documentation: None,
    }
}
