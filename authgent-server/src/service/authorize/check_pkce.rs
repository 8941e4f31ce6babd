use super::Refusal;
use crate::service::parameters::Parameters;
use authgent_core::error::OAuthErrorCode;
use authgent_core::pkce::{CodeChallenge, S256};

/// PKCE with S256, of every client (OAuth 2.1, section 7.5.1; RFC 7636, section 4.3).
pub(super) fn check_pkce(parameters: &Parameters) -> Result<CodeChallenge, Refusal> {
    let refuse = |description: String| Refusal::new(OAuthErrorCode::InvalidRequest, description);
    let challenge = parameters
        .get("code_challenge")
        .ok_or_else(|| refuse("code_challenge is missing: PKCE with S256 is required".into()))?;
    // An absent method would mean `plain` (RFC 7636, section 4.3).
    if parameters.get("code_challenge_method") != Some(S256) {
        return Err(refuse("code_challenge_method must be S256".into()));
    }
    CodeChallenge::parse(challenge).map_err(|error| refuse(error.to_string()))
}
