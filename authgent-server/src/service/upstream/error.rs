//! What goes wrong at a provider, and why somebody who signed in there gets no session here.

use crate::crypto::client_assertion::SignatureError;
use crate::domain::RuleBroken;
use crate::net::FetchError;
use crate::store::StoreError;
use authgent_core::token::provider_token::ProviderTokenError;
use std::sync::Arc;

/// What goes wrong at a provider. No message holds a token, a code or a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// It does not answer, or not as it should.
    #[error("its {what}: {cause}")]
    Fetch {
        /// What was asked for.
        what: &'static str,
        /// What happened.
        cause: Arc<FetchError>,
    },
    /// It answers something that cannot be used.
    #[error("its {what} {problem}")]
    Unusable {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It refuses the code, or this server.
    #[error("its token endpoint refuses: {0}")]
    Refused(String),
    /// The token that it sent is not believed.
    #[error("its token is not believed: {0}")]
    Token(#[from] ProviderTokenError),
    /// Nor the signature of it.
    #[error("its token is not believed: {0}")]
    Signature(#[from] SignatureError),
    /// Our own assertion could not be made.
    #[error("no assertion could be signed for it")]
    Assertion,
}

impl UpstreamError {
    pub(super) fn fetch(what: &'static str) -> impl Fn(FetchError) -> Self {
        move |cause| Self::Fetch { what, cause: Arc::new(cause) }
    }

    pub(super) fn unusable(what: &'static str, problem: impl Into<String>) -> Self {
        Self::Unusable { what, problem: problem.into() }
    }

    /// Whether it may be over in a while: the provider is down, rather than wrong.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Fetch { cause, .. } if !cause.is_gone())
    }
}

/// Why somebody who went to a provider gets no session.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefused {
    /// The `state` is unknown, used, too old, or of another browser.
    #[error("the state is unknown, was used, is too old, or belongs to another browser")]
    Gone,
    /// `iss` of the answer is another than that of the provider that was asked (RFC 9207, section 2.4): a mix-up.
    #[error("the answer's iss is missing or not the provider's")]
    OtherIssuer,
    /// The person or the provider did not want to.
    #[error("the provider answers with the error {0}")]
    Declined(String),
    /// The answer has neither a code nor an error.
    #[error("the answer has no code")]
    NoCode,
    /// The provider is down, or wrong.
    #[error("the provider {provider} cannot be used: {error}")]
    Provider {
        /// Which.
        provider: String,
        /// Why.
        error: UpstreamError,
    },
    /// A rule of the operator.
    #[error("not allowed: {0}")]
    Rule(#[from] RuleBroken),
    /// There is no account, and none is made.
    #[error("not allowed: there is no account for this person, and providers make none")]
    NoAccount,
    /// The provider gives no address, and an account needs one.
    #[error("not allowed: the provider gives no e-mail address to make an account with")]
    NoAddress,
    /// The address is that of an account that this person was not shown to own.
    #[error(
        "not allowed: the e-mail address belongs to another account, which this provider may not be linked to by itself"
    )]
    AddressTaken,
    /// The person may not sign in.
    #[error("not allowed: the account is disabled")]
    Disabled,
    /// Somebody else has this person of the provider.
    #[error("the person there is linked to another account here")]
    LinkedElsewhere,
    /// Whoever wanted to link it is not signed in any more.
    #[error("whoever began to link the account is not signed in")]
    NotSignedIn,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
