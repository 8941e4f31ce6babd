//! Rows that an honest server does not have, each of which has to be found.

use super::*;
use crate::history::hex;

const NONCE: [u8; 32] = [7; 32];

fn row(grant: &str, created_at: i64, consumed_at: Option<i64>) -> TokenRow {
    TokenRow { grant: grant.into(), created_at, consumed_at, successor_nonce: consumed_at.map(|_| hex(&NONCE)) }
}

fn second() -> String {
    successor_of("first", &NONCE)
}

/// One grant: its code was exchanged at 10 for `first`, which was exchanged at 20.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.grants.insert("g1".into(), GrantRow { revoked_at: None, revocation_reason: None });
    snapshot.codes.insert(hash("code"), CodeRow { grant: "g1".into(), consumed_at: Some(10) });
    snapshot.tokens.insert(hash("first"), row("g1", 10, Some(20)));
    snapshot.tokens.insert(hash(&second()), row("g1", 20, None));
    snapshot
}

fn told() -> Vec<Entry> {
    let tokens = |refresh: &str| Tokens { refresh: refresh.into(), access: format!("access of {refresh}") };
    let events = [
        Event::CodeAccepted { code: "code".into(), tokens: tokens("first") },
        Event::Rotated { presented: "first".into(), tokens: tokens(&second()) },
    ];
    events.into_iter().map(|event| Entry { sent: 0, event }).collect()
}

fn found_after(change: impl FnOnce(&mut Snapshot, &mut Vec<Entry>)) -> String {
    let (mut snapshot, mut entries) = (snapshot(), told());
    change(&mut snapshot, &mut entries);
    let found = check(&entries, entries.len(), &snapshot);
    found.iter().map(|violation| violation.what.clone() + "\n").collect()
}

fn revoke(snapshot: &mut Snapshot) {
    let row = GrantRow { revoked_at: Some(30), revocation_reason: Some("revoked_by_client".into()) };
    snapshot.grants.insert("g1".into(), row);
}

#[test]
fn what_belongs_together_is_fine() {
    assert_eq!(found_after(|_, _| {}), "");
    // Somebody let a client in, and the answer with the code was lost.
    let unused = |snapshot: &mut Snapshot, _: &mut Vec<Entry>| {
        snapshot.grants.insert("g2".into(), GrantRow { revoked_at: None, revocation_reason: None });
        snapshot.codes.insert(hash("other"), CodeRow { grant: "g2".into(), consumed_at: None });
    };
    assert_eq!(found_after(unused), "");
}

#[test]
fn a_use_that_is_undone_is_found() {
    let found = found_after(|snapshot, _| {
        snapshot.tokens.insert(hash("first"), row("g1", 10, None));
    });
    assert!(found.contains("has 2 unused refresh tokens"), "{found}");
    assert!(found.contains("counts as unused"), "{found}");
    let found = found_after(|snapshot, _| {
        snapshot.codes.insert(hash("code"), CodeRow { grant: "g1".into(), consumed_at: None });
    });
    assert!(found.contains("code ") && found.contains("counts as unused"), "{found}");
}

#[test]
fn a_row_that_is_gone_is_found() {
    let found = found_after(|snapshot, _| {
        snapshot.tokens.remove(&hash(&second()));
    });
    assert!(found.contains("its successor is not there"), "{found}");
    assert!(found.contains("was acknowledged, and is not there"), "{found}");
    let found = found_after(|snapshot, _| {
        snapshot.tokens.remove(&hash("first"));
    });
    assert!(found.contains("was exchanged, and is not there"), "{found}");
    let found = found_after(|snapshot, _| {
        snapshot.codes.remove(&hash("code"));
    });
    assert!(found.contains("grant g1 has no code"), "{found}");
    let found = found_after(|snapshot, _| {
        snapshot.grants.remove("g1");
    });
    assert!(found.contains("grant g1 is not there"), "{found}");
}

#[test]
fn two_successors_are_found_without_anybody_who_was_told() {
    let (mut snapshot, nobody) = (snapshot(), Vec::<Entry>::new());
    snapshot.tokens.insert(hash("another"), row("g1", 20, None));
    let found = check(&nobody, 0, &snapshot);
    assert!(found.iter().any(|violation| violation.what.contains("2 unused")), "{found:?}");
    assert!(found.iter().any(|violation| violation.what.contains("2 codes and refresh tokens were used, 3 followed")));
}

#[test]
fn half_a_row_is_found() {
    let found = found_after(|snapshot, _| {
        let torn = TokenRow { successor_nonce: None, ..row("g1", 10, Some(20)) };
        snapshot.tokens.insert(hash("first"), torn);
    });
    assert!(found.contains("consumed_at and successor_nonce disagree"), "{found}");
    let found = found_after(|snapshot, _| {
        snapshot.grants.insert("g1".into(), GrantRow { revoked_at: Some(30), revocation_reason: None });
    });
    assert!(found.contains("revoked_at and revocation_reason disagree"), "{found}");
}

#[test]
fn a_successor_of_another_grant_is_found() {
    let found = found_after(|snapshot, _| {
        snapshot.grants.insert("g2".into(), GrantRow { revoked_at: None, revocation_reason: None });
        snapshot.tokens.insert(hash(&second()), row("g2", 20, None));
    });
    assert!(found.contains("has a successor of another grant"), "{found}");
    assert!(found.contains("is of another grant than"), "{found}");
}

#[test]
fn an_end_that_is_undone_is_found() {
    let end = |_: &mut Snapshot, entries: &mut Vec<Entry>| {
        entries.push(Entry { sent: 2, event: Event::EndAsked { token: second() } });
        entries.push(Entry { sent: 2, event: Event::Ended { token: second() } });
    };
    assert!(found_after(end).contains("is not revoked"));
    let done = |snapshot: &mut Snapshot, entries: &mut Vec<Entry>| {
        end(snapshot, entries);
        revoke(snapshot);
    };
    assert_eq!(found_after(done), "");
}

#[test]
fn an_end_that_nobody_asked_for_is_found() {
    assert!(found_after(|snapshot, _| revoke(snapshot)).contains("nobody asked for it"));
}

#[test]
fn only_what_was_known_before_the_snapshot_must_be_in_it() {
    let (mut snapshot, entries) = (snapshot(), told());
    snapshot.tokens.remove(&hash(&second()));
    snapshot.tokens.insert(hash("first"), row("g1", 10, None));
    assert_eq!(check(&entries, 1, &snapshot), []);
    assert!(!check(&entries, 2, &snapshot).is_empty());
}

#[test]
fn the_state_of_a_secret_is_read_from_its_row() {
    let mut snapshot = snapshot();
    assert!(snapshot.is_consumed("code") && snapshot.is_consumed("first") && !snapshot.is_consumed(&second()));
    assert!(!snapshot.is_revoked(&second()));
    revoke(&mut snapshot);
    assert!(snapshot.is_revoked(&second()));
}
