//! Exchanging an authorization code for tokens ([`super::at_once`]).

use super::at_once::{Exchanged, Hex, Kind, Wanted, Written};
use super::{Store, StoreError};
use crate::domain::{Grant, TokenHash, User};
use authgent_core::pkce::CodeChallenge;
use authgent_core::time::Timestamp;
use std::sync::Arc;

/// What is wanted.
#[derive(Clone)]
pub struct Redemption {
    /// The code that was presented.
    pub code: TokenHash,
    /// Who presented it.
    pub client_id: String,
    /// Where it was sent, as the client says.
    pub redirect_uri: String,
    /// What the verifier that the client presented is the answer to.
    pub code_challenge: CodeChallenge,
    /// The resources that its grant may be for, by canonical URI.
    pub resources: Arc<[String]>,
    /// The generation of what the caller remembers ([`Store::cache_generation`]).
    pub cache_generation: i64,
    /// The present time.
    pub at: Timestamp,
    /// 32 random bytes, by which the one who redeemed the code is known.
    pub nonce: [u8; 32],
    /// The first refresh token of the grant and its end, where one is due.
    pub refresh_token: Option<(TokenHash, Timestamp)>,
}

impl std::fmt::Debug for Redemption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redemption").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

pub(super) const EXCHANGED: Exchanged = Exchanged {
    table: "authorization_codes",
    hash: "code_hash",
    nonce: "redemption",
    agrees: "t.client_id = w.client_id AND t.redirect_uri = w.redirect_uri AND t.code_challenge = w.code_challenge",
    request_nonce: "t.nonce",
};

impl Store {
    /// Exchanges a code, where nothing speaks against it. Gives what it belongs to and the `nonce` of the authorization request when
    /// it is used up, the refresh token there, and both durable. Of any number of callers one is told so.
    ///
    /// `None`: nothing was changed. The code is unknown, expired, used or just being used, something that was presented does not match,
    /// its grant does not hold or is for another resource, the person or the client is disabled, or the generation is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was done is not known. [`StoreError::Corrupt`].
    pub async fn redeem_code(
        &self,
        redemption: Redemption,
    ) -> Result<Option<(Grant, User, Option<String>)>, StoreError> {
        let refresh_token = redemption.refresh_token.as_ref();
        let wanted = Wanted {
            presented: Hex(&redemption.code.0),
            nonce: Hex(&redemption.nonce),
            at: redemption.at,
            generation: redemption.cache_generation,
            client_id: &redemption.client_id,
            resources: &redemption.resources,
            refresh_token: refresh_token.map(|(hash, _)| Hex(&hash.0)),
            expires_at: refresh_token.map(|(_, end)| *end),
            grant_id: None,
            redirect_uri: Some(&redemption.redirect_uri),
            code_challenge: Some(redemption.code_challenge.to_string()),
        };
        self.at_once(Written::new(Kind::Redemption, &wanted)?).await
    }
}
