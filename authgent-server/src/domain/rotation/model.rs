//! Every interleaving of the races around one grant's refresh tokens, walked through with the real [`decide`](super::decide).
//!
//! [`world`] is what can happen: the steps of a request are the atomic steps of the store (read a row; use a token up and add its
//! successor, or find that somebody else did; read again; revoke), and between any two of them every other request, a crash,
//! a lost answer, the clock, clean-up and a revocation may come. It allows more than the store does: a read locks nothing, and
//! a rotation does not look at the grant again, so that it holds for whatever statements the store makes of it. [`explore`] visits
//! every state that can be reached within bounds, breadth first, and looks at the properties in each:
//!
//! 1. A client that follows the protocol is never refused and its grant never revoked, unless a thief used a token.
//! 2. A token has one successor, ever; one token of the chain is live.
//! 3. A used token is accepted for the grace and what clocks differ alone, and when it comes later the grant is revoked before
//!    anybody is answered. So thief and victim cannot both go on unless they come within a grace of one another each time.
//! 4. Nothing is accepted after revocation, or expiry.
//! 5. Whatever is lost between commit and answer, a retry recovers: it is given a token that nobody has used yet.
//!
//! The protocol of a client: its windows share the latest token; one that lost an answer asks again, with the same token or
//! the latest; no token is presented when the grace since any window first sent it is over. What it does with answers is
//! [`world::Keeping`].
//!
//! The bounds stand in each scenario. The grace is one second here and the clocks of the two replicas differ by
//! [`CLOCK_SKEW`](super::CLOCK_SKEW); a second is a step, and only differences of time are compared, so longer graces have
//! nothing to add but time.

mod explore;
mod world;

use super::{Decision, decide, decide_without_row, follow};
use crate::domain::{Grant, GrantState, RefreshToken, RefreshTokenState};
use authgent_core::time::Timestamp;
use explore::{Found, explore};
use world::{Bounds, FOR_EVER, KEPT, Keeping, Property, Rule, Rules};

/// The rules as they are.
const RULES: Rules = Rules { decide, decide_without_row, follow, conditional: true, clean_up_after: KEPT };

/// Two windows of one client and no thief.
const WINDOWS: Bounds = Bounds {
    keeping: Keeping::IfLatest,
    windows: 2,
    sends: 4,
    losses: 1,
    thief_sends: 0,
    life: FOR_EVER,
    revocation: false,
    overtaking: true,
};

/// Whoever stores whatever answer comes last, as most clients do, on a network where nothing overtakes an answer.
const CARELESS: Bounds = Bounds { keeping: Keeping::Last, overtaking: false, ..WINDOWS };

/// A client with one window, and a thief.
const THEFT: Bounds = Bounds { windows: 1, sends: 2, losses: 0, thief_sends: 2, ..WINDOWS };

/// Explores, and fails with the way to the first state that breaks a property.
fn holds(rules: &Rules, bounds: &Bounds, at_least: usize) {
    match explore(rules, bounds) {
        Found::Nothing { states } => {
            println!("{states} states: {bounds:?}");
            assert!(states >= at_least, "only {states} states: the model has become too small to say anything");
        }
        Found::Broken { property, way } => panic!("{property:?} is broken:\n{}", way.join("\n")),
    }
}

/// The property that the explorer finds broken.
fn broken(rules: &Rules, bounds: &Bounds) -> Property {
    match explore(rules, bounds) {
        Found::Broken { property, way } => {
            println!("{property:?}:\n{}", way.join("\n"));
            property
        }
        Found::Nothing { states } => panic!("nothing is found broken in {states} states"),
    }
}

#[test]
fn two_windows_that_compare_are_never_logged_out() {
    holds(&RULES, &WINDOWS, 250_000);
}

#[test]
fn two_windows_that_keep_the_last_answer_are_never_logged_out() {
    holds(&RULES, &CARELESS, 250_000);
}

#[test]
fn one_loss_after_another_is_recovered() {
    holds(&RULES, &Bounds { windows: 1, losses: 2, ..WINDOWS }, 80_000);
}

#[test]
fn a_thief_is_noticed() {
    holds(&RULES, &THEFT, 80_000);
    holds(&RULES, &Bounds { windows: 2, thief_sends: 1, ..THEFT }, 45_000);
}

#[test]
fn nothing_is_accepted_after_revocation() {
    holds(&RULES, &Bounds { revocation: true, sends: 2, ..WINDOWS }, 5_000);
    holds(&RULES, &Bounds { revocation: true, sends: 1, ..THEFT }, 70_000);
}

#[test]
fn a_retry_outlives_its_token_and_nothing_else_does() {
    holds(&RULES, &Bounds { life: 3, sends: 3, ..WINDOWS }, 50_000);
    holds(&RULES, &Bounds { life: 3, sends: 1, ..THEFT }, 80_000);
}

/// What no server can do anything about, and why clients should compare.
#[test]
fn an_overtaken_answer_leaves_a_careless_client_with_a_used_token() {
    assert_eq!(broken(&RULES, &Bounds { overtaking: true, ..CARELESS }), Property::HonestGoesOn);
}

// The checker finds what is broken on purpose.

fn without_grace(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, _: u32) -> Decision {
    decide(token, grant, client_id, now, 0)
}

fn as_if_clocks_agreed(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    match token.state {
        RefreshTokenState::Consumed { at, .. } if now.since(at) > grace.into() => Decision::Reused,
        _ => decide(token, grant, client_id, now, grace),
    }
}

fn never_before_its_use(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    match token.state {
        RefreshTokenState::Consumed { at, .. } if now < at => Decision::ClockWrong,
        _ => decide(token, grant, client_id, now, grace),
    }
}

fn expiry_before_the_grace(
    token: &RefreshToken,
    grant: &Grant,
    client_id: &str,
    now: Timestamp,
    grace: u32,
) -> Decision {
    if token.is_expired(now) { Decision::Expired } else { decide(token, grant, client_id, now, grace) }
}

#[test]
fn a_rule_that_is_too_strict_logs_honest_clients_out() {
    let strict: [Rule; 3] = [without_grace, as_if_clocks_agreed, never_before_its_use];
    for decide in strict {
        assert_eq!(broken(&Rules { decide, ..RULES }, &WINDOWS), Property::HonestGoesOn);
    }
    let bounds = Bounds { life: 3, ..WINDOWS };
    assert_eq!(broken(&Rules { decide: expiry_before_the_grace, ..RULES }, &bounds), Property::HonestGoesOn);
    assert_eq!(broken(&Rules { clean_up_after: 0, ..RULES }, &WINDOWS), Property::HonestGoesOn);
}

fn anew_each_time(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    match decide(token, grant, client_id, now, grace) {
        Decision::SameSuccessor { .. } => Decision::Rotate,
        decided => decided,
    }
}

#[test]
fn a_second_successor_splits_the_chain() {
    let anew = Rules { decide: anew_each_time, conditional: false, ..RULES };
    let unconditional = Rules { conditional: false, ..RULES };
    for rules in [anew, unconditional] {
        assert_eq!(broken(&rules, &WINDOWS), Property::OneSuccessor);
    }
}

fn without_end(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, _: u32) -> Decision {
    decide(token, grant, client_id, now, 1_000)
}

fn without_revoking(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    match decide(token, grant, client_id, now, grace) {
        Decision::Reused => Decision::Expired,
        decided => decided,
    }
}

#[test]
fn a_rule_that_is_too_mild_misses_the_theft() {
    for decide in [without_end, without_revoking] {
        assert_eq!(broken(&Rules { decide, ..RULES }, &THEFT), Property::TheftIsNoticed);
    }
    let unknown: fn(&Grant, &str, bool) -> Decision = |_, _, _| Decision::Expired;
    assert_eq!(broken(&Rules { decide_without_row: unknown, ..RULES }, &THEFT), Property::TheftIsNoticed);
}

fn whatever_became_of_the_grant(
    token: &RefreshToken,
    grant: &Grant,
    client_id: &str,
    now: Timestamp,
    grace: u32,
) -> Decision {
    decide(token, &Grant { state: GrantState::Live, ..grant.clone() }, client_id, now, grace)
}

fn however_old(token: &RefreshToken, grant: &Grant, client_id: &str, now: Timestamp, grace: u32) -> Decision {
    let token = RefreshToken { expires_at: Timestamp(i64::MAX), ..token.clone() };
    decide(&token, grant, client_id, now, grace)
}

#[test]
fn a_rule_without_an_end_is_found() {
    let rules = Rules { decide: whatever_became_of_the_grant, ..RULES };
    assert_eq!(broken(&rules, &Bounds { revocation: true, ..WINDOWS }), Property::EndIsTheEnd);
    let rules = Rules { decide: however_old, ..RULES };
    assert_eq!(broken(&rules, &Bounds { life: 3, ..WINDOWS }), Property::EndIsTheEnd);
}

#[test]
fn a_successor_that_was_used_is_no_help_to_a_late_retry() {
    let rules = Rules { follow: |_| None, ..RULES };
    assert_eq!(broken(&rules, &CARELESS), Property::RetryRecovers);
}
