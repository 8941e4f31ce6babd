//! Whether the rows of the database can be those of an honest server: by themselves, and beside what the clients were told.

use crate::checker::{Kind, Violation};
use crate::history::{Entry, Event, Tokens, hash, name, secret_of};
use authgent_server::crypto::hash::{base64url, hmac_sha256};
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

/// A row of `refresh_tokens`. Keys and foreign keys are in hexadecimal.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) grant: String,
    pub(crate) created_at: i64,
    pub(crate) consumed_at: Option<i64>,
    pub(crate) successor_nonce: Option<String>,
}

/// A row of `authorization_codes`.
#[derive(Debug, Clone)]
pub(crate) struct CodeRow {
    pub(crate) grant: String,
    pub(crate) consumed_at: Option<i64>,
}

/// A row of `grants`.
#[derive(Debug, Clone)]
pub(crate) struct GrantRow {
    pub(crate) revoked_at: Option<i64>,
    pub(crate) revocation_reason: Option<String>,
}

/// The tables at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) tokens: HashMap<String, TokenRow>,
    pub(crate) codes: HashMap<String, CodeRow>,
    pub(crate) grants: HashMap<String, GrantRow>,
}

impl Snapshot {
    /// Whether the secret of a refresh token or a code was used up.
    pub(crate) fn is_consumed(&self, secret: &str) -> bool {
        let key = hash(secret);
        self.tokens.get(&key).is_some_and(|row| row.consumed_at.is_some())
            || self.codes.get(&key).is_some_and(|row| row.consumed_at.is_some())
    }

    /// Whether the grant of a refresh token was revoked.
    pub(crate) fn is_revoked(&self, refresh_token: &str) -> bool {
        let grant = self.tokens.get(&hash(refresh_token)).and_then(|row| self.grants.get(&row.grant));
        grant.is_some_and(|grant| grant.revoked_at.is_some())
    }
}

fn wrong(what: impl Into<String>) -> Violation {
    Violation::new(Kind::Rows, what)
}

/// Everything that is wrong. `entries` are all events up to now, and the first `before` of them were known before the
/// `snapshot` was taken: what they acknowledge must be in it.
pub(crate) fn check<E: Borrow<Entry>>(entries: &[E], before: usize, snapshot: &Snapshot) -> Vec<Violation> {
    let mut found = by_themselves(snapshot);
    let told = Told::of(entries);
    found.extend(successors(&told, snapshot));
    found.extend(revoked_unasked(&told, snapshot));
    for entry in entries.iter().take(before) {
        found.extend(beside(&entry.borrow().event, &told, snapshot));
    }
    found.sort();
    found.dedup();
    found
}

/// What contradicts itself whatever the clients were told.
fn by_themselves(snapshot: &Snapshot) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut chains: HashMap<&str, Vec<&TokenRow>> = HashMap::new();
    let mut codes: HashMap<&str, Vec<&CodeRow>> = HashMap::new();
    for (key, row) in &snapshot.tokens {
        if row.consumed_at.is_some() != row.successor_nonce.is_some() {
            found.push(wrong(format!("refresh token {}: consumed_at and successor_nonce disagree", &key[..8])));
        }
        chains.entry(&row.grant).or_default().push(row);
    }
    for row in snapshot.codes.values() {
        codes.entry(&row.grant).or_default().push(row);
    }
    for (grant, row) in &snapshot.grants {
        if row.revoked_at.is_some() != row.revocation_reason.is_some() {
            found.push(wrong(format!("grant {grant}: revoked_at and revocation_reason disagree")));
        }
        if !codes.contains_key(grant.as_str()) {
            found.push(wrong(format!("grant {grant} has no code")));
        }
    }
    let grants: HashSet<&str> = chains.keys().chain(codes.keys()).copied().collect();
    for grant in grants {
        let (chain, codes) = (chains.get(grant).map_or(&[][..], Vec::as_slice), codes.get(grant));
        if !snapshot.grants.contains_key(grant) {
            found.push(wrong(format!("grant {grant} is not there, and has codes or refresh tokens")));
        }
        found.extend(chain_of(grant, chain, codes.map_or(&[][..], Vec::as_slice)));
    }
    found
}

/// The tokens of one grant are a chain: the first came of the code, each further one of the one before it, and the last one
/// is unused. Use and successor have the same time, since they are one transaction.
fn chain_of(grant: &str, chain: &[&TokenRow], codes: &[&CodeRow]) -> Vec<Violation> {
    let mut found = Vec::new();
    let unused = chain.iter().filter(|row| row.consumed_at.is_none()).count();
    if !chain.is_empty() && unused != 1 {
        found.push(wrong(format!("grant {grant} has {unused} unused refresh tokens")));
    }
    let mut created: Vec<i64> = chain.iter().map(|row| row.created_at).collect();
    let mut consumed: Vec<i64> =
        chain.iter().filter_map(|row| row.consumed_at).chain(codes.iter().filter_map(|row| row.consumed_at)).collect();
    created.sort_unstable();
    consumed.sort_unstable();
    if created != consumed {
        let (used, made) = (consumed.len(), created.len());
        found.push(wrong(format!("grant {grant}: {used} codes and refresh tokens were used, {made} followed")));
    }
    found
}

/// What the clients were told, by secret.
struct Told<'a> {
    refresh_tokens: HashSet<&'a str>,
    /// Of whom it was asked that it ends, by any of its tokens or its code.
    end_asked: HashSet<&'a str>,
}

impl<'a> Told<'a> {
    fn of<E: Borrow<Entry>>(entries: &'a [E]) -> Self {
        let mut told = Self { refresh_tokens: HashSet::new(), end_asked: HashSet::new() };
        for entry in entries {
            match &entry.borrow().event {
                Event::CodeAccepted { tokens, .. } | Event::Rotated { tokens, .. } => {
                    told.refresh_tokens.insert(&tokens.refresh);
                }
                Event::EndAsked { token } | Event::ReplayAsked { code: token } => {
                    told.end_asked.insert(token);
                }
                _ => {}
            }
        }
        told
    }
}

/// Each refresh token that a client knows and that was used has its one successor, which is computed from it and the key that
/// its row keeps.
fn successors(told: &Told<'_>, snapshot: &Snapshot) -> Vec<Violation> {
    let mut found = Vec::new();
    for secret in &told.refresh_tokens {
        let Some(row) = snapshot.tokens.get(&hash(secret)) else { continue };
        let Some(nonce) = row.successor_nonce.as_deref().and_then(bytes) else { continue };
        let successor = successor_of(secret, &nonce);
        match snapshot.tokens.get(&hash(&successor)) {
            None => {
                found.push(wrong(format!("refresh token {} was used, and its successor is not there", name(secret))));
            }
            Some(other) if other.grant != row.grant => {
                found.push(wrong(format!("refresh token {} has a successor of another grant", name(secret))));
            }
            Some(_) => {}
        }
    }
    found
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// What one event acknowledges, and the rows do not say.
fn beside(event: &Event, told: &Told<'_>, snapshot: &Snapshot) -> Vec<Violation> {
    match event {
        Event::CodeAccepted { code, tokens } => {
            let Some(row) = snapshot.codes.get(&hash(code)) else {
                return vec![wrong(format!("code {} was accepted, and is not there", name(code)))];
            };
            exchanged("code", code, row.consumed_at, &row.grant, tokens, snapshot)
        }
        Event::Rotated { presented, tokens } => {
            let Some(row) = snapshot.tokens.get(&hash(presented)) else {
                return vec![wrong(format!("refresh token {} was exchanged, and is not there", name(presented)))];
            };
            exchanged("refresh token", presented, row.consumed_at, &row.grant, tokens, snapshot)
        }
        Event::Ended { token } => {
            let revoked = told.grant_of(token, snapshot).and_then(|grant| snapshot.grants.get(grant)?.revoked_at);
            if revoked.is_some() { vec![] } else { vec![wrong(format!("the grant of {} is not revoked", name(token)))] }
        }
        _ => vec![],
    }
}

fn exchanged(
    kind: &str,
    secret: &str,
    consumed_at: Option<i64>,
    grant: &str,
    tokens: &Tokens,
    snapshot: &Snapshot,
) -> Vec<Violation> {
    let mut found = Vec::new();
    if consumed_at.is_none() {
        found.push(wrong(format!("{kind} {} was exchanged, and counts as unused", name(secret))));
    }
    match snapshot.tokens.get(&hash(&tokens.refresh)) {
        None => {
            found.push(wrong(format!("refresh token {} was acknowledged, and is not there", name(&tokens.refresh))));
        }
        Some(row) if row.grant != grant => {
            found.push(wrong(format!(
                "refresh token {} is of another grant than {}",
                name(&tokens.refresh),
                name(secret)
            )));
        }
        Some(_) => {}
    }
    found
}

impl Told<'_> {
    fn grant_of<'s>(&self, secret: &str, snapshot: &'s Snapshot) -> Option<&'s str> {
        let key = hash(secret);
        let token = snapshot.tokens.get(&key).map(|row| row.grant.as_str());
        token.or_else(|| snapshot.codes.get(&key).map(|row| row.grant.as_str()))
    }

    /// The grants that somebody began to end.
    fn ended_grants<'s>(&self, snapshot: &'s Snapshot) -> HashSet<&'s str> {
        self.end_asked.iter().filter_map(|secret| self.grant_of(secret, snapshot)).collect()
    }
}

/// Grants that are revoked although no client asked for it.
fn revoked_unasked(told: &Told<'_>, snapshot: &Snapshot) -> Vec<Violation> {
    let asked = told.ended_grants(snapshot);
    // A code whose exchange was not answered may have been presented again, which ends what it issued: nobody has that.
    let acknowledged: HashSet<&str> =
        told.refresh_tokens.iter().filter_map(|secret| told.grant_of(secret, snapshot)).collect();
    let unasked = acknowledged.into_iter().filter(|grant| !asked.contains(grant)).filter_map(|grant| {
        let reason = snapshot.grants.get(grant)?.revocation_reason.as_deref()?;
        Some(wrong(format!("grant {grant} is revoked ({reason}), and nobody asked for it")))
    });
    unasked.collect()
}

/// The refresh token that follows `presented` under the key in its row: decisions 2 and 20.
fn successor_of(presented: &str, nonce: &[u8]) -> String {
    let secret = secret_of(presented);
    let family = presented.strip_suffix(secret).unwrap_or_default();
    format!("{family}{}", base64url(&hmac_sha256(nonce, secret.as_bytes())))
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
