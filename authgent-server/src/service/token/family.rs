//! What the refresh tokens of one grant have in common, and by which a used one is known when its row is gone.
//!
//! A used token matters for as long as its chain lives: whoever comes with it holds what somebody else was given (RFC 9700,
//! section 4.14.2). A row for each of them would make the database grow with every refresh. So the token says itself of which
//! grant it is, and proves it, and rows of used tokens need not be kept for longer than a retry may take.
//!
//! A token is `FAMILY SECRET`: 44 characters that name and prove the grant, and 43 that are the secret of this one token.

use crate::crypto::hash::{base64url, base64url_decoded, constant_time_eq, hmac_sha256, token_hash};
use crate::domain::{Grant, TokenHash};
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

/// What a token is stored under: the hash of its secret, which is there before anybody knows of which grant it is going to be.
#[must_use]
pub fn hash_of(token: &str) -> TokenHash {
    token_hash(divided(token).1)
}

/// The token that follows `presented`: of the same family, and as random as the nonce. Its secret can be made again only from the
/// one that was presented together with the row of the database, neither of which alone says anything of it.
pub(super) fn successor_of(presented: &str, nonce: &[u8; 32]) -> String {
    let (family, secret) = divided(presented);
    format!("{family}{}", base64url(&hmac_sha256(nonce, secret.as_bytes())))
}

/// The family, and the secret. Where it has no family it is all secret.
fn divided(token: &str) -> (&str, &str) {
    token.split_at(if named_by(token).is_some() { CHARACTERS } else { 0 })
}

/// The grant that a token claims to be of.
fn named_by(token: &str) -> Option<Uuid> {
    let (family, secret) = token.split_at_checked(CHARACTERS)?;
    let bytes = base64url_decoded(family)?;
    let grant_id = bytes.get(1..17).filter(|_| bytes[0] == FORM && secret.len() == 43)?;
    Uuid::from_slice(grant_id).ok()
}

/// The grant of a token that has no row: it was one of the grant's, used long ago, or expired. `None` where the grant is gone too, or
/// the proof is wrong.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn grant_of(services: &Services, token: &str) -> Result<Option<Grant>, StoreError> {
    let Some(grant_id) = named_by(token) else { return Ok(None) };
    let Some(code) = services.store.code_of_grant(grant_id).await? else { return Ok(None) };
    if !constant_time_eq(family(grant_id, &code).as_bytes(), &token.as_bytes()[..CHARACTERS]) {
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
        let second = successor_of(&first, &[1; 32]);
        let other = successor_of(&first, &[2; 32]);
        assert_eq!((named_by(&first), named_by(&second)), (Some(grant_id), Some(grant_id)));
        assert_eq!(first[..CHARACTERS], second[..CHARACTERS]);
        assert_eq!((first.len(), second.len()), (87, 87));
        assert_ne!(second, other, "the nonce decides");
        assert_eq!(hash_of(&first), token_hash(&"s".repeat(43)), "known before the grant is");
        assert_eq!(hash_of("of no family"), token_hash("of no family"));
        assert_eq!(second, successor_of(&first, &[1; 32]), "again the same");
        assert_ne!(family(grant_id, &CODE), family(grant_id, &TokenHash([8; 32])));
        assert_ne!(family(grant_id, &CODE), family(Uuid::nil(), &CODE));
    }

    #[test]
    fn what_is_no_token_of_ours_is_of_no_family() {
        let good = format!("{}{}", family(Uuid::nil(), &CODE), "s".repeat(43));
        assert_eq!(named_by(&good), Some(Uuid::nil()));
        let other_form = format!("Ag{}", &good[2..]);
        let longer = format!("{good}s");
        let odd = format!("{}é{}", &good[..43], "s".repeat(43));
        for token in ["", &good[..44], &good[..86], &longer, &other_form, &odd, &"é".repeat(60), &"*".repeat(87)] {
            assert_eq!(named_by(token), None, "{token}");
            assert_eq!(successor_of(token, &[1; 32]).len(), 43, "{token}");
        }
    }
}
