//! The checker is shown what must not happen, and has to say so.

use super::*;
use crate::history::About;

fn tokens(number: u32) -> Tokens {
    Tokens { refresh: format!("refresh-{number}"), access: format!("access-{number}") }
}

fn accepted(code: &str, number: u32) -> Event {
    Event::CodeAccepted { code: code.into(), tokens: tokens(number) }
}

fn rotated(from: u32, to: u32) -> Event {
    Event::Rotated { presented: tokens(from).refresh, tokens: tokens(to) }
}

fn refused(number: u32) -> Event {
    Event::Refused { presented: tokens(number).refresh }
}

fn lost(secret: &str) -> Event {
    Event::Unanswered { about: About::Rotation, secret: secret.into(), lost: true }
}

fn end_asked(number: u32) -> Event {
    Event::EndAsked { token: tokens(number).refresh }
}

fn ended(number: u32) -> Event {
    Event::Ended { token: tokens(number).refresh }
}

fn looked(number: u32, active: bool) -> Event {
    Event::Looked { access: tokens(number).access, active }
}

/// Each event is answered before the next one is sent.
fn kinds(events: impl IntoIterator<Item = Event>) -> Vec<Kind> {
    let entries: Vec<Entry> =
        events.into_iter().enumerate().map(|(place, event)| Entry { sent: place, event }).collect();
    check(&entries).into_iter().map(|violation| violation.kind).collect()
}

#[test]
fn an_honest_history_has_no_violation() {
    let history = [
        accepted("code-1", 1),
        rotated(1, 2),
        // A lost answer, and the retry; a second window.
        lost("refresh-2"),
        rotated(2, 3),
        rotated(2, 3),
        looked(3, true),
        // A lost answer to a code: the client begins again.
        lost("code-2"),
        Event::CodeRefused { code: "code-2".into() },
        Event::Issued { access: "for-itself".into() },
        Event::Looked { access: "for-itself".into(), active: true },
        // The end, and what was under way meanwhile.
        end_asked(3),
        looked(3, false),
        ended(3),
        refused(3),
        refused(1),
        looked(1, false),
        // A replay ends what the code issued.
        accepted("code-3", 10),
        Event::ReplayAsked { code: "code-3".into() },
        Event::CodeRefused { code: "code-3".into() },
        refused(10),
    ];
    assert_eq!(kinds(history), []);
}

#[test]
fn a_code_that_is_accepted_twice_is_found() {
    assert_eq!(kinds([accepted("code", 1), accepted("code", 2)]), [Kind::CodeTwice]);
    let after_replay = [accepted("code", 1), Event::ReplayAsked { code: "code".into() }, accepted("code", 2)];
    assert_eq!(kinds(after_replay), [Kind::CodeTwice]);
}

#[test]
fn a_refresh_token_with_two_successors_is_found() {
    assert_eq!(kinds([accepted("code", 1), rotated(1, 2), rotated(1, 3)]), [Kind::TwoSuccessors]);
    let after_a_lost_answer = [accepted("code", 1), rotated(1, 2), lost("refresh-1"), rotated(1, 3)];
    assert_eq!(kinds(after_a_lost_answer), [Kind::TwoSuccessors]);
    let merged = [accepted("code", 1), accepted("other", 5), rotated(1, 2), rotated(5, 2)];
    assert_eq!(kinds(merged), [Kind::TwoSuccessors]);
}

#[test]
fn a_lost_token_is_found_and_classified() {
    for (history, when) in [
        (vec![accepted("code", 1), refused(1)], "for the first time"),
        (vec![accepted("code", 1), lost("refresh-1"), refused(1)], "after a lost answer"),
        (vec![accepted("code", 1), rotated(1, 2), refused(1)], "inside the grace"),
        (vec![accepted("code", 1), rotated(1, 2), refused(2)], "for the first time"),
        // Somebody else's end is no excuse.
        (vec![accepted("code", 1), accepted("other", 5), end_asked(5), ended(5), refused(1)], "for the first time"),
        // Nor is one that came later.
        (vec![accepted("code", 1), refused(1), end_asked(1)], "for the first time"),
    ] {
        let entries: Vec<Entry> = history.into_iter().map(|event| Entry { sent: 0, event }).collect();
        let found = check(&entries);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind, Kind::TokenLost);
        assert!(found[0].what.ends_with(when), "{found:?}");
        assert!(!found[0].what.contains("refresh-"), "no secret in a report: {found:?}");
    }
}

#[test]
fn a_lost_code_is_found() {
    assert_eq!(kinds([Event::CodeRefused { code: "code".into() }]), [Kind::CodeLost]);
}

#[test]
fn a_lost_access_token_is_found() {
    assert_eq!(kinds([accepted("code", 1), looked(1, false)]), [Kind::AccessTokenLost]);
    assert_eq!(kinds([Event::Looked { access: "for-itself".into(), active: false }]), [Kind::AccessTokenLost]);
    assert_eq!(kinds([accepted("code", 1), Event::Forged { access: tokens(1).access }]), [Kind::AccessTokenLost]);
}

#[test]
fn an_end_that_is_undone_is_found() {
    let end = || vec![accepted("code", 1), rotated(1, 2), end_asked(2), ended(2)];
    for again in [rotated(2, 3), looked(1, true), looked(2, true)] {
        let mut history = end();
        history.push(again);
        assert_eq!(kinds(history), [Kind::EndLost]);
    }
    let replay = [
        accepted("code", 1),
        Event::ReplayAsked { code: "code".into() },
        Event::CodeRefused { code: "code".into() },
        rotated(1, 2),
    ];
    assert_eq!(kinds(replay), [Kind::EndLost]);
}

#[test]
fn what_was_sent_before_the_end_may_be_answered_after_it() {
    let mut entries: Vec<Entry> = [accepted("code", 1), end_asked(1), ended(1)]
        .into_iter()
        .enumerate()
        .map(|(place, event)| Entry { sent: place, event })
        .collect();
    entries.push(Entry { sent: 2, event: looked(1, true) });
    assert_eq!(check(&entries), []);
}

#[test]
fn strange_answers_and_silence_are_violations() {
    assert_eq!(kinds([Event::Strange { what: "500".into() }]), [Kind::Strange]);
    assert_eq!(kinds([Event::GaveUp { what: "no answer".into() }]), [Kind::Unavailable]);
    assert_eq!(kinds([rotated(1, 2)]), [Kind::Strange], "a token that nobody was given");
}
