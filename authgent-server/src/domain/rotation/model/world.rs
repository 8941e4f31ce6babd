//! What can happen.

mod replica;
mod sameness;

use crate::domain::rotation::tests::{grant, token};
use crate::domain::rotation::{CLOCK_SKEW, Decision};
use crate::domain::{Grant, GrantState, RefreshToken, RefreshTokenState, RevocationReason};
use authgent_core::time::Timestamp;
use std::sync::LazyLock;

/// The grace, in seconds.
const GRACE: u32 = 1;
/// The same among the times of the model.
const GRACE_SECONDS: i8 = 1;
/// How far the clock of the second replica is ahead.
const SKEW: i8 = CLOCK_SKEW as i8;
/// What each replica's clock is ahead of the time.
const CLOCKS: [i8; 2] = [0, SKEW];
/// The longest time, from the first use on, in which a used token may be accepted.
const LATEST: i8 = GRACE_SECONDS + 2 * SKEW;
/// How long a request may wait for the database, or a replica stand still with it: three times the grace.
const PAUSE: i8 = 3;
/// What is longer ago than this is as good as for ever ago: a request that still waits came at most [`PAUSE`] ago, and a token
/// that was used more than [`LATEST`] before that is past every limit.
const LONG_AGO: i8 = -(PAUSE + LATEST + 1);
/// How long after its use a token's row is kept here, in seconds: for whoever used it, waits, and asks again.
pub(super) const KEPT: i8 = PAUSE + LATEST;
/// A life that does not end.
pub(super) const FOR_EVER: i8 = i8::MAX;
/// Tokens that there can be, and requests at a time.
const TOKENS: usize = 5;
const REQUESTS: usize = 4;

static LIVE: LazyLock<Grant> = LazyLock::new(|| grant(GrantState::Live));
static REVOKED: LazyLock<Grant> =
    LazyLock::new(|| grant(GrantState::Revoked { at: Timestamp(0), reason: RevocationReason::RevokedByUser }));

/// What decides.
pub(super) type Rule = fn(&RefreshToken, &Grant, &str, Timestamp, u32) -> Decision;

/// What is explored: the real rules, or broken ones.
pub(super) struct Rules {
    pub(super) decide: Rule,
    /// What decides about a token whose row is gone.
    pub(super) decide_without_row: fn(&Grant, &str, bool) -> Decision,
    pub(super) follow: fn(&RefreshToken) -> Option<[u8; 32]>,
    /// Whether a token is used up only where nobody used it up before.
    pub(super) conditional: bool,
    /// How long after its use the row of a token is kept, in seconds.
    pub(super) clean_up_after: i8,
}

/// What a client does with the token of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It is the latest unless the windows have got a later one than was presented.
    IfLatest,
    /// It is the latest.
    Last,
}

/// How far the exploration goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) keeping: Keeping,
    /// Windows of the client, each with one request at a time.
    pub(super) windows: usize,
    /// Requests of the client.
    pub(super) sends: u8,
    /// Crashes, lost answers, and answers that are no longer waited for.
    pub(super) losses: u8,
    /// Requests of the thief.
    pub(super) thief_sends: u8,
    /// The life of a token in seconds, or [`FOR_EVER`].
    pub(super) life: i8,
    /// Whether the grant may be revoked from outside at some time.
    pub(super) revocation: bool,
    /// Whether an answer may come after the token that it brings was used by another window. Such a client is left with a
    /// used token, and no server can know.
    pub(super) overtaking: bool,
}

/// The properties, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    HonestGoesOn,
    OneSuccessor,
    TheftIsNoticed,
    EndIsTheEnd,
    RetryRecovers,
}

/// A row of `refresh_tokens`. Its place is its name, and the nonce of its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    parent: u8,
    expires_at: i8,
    used: Option<Use>,
    deleted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Use {
    /// By the clock of the replica.
    at: i8,
    /// When the request that used it had come.
    came: i8,
    successor: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Request {
    of_thief: bool,
    token: u8,
    replica: u8,
    came: i8,
    after_revocation: bool,
    /// Somebody waits for its answer.
    waiting: bool,
    stage: Stage,
}

/// The next atomic step of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Read,
    Rotate,
    /// Somebody else rotated in between.
    ReadAgain,
    Follow(u8),
    Revoke,
    /// The token, and whether it was live when it was read; or a refusal.
    Answer(Option<(u8, bool)>),
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Second,
    Send {
        token: u8,
        replica: u8,
        instead_of: Option<u8>,
    },
    StolenSend {
        token: u8,
        replica: u8,
    },
    Step(usize),
    Deliver(usize),
    /// The replica crashed, or the answer got lost.
    Lose(usize),
    /// The client no longer waits; the replica goes on.
    GiveUp(usize),
    Revoke,
    CleanUp,
}

/// A state. Every time in it is relative to now, so that states which differ in the date alone are one, and no bound to
/// the time is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    rows: [Option<Row>; TOKENS],
    revoked: bool,
    /// It was revoked from outside.
    revoked_outside: bool,
    requests: [Option<Request>; REQUESTS],
    /// The token that the windows share.
    latest: u8,
    /// When any window first sent each.
    sent: [Option<i8>; TOKENS],
    /// What windows sent and got no answer to.
    unanswered: [Option<u8>; 2],
    signed_out: bool,
    sends: u8,
    losses: u8,
    /// The tokens that the thief has, a bit for each.
    stolen: u8,
    thief_sends: u8,
    thief_came: bool,
}

type Next = Result<World, Property>;

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let mut rows = [None; TOKENS];
        rows[0] = Some(Row { parent: u8::MAX, expires_at: bounds.life, used: None, deleted: false });
        Self {
            rows,
            revoked: false,
            revoked_outside: false,
            requests: [None; REQUESTS],
            latest: 0,
            sent: [None; TOKENS],
            unanswered: [None; 2],
            signed_out: false,
            sends: bounds.sends,
            losses: bounds.losses,
            stolen: 0,
            thief_sends: bounds.thief_sends,
            thief_came: false,
        }
    }

    /// Everything that may happen now.
    pub(super) fn events(&self, bounds: &Bounds) -> Vec<Event> {
        let mut events = Vec::with_capacity(16);
        if self.requests.iter().flatten().all(|request| request.came > -PAUSE) {
            events.push(Event::Second);
        }
        for (index, request) in self.requests.iter().enumerate() {
            let Some(request) = request else { continue };
            if let Stage::Answer(answer) = request.stage {
                let overtaken = matches!(answer, Some((token, true)) if self.is_used(token));
                if bounds.overtaking || bounds.keeping == Keeping::IfLatest || request.of_thief || !overtaken {
                    events.push(Event::Deliver(index));
                }
            } else {
                events.push(Event::Step(index));
            }
            if self.losses > 0 && request.waiting && !request.of_thief {
                events.push(Event::Lose(index));
                if !matches!(request.stage, Stage::Answer(_)) {
                    events.push(Event::GiveUp(index));
                }
            }
        }
        self.sends_now(bounds, &mut events);
        if self.thief_sends > 0 {
            let busy = self.requests.iter().flatten().any(|request| request.of_thief);
            let there = (0..TOKENS as u8).filter(|token| self.rows[usize::from(*token)].is_some());
            // The first one is any that there is: where it is stolen does not matter.
            for token in there.filter(|token| !busy && (!self.thief_came || self.stolen & (1 << token) != 0)) {
                events.extend([0, 1].map(|replica| Event::StolenSend { token, replica }));
            }
        }
        if bounds.revocation && !self.revoked {
            events.push(Event::Revoke);
        }
        events.push(Event::CleanUp);
        events
    }

    /// What the client may send: the latest token from a window that rests; from one that lost an answer that one or the same
    /// again. Nothing when the grace since it was first sent is over.
    fn sends_now(&self, bounds: &Bounds, events: &mut Vec<Event>) {
        if self.sends == 0 || self.signed_out || self.requests.iter().all(Option::is_some) {
            return;
        }
        let in_time = |token: u8| self.sent[usize::from(token)].is_none_or(|first| first >= -GRACE_SECONDS);
        let mut send = |token: u8, instead_of: Option<u8>| {
            if in_time(token) {
                events.extend([0, 1].map(|replica| Event::Send { token, replica, instead_of }));
            }
        };
        let waiting = self.requests.iter().flatten().filter(|request| request.waiting && !request.of_thief).count();
        let lost = self.unanswered.iter().flatten().count();
        if waiting + lost < bounds.windows {
            send(self.latest, None);
        }
        for token in self.unanswered.into_iter().flatten() {
            send(token, Some(token));
            if token != self.latest {
                send(self.latest, Some(token));
            }
        }
    }

    fn is_used(&self, token: u8) -> bool {
        self.rows[usize::from(token)].is_some_and(|row| row.used.is_some())
    }

    /// What the row of a token says, where there still is one.
    fn read(&self, name: u8) -> Option<RefreshToken> {
        let row = self.rows[usize::from(name)].filter(|row| !row.deleted)?;
        let state = match row.used {
            None => RefreshTokenState::Live,
            Some(used) => {
                RefreshTokenState::Consumed { at: Timestamp(used.at.into()), successor_nonce: [used.successor; 32] }
            }
        };
        Some(token(state, row.expires_at.into()))
    }

    /// The state after an event, or the property that it breaks.
    pub(super) fn after(&self, event: Event, rules: &Rules, bounds: &Bounds) -> Next {
        let mut next = *self;
        match event {
            Event::Second => next.pass(),
            Event::Send { token, replica, instead_of } => {
                next.sends -= 1;
                if let Some(place) =
                    next.unanswered.iter_mut().find(|lost| instead_of.is_some() && **lost == instead_of)
                {
                    *place = None;
                }
                next.sent[usize::from(token)].get_or_insert(0);
                next.begin(token, replica, false);
            }
            Event::StolenSend { token, replica } => {
                next.thief_sends -= 1;
                next.thief_came = true;
                next.stolen |= 1 << token;
                next.begin(token, replica, true);
            }
            Event::Step(index) => next.step(index, rules, bounds)?,
            Event::Deliver(index) => next.deliver(index, bounds),
            Event::Lose(index) => {
                next.losses -= 1;
                if let Some(request) = next.requests[index].take() {
                    next.lose(request.token);
                }
            }
            Event::GiveUp(index) => {
                next.losses -= 1;
                if let Some(request) = next.requests[index].as_mut() {
                    request.waiting = false;
                    let token = request.token;
                    next.lose(token);
                }
            }
            Event::Revoke => (next.revoked, next.revoked_outside) = (true, true),
            Event::CleanUp => {
                for row in next.rows.iter_mut().flatten() {
                    row.deleted |= row.used.is_some_and(|used| SKEW - used.at >= rules.clean_up_after);
                }
            }
        }
        next.tidy();
        next.check()?;
        next.forget();
        Ok(next)
    }

    fn begin(&mut self, token: u8, replica: u8, of_thief: bool) {
        let request = Request {
            of_thief,
            token,
            replica,
            came: 0,
            after_revocation: self.revoked,
            waiting: true,
            stage: Stage::Read,
        };
        if let Some(free) = self.requests.iter_mut().find(|place| place.is_none()) {
            *free = Some(request);
        }
    }

    fn lose(&mut self, token: u8) {
        if let Some(free) = self.unanswered.iter_mut().find(|place| place.is_none()) {
            *free = Some(token);
        }
    }

    fn deliver(&mut self, index: usize, bounds: &Bounds) {
        let Some(request) = self.requests[index].take() else { return };
        let Stage::Answer(answer) = request.stage else { return };
        match answer {
            None => self.signed_out = true,
            Some((token, _)) => match bounds.keeping {
                Keeping::IfLatest if self.latest != request.token => {}
                Keeping::IfLatest => self.latest = token,
                Keeping::Last => {
                    self.latest = token;
                    if self.is_used(token) {
                        // It takes it for a new one.
                        self.sent[usize::from(token)] = None;
                    }
                }
            },
        }
    }

    /// What holds in every state.
    fn check(&self) -> Result<(), Property> {
        let (mut live, mut successors) = (0_u8, [0_u8; TOKENS]);
        for row in self.rows.iter().flatten() {
            live += u8::from(row.used.is_none());
            if let Some(count) = successors.get_mut(usize::from(row.parent)) {
                *count += 1;
            }
        }
        if live > 1 || successors.into_iter().any(|count| count > 1) {
            return Err(Property::OneSuccessor);
        }
        // A client that waits for nothing has a token that is good.
        let waits = self.requests.iter().flatten().any(|request| !request.of_thief && request.waiting)
            || self.unanswered.iter().any(Option::is_some);
        let lost = !waits && !self.signed_out && !self.revoked && self.is_used(self.latest);
        if lost && !self.thief_came { Err(Property::HonestGoesOn) } else { Ok(()) }
    }
}
