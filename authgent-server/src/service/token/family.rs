//! What the refresh tokens of one grant have in common, and by which a used one is known when its row is gone.
//!
//! A used token matters for as long as its chain lives: whoever comes with it holds what somebody else was given (RFC 9700,
//! section 4.14.2). A row for each of them would make the database grow with every refresh. So the token says itself of which
//! grant it is, and proves it, and rows of used tokens need not be kept for longer than a retry may take.
//!
//! A token is `FAMILY SECRET`: 44 characters that name and prove the grant, and 43 that are the secret of this one token.

use crate::crypto::hash::{base64url, base64url_decoded, constant_time_eq, hmac_sha256, token_hash};
use crate::domain::{Grant, RefreshToken, TokenHash};
use crate::service::Services;
use crate::store::StoreError;
use uuid::Uuid;

/// The first byte, so that another form may follow.
const FORM: u8 = 1;
/// The form, the identifier of the grant and the proof. 33 bytes are 44 characters without a rest, so that a successor takes
/// them over as they are.
const BYTES: usize = 1 + 16 + PROOF;
const PROOF: usize = 16;
const CHARACTERS: usize = BYTES / 3 * 4;

/// What the tokens of a grant begin with. The proof is derived from the hash of the code that the grant began with, which
/// nobody knows who was not given the code, and which is kept for as long as the grant.
pub(super) fn family(grant_id: Uuid, code: &TokenHash) -> String {
    let mut bytes = [FORM; BYTES];
    bytes[1..17].copy_from_slice(grant_id.as_bytes());
    bytes[17..].copy_from_slice(&hmac_sha256(&code.0, b"refresh token family")[..PROOF]);
    base64url(&bytes)
}

/// A refresh token as it was presented, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Presented<'t> {
    family: &'t str,
    secret: &'t str,
    /// The grant that it claims to be of.
    pub(super) grant_id: Uuid,
}

impl<'t> Presented<'t> {
    /// `None` where it is none of ours.
    pub(super) fn parse(token: &'t str) -> Option<Self> {
        let (family, secret) = token.split_at_checked(CHARACTERS)?;
        let bytes = base64url_decoded(family)?;
        let grant_id = bytes.get(1..17).filter(|_| bytes[0] == FORM && secret.len() == 43)?;
        Some(Self { family, secret, grant_id: Uuid::from_slice(grant_id).ok()? })
    }

    /// What it is stored under: the hash of its secret, which is there before anybody knows of which grant it is going to be.
    pub(super) fn hash(self) -> TokenHash {
        token_hash(self.secret)
    }

    /// The token that follows it, and what that is stored under: of the same family, and as random as the nonce. Its secret can be
    /// made again only from this one together with the row of the database, neither of which alone says anything of it.
    pub(super) fn successor(self, nonce: &[u8; 32]) -> (String, TokenHash) {
        let secret = base64url(&hmac_sha256(nonce, self.secret.as_bytes()));
        (format!("{}{secret}", self.family), token_hash(&secret))
    }
}

/// The row of a token, and its grant. A secret with the name of another grant is none: what followed it could not be known any more
/// when its row is gone.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn row_of(services: &Services, token: &str) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
    let Some(presented) = Presented::parse(token) else { return Ok(None) };
    let found = services.store.refresh_token_with_grant(&presented.hash()).await?;
    Ok(found.filter(|(_, grant)| grant.id == presented.grant_id))
}

/// The grant of a token that has no row: it was one of the grant's, used long ago, or expired. `None` where the grant is gone too, or
/// the proof is wrong.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn grant_of(services: &Services, token: &str) -> Result<Option<Grant>, StoreError> {
    let Some(Presented { family: claimed, grant_id, .. }) = Presented::parse(token) else { return Ok(None) };
    let Some(code) = services.store.code_of_grant(grant_id).await? else { return Ok(None) };
    if !constant_time_eq(family(grant_id, &code).as_bytes(), claimed.as_bytes()) {
        return Ok(None);
    }
    services.store.grant(grant_id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: TokenHash = TokenHash([7; 32]);

    #[test]
    fn a_successor_is_of_the_same_family_and_otherwise_another() {
        let grant_id = Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b);
        let first = format!("{}{}", family(grant_id, &CODE), "s".repeat(43));
        let of = |token| Presented::parse(token).unwrap();
        let (second, hash) = of(&first).successor(&[1; 32]);
        let (other, _) = of(&first).successor(&[2; 32]);
        assert_eq!((of(&first).grant_id, of(&second).grant_id), (grant_id, grant_id));
        assert_eq!(first[..CHARACTERS], second[..CHARACTERS]);
        assert_eq!((first.len(), second.len()), (87, 87));
        assert_ne!(second, other, "the nonce decides");
        assert_eq!(of(&first).hash(), token_hash(&"s".repeat(43)), "known before the grant is");
        assert_eq!(of(&second).hash(), hash);
        assert_eq!(of(&first).successor(&[1; 32]), (second, hash), "again the same");
        assert_ne!(family(grant_id, &CODE), family(grant_id, &TokenHash([8; 32])));
        assert_ne!(family(grant_id, &CODE), family(Uuid::nil(), &CODE));
    }

    #[test]
    fn what_is_no_token_of_ours_is_not_looked_for() {
        let good = format!("{}{}", family(Uuid::nil(), &CODE), "s".repeat(43));
        assert!(Presented::parse(&good).is_some());
        let other_form = format!("Ag{}", &good[2..]);
        let longer = format!("{good}s");
        let odd = format!("{}é{}", &good[..43], "s".repeat(43));
        let secret = &good[44..];
        for token in
            ["", secret, &good[..44], &good[..86], &longer, &other_form, &odd, &"é".repeat(60), &"*".repeat(87)]
        {
            assert!(Presented::parse(token).is_none(), "{token}");
        }
    }
}
