//! What a presented refresh token is answered with: OAuth 2.1, section 4.3.1; RFC 9700, section 4.14.2. The one place that
//! decides it. `docs/refresh.md` has the races behind each line, and `rotation/model.rs` walks through all of them.

#[cfg(test)]
mod model;

use super::{Grant, RefreshToken, RefreshTokenState};
use authgent_core::time::Timestamp;
use std::fmt;

/// How far the clocks of two replicas may be apart, in seconds. By so much the grace is longer than the setting says.
pub const CLOCK_SKEW: u32 = 2;

/// How many successors that were used themselves are gone along, at most, to find the one that was not.
pub const FURTHEST: usize = 32;

/// What a refresh token is answered with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is exchanged for a successor.
    Rotate,
    /// It was exchanged a moment ago: by another window of the client, or the answer was lost. The client gets the successor
    /// that is there, and nothing is written. Where that one was used as well, [`follow`] it.
    SameSuccessor {
        /// The key from which the successor is derived.
        nonce: [u8; 32],
    },
    /// It was issued to another client. Nothing is said of its state.
    OtherClient,
    /// Its grant no longer holds.
    GrantRevoked,
    /// Nobody used it in its lifetime.
    Expired,
    /// It was exchanged longer ago than the grace: this client or the one before is not who it says. The grant ends.
    Reused,
    /// It was exchanged later than now, by more than waiting and two clocks explain: a clock is wrong. To accept it would
    /// give a thief as long as the clock is ahead, and to revoke would log an honest client out: it has to ask again.
    ClockWrong,
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rotate => "Rotate",
            Self::SameSuccessor { .. } => "SameSuccessor",
            Self::OtherClient => "OtherClient",
            Self::GrantRevoked => "GrantRevoked",
            Self::Expired => "Expired",
            Self::Reused => "Reused",
            Self::ClockWrong => "ClockWrong",
        })
    }
}

/// Decides about `token`, which `client_id` presented in a request that came at `now`. `grace` is in seconds; with 0 a used
/// token is answered within the same second alone.
///
/// `now` is when the request came, not when the row was read: who waited for the database was not late.
#[must_use]
pub fn decide(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    if grant.client_id != client_id {
        return Decision::OtherClient;
    }
    if !grant.is_live() {
        return Decision::GrantRevoked;
    }
    let RefreshTokenState::Consumed { at, successor_nonce } = token.state else {
        return if token.is_expired(now) { Decision::Expired } else { Decision::Rotate };
    };
    let early = i64::from(grace) + i64::from(CLOCK_SKEW);
    let late = if grace == 0 { 0 } else { early };
    match now.since(at) {
        since if since < -early => Decision::ClockWrong,
        since if since <= late => Decision::SameSuccessor { nonce: successor_nonce },
        _ => Decision::Reused,
    }
}

/// Decides about a token of `grant` that has no row any more, which `client_id` presented. `goes_on`: whether the grant has any
/// refresh token.
///
/// Rows of used tokens go when no retry can come any more, so while the chain goes on this was a used one. When it has
/// ended, the last of it, which nobody used, has gone too.
#[must_use]
pub fn decide_without_row(grant: &Grant, client_id: &str, goes_on: bool) -> Decision {
    if grant.client_id != client_id {
        Decision::OtherClient
    } else if !grant.is_live() {
        Decision::GrantRevoked
    } else if goes_on {
        Decision::Reused
    } else {
        Decision::Expired
    }
}

/// Where a successor that is handed out again was used in the meantime: the key of the token that follows it, which is
/// handed out in its place. Otherwise the client would come with a used one when the grace is over.
///
/// Its own grace is not looked at: whoever presented its predecessor inside the grace might have had it then.
#[must_use]
pub fn follow(successor: &RefreshToken) -> Option<[u8; 32]> {
    match successor.state {
        RefreshTokenState::Live => None,
        RefreshTokenState::Consumed { successor_nonce, .. } => Some(successor_nonce),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GrantState, RevocationReason, TokenHash};
    use authgent_core::resource::ResourceUri;
    use authgent_core::scope::Scope;
    use uuid::Uuid;

    const AT: Timestamp = Timestamp(1_000);
    const USED: RefreshTokenState = RefreshTokenState::Consumed { at: AT, successor_nonce: [7; 32] };
    const AGAIN: Decision = Decision::SameSuccessor { nonce: [7; 32] };

    pub(super) fn grant(state: GrantState) -> Grant {
        Grant {
            id: Uuid::nil(),
            user_id: Uuid::nil(),
            client_id: "client".into(),
            resource: ResourceUri::parse("https://mcp.example.com/mcp").unwrap(),
            scope: Scope::empty(),
            auth_time: Timestamp(0),
            amr: Vec::new(),
            session_hash: None,
            created_at: Timestamp(0),
            state,
        }
    }

    pub(super) fn token(state: RefreshTokenState, expires_at: i64) -> RefreshToken {
        RefreshToken {
            token_hash: TokenHash([0; 32]),
            grant_id: Uuid::nil(),
            created_at: Timestamp(0),
            expires_at: Timestamp(expires_at),
            state,
        }
    }

    #[test]
    fn one_without_a_row_was_used_while_its_chain_goes_on() {
        let revoked = GrantState::Revoked { at: AT, reason: RevocationReason::RevokedByUser };
        for (state, client_id, goes_on, expected) in [
            (GrantState::Live, "client", true, Decision::Reused),
            (GrantState::Live, "client", false, Decision::Expired),
            (revoked, "client", true, Decision::GrantRevoked),
            (GrantState::Live, "another", true, Decision::OtherClient),
            (revoked, "another", true, Decision::OtherClient),
        ] {
            assert_eq!(decide_without_row(&grant(state), client_id, goes_on), expected);
        }
    }

    fn decided(state: RefreshTokenState, since: i64, grace: u32) -> Decision {
        decide(&token(state, 2_000), &grant(GrantState::Live), "client", AT.plus(since), grace)
    }

    #[test]
    fn a_live_one_rotates_until_it_expires() {
        for (since, expected) in [(0, Decision::Rotate), (999, Decision::Rotate), (1_000, Decision::Expired)] {
            assert_eq!(decided(RefreshTokenState::Live, since, 10), expected, "{since}");
        }
    }

    #[test]
    fn a_used_one_has_the_grace_and_what_clocks_may_differ() {
        for (since, expected) in [
            (-13, Decision::ClockWrong),
            (-12, AGAIN),
            (0, AGAIN),
            (10, AGAIN),
            (12, AGAIN),
            (13, Decision::Reused),
            (i64::MAX, Decision::Reused),
            (i64::MIN, Decision::ClockWrong),
        ] {
            assert_eq!(decided(USED, since, 10), expected, "{since}");
        }
    }

    #[test]
    fn no_grace_is_none_but_for_who_came_before() {
        for (since, expected) in [(-3, Decision::ClockWrong), (-2, AGAIN), (0, AGAIN), (1, Decision::Reused)] {
            assert_eq!(decided(USED, since, 0), expected, "{since}");
        }
    }

    #[test]
    fn a_retry_outlives_the_token_that_was_used_in_time() {
        let token = token(USED, AT.0 + 1);
        assert_eq!(decide(&token, &grant(GrantState::Live), "client", AT.plus(5), 10), AGAIN);
    }

    #[test]
    fn another_client_learns_nothing_and_a_revoked_grant_gives_nothing() {
        let revoked = GrantState::Revoked { at: AT, reason: RevocationReason::RevokedByUser };
        for state in [RefreshTokenState::Live, USED] {
            for since in [0, 500, 5_000] {
                let now = AT.plus(since);
                for grant in [grant(GrantState::Live), grant(revoked)] {
                    assert_eq!(decide(&token(state, 2_000), &grant, "thief", now, 10), Decision::OtherClient);
                }
                let decided = decide(&token(state, 2_000), &grant(revoked), "client", now, 10);
                assert_eq!(decided, Decision::GrantRevoked);
            }
        }
    }

    #[test]
    fn only_a_used_successor_is_followed() {
        assert_eq!(follow(&token(RefreshTokenState::Live, 0)), None);
        assert_eq!(follow(&token(USED, 0)), Some([7; 32]));
    }

    #[test]
    fn debug_shows_no_nonce() {
        assert_eq!(format!("{AGAIN:?}"), "SameSuccessor");
    }
}
