//! Exchanging a refresh token for its successor, the statement that is run most ([`super::at_once`]).

use super::at_once::{Exchanged, Hex, Kind, Wanted, Written};
use super::{Store, StoreError};
use crate::domain::{Grant, TokenHash, User};
use authgent_core::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// What is wanted.
#[derive(Clone)]
pub struct Rotation {
    /// The token that was presented.
    pub token: TokenHash,
    /// The grant that it names.
    pub grant_id: Uuid,
    /// Who presented it.
    pub client_id: String,
    /// The resources that its grant may be for, by canonical URI.
    pub resources: Arc<[String]>,
    /// The generation of what the caller remembers ([`Store::cache_generation`]).
    pub cache_generation: i64,
    /// The present time.
    pub at: Timestamp,
    /// The token that follows.
    pub successor: TokenHash,
    /// The key from which it is derived.
    pub successor_nonce: [u8; 32],
    /// When it expires.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rotation").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

pub(super) const EXCHANGED: Exchanged = Exchanged {
    table: "refresh_tokens",
    hash: "token_hash",
    nonce: "successor_nonce",
    agrees: "t.grant_id = w.grant_id",
    request_nonce: "NULL",
};

impl Store {
    /// Exchanges a refresh token that is live, where nothing speaks against it. Gives what it belongs to when it is used up, its
    /// successor there, and both durable. Of any number of callers one is told so.
    ///
    /// `None`: nothing was changed. The token is unknown, expired, used or just being used, its grant does not hold, is not the one that it
    /// names, or is another client's or for another resource, the person or the client is disabled, or the generation is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was done is not known. [`StoreError::Corrupt`].
    pub async fn rotate_refresh_token(&self, rotation: Rotation) -> Result<Option<(Grant, User)>, StoreError> {
        let wanted = Wanted {
            presented: Hex(&rotation.token.0),
            nonce: Hex(&rotation.successor_nonce),
            at: rotation.at,
            generation: rotation.cache_generation,
            client_id: &rotation.client_id,
            resources: &rotation.resources,
            refresh_token: Some(Hex(&rotation.successor.0)),
            expires_at: Some(rotation.expires_at),
            grant_id: Some(Hex(rotation.grant_id.as_bytes())),
            redirect_uri: None,
            code_challenge: None,
        };
        let of = self.at_once(Written::new(Kind::Rotation, &wanted)?).await?;
        Ok(of.map(|(grant, user, _)| (grant, user)))
    }
}
