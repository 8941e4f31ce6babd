//! Whether what the clients were told can be true of an honest server that loses nothing.

use crate::history::{Entry, Event, Tokens, name};
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A code brought tokens twice.
    CodeTwice,
    /// A refresh token was followed by two different ones.
    TwoSuccessors,
    /// A refresh token that was acknowledged was refused, although nobody ended its grant.
    TokenLost,
    /// A code that nobody presented before was refused.
    CodeLost,
    /// An access token that was acknowledged is not active, or its signature fits no published key.
    AccessTokenLost,
    /// What a client ended, and was told so, works again.
    EndLost,
    /// A sign-in or a consent that was acknowledged is gone, or an answer makes no sense.
    Strange,
    /// Nobody answered in time, or the server ended by itself, or not in order.
    Unavailable,
    /// A request took effect, and was not answered although the server was stopped in order.
    CutOff,
    /// Rows that contradict one another, or what was acknowledged.
    Rows,
    /// What one server did is not known to another one, which runs another version.
    Crossing,
    /// A request was answered with 503, or not at all, although nothing had failed and nothing was stopped.
    PutOff,
    /// A server logged an error.
    Logged,
}

impl Kind {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::CodeTwice => "a code was accepted twice",
            Self::TwoSuccessors => "a refresh token has two successors",
            Self::TokenLost => "an acknowledged refresh token was refused",
            Self::CodeLost => "an acknowledged code was refused",
            Self::AccessTokenLost => "an acknowledged access token does not work",
            Self::EndLost => "what was revoked works again",
            Self::Strange => "an answer that makes no sense",
            Self::Unavailable => "no recovery without help",
            Self::CutOff => "an accepted request was not answered by a server that was stopped in order",
            Self::Rows => "inconsistent rows",
            Self::Crossing => "what one version did is lost on another",
            Self::PutOff => "a request was put off although nothing was away",
            Self::Logged => "an error in a server's log",
        }
    }
}

/// One violation. Its text holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.words(), self.what)
    }
}

/// What came of one code.
#[derive(Debug, Default)]
struct Grant {
    /// When somebody began to end it, and when that was acknowledged.
    end_asked: bool,
    ended: Option<usize>,
}

#[derive(Default)]
struct Checker<'a> {
    grants: Vec<Grant>,
    /// The grant of each code, refresh token and access token.
    belongs: HashMap<&'a str, usize>,
    codes: HashSet<&'a str>,
    successors: HashMap<&'a str, &'a str>,
    predecessors: HashMap<&'a str, &'a str>,
    uncertain: HashSet<&'a str>,
    found: Vec<Violation>,
}

/// Everything that is wrong with a history.
pub(crate) fn check<E: Borrow<Entry>>(entries: &[E]) -> Vec<Violation> {
    let mut checker = Checker::default();
    for (place, entry) in entries.iter().enumerate() {
        let entry = entry.borrow();
        checker.look_at(place, entry.sent, &entry.event);
    }
    checker.found
}

/// How many there are of each kind.
pub(crate) fn count(violations: &[Violation]) -> BTreeMap<Kind, usize> {
    violations.iter().fold(BTreeMap::new(), |mut counts, violation| {
        *counts.entry(violation.kind).or_default() += 1;
        counts
    })
}

impl<'a> Checker<'a> {
    fn report(&mut self, kind: Kind, what: String) {
        self.found.push(Violation { kind, what });
    }

    fn look_at(&mut self, place: usize, sent: usize, event: &'a Event) {
        match event {
            Event::CodeAccepted { code, tokens } => self.code_accepted(code, tokens),
            Event::CodeRefused { code } => self.code_refused(place, code),
            Event::Rotated { presented, tokens } => self.rotated(sent, presented, tokens),
            Event::Refused { presented } => self.refused(presented),
            Event::EndAsked { token } | Event::ReplayAsked { code: token } => {
                self.of(token, |grant| grant.end_asked = true);
            }
            Event::Ended { token } => self.of(token, |grant| grant.ended = grant.ended.or(Some(place))),
            Event::Issued { .. } => {}
            Event::Looked { access, active } => self.looked(sent, access, *active),
            Event::Forged { access } => {
                self.report(Kind::AccessTokenLost, format!("no published key signed access token {}", name(access)));
            }
            Event::Unanswered { secret, .. } => {
                self.uncertain.insert(secret);
            }
            Event::Strange { what } => self.report(Kind::Strange, what.clone()),
            Event::GaveUp { what } => self.report(Kind::Unavailable, what.clone()),
        }
    }

    fn of(&mut self, secret: &'a str, change: impl FnOnce(&mut Grant)) {
        match self.belongs.get(secret) {
            Some(grant) => change(&mut self.grants[*grant]),
            None => self.report(Kind::Strange, format!("nobody was given {}", name(secret))),
        }
    }

    fn code_accepted(&mut self, code: &'a str, tokens: &'a Tokens) {
        if !self.codes.insert(code) {
            self.report(Kind::CodeTwice, format!("code {}", name(code)));
        }
        let grant = self.grants.len();
        self.grants.push(Grant::default());
        self.belongs.insert(code, grant);
        self.belongs.insert(&tokens.refresh, grant);
        self.belongs.insert(&tokens.access, grant);
    }

    fn code_refused(&mut self, place: usize, code: &'a str) {
        if let Some(grant) = self.belongs.get(code) {
            // It was presented twice on purpose, which ends what it issued (OAuth 2.1, section 4.1.3).
            let grant = &mut self.grants[*grant];
            grant.ended = grant.ended.or(Some(place));
        } else if !self.uncertain.contains(code) {
            self.report(Kind::CodeLost, format!("code {} was never presented before", name(code)));
        }
        // Otherwise the answer was lost, and the client begins again: the protocol recovers from that.
    }

    fn rotated(&mut self, sent: usize, presented: &'a str, tokens: &'a Tokens) {
        let Some(grant) = self.belongs.get(presented).copied() else {
            return self.report(Kind::Strange, format!("nobody was given refresh token {}", name(presented)));
        };
        if self.grants[grant].ended.is_some_and(|ended| ended < sent) {
            self.report(Kind::EndLost, format!("refresh token {} brought tokens", name(presented)));
        }
        let successor = tokens.refresh.as_str();
        if let Some(other) = self.successors.insert(presented, successor).filter(|other| *other != successor) {
            let (presented, other, successor) = (name(presented), name(other), name(successor));
            self.report(Kind::TwoSuccessors, format!("{presented} was followed by {other} and by {successor}"));
        }
        if let Some(other) = self.predecessors.insert(successor, presented).filter(|other| *other != presented) {
            let (presented, other, successor) = (name(presented), name(other), name(successor));
            self.report(Kind::TwoSuccessors, format!("{successor} follows {other} and {presented}"));
        }
        self.belongs.insert(successor, grant);
        self.belongs.insert(&tokens.access, grant);
    }

    fn refused(&mut self, presented: &'a str) {
        let Some(grant) = self.belongs.get(presented) else {
            return self.report(Kind::Strange, format!("nobody was given refresh token {}", name(presented)));
        };
        if self.grants[*grant].end_asked {
            return;
        }
        let when = match (self.uncertain.contains(presented), self.successors.contains_key(presented)) {
            (true, _) => "when it was presented again after a lost answer",
            (false, true) => "when it was presented again inside the grace",
            (false, false) => "when it was presented for the first time",
        };
        self.report(Kind::TokenLost, format!("{} {when}", name(presented)));
    }

    fn looked(&mut self, sent: usize, access: &'a str, active: bool) {
        let grant = self.belongs.get(access).map(|grant| &self.grants[*grant]);
        let ended = grant.and_then(|grant| grant.ended).is_some_and(|ended| ended < sent);
        if active && ended {
            self.report(Kind::EndLost, format!("access token {} is active", name(access)));
        } else if !active && !grant.is_some_and(|grant| grant.end_asked) {
            self.report(Kind::AccessTokenLost, format!("access token {} is not active", name(access)));
        }
    }
}

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
