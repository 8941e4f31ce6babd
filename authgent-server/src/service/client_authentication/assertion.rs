//! Authentication with an assertion that the client signed (`private_key_jwt`): RFC 7521, section 4.2; RFC 7523.

use super::ClientAuthenticationError;
use crate::crypto::client_assertion::{SignatureError, verify};
use crate::crypto::hash::token_hash;
use crate::domain::{Client, TokenHash};
use crate::service::Services;
use crate::service::client_keys::{self, ClientKeysError};
use crate::store::StoreError;
use authgent_core::metadata::client::TokenEndpointAuthMethod;
use authgent_core::token::client_assertion::{ClientAssertion, ClientAssertionError, Expected};

/// Why an assertion is not believed. No message holds anything of it.
#[derive(Debug, thiserror::Error)]
pub enum AssertionError {
    /// It cannot be read, or says something that it must not.
    #[error("{0}")]
    Rules(#[from] ClientAssertionError),
    /// `client_id` stands beside it and names somebody else.
    #[error("client_id is not its sub")]
    OtherClient,
    /// The client did not register for it.
    #[error("the client is not registered for private_key_jwt")]
    NotRegistered,
    /// The client named another algorithm.
    #[error("its alg is not the client's token_endpoint_auth_signing_alg: expected {expected}")]
    OtherAlgorithm {
        /// The one that it named.
        expected: String,
    },
    /// There are no keys.
    #[error("{}", .0.for_strangers())]
    Keys(#[from] ClientKeysError),
    /// The signature is not believed.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// It was used before.
    #[error("its jti was used before: each assertion is good for one request")]
    Replayed,
}

impl AssertionError {
    /// What the log says: strangers are not told who answered at the address of the keys.
    pub(super) fn for_log(&self) -> String {
        match self {
            Self::Keys(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// Checks that `client` made the assertion, now, for this server, and that it was never used.
///
/// What costs nothing comes first, and what is written last: an assertion that is refused uses nothing up.
pub(super) async fn check(
    services: &Services,
    client: &Client,
    assertion: &ClientAssertion<'_>,
) -> Result<(), ClientAuthenticationError> {
    let accepted = {
        check_registration(client, assertion)?;
        let issuer = &services.settings.issuer;
        let audiences = [issuer.as_str().to_owned(), issuer.endpoint("/oauth/token")];
        let expected = Expected { client_id: &client.id, audiences: &audiences };
        assertion.validate(&expected, services.now()).map_err(AssertionError::from)?
    };
    check_signature(services, client, assertion).await?;
    let first = || async {
        let tx = services.store.begin().await?;
        let first = tx.use_assertion(&identifier(&client.id, &accepted.jti), accepted.expires_at).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(first)
    };
    if services.in_order(first).await? { Ok(()) } else { Err(AssertionError::Replayed.into()) }
}

fn check_registration(client: &Client, assertion: &ClientAssertion<'_>) -> Result<(), AssertionError> {
    if !client.metadata.may_authenticate_with(TokenEndpointAuthMethod::PrivateKeyJwt) {
        return Err(AssertionError::NotRegistered);
    }
    match &client.metadata.token_endpoint_auth_signing_alg {
        Some(expected) if expected != assertion.alg() => {
            Err(AssertionError::OtherAlgorithm { expected: expected.clone() })
        }
        _ => Ok(()),
    }
}

/// Keys that do not verify it are looked for once more at their origin: the client may have new ones.
async fn check_signature(
    services: &Services,
    client: &Client,
    assertion: &ClientAssertion<'_>,
) -> Result<(), AssertionError> {
    let verified = async |again: bool| -> Result<(), AssertionError> {
        let keys = client_keys::of_client(services, client, again).await?;
        let (alg, kid) = (assertion.alg(), assertion.kid());
        Ok(verify(&keys.keys, alg, kid, assertion.signing_input(), assertion.signature())?)
    };
    match verified(false).await {
        Err(AssertionError::Signature(SignatureError::NoKey)) => verified(true).await,
        Err(AssertionError::Signature(SignatureError::Wrong)) if assertion.kid().is_none() => verified(true).await,
        outcome => outcome,
    }
}

/// Under what an assertion is remembered: `jti` is unique for one client only. The length keeps apart what a separator
/// inside of either could not.
fn identifier(client_id: &str, jti: &str) -> TokenHash {
    token_hash(&format!("{}:{client_id}{jti}", client_id.len()))
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn two_clients_may_use_the_same_jti() {
        assert_eq!(identifier("a", "b"), identifier("a", "b"));
        assert_ne!(identifier("a", "bc"), identifier("ab", "c"));
        assert_ne!(identifier("1:a", "b"), identifier("1", ":ab"));
    }
}
